package dynamo_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/metrics"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/tracing"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
)

// scripted is a DynamoDB whose answers the test writes. It keeps what it was asked, and counts the calls of the SDK's stack, each of
// which asks for its endpoint.
type scripted struct {
	dynamodb.EndpointResolverV2
	answer    func(*http.Request) (*http.Response, error)
	retention time.Duration

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	stack    int
}

func newScripted(answer func(*http.Request) (*http.Response, error)) *scripted {
	return &scripted{EndpointResolverV2: dynamodb.NewDefaultEndpointResolverV2(), answer: answer}
}

// ResolveEndpoint implements dynamodb.EndpointResolverV2.
func (s *scripted) ResolveEndpoint(ctx context.Context, p dynamodb.EndpointParameters) (smithyendpoints.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stack++
	return s.EndpointResolverV2.ResolveEndpoint(ctx, p)
}

// Do implements dynamodb.HTTPClient.
func (s *scripted) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	s.mu.Unlock()
	return s.answer(r)
}

func (s *scripted) readings(cfg aws.Config, change ...func(*dynamodb.Options)) *dynamo.Readings {
	cfg.HTTPClient = s
	if cfg.Region == "" {
		cfg.Region = "eu-west-1"
	}
	if cfg.Credentials == nil {
		cfg.Credentials = credentials.NewStaticCredentialsProvider("id", "key", "")
	}
	change = append(change, func(o *dynamodb.Options) { o.EndpointResolverV2 = s })
	return dynamo.NewReadings(dynamodb.NewFromConfig(cfg, change...), `table "of" readings`, "eu-west-1", s.retention)
}

// says is an answer.
func says(status int, text string, header ...string) *http.Response {
	r := &http.Response{
		StatusCode: status, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"the-request"}},
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// oneMade says that one statement was made.
func oneMade(*http.Request) (*http.Response, error) {
	return says(http.StatusOK, `{"Responses":[{"TableName":"r"}]}`), nil
}

func triesOne(t *testing.T, r *dynamo.Readings) ingest.Outcome {
	t.Helper()
	return r.Try(t.Context(), []ingest.Attempt{attempt(t, "A", "1", 0)})[0]
}

func triesMade(t *testing.T, r *dynamo.Readings) {
	t.Helper()
	if o := triesOne(t, r); o.Result != ingest.Made {
		t.Fatalf("came to %v: %v", o.Result, o.Err)
	}
}

// wantSigned checks a request's signature as AWS does: by its own headers, its body, and the secret that it knows.
func wantSigned(t *testing.T, r *http.Request, body, region string, as aws.Credentials) {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	again, hash := r.Clone(t.Context()), sha256.Sum256([]byte(body))
	again.Header.Del("Authorization")
	if err := v4.NewSigner().SignHTTP(t.Context(), as, again, hex.EncodeToString(hash[:]), "dynamodb", region, at); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}

