package cognitolocal

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	grantClientCredentials = "client_credentials"
	// tokenBytesMax bounds a request to the token endpoint.
	tokenBytesMax = 16 << 10
)

// oauthError is an error answer of RFC 6749, section 5.2.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	status      int
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func oauth(status int, code, description string) *oauthError {
	return &oauthError{Code: code, Description: description, status: status}
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
}

// serveToken is the token endpoint for machines (RFC 6749, section 4.4).
func (p *Pool) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	answer, refused := p.token(w, r)
	if refused != nil {
		if refused.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
		writeJSON(w, refused.status, "application/json", refused)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", answer)
}

func (p *Pool) token(w http.ResponseWriter, r *http.Request) (*tokenAnswer, *oauthError) {
	form, refused := tokenForm(w, r)
	if refused != nil {
		return nil, refused
	}
	client, refused := p.machine(r, form)
	if refused != nil {
		return nil, refused
	}
	switch grant := form.Get("grant_type"); grant {
	case grantClientCredentials:
	case "":
		return nil, oauth(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	default:
		return nil, oauth(http.StatusBadRequest, "unsupported_grant_type", "")
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = client.scopes(p.options)
	}
	for _, scope := range scopes {
		if !slices.Contains(client.scopes(p.options), scope) {
			return nil, oauth(http.StatusBadRequest, "invalid_scope", "")
		}
	}
	return p.machineToken(client, strings.Join(scopes, " "))
}

// tokenForm reads the fields, none of which may occur twice (RFC 6749, section 3.2).
func tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, *oauthError) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, oauth(http.StatusBadRequest, "invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, tokenBytesMax)
	if err := r.ParseForm(); err != nil {
		return nil, oauth(http.StatusBadRequest, "invalid_request", "the body is not a form of an acceptable size")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, oauth(http.StatusBadRequest, "invalid_request", fmt.Sprintf("%.40s occurs twice", name))
		}
	}
	return r.PostForm, nil
}

// machine authenticates the client, by HTTP Basic or by form fields but not by both (RFC 6749, section 2.3).
func (p *Pool) machine(r *http.Request, form url.Values) (Client, *oauthError) {
	invalid := oauth(http.StatusUnauthorized, "invalid_client", "")
	given := Client{ID: form.Get("client_id"), Secret: form.Get("client_secret")}
	if r.Header.Get("Authorization") != "" {
		if given.Secret != "" {
			return Client{}, oauth(http.StatusBadRequest, "invalid_request", "the client authenticates in two ways")
		}
		basic, ok := basicClient(r)
		if !ok || given.ID != "" && given.ID != basic.ID {
			return Client{}, invalid
		}
		given = basic
	}
	var right bool
	for _, client := range p.options.Machines {
		if same(given.ID, client.ID) && same(given.Secret, client.Secret) {
			right, given = true, client
		}
	}
	switch {
	case right:
		return given, nil
	case given.ID == p.options.Browser.ID && same(given.Secret, p.options.Browser.Secret):
		return Client{}, oauth(http.StatusBadRequest, "unauthorized_client", "")
	default:
		return Client{}, invalid
	}
}

// basicClient reads the header Authorization. RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
func basicClient(r *http.Request) (Client, bool) {
	id, secret, ok := r.BasicAuth()
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	return Client{ID: id, Secret: secret}, ok && errID == nil && errSecret == nil
}

func (p *Pool) machineToken(client Client, scope string) (*tokenAnswer, *oauthError) {
	claims := p.claims(client.ID, "access", MachineTokenLifetime)
	claims["client_id"], claims["scope"], claims["version"] = client.ID, scope, 2
	token, err := p.sign(claims)
	if err != nil {
		return nil, oauth(http.StatusInternalServerError, "server_error", "")
	}
	return &tokenAnswer{
		AccessToken: token, ExpiresIn: int(MachineTokenLifetime.Seconds()), TokenType: "Bearer", Scope: scope,
	}, nil
}
