package dynamo_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
)

// Whatever is answered, or not, comes to what the SDK makes of it.
func TestTry_TakesAnswersAsTheSDKDoes(t *testing.T) {
	var zipped bytes.Buffer
	to := gzip.NewWriter(&zipped)
	_, _ = to.Write([]byte(`{"Responses":[{"TableName":"r"}]}`))
	_ = to.Close()
	made := `{"Responses":[{"TableName":"r"}]}`
	one := func(code, more string) *http.Response {
		return says(200, fmt.Sprintf(`{"Responses":[{"TableName":"r","Error":{"Code":%q,"Message":"why"%s}}]}`, code, more))
	}
	cut := func(status int, text string) *http.Response {
		r := says(status, text)
		r.ContentLength += 10
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return r
	}
	for name, answer := range map[string]func() (*http.Response, error){
		"made":               func() (*http.Response, error) { return says(200, made), nil },
		"made, and checked":  func() (*http.Response, error) { return says(200, made, "X-Amz-Crc32", sum(made)), nil },
		"made, and spoilt":   func() (*http.Response, error) { return says(200, made, "X-Amz-Crc32", "1"), nil },
		"a sum that is none": func() (*http.Response, error) { return says(200, made, "X-Amz-Crc32", "x"), nil },
		"zipped":             func() (*http.Response, error) { return says(200, zipped.String(), "Content-Encoding", "gzip"), nil },
		"too many": func() (*http.Response, error) {
			return says(200, `{"Responses":[{"TableName":"r"},{"TableName":"r"}]}`), nil
		},
		"none":              func() (*http.Response, error) { return says(200, `{"Responses":[]}`), nil },
		"nothing":           func() (*http.Response, error) { return says(200, ``), nil },
		"half":              func() (*http.Response, error) { return says(200, made[:20]), nil },
		"cut off":           func() (*http.Response, error) { return cut(200, made[:20]), nil },
		"cut off behind it": func() (*http.Response, error) { return cut(200, made), nil },
		"an error cut off":  func() (*http.Response, error) { return cut(400, errorBody("ValidationException")[:30]), nil },
		"a page in between": func() (*http.Response, error) { return says(200, "<html>", "Content-Type", "text/html"), nil },
		"a gateway's page":  func() (*http.Response, error) { return says(502, "<html>", "Content-Type", "text/html"), nil },
		"moved":             func() (*http.Response, error) { return says(301, "", "Location", "http://else.test"), nil },
		"made, and a fault": func() (*http.Response, error) { return says(500, made), nil },
		"another success":   func() (*http.Response, error) { return says(202, made), nil },
		"a duplicate":       func() (*http.Response, error) { return one("DuplicateItem", ""), nil },
		"a condition": func() (*http.Response, error) {
			return one("ConditionalCheckFailed", `,"Item":{"registerTime":{"S":"v"}}`), nil
		},
		"a throttled statement": func() (*http.Response, error) { return one("ThrottlingError", ""), nil },
		"no throughput for one": func() (*http.Response, error) { return one("ProvisionedThroughputExceeded", ""), nil },
		"a conflict":            func() (*http.Response, error) { return one("TransactionConflict", ""), nil },
		"a wrong statement":     func() (*http.Response, error) { return one("ValidationError", ""), nil },
		"throttled":             func() (*http.Response, error) { return says(400, errorBody("ThrottlingException")), nil },
		"no throughput": func() (*http.Response, error) {
			return says(400, errorBody("ProvisionedThroughputExceededException")), nil
		},
		"a limit":                 func() (*http.Response, error) { return says(400, errorBody("RequestLimitExceeded")), nil },
		"wrong":                   func() (*http.Response, error) { return says(400, errorBody("ValidationException")), nil },
		"no right":                func() (*http.Response, error) { return says(400, errorBody("AccessDeniedException")), nil },
		"no key":                  func() (*http.Response, error) { return says(400, errorBody("UnrecognizedClientException")), nil },
		"a wrong signature":       func() (*http.Response, error) { return says(400, errorBody("InvalidSignatureException")), nil },
		"an expired token":        func() (*http.Response, error) { return says(400, errorBody("ExpiredTokenException")), nil },
		"a conflict of the call":  func() (*http.Response, error) { return says(400, errorBody("TransactionConflictException")), nil },
		"an error nobody knows":   func() (*http.Response, error) { return says(400, errorBody("SomethingNew")), nil },
		"an error without a name": func() (*http.Response, error) { return says(400, `{}`), nil },
		"a fault":                 func() (*http.Response, error) { return says(500, errorBody("InternalServerError")), nil },
		"down":                    func() (*http.Response, error) { return says(503, ""), nil },
		"nobody there":            func() (*http.Response, error) { return nil, syscall.ECONNREFUSED },
		"too late":                func() (*http.Response, error) { return nil, context.DeadlineExceeded },
		"left":                    func() (*http.Response, error) { return nil, context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			now := func(*http.Request) (*http.Response, error) { return answer() }
			s, direct := newScripted(now), newScripted(oneMade)
			passes := func(*middleware.Stack) error { return nil }
			want := triesOne(t, s.readings(aws.Config{APIOptions: []func(*middleware.Stack) error{passes}}))
			readings := direct.readings(aws.Config{})
			triesMade(t, readings)
			direct.answer = now
			got := triesOne(t, readings)
			if diff := cmp.Diff(told(want), told(got)); diff != "" {
				t.Errorf("came to (-SDK +ours):\n%s", diff)
			}
			usual := (want.Result == ingest.Made || want.Result == ingest.Refused) && name != "made, and spoilt" && name != "another success"
			if len(direct.requests) != 2 || usual && direct.stack != 1 {
				t.Errorf("%d requests, %d calls of the stack", len(direct.requests), direct.stack)
			}
		})
	}
}