// What is sent past the SDK's stack is what the SDK sends: the first of two calls is the SDK's.
func TestTry_SendsWhatTheSDKWouldSend(t *testing.T) {
	insert := attempt(t, "EQ-1", "12.5", 0)
	odd := attempt(t, "EQ-2", "-0.000000000000000000000000001", time.Nanosecond)
	odd.EquipmentID = "quotes \" and \\, a line\nbreak, \x00, \x7f, ü, \u2028 and <&>" // which no reading has, and an encoder must stand
	endpoint := "http://127.0.0.1:8000/base"
	session := aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key", SessionToken: "token", AccountID: "123456789012"}
	clients := map[string]struct {
		cfg    aws.Config
		change func(*dynamodb.Options)
		at     string
	}{
		"a region's": {at: "https://dynamodb.eu-west-1.amazonaws.com/"},
		"an address": {cfg: aws.Config{BaseEndpoint: &endpoint}, at: endpoint},
		"an account's, for a session": {
			cfg: aws.Config{Credentials: credentials.StaticCredentialsProvider{Value: session}, AppID: "app"},
			at:  "https://123456789012.ddb.eu-west-1.amazonaws.com/",
		},
		"with no account's endpoint": {
			cfg: aws.Config{Credentials: credentials.StaticCredentialsProvider{Value: session}, AccountIDEndpointMode: aws.AccountIDEndpointModeDisabled},
			at:  "https://dynamodb.eu-west-1.amazonaws.com/",
		},
		"FIPS and dual stack": {
			cfg: aws.Config{Region: "us-east-1"}, at: "https://dynamodb-fips.us-east-1.api.aws/",
			change: func(o *dynamodb.Options) {
				o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
				o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
			},
		},
	}
	for client, of := range clients {
		for name, attempts := range map[string][]ingest.Attempt{
			"an insertion": {insert}, "an update": {over(insert)}, "a tombstone": {deleting(insert)}, "over it": {over(deleting(insert))},
			"all kinds": {insert, over(odd), deleting(odd), over(deleting(insert)), insert, insert},
		} {
			for _, retention := range []time.Duration{0, 1000 * time.Hour} {
				synctest.Test(t, func(t *testing.T) { // both at the same moment
					t.Log(client, name, retention)
					s := newScripted(oneMade)
					s.retention = retention
					readings := s.readings(of.cfg, func(o *dynamodb.Options) {
						if of.change != nil {
							of.change(o)
						}
					})
					readings.Try(t.Context(), attempts)
					readings.Try(t.Context(), attempts)
					wantTheSame(t, s, of.at, of.cfg)
				})
			}
		}
	}
}

func wantTheSame(t *testing.T, s *scripted, at string, cfg aws.Config) {
	t.Helper()
	if len(s.requests) != 2 || s.stack != 1 {
		t.Fatalf("%d requests, %d of them by the SDK's stack", len(s.requests), s.stack)
	}
	as, region := aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key"}, cfg.Region
	if cfg.Credentials != nil {
		as = cfg.Credentials.(credentials.StaticCredentialsProvider).Value
	}
	if region == "" {
		region = "eu-west-1"
	}
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(s.bodies[0]), &want), json.Unmarshal([]byte(s.bodies[1]), &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-SDK +ours):\n%s", diff)
	}
	theirs, ours := s.requests[0], s.requests[1]
	if theirs.URL.String() != at {
		t.Errorf("the SDK sends to %s, want %s", theirs.URL, at)
	}
	if theirs.Method != ours.Method || theirs.URL.String() != ours.URL.String() || theirs.Host != ours.Host || theirs.GetBody != nil || ours.GetBody != nil {
		t.Errorf("%s %s for %q, want %s %s for %q", ours.Method, ours.URL, ours.Host, theirs.Method, theirs.URL, theirs.Host)
	}
	for i, r := range s.requests {
		wantSigned(t, r, s.bodies[i], region, as)
		if r.ContentLength != int64(len(s.bodies[i])) {
			t.Errorf("request %d: %d bytes, and says %d", i, len(s.bodies[i]), r.ContentLength)
		}
		signed, signature, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
		if r.Header.Get("Amz-Sdk-Invocation-Id") == "" || signature == "" {
			t.Errorf("request %d: headers %v", i, r.Header)
		}
		// A call has a name of its own, so that its signature is another. What the signature covers is the same.
		r.Header.Set("Amz-Sdk-Invocation-Id", fmt.Sprint(len(r.Header.Get("Amz-Sdk-Invocation-Id"))))
		r.Header.Set("Authorization", signed)
	}
	if diff := cmp.Diff(theirs.Header, ours.Header); diff != "" {
		t.Errorf("headers (-SDK +ours):\n%s", diff)
	}
}

// As everybody configures the SDK, by the environment.
func TestTry_GoesWhereTheEnvironmentSays(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		// As in Lambda, which gives each invocation a trace.
		"AWS_LAMBDA_FUNCTION_NAME": "csv", "_X_AMZN_TRACE_ID": "Root=1",
	} {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := newScripted(oneMade)
	readings := s.readings(cfg)
	for range 3 {
		triesMade(t, readings)
	}
	t.Setenv("_X_AMZN_TRACE_ID", "Root=2")
	for range 3 {
		triesMade(t, readings)
	}
	if s.stack != 2 {
		t.Errorf("%d calls by the SDK's stack", s.stack)
	}
	for i, r := range s.requests {
		if trace := r.Header.Get("X-Amzn-Trace-Id"); r.URL.String() != "http://127.0.0.1:8000/" || trace != fmt.Sprintf("Root=%d", 1+i/3) {
			t.Errorf("call %d: to %s, trace %q", i, r.URL, trace)
		}
	}
}

