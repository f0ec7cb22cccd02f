package cognito_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/cognito"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
)

const (
	clientID     = "browser"
	clientSecret = "browser-secret"
)

// pool returns a UserPool on the real SDK client, which makes one attempt per call.
func pool(t *testing.T, handler http.Handler) *cognito.UserPool {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return poolAt(server.URL)
}

func poolAt(address string) *cognito.UserPool {
	client := cognito.NewClient(aws.Config{Region: "eu-west-1", BaseEndpoint: &address, RetryMaxAttempts: 1})
	return cognito.NewUserPool(client, clientID, clientSecret)
}

// refusing answers every call with an error as Cognito does.
func refusing(status int, code, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	})
}

func TestSignIn_SendsThePasswordFlowWithTheSecretHash(t *testing.T) {
	var got struct {
		AuthFlow, ClientId string //nolint:revive // Cognito's name
		AuthParameters     map[string]string
	}
	p := pool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if target := r.Header.Get("X-Amz-Target"); target != "AWSCognitoIdentityProviderService.InitiateAuth" {
			t.Errorf("target %q", target)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the call is signed, which takes credentials that it does not need")
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"AuthenticationResult":{"IdToken":"the token"},"ChallengeParameters":{}}`)
	}))
	token, err := p.SignIn(t.Context(), "äda", "pass:word")
	if err != nil || token != "the token" {
		t.Fatalf("token %q, error %v", token, err)
	}
	if got.AuthFlow != "USER_PASSWORD_AUTH" || got.ClientId != clientID {
		t.Errorf("request %+v", got)
	}
	// HMAC-SHA256 with the key "browser-secret" of "ädabrowser", made with another program.
	if hash := got.AuthParameters["SECRET_HASH"]; hash != "10oDUo90TGFgCed7r3YHD+DwVK++yF00E2r5aDNeVW8=" {
		t.Errorf("hash %s", hash)
	}
	if got.AuthParameters["USERNAME"] != "äda" || got.AuthParameters["PASSWORD"] != "pass:word" {
		t.Errorf("parameters %v", got.AuthParameters)
	}
}

func TestSignIn_TellsUsersFaultsFromTheServices(t *testing.T) {
	const (
		wrong       = "wrong credentials"
		tooMany     = "too many attempts"
		unavailable = "unavailable"
		internal    = "internal"
	)
	for name, test := range map[string]struct {
		status        int
		code, message string
		want          string
	}{
		"wrong password":    {400, "NotAuthorizedException", "Incorrect username or password.", wrong},
		"disabled user":     {400, "NotAuthorizedException", "User is disabled.", wrong},
		"unknown user":      {400, "UserNotFoundException", "User does not exist.", wrong},
		"unconfirmed user":  {400, "UserNotConfirmedException", "User is not confirmed.", wrong},
		"reset required":    {400, "PasswordResetRequiredException", "Password reset required for the user", wrong},
		"refused by a hook": {400, "UserLambdaValidationException", "PreAuthentication failed with error no.", wrong},
		"impossible name":   {400, "InvalidParameterException", "1 validation error detected: Value at 'username' failed", wrong},
		"locked out":        {400, "NotAuthorizedException", "Password attempts exceeded", tooMany},
		"limit exceeded":    {400, "LimitExceededException", "Attempt limit exceeded, please try after some time.", tooMany},
		"throttled":         {400, "TooManyRequestsException", "Rate exceeded", unavailable},
		"server fault":      {500, "InternalErrorException", "Something went wrong", unavailable},
		"bad gateway":       {502, "", "", unavailable},
		"unknown client":    {400, "ResourceNotFoundException", "User pool client browser does not exist.", internal},
		"wrong secret":      {400, "NotAuthorizedException", "Unable to verify secret hash for client browser", internal},
		"missing hash":      {400, "NotAuthorizedException", "Client browser is configured with secret but SECRET_HASH was not received", internal},
		"flow not allowed":  {400, "InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client", internal},
		"broken trigger":    {400, "UnexpectedLambdaException", "PreAuthentication failed", internal},
		"web firewall":      {403, "ForbiddenException", "Request not allowed due to WAF block.", internal},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := pool(t, refusing(test.status, test.code, test.message)).SignIn(t.Context(), "ada", "password")
			if token != "" || err == nil {
				t.Fatalf("token %q, error %v", token, err)
			}
			if got := classify(err); got != test.want {
				t.Errorf("%s, want %s: %v", got, test.want, err)
			}
			if test.code != "" && test.want != tooMany && !strings.Contains(err.Error(), test.code) {
				t.Errorf("the reason is lost to the log: %v", err)
			}
			var domain *fault.Error
			if errors.As(err, &domain) && strings.Contains(domain.Message, "xception") {
				t.Errorf("the message for clients holds AWS's error: %s", domain.Message)
			}
		})
	}
}

// classify names what package auth makes of err; each kind excludes the others.
func classify(err error) string {
	var attempts auth.TooManyAttempts
	switch wrong, domain := errors.Is(err, auth.ErrWrongCredentials), errors.As(err, new(*fault.Error)); {
	case wrong && !domain:
		return "wrong credentials"
	case errors.As(err, &attempts) && !wrong && !domain && attempts.RetryAfter > 0:
		return "too many attempts"
	case domain && !wrong && fault.KindOf(err) == fault.Unavailable:
		return "unavailable"
	case domain && !wrong:
		return "internal"
	default:
		return "neither"
	}
}

func TestSignIn_TakesAChallengeForWrongCredentials(t *testing.T) {
	p := pool(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ChallengeName":"SOFTWARE_TOKEN_MFA","Session":"session","ChallengeParameters":{}}`)
	}))
	_, err := p.SignIn(t.Context(), "ada", "password")
	if classify(err) != "wrong credentials" || !strings.Contains(err.Error(), "SOFTWARE_TOKEN_MFA") {
		t.Errorf("error %v", err)
	}
}

func TestSignIn_IsUnavailableWhenNothingAnswers(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	if _, err := poolAt(closed.URL).SignIn(t.Context(), "ada", "password"); classify(err) != "unavailable" {
		t.Errorf("refused connection: %v", err)
	}

	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := poolAt(hanging.URL).SignIn(ctx, "ada", "password"); classify(err) != "unavailable" {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := poolAt(hanging.URL).SignIn(ctx, "ada", "password"); !errors.Is(err, context.Canceled) || classify(err) != "neither" {
		t.Errorf("canceled: %v", err)
	}
}

func TestSignIn_WorksWithTheStandIn(t *testing.T) {
	standin, err := cognitolocal.New(cognitolocal.Options{
		BaseURL: "http://127.0.0.1", Browser: cognitolocal.Client{ID: clientID, Secret: clientSecret},
		Users: []cognitolocal.User{
			{Username: "ada", Password: "pässword: with:colons"}, {Username: "grace", Password: "first", MustChangePassword: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := pool(t, standin)
	if token, err := p.SignIn(t.Context(), "ada", "pässword: with:colons"); err != nil || strings.Count(token, ".") != 2 {
		t.Errorf("token %q, error %v", token, err)
	}
	for name, password := range map[string]string{"ada": "pässword: with", "grace": "first", "nobody": "password"} {
		if _, err := p.SignIn(t.Context(), name, password); classify(err) != "wrong credentials" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
