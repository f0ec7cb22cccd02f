package s3store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/s3store"
	"github.com/sensorflow/sensorflow/test/await"
)

const content = "equipmentId,timestamp,value\nEQ-1,2026-03-01T08:30:00Z,1\n"

// put sends body to an upload address as a client would, with changes to the headers; an empty one takes a header out.
func put(t *testing.T, address, body string, headers, changes map[string]string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []map[string]string{headers, changes} {
		for name, value := range of {
			r.Header.Set(name, value)
			if value == "" {
				r.Header.Del(name)
			}
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func terms(body string) csvfile.PutTerms {
	return csvfile.PutTerms{Size: int64(len(body)), ContentType: "text/csv", Lifetime: time.Minute}
}

func TestPresignPut_TakesExactlyTheDescribedFile(t *testing.T) {
	digest := sha256.Sum256([]byte(content))
	withDigest := terms(content)
	withDigest.SHA256 = digest[:]
	other := strings.Replace(content, "EQ-1", "EQ-2", 1)
	for _, test := range []struct {
		name    string
		terms   csvfile.PutTerms
		body    string
		changes map[string]string
		status  int
	}{
		{"takes the file", terms(content), content, nil, 200},
		{"takes the file with its digest", withDigest, content, nil, 200},
		{"takes any content of the size without a digest", terms(content), other, nil, 200},
		{"rejects one byte more", terms(content), content + "\n", nil, 403},
		{"rejects one byte less", terms(content), content[1:], nil, 403},
		{"rejects another content type", terms(content), content, map[string]string{"Content-Type": "text/html"}, 403},
		{"rejects no content type", terms(content), content, map[string]string{"Content-Type": ""}, 403},
		{"rejects leaving out that it must not overwrite", terms(content), content, map[string]string{"If-None-Match": ""}, 403},
		{"rejects a second way of signing", terms(content), content, map[string]string{"Authorization": "Bearer token"}, 400},
		{"rejects other content than the digest says", withDigest, other, nil, 400},
		{"rejects another digest", withDigest, other, map[string]string{"X-Amz-Checksum-Sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, 403},
		{"rejects leaving the digest out", withDigest, other, map[string]string{"X-Amz-Checksum-Sha256": ""}, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket, key := newBucket(endpoint), "uploads/"+url.PathEscape(t.Name())+".csv"
			address, headers, err := bucket.PresignPut(t.Context(), key, test.terms)
			if err != nil {
				t.Fatal(err)
			}
			status, answer := put(t, address, test.body, headers, test.changes)
			if status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, answer)
			}
			if _, err := bucket.Stat(t.Context(), key); (err == nil) != (test.status == http.StatusOK) {
				t.Errorf("after status %d, Stat says %v", status, err)
			}
		})
	}
}

func TestPresignPut_SaysThatATokenBesideTheAddressIsTooMuch(t *testing.T) {
	bucket := newBucket(endpoint)
	address, headers, err := bucket.PresignPut(t.Context(), "uploads/token.csv", terms(content))
	if err != nil {
		t.Fatal(err)
	}
	status, answer := put(t, address, content, headers, map[string]string{"Authorization": "Bearer token"})
	if status != http.StatusBadRequest || !strings.Contains(answer, "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed") ||
		strings.Contains(answer, "token</") {
		t.Errorf("status %d: %s", status, answer)
	}
	if status, answer = put(t, address, content, headers, nil); status != http.StatusOK {
		t.Errorf("without it: status %d: %s", status, answer)
	}
}

func TestPresignPut_WorksOnce(t *testing.T) {
	bucket := newBucket(endpoint)
	address, headers, err := bucket.PresignPut(t.Context(), "uploads/once.csv", terms(content))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := put(t, address, content, headers, nil); status != http.StatusOK {
		t.Fatalf("first: status %d: %s", status, answer)
	}
	other := strings.Replace(content, "EQ-1", "EQ-2", 1)
	if status, answer := put(t, address, other, headers, nil); status != http.StatusPreconditionFailed {
		t.Errorf("second: status %d, want 412: %s", status, answer)
	}
	if got := read(t, bucket, "uploads/once.csv"); got != content {
		t.Errorf("after the second the object is %q", got)
	}
}

func TestPresignPut_AddressesOfOtherKeysAndLaterAreRefused(t *testing.T) {
	bucket := newBucket(endpoint)
	address, headers, err := bucket.PresignPut(t.Context(), "uploads/mine.csv", terms(content))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := put(t, strings.Replace(address, "mine", "yours", 1), content, headers, nil); status != http.StatusForbidden {
		t.Errorf("another key: status %d", status)
	}
	short := terms(content)
	short.Lifetime = time.Second
	address, headers, err = bucket.PresignPut(t.Context(), "uploads/late.csv", short)
	if err != nil {
		t.Fatal(err)
	}
	await.True(t, time.Minute, "the address is refused after its second", func() bool { // the gateway has a clock of its own
		status, _ := put(t, address, content, headers, nil)
		return status == http.StatusForbidden
	})
}

func TestPresignPut_ReturnsWhatAClientMustSend(t *testing.T) {
	bucket := newBucket(endpoint)
	withDigest := terms(content)
	withDigest.SHA256 = make([]byte, sha256.Size)
	address, headers, err := bucket.PresignPut(t.Context(), "uploads/headers.csv", withDigest)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Content-Type": "text/csv", "If-None-Match": "*", "X-Amz-Checksum-Sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	}
	if !maps.Equal(headers, want) {
		t.Errorf("headers %v, want %v", headers, want)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	signed := strings.Split(parsed.Query().Get("X-Amz-SignedHeaders"), ";")
	if want := []string{"content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"}; !slices.Equal(signed, want) {
		t.Errorf("signed %v, want %v", signed, want)
	}
	names := slices.Sorted(maps.Keys(parsed.Query()))
	if want := []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature", "X-Amz-SignedHeaders", "x-id"}; !slices.Equal(names, want) {
		t.Errorf("query %v, want %v", names, want)
	}
}

func TestPresignGet_DownloadsUnderTheFileName(t *testing.T) {
	bucket := newBucket(endpoint)
	if err := bucket.Put(t.Context(), "rejects/a.csv", strings.NewReader("line,reason,row\n")); err != nil {
		t.Fatal(err)
	}
	address, err := bucket.PresignGet(t.Context(), "rejects/a.csv", `märz "1".csv`, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK || string(text) != "line,reason,row\n" {
		t.Errorf("status %d, body %q", response.StatusCode, text)
	}
	if got := response.Header.Get("Content-Disposition"); got != "attachment; filename*=utf-8''m%C3%A4rz%20%221%22.csv" {
		t.Errorf("Content-Disposition %q", got)
	}
	if got := response.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" { // or a browser might open it in a spreadsheet
		t.Errorf("Content-Type %q", got)
	}
}

func TestPresignPut_AsksForCredentialsThatLiveAsLongAsTheAddress(t *testing.T) {
	handedOut := 0
	expires := time.Now().Add(14 * time.Minute)
	cfg := awsConfig(endpoint)
	cfg.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		handedOut++
		return aws.Credentials{AccessKeyID: fmt.Sprintf("key%d", handedOut), SecretAccessKey: "s", SessionToken: "t", CanExpire: true, Expires: expires}, nil
	}))
	bucket := s3store.New(s3store.NewClient(cfg), bucketName)
	sign := func(lifetime time.Duration) string {
		t.Helper()
		address, _, err := bucket.PresignPut(t.Context(), "uploads/a.csv", csvfile.PutTerms{Size: 1, ContentType: "text/csv", Lifetime: lifetime})
		if err != nil {
			t.Fatal(err)
		}
		parsed, _ := url.Parse(address)
		key, _, _ := strings.Cut(parsed.Query().Get("X-Amz-Credential"), "/")
		return key
	}
	if got := sign(13 * time.Minute); got != "key1" {
		t.Errorf("credentials that live long enough were replaced by %s", got)
	}
	if got := sign(15 * time.Minute); got != "key2" {
		t.Errorf("signed with %s, which expires before the address", got)
	}
	if got := sign(15 * time.Minute); got != "key2" {
		t.Errorf("asked again at once and got %s", got)
	}
}