func TestTry_SignsByTheClockOfDynamoDB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := 10 * time.Minute
		s := newScripted(nil)
		s.answer = func(r *http.Request) (*http.Response, error) {
			now := time.Now().Add(ahead)
			date := now.UTC().Format(http.TimeFormat)
			if signed, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date")); signed.Sub(now).Abs() > 5*time.Minute {
				return says(400, errorBody("InvalidSignatureException"), "Date", date), nil
			}
			return says(200, `{"Responses":[{"TableName":"r"}]}`, "Date", date), nil
		}
		readings := s.readings(aws.Config{})
		for _, ahead = range []time.Duration{10 * time.Minute, -2 * time.Hour, 0} { // whose first call is refused, as it always was
			if o := triesOne(t, readings); o.Result != ingest.Impossible {
				t.Errorf("%s ahead: came to %v: %v", ahead, o.Result, o.Err)
			}
			for range 3 {
				triesMade(t, readings)
			}
		}
		if s.stack != 3 { // the pattern, and two refusals of the others
			t.Errorf("%d calls of the stack", s.stack)
		}
		wantNoDeadlineOfAnother(t, s, readings, &ahead)
		ahead = time.Hour
		left := s.readings(aws.Config{DisableClockSkewCorrection: true})
		for range 3 {
			if o := triesOne(t, left); o.Result != ingest.Impossible {
				t.Errorf("with no correction: came to %v: %v", o.Result, o.Err)
			}
		}
	})
}

