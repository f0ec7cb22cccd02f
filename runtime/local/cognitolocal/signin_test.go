package cognitolocal_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/cognito"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
)

// sdk is the real client, without credentials: signing in needs none.
func sdk(pool *cognitolocal.Pool) *cognitoidentityprovider.Client {
	base := strings.TrimSuffix(pool.TokenURL(), "/oauth2/token")
	return cognito.NewClient(aws.Config{Region: "eu-west-1", BaseEndpoint: &base})
}

func hash(username string) string {
	mac := hmac.New(sha256.New, []byte(browser.Secret))
	mac.Write([]byte(username + browser.ID))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func input(username, password string) *cognitoidentityprovider.InitiateAuthInput {
	return &cognitoidentityprovider.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeUserPasswordAuth, ClientId: aws.String(browser.ID),
		AuthParameters: map[string]string{"USERNAME": username, "PASSWORD": password, "SECRET_HASH": hash(username)},
	}
}

func TestInitiateAuth_GivesTheSDKTokensWithCognitosClaims(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	pool := serve(t, func(o *cognitolocal.Options) { o.Now = func() time.Time { return now } })
	out, err := sdk(pool).InitiateAuth(t.Context(), input(ada.Username, ada.Password))
	if err != nil {
		t.Fatal(err)
	}
	result := out.AuthenticationResult
	if result.ExpiresIn != 3600 || *result.TokenType != "Bearer" || *result.RefreshToken == "" {
		t.Errorf("result %+v", result)
	}
	id, _ := unverified(t, *result.IdToken)
	access, _ := unverified(t, *result.AccessToken)
	if id["event_id"] != access["event_id"] || id["origin_jti"] != access["origin_jti"] || id["jti"] == access["jti"] {
		t.Errorf("ids of the sign-in differ, or ids of the tokens do not: %v, %v", id, access)
	}
	subject := id["sub"]
	if subject == "" || subject == ada.Username {
		t.Errorf("sub %v", subject)
	}
	common := func(more jwt.MapClaims) jwt.MapClaims {
		claims := jwt.MapClaims{
			"iss": pool.Issuer(), "sub": subject, "cognito:groups": []any{"operators"},
			"iat": float64(now.Unix()), "auth_time": float64(now.Unix()), "exp": float64(now.Unix() + 3600),
		}
		for name, value := range more {
			claims[name] = value
		}
		return claims
	}
	for _, claims := range []jwt.MapClaims{id, access} {
		for _, name := range []string{"event_id", "origin_jti", "jti"} {
			if text, _ := claims[name].(string); text == "" {
				t.Errorf("no %s", name)
			}
			delete(claims, name)
		}
	}
	want := common(jwt.MapClaims{
		"token_use": "id", "aud": browser.ID, "cognito:username": "ada", "email": "ada@example.com", "email_verified": true,
	})
	if diff := cmp.Diff(want, id); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
	want = common(jwt.MapClaims{
		"token_use": "access", "client_id": browser.ID, "username": "ada", "scope": "aws.cognito.signin.user.admin",
	})
	if diff := cmp.Diff(want, access); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
}

func TestInitiateAuth_RefusesAsCognitoDoes(t *testing.T) {
	pool := serve(t, nil)
	for name, test := range map[string]struct {
		change        func(*cognitoidentityprovider.InitiateAuthInput)
		code, message string
	}{
		"rejects a wrong password": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { in.AuthParameters["PASSWORD"] = "pässword: with" },
			"NotAuthorizedException", "Incorrect username or password.",
		},
		"rejects an unknown user in the same words": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { *in = *input("nobody", ada.Password) },
			"NotAuthorizedException", "Incorrect username or password.",
		},
		"rejects a user name in another case": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { *in = *input("Ada", ada.Password) },
			"NotAuthorizedException", "Incorrect username or password.",
		},
		"rejects another user's hash": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { in.AuthParameters["SECRET_HASH"] = hash("grace") },
			"NotAuthorizedException", "Unable to verify secret hash for client browser",
		},
		"rejects a missing hash": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { delete(in.AuthParameters, "SECRET_HASH") },
			"NotAuthorizedException", "Client browser is configured with secret but SECRET_HASH was not received",
		},
		"rejects an unknown client": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { in.ClientId = aws.String(machine.ID) },
			"ResourceNotFoundException", "User pool client machine does not exist.",
		},
		"rejects another flow": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { in.AuthFlow = types.AuthFlowTypeUserSrpAuth },
			"InvalidParameterException", "USER_SRP_AUTH flow not enabled for this client",
		},
		"rejects a missing password": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { delete(in.AuthParameters, "PASSWORD") },
			"InvalidParameterException", "Missing required parameter PASSWORD",
		},
		"rejects a missing user name": {
			func(in *cognitoidentityprovider.InitiateAuthInput) { delete(in.AuthParameters, "USERNAME") },
			"InvalidParameterException", "Missing required parameter USERNAME",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(ada.Username, ada.Password)
			test.change(in)
			_, err := sdk(pool).InitiateAuth(t.Context(), in)
			var api smithy.APIError
			if !errors.As(err, &api) {
				t.Fatalf("error %v", err)
			}
			if api.ErrorCode() != test.code || api.ErrorMessage() != test.message {
				t.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
			}
		})
	}
}

func TestInitiateAuth_ChallengesWhoMustChangeThePassword(t *testing.T) {
	pool := serve(t, nil)
	out, err := sdk(pool).InitiateAuth(t.Context(), input(grace.Username, grace.Password))
	if err != nil {
		t.Fatal(err)
	}
	if out.ChallengeName != types.ChallengeNameTypeNewPasswordRequired || out.AuthenticationResult != nil || aws.ToString(out.Session) == "" {
		t.Errorf("answer %+v", out)
	}
	if _, err := sdk(pool).InitiateAuth(t.Context(), input(grace.Username, "wrong")); err == nil {
		t.Error("a wrong password is challenged too")
	}
}

func TestAPI_RefusesWhatItDoesNotKnow(t *testing.T) {
	pool := serve(t, nil)
	base := strings.TrimSuffix(pool.TokenURL(), "oauth2/token")
	for name, test := range map[string]struct{ target, body, want string }{
		"another operation": {"AWSCognitoIdentityProviderService.SignUp", "{}", "UnknownOperationException"},
		"no operation":      {"", "{}", "UnknownOperationException"},
		"not JSON":          {"AWSCognitoIdentityProviderService.InitiateAuth", "{", "SerializationException"},
		"too large": {
			"AWSCognitoIdentityProviderService.InitiateAuth", `{"ClientId":"` + strings.Repeat("x", 65<<10) + `"}`, "SerializationException",
		},
	} {
		r := request(t, http.MethodPost, base, test.body)
		r.Header.Set("X-Amz-Target", test.target)
		response, body := do(t, r)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"__type":"`+test.want) {
			t.Errorf("%s: status %d: %s", name, response.StatusCode, body)
		}
	}
}
