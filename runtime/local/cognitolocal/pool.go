package cognitolocal

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// PoolID is the pool's id, a segment of its addresses.
const PoolID = "local_SensorFlow"

// Lifetimes of tokens, as the infrastructure configures them.
const (
	PersonTokenLifetime  = time.Hour
	MachineTokenLifetime = 24 * time.Hour
)

// keyBits is the size of Cognito's keys.
const keyBits = 2048

// User is a person who may sign in.
type User struct {
	Username, Password, Email string
	Groups                    []string
	// MustChangePassword has a right password answered with the challenge NEW_PASSWORD_REQUIRED instead of tokens.
	MustChangePassword bool
}

// Client is an app client.
type Client struct {
	ID, Secret string
	// Scopes are what a machine may ask for. Default: Options.Scopes.
	Scopes []string
}

func (c Client) scopes(o Options) []string {
	if len(c.Scopes) > 0 {
		return c.Scopes
	}
	return o.Scopes
}

// Options configure a Pool.
type Options struct {
	// BaseURL is where the Pool is served, such as http://127.0.0.1:9229, without a path. Required.
	BaseURL string
	// Issuer is the `iss` of tokens. Default: BaseURL/PoolID. A pool that is served at another address after a restart keeps
	// earlier tokens valid by a fixed Issuer and Key.
	Issuer string
	// Users may sign in through the browser client.
	Users []User
	// Browser is the app client through which people sign in. Required.
	Browser Client
	// Machines are the app clients that may use the client credentials grant.
	Machines []Client
	// Scopes are what machines may ask for, such as sensor-flow/read; who asks for none gets all.
	Scopes []string
	// Key signs the tokens. Default: a new one.
	Key *rsa.PrivateKey
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Pool is the stand-in: an http.Handler to be served at Options.BaseURL. It is safe for concurrent use.
type Pool struct {
	options Options
	keyID   string
	mux     *http.ServeMux
}

// New returns a Pool.
func New(o Options) (*Pool, error) {
	if o.BaseURL == "" || o.Browser.ID == "" || o.Browser.Secret == "" {
		return nil, errors.New("cognito stand-in: BaseURL and Browser are required")
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Issuer == "" {
		o.Issuer = o.BaseURL + "/" + PoolID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Key == nil {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, fmt.Errorf("make a signing key: %w", err)
		}
		o.Key = key
	}
	p := &Pool{options: o, keyID: thumbprint(&o.Key.PublicKey), mux: http.NewServeMux()}
	p.mux.HandleFunc("POST /{$}", p.serveAPI)
	p.mux.HandleFunc("POST /oauth2/token", p.serveToken)
	p.mux.HandleFunc("GET /{pool}/.well-known/jwks.json", p.ofPool(p.keySet))
	p.mux.HandleFunc("GET /{pool}/.well-known/openid-configuration", p.ofPool(p.discovery))
	return p, nil
}

// ServeHTTP answers one request.
func (p *Pool) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Issuer is the `iss` of the pool's tokens.
func (p *Pool) Issuer() string { return p.options.Issuer }

// JWKSURL is the address of the pool's keys.
func (p *Pool) JWKSURL() string {
	return p.options.BaseURL + "/" + PoolID + "/.well-known/jwks.json"
}

// TokenURL is the address of the token endpoint.
func (p *Pool) TokenURL() string { return p.options.BaseURL + "/oauth2/token" }

func (p *Pool) ofPool(answer func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("pool") != PoolID {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, http.StatusOK, "application/json", answer())
	}
}

type publishedKey struct {
	Algorithm string `json:"alg"`
	Exponent  string `json:"e"`
	ID        string `json:"kid"`
	Type      string `json:"kty"`
	Modulus   string `json:"n"`
	Use       string `json:"use"`
}

func (p *Pool) keySet() any {
	n, e := parameters(&p.options.Key.PublicKey)
	key := publishedKey{Algorithm: "RS256", Exponent: e, ID: p.keyID, Type: "RSA", Modulus: n, Use: "sig"}
	return map[string]any{"keys": []publishedKey{key}}
}

func (p *Pool) discovery() any {
	return map[string]any{
		"issuer":                                p.options.Issuer,
		"jwks_uri":                              p.JWKSURL(),
		"token_endpoint":                        p.TokenURL(),
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"token"},
		"grant_types_supported":                 []string{grantClientCredentials},
		"scopes_supported":                      slices.Clone(p.options.Scopes),
		"subject_types_supported":               []string{"public"},
	}
}

// parameters returns a key's modulus and exponent as RFC 7518, section 6.3.1, writes them.
func parameters(key *rsa.PublicKey) (n, e string) {
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
}

// thumbprint is a key's id as RFC 7638 makes it, so that a key that is kept over a restart keeps its id.
func thumbprint(key *rsa.PublicKey) string {
	n, e := parameters(key)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// subjects makes a person's `sub` of the user name, so that it survives a restart.
var subjects = uuid.NewSHA1(uuid.NameSpaceURL, []byte("sensorflow/local-user-pool"))

func subjectOf(username string) string { return uuid.NewSHA1(subjects, []byte(username)).String() }

// same compares secrets in a time that depends on neither.
func same(given, right string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(right))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func writeJSON(w http.ResponseWriter, status int, mediaType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has gone away needs no answer
}