// The SDK says until when a call is of use, by a clock that is ahead. That is not the moment of those that follow it.
func wantNoDeadlineOfAnother(t *testing.T, s *scripted, readings *dynamo.Readings, ahead *time.Duration) {
	t.Helper()
	*ahead = 3 * time.Minute
	for range 2 { // of which the first tells the SDK of the clock
		time.Sleep(time.Minute + 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		for range 2 {
			if o := readings.Try(ctx, []ingest.Attempt{attempt(t, "A", "1", 0)})[0]; o.Result != ingest.Made {
				t.Errorf("came to %v: %v", o.Result, o.Err)
			}
		}
		cancel()
	}
	last := s.requests[len(s.requests)-2:]
	if theirs, ours := last[0].Header.Get("Amz-Sdk-Request"), last[1].Header.Get("Amz-Sdk-Request"); !strings.Contains(theirs, "ttl=") || ours != "attempt=1; max=1" {
		t.Errorf("the SDK says %q, and then %q is said", theirs, ours)
	}
}

// rotating gives the credentials that the test says.
type rotating struct {
	aws.Credentials
	err error
}

func (r *rotating) Retrieve(context.Context) (aws.Credentials, error) { return r.Credentials, r.err }

func TestTry_FollowsItsCredentials(t *testing.T) {
	s, from := newScripted(oneMade), &rotating{}
	readings := s.readings(aws.Config{Credentials: from})
	for _, test := range []struct {
		as aws.Credentials
		at string
	}{
		{aws.Credentials{AccessKeyID: "a", SecretAccessKey: "1"}, "dynamodb.eu-west-1.amazonaws.com"},
		{aws.Credentials{AccessKeyID: "b", SecretAccessKey: "2", SessionToken: "token"}, "dynamodb.eu-west-1.amazonaws.com"},
		{aws.Credentials{AccessKeyID: "c", SecretAccessKey: "3", SessionToken: "u", AccountID: "123456789012"}, "123456789012.ddb.eu-west-1.amazonaws.com"},
		{aws.Credentials{AccessKeyID: "d", SecretAccessKey: "4", AccountID: "123456789012"}, "123456789012.ddb.eu-west-1.amazonaws.com"},
	} {
		name := test.as.AccessKeyID
		from.Credentials = test.as
		triesMade(t, readings) // as a pattern of the account
		s.requests, s.bodies, s.stack = nil, nil, 0
		triesMade(t, readings)
		from.AccessKeyID += "-refreshed"
		triesMade(t, readings)
		for i, r := range s.requests {
			as := test.as
			if i == 1 {
				as = from.Credentials
			}
			wantSigned(t, r, s.bodies[i], "eu-west-1", as)
			if r.URL.Host != test.at || r.Header.Get("X-Amz-Security-Token") != as.SessionToken {
				t.Errorf("%s: call %d to %s with token %q", name, i, r.URL.Host, r.Header.Get("X-Amz-Security-Token"))
			}
		}
		if len(s.requests) != 2 || s.stack != 0 {
			t.Errorf("%s: %d calls, %d by the stack", name, len(s.requests), s.stack)
		}
	}
	from.err, s.requests = errors.New("no role"), nil
	if o := triesOne(t, readings); o.Result != ingest.Unknown || fault.KindOf(o.Err) != fault.Unavailable || !errors.Is(o.Err, from.err) || len(s.requests) != 0 {
		t.Errorf("without credentials: %d calls, came to %v: %v", len(s.requests), o.Result, o.Err)
	}
	from.err = nil
	triesMade(t, readings)
}

// Who looks at calls by the means of the SDK sees all of them, and what changes them is not passed by.
func TestTry_GoesByTheStackForThoseWhoWatchIt(t *testing.T) {
	const calls = 3
	for name, change := range map[string]func(*dynamodb.Options){
		"middleware": func(o *dynamodb.Options) {
			o.APIOptions = append(o.APIOptions, func(*middleware.Stack) error { return nil })
		},
		"an interceptor": func(o *dynamodb.Options) { o.Interceptors.AddBeforeTransmit(watcher{}) },
		"a log": func(o *dynamodb.Options) {
			o.ClientLogMode, o.Logger = aws.LogRequest, logging.Nop{}
		},
		"traces":     func(o *dynamodb.Options) { o.TracerProvider = tracer{} },
		"measures":   func(o *dynamodb.Options) { o.MeterProvider = meters{} },
		"a signer":   func(o *dynamodb.Options) { o.AuthSchemes = []smithyhttp.AuthScheme{scheme{}} },
		"no signing": func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScripted(oneMade)
			readings := s.readings(aws.Config{}, change)
			for range calls {
				triesMade(t, readings)
			}
			if s.stack != calls || len(s.requests) != calls {
				t.Errorf("%d of %d calls by the stack", s.stack, len(s.requests))
			}
		})
	}
}

type tracer struct{ tracing.NopTracerProvider }

type meters struct{ metrics.NopMeterProvider }

// scheme signs in another way.
type scheme struct{}

func (scheme) SchemeID() string { return "aws.auth#sigv4" }

func (s scheme) IdentityResolver(o auth.IdentityResolverOptions) auth.IdentityResolver {
	return o.GetIdentityResolver(s.SchemeID())
}

func (s scheme) Signer() smithyhttp.Signer { return s }

func (scheme) SignRequest(_ context.Context, r *smithyhttp.Request, _ auth.Identity, _ smithy.Properties) error {
	r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=id/20261126/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=another")
	return nil
}

type watcher struct{}

func (watcher) BeforeTransmit(context.Context, *smithyhttp.InterceptorContext) error { return nil }

func TestTry_AsksTheSDKAnewEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(oneMade)
		readings := s.readings(aws.Config{})
		for minute := 1; minute < 4; minute++ {
			var all sync.WaitGroup
			triesMade(t, readings)
			for range 8 {
				all.Go(func() {
					for range 50 {
						if o := triesOne(t, readings); o.Result != ingest.Made {
							t.Errorf("came to %v: %v", o.Result, o.Err)
						}
					}
				})
			}
			all.Wait()
			if s.stack != minute {
				t.Errorf("%d calls of the stack in %d minutes", s.stack, minute)
			}
			time.Sleep(time.Minute + 1)
		}
	})
}
