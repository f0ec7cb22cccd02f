package cognito

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

const (
	// callTimeout bounds one attempt of a call to Cognito, whose usual answer takes some 100 ms.
	callTimeout = 3 * time.Second
	// signInTimeout bounds a sign-in with the SDK's own repetitions.
	signInTimeout = 6 * time.Second
	// connectionsMax is how many connections are kept open.
	connectionsMax = 64
	// poolLockout is how long to wait when the pool itself refuses more attempts. It does not say how long; its lockout
	// doubles from 1 s to about 15 min.
	poolLockout = time.Minute
)

// NewClient returns a client whose every attempt has a deadline and which keeps its connections.
func NewClient(cfg aws.Config) *cognitoidentityprovider.Client {
	client := awsclient.HTTP(connectionsMax).WithTimeout(callTimeout)
	return cognitoidentityprovider.NewFromConfig(cfg, func(o *cognitoidentityprovider.Options) { o.HTTPClient = client })
}

// initiator is the one call in use.
type initiator interface {
	InitiateAuth(context.Context, *cognitoidentityprovider.InitiateAuthInput, ...func(*cognitoidentityprovider.Options)) (*cognitoidentityprovider.InitiateAuthOutput, error)
}

// UserPool signs people in through one app client that has a secret and allows USER_PASSWORD_AUTH.
type UserPool struct {
	client       initiator
	clientID     string
	clientSecret string
}

// NewUserPool returns a UserPool. All arguments are required.
func NewUserPool(client *cognitoidentityprovider.Client, clientID, clientSecret string) *UserPool {
	return newUserPool(client, clientID, clientSecret)
}

func newUserPool(client initiator, clientID, clientSecret string) *UserPool {
	return &UserPool{client: client, clientID: clientID, clientSecret: clientSecret}
}

// SignIn returns an ID token of the person. The error is auth.ErrWrongCredentials with a reason for the log, an
// auth.TooManyAttempts when the pool refuses more attempts, or a fault.Error of kind Unavailable or Internal.
func (p *UserPool) SignIn(ctx context.Context, username, password string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	out, err := p.client.InitiateAuth(ctx, &cognitoidentityprovider.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeUserPasswordAuth,
		ClientId: &p.clientID,
		AuthParameters: map[string]string{
			"USERNAME": username, "PASSWORD": password, "SECRET_HASH": secretHash(p.clientSecret, username, p.clientID),
		},
	})
	if err != nil {
		return "", mapError(err)
	}
	if out.AuthenticationResult == nil || out.AuthenticationResult.IdToken == nil {
		// NEW_PASSWORD_REQUIRED, MFA and the like: the service has no second step to offer.
		return "", fmt.Errorf("%w: the pool asks for %s, which is done in the pool's own sign-in page", auth.ErrWrongCredentials, out.ChallengeName)
	}
	return *out.AuthenticationResult.IdToken, nil
}

// secretHash proves to the pool that the caller knows the client's secret ("Computing secret hash values" in the Cognito
// developer guide).
func secretHash(clientSecret, username, clientID string) string {
	mac := hmac.New(sha256.New, []byte(clientSecret))
	mac.Write([]byte(username + clientID))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// mapError gives an error of InitiateAuth the form that package auth asks for. It looks at error codes, since the SDK has no
// types for the errors that the call's description leaves out.
func mapError(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("initiate auth: %w", err)
		}
		return unavailable(err) // timeouts and refused connections
	}
	message := strings.ToLower(api.ErrorMessage())
	switch api.ErrorCode() {
	case "NotAuthorizedException":
		// Two other errors have the same code. Only their texts differ.
		if strings.HasPrefix(message, "password attempts exceeded") {
			return auth.TooManyAttempts{RetryAfter: poolLockout}
		}
		if strings.Contains(message, "secret") {
			return internal(err) // the client's secret does not fit
		}
		return wrong(err)
	case "LimitExceededException":
		return auth.TooManyAttempts{RetryAfter: poolLockout}
	case "UserNotFoundException", "UserNotConfirmedException", "PasswordResetRequiredException", "UserLambdaValidationException":
		return wrong(err)
	case "InvalidParameterException":
		if strings.Contains(message, "flow") {
			return internal(err) // the client does not allow the flow
		}
		return wrong(err) // a user name that no user can have
	case "ResourceNotFoundException", "InvalidUserPoolConfigurationException", "UnexpectedLambdaException",
		"InvalidLambdaResponseException", "ForbiddenException", "UnsupportedOperationException", "UnknownOperationException":
		return internal(err) // the pool, the client or a trigger is set up wrongly
	default:
		return unavailable(err) // throttles and server faults
	}
}

func wrong(err error) error {
	return fmt.Errorf("%w: initiate auth: %w", auth.ErrWrongCredentials, err)
}

func internal(err error) error {
	return &fault.Error{Kind: fault.Internal, Message: "signing in does not work", Cause: fmt.Errorf("initiate auth: %w", err)}
}

func unavailable(err error) error {
	return &fault.Error{
		Kind: fault.Unavailable, Message: "signing in is not possible now; try again shortly", Cause: fmt.Errorf("initiate auth: %w", err),
	}
}
