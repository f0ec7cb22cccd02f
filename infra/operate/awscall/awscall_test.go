package awscall_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// answer is a status, a header and a body.
type answer struct {
	status     int
	kind, body string
}

// caller calls a server that gives the answers one after the other, and writes down what it was asked.
func caller(t *testing.T, answers ...answer) (c awscall.Caller, asked *[]string, waited *[]time.Duration) {
	t.Helper()
	asked, waited = &[]string{}, &[]time.Duration{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		if len(scope) < 5 {
			t.Error("the request is not signed")
			return
		}
		*asked = append(*asked, strings.Join([]string{r.Method, r.URL.Path, scope[2], scope[3], r.Header.Get("X-Amz-Target"), string(body)}, " "))
		a := answers[min(len(*asked), len(answers))-1]
		if a.kind != "" {
			w.Header().Set("X-Amzn-Errortype", a.kind)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	return awscall.Caller{
		Config: aws.Config{BaseEndpoint: &server.URL, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, nil
		})},
		Wait: func(_ context.Context, d time.Duration) error { *waited = append(*waited, d); return nil },
	}, asked, waited
}

func TestCaller_SpeaksThreeProtocols(t *testing.T) {
	var out struct{ Name string }
	c, asked, _ := caller(t, answer{200, "", `{"Name":"it"}`})
	if err := c.JSON(t.Context(), "kms", "eu-west-1", "TrentService.DescribeKey", map[string]string{"KeyId": "k"}, &out); err != nil || out.Name != "it" {
		t.Errorf("JSON: %+v, error %v", out, err)
	}
	if err := c.REST(t.Context(), "lambda", "eu-west-1", http.MethodGet, "/2015-03-31/functions/f", nil, &out); err != nil {
		t.Error(err)
	}
	want := []string{`POST / eu-west-1 kms TrentService.DescribeKey {"KeyId":"k"}`, "GET /2015-03-31/functions/f eu-west-1 lambda  "}
	if strings.Join(*asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked %q, want %q", *asked, want)
	}
	c, asked, _ = caller(t, answer{200, "", `<R><Name>xml</Name></R>`})
	if err := c.Query(t.Context(), "iam", "us-east-1", "GetRole", "2010-05-08", url.Values{"RoleName": {"r"}}, &out); err != nil || out.Name != "xml" {
		t.Errorf("Query: %+v, error %v", out, err)
	}
	if want := "POST / us-east-1 iam  Action=GetRole&RoleName=r&Version=2010-05-08"; (*asked)[0] != want {
		t.Errorf("asked %q, want %q", *asked, want)
	}
}

func TestCaller_ReadsRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		want   string
	}{
		"JSON with a namespace": {answer{400, "", `{"__type":"com.amazonaws#NotFoundException","message":"m"}`}, "NotFoundException: m"},
		"a header":              {answer{404, "ResourceNotFoundException:http://internal", `{"Message":"m"}`}, "ResourceNotFoundException: m"},
		"XML":                   {answer{403, "", `<E><Error><Code>AccessDenied</Code><Message>m</Message></Error></E>`}, "AccessDenied: m"},
		"XML of EC2":            {answer{403, "", `<R><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message></Error></Errors></R>`}, "UnauthorizedOperation: m"},
		"nothing":               {answer{418, "", ``}, "418 I'm a teapot: "},
	} {
		t.Run(name, func(t *testing.T) {
			caller, asked, _ := caller(t, c.answer)
			err := caller.JSON(t.Context(), "kms", "eu-west-1", "Op", nil, nil)
			var refused smithy.APIError
			if !errors.As(err, &refused) || refused.ErrorCode()+": "+refused.ErrorMessage() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if len(*asked) != 1 {
				t.Errorf("asked %d times", len(*asked))
			}
		})
	}
}

// TestCaller_AsksAgainWhereThatHelps also holds that what waits ends with its context.
func TestCaller_AsksAgainWhereThatHelps(t *testing.T) {
	throttled, broken := answer{400, "", `{"__type":"ThrottlingException"}`}, answer{503, "", ``}
	c, asked, waited := caller(t, throttled, broken, answer{200, "", `{}`})
	if err := c.JSON(t.Context(), "kms", "eu-west-1", "Op", nil, nil); err != nil || len(*asked) != 3 || len(*waited) != 2 || (*waited)[1] <= (*waited)[0] {
		t.Errorf("asked %d times after %v, error %v", len(*asked), *waited, err)
	}
	c, asked, _ = caller(t, broken)
	if err := c.JSON(t.Context(), "kms", "eu-west-1", "Op", nil, nil); err == nil || len(*asked) != 3 {
		t.Errorf("asked %d times, error %v", len(*asked), err)
	}
	c, _, _ = caller(t, broken)
	c.Wait = nil
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.JSON(ctx, "kms", "eu-west-1", "Op", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
