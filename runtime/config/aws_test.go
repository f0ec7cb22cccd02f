package config_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/config"
)

// clearAWS takes away what the machine may have set.
func clearAWS(t *testing.T) {
	t.Helper()
	for _, key := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB",
		"AWS_ENDPOINT_URL_S3", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	} {
		t.Setenv(key, "")
	}
	t.Setenv("AWS_REGION", "eu-west-1")
}

func TestAWS_TakesTheKeysOfLambda(t *testing.T) {
	clearAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "access")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	cfg, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "access" || got.SecretAccessKey != "secret" || got.SessionToken != "session" {
		t.Errorf("credentials %+v, error %v", got, err)
	}
}

func TestAWS_AsksTheContainerAgentForKeys(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/role" || r.Header.Get("Authorization") != "token" {
			t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		_, _ = w.Write([]byte(`{"AccessKeyId":"access","SecretAccessKey":"secret","Token":"session","Expiration":"2099-01-01T00:00:00Z"}`))
	}))
	t.Cleanup(agent.Close)
	clearAWS(t)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL+"/role")
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
	cfg, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "access" || got.SessionToken != "session" || !got.CanExpire || got.Expires.Year() != 2099 {
		t.Errorf("credentials %+v, error %v", got, err)
	}
}

func TestAWS_RejectsAnAddressOfKeysThatOthersCanReach(t *testing.T) {
	clearAWS(t)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://keys.example.com/role")
	if _, err := config.AWS(); err == nil || !strings.HasPrefix(err.Error(), "AWS_CONTAINER_CREDENTIALS_FULL_URI must be an https URL") {
		t.Errorf("error %v", err)
	}
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
	if _, err := config.AWS(); err != nil {
		t.Errorf("the agent's own address is refused: %v", err)
	}
}

func TestAWS_SaysWhatIsMissingWhenKeysAreNeeded(t *testing.T) {
	clearAWS(t)
	cfg, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") {
		t.Errorf("error %v", err)
	}
}

func TestAWS_PointsEachServiceAtItsAddress(t *testing.T) {
	clearAWS(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
	cfg, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	if got := s3.NewFromConfig(cfg).Options().BaseEndpoint; got == nil || *got != "http://127.0.0.1:2" {
		t.Errorf("S3 at %v", got)
	}
	if got := dynamodb.NewFromConfig(cfg).Options().BaseEndpoint; got == nil || *got != "http://127.0.0.1:1" {
		t.Errorf("DynamoDB at %v", got)
	}
}
