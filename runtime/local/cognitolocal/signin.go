package cognitolocal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	apiMediaType = "application/x-amz-json-1.1"
	apiTarget    = "AWSCognitoIdentityProviderService."
	// apiBytesMax bounds a request to the API.
	apiBytesMax = 64 << 10
)

// apiError is an error as the AWS JSON protocol carries it.
type apiError struct {
	Code    string `json:"__type"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) *apiError {
	return &apiError{code, fmt.Sprintf(format, args...)}
}

// wrongCredentials answers for unknown users too, like a pool that prevents user existence errors.
func wrongCredentials() *apiError {
	return refuse("NotAuthorizedException", "Incorrect username or password.")
}

type initiateAuthInput struct {
	AuthFlow       string
	ClientID       string `json:"ClientId"`
	AuthParameters map[string]string
}

type authenticationResult struct {
	AccessToken, IDToken, RefreshToken, TokenType string
	ExpiresIn                                     int
}

// MarshalJSON writes Cognito's names.
func (a authenticationResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"AccessToken": a.AccessToken, "IdToken": a.IDToken, "RefreshToken": a.RefreshToken,
		"TokenType": a.TokenType, "ExpiresIn": a.ExpiresIn,
	})
}

type initiateAuthOutput struct {
	AuthenticationResult *authenticationResult `json:",omitempty"`
	ChallengeName        string                `json:",omitempty"`
	ChallengeParameters  map[string]string
	Session              string `json:",omitempty"`
}

// serveAPI answers calls of the AWS API.
func (p *Pool) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	out, refused := p.callAPI(w, r)
	if refused != nil {
		w.Header().Set("X-Amzn-Errortype", refused.Code)
		writeJSON(w, http.StatusBadRequest, apiMediaType, refused)
		return
	}
	writeJSON(w, http.StatusOK, apiMediaType, out)
}

func (p *Pool) callAPI(w http.ResponseWriter, r *http.Request) (*initiateAuthOutput, *apiError) {
	if r.Header.Get("X-Amz-Target") != apiTarget+"InitiateAuth" {
		return nil, refuse("UnknownOperationException", "This stand-in knows InitiateAuth only.")
	}
	var in initiateAuthInput
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, apiBytesMax)).Decode(&in); err != nil {
		return nil, refuse("SerializationException", "The request is not JSON of an acceptable size.")
	}
	return p.initiateAuth(in)
}

func (p *Pool) initiateAuth(in initiateAuthInput) (*initiateAuthOutput, *apiError) {
	client := p.options.Browser
	if in.ClientID != client.ID {
		return nil, refuse("ResourceNotFoundException", "User pool client %s does not exist.", in.ClientID)
	}
	if in.AuthFlow != "USER_PASSWORD_AUTH" {
		return nil, refuse("InvalidParameterException", "%.40s flow not enabled for this client", in.AuthFlow)
	}
	for _, name := range []string{"USERNAME", "PASSWORD"} {
		if in.AuthParameters[name] == "" {
			return nil, refuse("InvalidParameterException", "Missing required parameter %s", name)
		}
	}
	username, password := in.AuthParameters["USERNAME"], in.AuthParameters["PASSWORD"]
	switch hash := in.AuthParameters["SECRET_HASH"]; {
	case hash == "":
		return nil, refuse("NotAuthorizedException", "Client %s is configured with secret but SECRET_HASH was not received", client.ID)
	case !same(hash, secretHash(client, username)):
		return nil, refuse("NotAuthorizedException", "Unable to verify secret hash for client %s", client.ID)
	}
	user, right := p.check(username, password)
	if !right {
		return nil, wrongCredentials()
	}
	if user.MustChangePassword {
		return &initiateAuthOutput{
			ChallengeName: "NEW_PASSWORD_REQUIRED", Session: opaque(), ChallengeParameters: map[string]string{"USER_ID_FOR_SRP": username},
		}, nil
	}
	result, err := p.personTokens(user)
	if err != nil {
		return nil, refuse("InternalErrorException", "The tokens could not be signed.")
	}
	return &initiateAuthOutput{AuthenticationResult: result, ChallengeParameters: map[string]string{}}, nil
}

// check finds the user and compares the password, also where there is no such user.
func (p *Pool) check(username, password string) (User, bool) {
	var found User
	known := false
	for _, u := range p.options.Users {
		if u.Username == username {
			found, known = u, true
		}
	}
	return found, same(password, found.Password) && known
}

func secretHash(client Client, username string) string {
	mac := hmac.New(sha256.New, []byte(client.Secret))
	mac.Write([]byte(username + client.ID))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// personTokens makes the tokens of a sign-in, with the claims that Cognito documents.
func (p *Pool) personTokens(u User) (*authenticationResult, error) {
	event, origin := uuid.NewString(), uuid.NewString()
	id := p.claims(subjectOf(u.Username), "id", PersonTokenLifetime)
	id["aud"] = p.options.Browser.ID
	id["cognito:username"] = u.Username
	id["email"], id["email_verified"] = u.Email, true
	access := p.claims(subjectOf(u.Username), "access", PersonTokenLifetime)
	access["client_id"], access["username"] = p.options.Browser.ID, u.Username
	access["scope"] = "aws.cognito.signin.user.admin"
	for _, c := range []jwt.MapClaims{id, access} {
		c["event_id"], c["origin_jti"] = event, origin
		if len(u.Groups) > 0 {
			c["cognito:groups"] = u.Groups
		}
	}
	idToken, err := p.sign(id)
	if err != nil {
		return nil, err
	}
	accessToken, err := p.sign(access)
	if err != nil {
		return nil, err
	}
	return &authenticationResult{
		AccessToken: accessToken, IDToken: idToken, RefreshToken: opaque(), TokenType: "Bearer",
		ExpiresIn: int(PersonTokenLifetime.Seconds()),
	}, nil
}

// claims returns what all tokens have.
func (p *Pool) claims(subject, use string, lifetime time.Duration) jwt.MapClaims {
	now := p.options.Now()
	return jwt.MapClaims{
		"iss": p.options.Issuer, "sub": subject, "token_use": use, "jti": uuid.NewString(),
		"auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
}

func (p *Pool) sign(claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = p.keyID
	text, err := token.SignedString(p.options.Key)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}

func opaque() string { return rand.Text() + rand.Text() }