func sum(text string) string { return fmt.Sprint(crc32.ChecksumIEEE([]byte(text))) }

// outcome is what can be seen of one.
type outcome struct {
	Result            ingest.Result
	Found             string
	Kind              fault.Kind
	Text, Code, Fault string
	Request           string
	Status            int
	Sent, Left, Late  bool
}

func told(o ingest.Outcome) outcome {
	seen := outcome{Result: o.Result}
	if o.Found != nil {
		seen.Found = fmt.Sprintf("%+v", *o.Found)
	}
	if o.Err == nil {
		return seen
	}
	seen.Kind, seen.Text = fault.KindOf(o.Err), fmt.Sprintf("%v: %v", o.Err, errors.Unwrap(o.Err))
	var api smithy.APIError
	if errors.As(o.Err, &api) {
		seen.Code, seen.Fault = api.ErrorCode(), api.ErrorFault().String()
	}
	var answered *awshttp.ResponseError
	if errors.As(o.Err, &answered) {
		seen.Request, seen.Status = answered.ServiceRequestID(), answered.HTTPStatusCode()
	}
	var sent *smithyhttp.RequestSendError
	seen.Sent = errors.As(o.Err, &sent)
	seen.Left, seen.Late = errors.Is(o.Err, context.Canceled), errors.Is(o.Err, context.DeadlineExceeded)
	return seen
}

// An answer that has come counts, even if its caller leaves in that moment; a call that has not begun then is not made.
func TestTry_KnowsWhatWasAnsweredToACallerThatLeaves(t *testing.T) {
	s := newScripted(oneMade)
	readings := s.readings(aws.Config{})
	triesMade(t, readings)
	ctx, leave := context.WithCancel(t.Context())
	s.answer = func(*http.Request) (*http.Response, error) {
		leave()
		return says(400, errorBody("ValidationException")), nil
	}
	if o := readings.Try(ctx, []ingest.Attempt{attempt(t, "A", "1", 0)})[0]; o.Result != ingest.Impossible {
		t.Errorf("came to %v: %v", o.Result, o.Err)
	}
	s.requests = nil
	if o := readings.Try(ctx, []ingest.Attempt{attempt(t, "A", "1", 0)})[0]; len(s.requests) != 0 || !errors.Is(o.Err, context.Canceled) {
		t.Errorf("%d calls, came to %v: %v", len(s.requests), o.Result, o.Err)
	}
}
