package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// answering returns a client of a DynamoDB whose answers the test writes; DynamoDB Local never throttles.
func answering(t *testing.T, answer func(operation string, body []byte) (status int, text string)) *dynamodb.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		status, text := answer(operation, body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return clientOf(server.URL)
}

func clientOf(endpoint string) *dynamodb.Client {
	return dynamo.NewClient(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	})
}

func errorBody(code string) string {
	return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"secret words"}`, code)
}

func TestErrors_SayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   fault.Kind
	}{
		{400, "ProvisionedThroughputExceededException", fault.Unavailable},
		{400, "ThrottlingException", fault.Unavailable},
		{400, "RequestLimitExceeded", fault.Unavailable},
		{400, "TransactionInProgressException", fault.Unavailable},
		{500, "InternalServerError", fault.Unavailable},
		{503, "ServiceUnavailable", fault.Unavailable},
		{400, "ValidationException", fault.Internal},
		{400, "ResourceNotFoundException", fault.Internal},
		{400, "AccessDeniedException", fault.Internal},
	} {
		t.Run(test.code, func(t *testing.T) {
			client := answering(t, func(string, []byte) (int, string) { return test.status, errorBody(test.code) })
			readings, uploads := dynamo.NewReadings(client, "r", "eu-west-1", 0), dynamo.NewUploads(client, "u")
			write := readings.Try(t.Context(), []ingest.Attempt{attempt(t, "EQ-1", "1", 0)})[0].Err
			_, look := readings.Look(t.Context(), []reading.Key{{EquipmentID: "EQ-1", Timestamp: "2026-03-01T08:00:00.000000000Z"}})
			_, _, page := readings.Page(t.Context(), "EQ-1", time.Time{}, time.Time{}, 1, nil)
			_, read := uploads.ReadUpload(t.Context(), "x")
			_, begin := uploads.BeginUpload(t.Context(), "x", csvfile.Plan{})
			_, committed := uploads.ReadRange(t.Context(), csvfile.RangeID{})
			_, results := uploads.RangeResults(t.Context(), "x")
			_, _, list := uploads.ListUploads(t.Context(), csvfile.Position{}, 1)
			for name, err := range map[string]error{
				"Try": write, "Look": look, "Page": page, "ReadUpload": read, "BeginUpload": begin, "ReadRange": committed, "RangeResults": results,
				"ListUploads": list, "CreateUpload": uploads.CreateUpload(t.Context(), newUpload()),
				"FailUpload":   uploads.FailUpload(t.Context(), "x", csvfile.Failure{Reason: "r", At: uploadedAt}),
				"FinishUpload": uploads.FinishUpload(t.Context(), "x", csvfile.Completed, uploadedAt),
				"CommitRange":  uploads.CommitRange(t.Context(), csvfile.RangeID{}, csvfile.RangeResult{}, csvfile.RangeResult{}, uploadedAt),
			} {
				wantKind(t, name, err, test.want)
				var domain *fault.Error
				if errors.As(err, &domain) && strings.Contains(domain.Message, "secret") {
					t.Errorf("%s shows clients %q", name, domain.Message)
				}
			}
		})
	}
}

func TestErrors_OfCallsWithoutAnAnswer(t *testing.T) {
	uploads := dynamo.NewUploads(clientOf("http://127.0.0.1:1"), "u")
	_, err := uploads.ReadUpload(t.Context(), "x")
	wantKind(t, "nobody listens", err, fault.Unavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := uploads.ReadUpload(ctx, "x"); !errors.Is(err, context.Canceled) || fault.KindOf(err) == fault.Unavailable {
		t.Errorf("the caller has left: %v", err)
	}
}

func TestUploads_TellTheReasonsOfACancellationApart(t *testing.T) {
	const committed = `{"Code":"ConditionalCheckFailed"}`
	for _, test := range []struct{ name, ofRange, ofUpload, want string }{
		{"moved on by another worker", committed, `{"Code":"None"}`, "conflict"},
		{"moved on, while another range is being committed", committed, `{"Code":"TransactionConflict"}`, "conflict"},
		{"no upload", `{"Code":"None"}`, `{"Code":"ConditionalCheckFailed"}`, "not found"},
		{"another range is being committed", `{"Code":"None"}`, `{"Code":"TransactionConflict"}`, "unavailable"},
		{"the range is being committed", `{"Code":"TransactionConflict"}`, `{"Code":"None"}`, "unavailable"},
		{"throttled", `{"Code":"ThrottlingError"}`, `{"Code":"None"}`, "unavailable"},
		{"out of throughput", `{"Code":"None"}`, `{"Code":"ProvisionedThroughputExceeded"}`, "unavailable"},
		{"never possible", `{"Code":"None"}`, `{"Code":"ValidationError"}`, "internal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := 0
			client := answering(t, func(string, []byte) (int, string) {
				calls++
				return http.StatusBadRequest, fmt.Sprintf(
					`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"canceled","CancellationReasons":[%s,%s]}`,
					test.ofRange, test.ofUpload)
			})
			err := dynamo.NewUploads(client, "u").CommitRange(t.Context(), csvfile.RangeID{UploadID: "x"}, csvfile.RangeResult{}, csvfile.RangeResult{}, uploadedAt)
			got := "success"
			if err != nil {
				got = map[fault.Kind]string{
					fault.Conflict: "conflict", fault.NotFound: "not found", fault.Unavailable: "unavailable", fault.Internal: "internal",
				}[fault.KindOf(err)]
			}
			if got != test.want || calls != 1 {
				t.Errorf("%s after %d calls, want %s: %v", got, calls, test.want, err)
			}
		})
	}
}
