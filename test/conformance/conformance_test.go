package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
)

// local is where the DynamoDB Local of all tests answers.
var local string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Stop()
		local = server.Endpoint
		return m.Run()
	}())
}

// at is an environment that names an endpoint.
func at(endpoint string) func(string) string {
	return func(key string) string {
		if key == "ENDPOINT" {
			return endpoint
		}
		return ""
	}
}

// The cases that the tests run.
const (
	holds   = "a query goes over pages"
	differs = "conditions hold for what DynamoDB says"
	knownTo = "a statement that a condition refuses tells the item on request"
	untried = "replicas take each other's writes, and the later one wins"
)

func cases(t *testing.T, names ...string) (some []storagesuite.Case) {
	t.Helper()
	for _, c := range storagesuite.Cases() {
		if slices.Contains(names, c.Name) {
			some = append(some, c)
		}
	}
	if len(some) != len(names) {
		t.Fatalf("%d cases of %q", len(some), names)
	}
	return some
}

// tables lists those that the program has left.
func tables(t *testing.T) (left []string) {
	t.Helper()
	client := dynamo.NewClient(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &local, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	out, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range out.TableNames {
		if strings.HasPrefix(name, "sensorflow-conformance-") {
			left = append(left, name)
		}
	}
	return left
}

// proxy stands before DynamoDB Local. Meddle may change a request of an operation, or answer it, which it then says.
func proxy(t *testing.T, meddle func(operation string, w http.ResponseWriter, r *http.Request) (answered bool)) string {
	t.Helper()
	behind, err := url.Parse(local)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if !meddle(operation, w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func refuse(w http.ResponseWriter, code string) bool {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"not here"}`, code)
	return true
}

func wantSentence(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || status(err) != statusUnfinished {
		t.Errorf("got %v, want one sentence with %q", err, want)
	}
}

func TestRun_TellsWhatHoldsWhatIsKnownAndWhatCannotBeTried(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), at(local), &out, cases(t, holds, knownTo, untried)); err != nil {
		t.Error(err)
	}
	for _, line := range []string{
		"conformance: DynamoDB Local at " + local + "\n",
		"\nholds    " + holds + "\n",
		"\nknown    " + knownTo + "\n         - " + storagesuite.KnownDifferences(storagesuite.DynamoDBLocal)[knownTo] + "\n         - an item and none: ",
		"\nuntried  " + untried + "\n         - it needs a global table",
		"\n1 hold, 0 differ, 1 are known to differ here, 1 cannot be tried here, 0 were not run; ",
		"3 of 3  ",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the output has no %q:\n%s", line, out.String())
		}
	}
	if left := tables(t); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// TestRun_FindsADifference runs against an endpoint that does not look at conditions of puts.
func TestRun_FindsADifference(t *testing.T) {
	careless := proxy(t, func(operation string, _ http.ResponseWriter, r *http.Request) bool {
		if operation == "PutItem" {
			body, _ := io.ReadAll(r.Body)
			body = bytes.ReplaceAll(body, []byte(`"ConditionExpression":"a = :a"`), []byte(`"ConditionExpression":"a <> :a"`))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		return false
	})
	var out bytes.Buffer
	err := run(t.Context(), at(careless), &out, cases(t, holds, differs))
	if !errors.Is(err, errDiffers) || status(err) != statusDiffers {
		t.Errorf("got %v", err)
	}
	if want := "\nDIFFERS  " + differs + "\n         - a = :a: done, want ConditionalCheckFailedException\n"; !strings.Contains(out.String(), want) {
		t.Errorf("the output has no %q:\n%s", want, out.String())
	}
	if left := tables(t); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestRun_DeletesItsTablesWhenItIsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var puts, after atomic.Int64
	endpoint := proxy(t, func(operation string, _ http.ResponseWriter, _ *http.Request) bool {
		switch {
		case operation == "PutItem" && puts.Add(1) == 5:
			interrupt()
		case operation == "CreateTable" && puts.Load() >= 5:
			after.Add(1)
		}
		return false
	})
	var out bytes.Buffer
	wantSentence(t, run(ctx, at(endpoint), &out, cases(t, holds, differs, untried)), "interrupted")
	for _, line := range []string{"\nnot run  " + holds + "\n", "\nnot run  " + untried + "\n", " 0 differ, "} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the output has no %q:\n%s", line, out.String())
		}
	}
	if left := tables(t); len(left) > 0 || after.Load() > 0 {
		t.Errorf("left are %v, %d tables were made after the interruption", left, after.Load())
	}
}

func TestRun_NamesTheTablesThatItCouldNotDelete(t *testing.T) {
	deny := true
	endpoint := proxy(t, func(operation string, w http.ResponseWriter, _ *http.Request) bool {
		return operation == "DeleteTable" && deny && refuse(w, "AccessDeniedException")
	})
	err := run(t.Context(), at(endpoint), io.Discard, cases(t, holds))
	left := tables(t)
	if err == nil || len(left) == 0 || status(err) != statusUnfinished {
		t.Fatalf("got %v, left are %v", err, left)
	}
	for _, name := range left {
		if !strings.Contains(err.Error(), "table "+name+" stays") {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	client := dynamo.NewClient(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &local, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	for _, name := range left {
		if _, err := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	}
}

func TestRun_SaysInASentenceThatNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	denied := proxy(t, func(_ string, w http.ResponseWriter, _ *http.Request) bool { return refuse(w, "AccessDeniedException") })
	barren := proxy(t, func(operation string, w http.ResponseWriter, _ *http.Request) bool {
		return operation == "CreateTable" && refuse(w, "ValidationException")
	})
	for endpoint, want := range map[string]string{
		closed:           "nothing answers at " + closed,
		web.URL:          "what answers at " + web.URL + " does not speak DynamoDB's protocol",
		denied:           denied + " refuses to be asked: AccessDeniedException: not here",
		barren:           barren + " makes no table",
		"127.0.0.1:8000": `ENDPOINT must be http://host:port or https://host, got "127.0.0.1:8000"`,
		"ftp://host":     `ENDPOINT must be http://host:port or https://host, got "ftp://host"`,
	} {
		var out bytes.Buffer
		wantSentence(t, run(t.Context(), at(endpoint), &out, cases(t, holds)), want)
		if out.Len() > 0 {
			t.Errorf("%s: it began:\n%s", endpoint, out.String())
		}
	}
}

// TestRun_RefusesWithoutEndpointAndAccount sees that half of what AWS needs is not taken for all of it.
func TestRun_RefusesWithoutEndpointAndAccount(t *testing.T) {
	for _, key := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		t.Setenv(key, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	for _, region := range []string{"", "eu-west-1"} {
		t.Setenv("AWS_REGION", region)
		wantSentence(t, run(t.Context(), at(""), io.Discard, cases(t, holds)), errNoTarget.Error())
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "")
	wantSentence(t, run(t.Context(), at(""), io.Discard, cases(t, holds)), errNoTarget.Error())
	t.Setenv("AWS_REGION", "eu-west-1")
	found, err := findTarget(t.Context(), at(""))
	if err != nil || found.kind != kindAWS || found.cfg.BaseEndpoint != nil || found.parallel < 2 || found.settle == 0 {
		t.Errorf("with both: %+v, %v", found, err)
	}
	// Of another endpoint nobody learns the credentials.
	found, err = findTarget(t.Context(), at(local))
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := found.cfg.Credentials.Retrieve(t.Context()); err != nil || shown.AccessKeyID == "AKIDEXAMPLE" {
		t.Errorf("%s is shown %q, %v", local, shown.AccessKeyID, err)
	}
}