func TestPresignGet_WithoutCredentialsIsAnError(t *testing.T) {
	cfg := awsConfig(endpoint)
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no credentials")
	})
	bucket := s3store.New(s3store.NewClient(cfg), bucketName)
	if _, err := bucket.PresignGet(t.Context(), "rejects/a.csv", "a.csv", time.Minute); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
}

func TestOrigin_IsThatOfTheAddresses(t *testing.T) {
	for _, test := range []struct{ name, region, endpoint, want string }{
		{"a host of the region in AWS", "eu-west-1", "", "https://uploads.s3.eu-west-1.amazonaws.com"},
		{"the region's own also where S3 is oldest", "us-east-1", "", "https://uploads.s3.us-east-1.amazonaws.com"},
		{"another endpoint", "eu-west-1", "http://127.0.0.1:9000", "http://127.0.0.1:9000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := awsConfig(test.endpoint)
			cfg.Region = test.region
			bucket := s3store.New(s3store.NewClient(cfg), bucketName)
			origin, err := bucket.Origin(t.Context())
			if err != nil || origin != test.want {
				t.Errorf("origin %s, error %v, want %s", origin, err, test.want)
			}
			address, _, err := bucket.PresignPut(t.Context(), "uploads/a.csv", terms(content))
			if err != nil || !strings.HasPrefix(address, test.want+"/") {
				t.Errorf("address %s, error %v", address, err)
			}
		})
	}
}

func TestNewClient_FollowsTheSDKsEndpointVariable(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_CONFIG_FILE", "none")
	cfg, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	origin, err := s3store.New(s3store.NewClient(cfg), bucketName).Origin(t.Context())
	if err != nil || origin != "http://127.0.0.1:9000" {
		t.Errorf("origin %s, error %v", origin, err)
	}
}
