package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
)

func TestStack_IsOpenToTests(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	// The queue that the environment gives: another one than the stack's own.
	given, err := sqslocal.NewQueue(sqslocal.Options{Name: "given"})
	if err != nil {
		t.Fatal(err)
	}
	sqs := httptest.NewServer(sqslocal.NewServer(given))
	defer sqs.Close()

	var broken atomic.Bool
	var writes, delivered atomic.Int64
	s, err := stack.Start(ctx, stack.Options{
		Log: t.Output(),
		Environ: []string{
			"AWS_ENDPOINT_URL_SQS=" + sqs.URL, "CSV_QUEUE_URL=" + sqslocal.QueueURL(sqs.URL, "given"),
			"AWS_ACCESS_KEY_ID=elsewhere", "AWS_SECRET_ACCESS_KEY=elsewhere",
		},
		DynamoDBProxy: func(forward http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if target := r.Header.Get("X-Amz-Target"); strings.HasSuffix(target, ".PutItem") || strings.HasSuffix(target, ".BatchExecuteStatement") {
					writes.Add(1)
					if broken.Load() {
						panic(http.ErrAbortHandler) // the connection breaks
					}
				}
				forward.ServeHTTP(w, r)
			})
		},
		Deliver: func(records []json.RawMessage, deliver func([]json.RawMessage) error) error {
			delivered.Add(int64(len(records)))
			return deliver(records)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	token := machineToken(t, s.Info)

	t.Run("a proxy stands before DynamoDB", func(t *testing.T) {
		broken.Store(true)
		if got := post(t, s.Info, token, "EQ-1"); got != http.StatusServiceUnavailable {
			t.Errorf("status %d although DynamoDB cannot be written", got)
		}
		broken.Store(false)
		if got := post(t, s.Info, token, "EQ-1"); got != http.StatusCreated || writes.Load() < 2 {
			t.Errorf("status %d, %d writes through the proxy", got, writes.Load())
		}
	})
	t.Run("the configuration leads to the tables, and idle means aggregated", func(t *testing.T) {
		if err := s.StreamIdle(ctx); err != nil {
			t.Fatal(err)
		}
		out, err := dynamodb.NewFromConfig(s.AWSConfig()).Query(ctx, &dynamodb.QueryInput{
			TableName: aws.String(s.Tables[contract.AggregatesTable().Name]), KeyConditionExpression: aws.String("#k = :k"),
			ExpressionAttributeNames:  map[string]string{"#k": contract.AttrEquipmentID},
			ExpressionAttributeValues: map[string]types.AttributeValue{":k": &types.AttributeValueMemberS{Value: "EQ-1"}},
		})
		if err != nil || len(out.Items) != 1 || delivered.Load() != 1 {
			t.Errorf("aggregate rows %v, error %v, %d records delivered", out, err, delivered.Load())
		}
	})
	t.Run("the API can be killed and brought back", func(t *testing.T) {
		before := s.PIDs()[stack.PartAPI]
		s.KillAPI()
		if _, err := http.Get(s.Info.APIURL); err == nil {
			t.Error("the API answers after it was killed")
		}
		if err := s.RestartAPI(ctx); err != nil {
			t.Fatal(err)
		}
		if got := post(t, s.Info, token, "EQ-2"); got != http.StatusCreated {
			t.Errorf("status %d after the restart", got)
		}
		if after := s.PIDs()[stack.PartAPI]; len(before) != 1 || len(after) != 1 || before[0] == after[0] {
			t.Errorf("process ids %v before and %v after", before, after)
		}
		select {
		case err := <-s.Failed():
			t.Errorf("a kill that was asked for counts as a failure: %v", err)
		default:
		}
	})
	t.Run("messages of a given queue reach the CSV processor", func(t *testing.T) {
		if _, err := given.Send(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"bucket"}`); err != nil {
			t.Fatal(err)
		}
		await.True(t, time.Minute, "the message is taken", func() bool { return given.Depth() == (sqslocal.Depth{}) })
		if err := s.Idle(ctx); err != nil || len(s.CSVProcessor.PIDs()) == 0 || s.DeadLetters.Depth() != (sqslocal.Depth{}) {
			t.Errorf("idle: %v; processes of the CSV processor: %v", err, s.CSVProcessor.PIDs())
		}
	})
	t.Run("pages of the API alone may put files to the bucket", func(t *testing.T) {
		out, err := s3.NewFromConfig(s.AWSConfig()).GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &s.Bucket})
		if err != nil || len(out.CORSRules) != 1 || len(out.CORSRules[0].AllowedOrigins) != 2 || out.CORSRules[0].AllowedOrigins[0] != s.Info.APIURL {
			t.Errorf("rules %+v, error %v", out, err)
		}
	})
}

func TestStart_NamesWhatIsWrongWithTheEnvironment(t *testing.T) {
	for _, test := range []struct{ name, environment, want string }{
		{"rejects an address that is none", "AWS_ENDPOINT_URL_S3=localhost:9000", "AWS_ENDPOINT_URL_S3 must be an absolute URL, got localhost:9000"},
		{"rejects a queue service without a queue", "AWS_ENDPOINT_URL_SQS=http://127.0.0.1:1", "the addresses in the environment also need CSV_QUEUE_URL"},
		{
			"rejects a pool that nothing is known of", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=http://127.0.0.1:1",
			"also need USER_POOL_ID, USER_POOL_ISSUER, USER_POOL_CLIENT_ID, USER_POOL_CLIENT_SECRET",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := stack.Start(t.Context(), stack.Options{Environ: []string{test.environment}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if _, err := stack.Start(t.Context(), stack.Options{Retention: time.Hour}); err == nil || !strings.Contains(err.Error(), "RETENTION must be at least 24h, got 1h") {
		t.Errorf("error %v for a retention of an hour", err)
	}
}

func machineToken(t *testing.T, info stack.Info) string {
	t.Helper()
	response, err := http.PostForm(info.TokenURL, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {info.ClientID}, "client_secret": {info.ClientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("no token: %v", err)
	}
	return answer.AccessToken
}

func post(t *testing.T, info stack.Info, token, equipment string) int {
	t.Helper()
	body := fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":1.5}`, equipment, time.Now().UTC().Format(time.RFC3339))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, info.APIURL+"/sensor-data", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
