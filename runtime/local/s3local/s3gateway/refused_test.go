package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	bucketName = "uploads"
	// fileBytes are more than the buffers on the way hold, and cutAt more than the gateway waits for before it begins.
	fileBytes = 8 << 20
	cutAt     = 5 << 20
)

// withBucket starts a gateway with a bucket.
func withBucket(t *testing.T) (*s3.Client, *s3.PresignClient) {
	t.Helper()
	endpoint, _ := start(t, build(t), "-dir", filepath.Join(t.TempDir(), "buckets"))
	c := client(endpoint, secretKey)
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
		t.Fatal(err)
	}
	return c, s3.NewPresignClient(c)
}

// put sends a body of fileBytes to a signed address.
func put(t *testing.T, to *v4.PresignedHTTPRequest, body io.Reader) (status int, text string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), to.Method, to.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = fileBytes
	for name := range to.SignedHeader {
		r.Header.Set(name, to.SignedHeader.Get(name))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

var errCutOff = errors.New("cut off")

// cutOff is a body whose sender is stopped on the way.
func cutOff() io.Reader {
	return io.MultiReader(bytes.NewReader(make([]byte, cutAt)), broken{})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCutOff }

func TestGateway_StoresNothingOfABodyThatWasCutOff(t *testing.T) {
	const objects = 5
	c, presign := withBucket(t)
	joined := aws.String("uploads/joined.csv")
	begun, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucketName), Key: joined})
	if err != nil {
		t.Fatal(err)
	}
	for n := range int32(objects) {
		part, err := presign.PresignUploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String(bucketName), Key: joined, UploadId: begun.UploadId, PartNumber: aws.Int32(n + 1), ContentLength: aws.Int64(fileBytes),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := put(t, part, cutOff()); !errors.Is(err, errCutOff) {
			t.Errorf("a part that was cut off: %v", err)
		}
	}
	for n := range objects {
		key := fmt.Sprintf("uploads/%d.csv", n)
		whole, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucketName), Key: &key, ContentLength: aws.Int64(fileBytes), IfNoneMatch: aws.String("*"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := put(t, whole, cutOff()); !errors.Is(err, errCutOff) {
			t.Errorf("a file that was cut off: %v", err)
		}
		// The client sends it again, and must not be told that it is there.
		if status, text, err := put(t, whole, bytes.NewReader(make([]byte, fileBytes))); err != nil || status != http.StatusOK {
			t.Errorf("sent again: %d %s, %v", status, text, err)
		}
	}
	for n := range objects {
		key := fmt.Sprintf("uploads/%d.csv", n)
		out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucketName), Key: &key})
		if err != nil || aws.ToInt64(out.ContentLength) != fileBytes {
			t.Errorf("%s: %+v, %v", key, out, err)
		}
	}
	parts, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: aws.String(bucketName), Key: joined, UploadId: begun.UploadId})
	if err != nil || len(parts.Parts) != 0 {
		t.Errorf("parts that were cut off are there: %+v, %v", parts, err)
	}
}

// A refusal comes while the file is still being sent.
func TestGateway_SaysWhyItRefusesAFile(t *testing.T) {
	_, presign := withBucket(t)
	to, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucketName), Key: aws.String("uploads/a.csv"), ContentLength: aws.Int64(fileBytes),
	})
	if err != nil {
		t.Fatal(err)
	}
	to.URL += "0" // the signature ends it
	for n := range 20 {
		status, text, err := put(t, to, bytes.NewReader(make([]byte, fileBytes)))
		if err != nil || status != http.StatusForbidden || !strings.Contains(text, "<Code>") {
			t.Errorf("%d: status %d, %q, %v", n, status, text, err)
		}
	}
}
