package cognitolocal_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
)

var (
	browser = cognitolocal.Client{ID: "browser", Secret: "browser-secret"}
	machine = cognitolocal.Client{ID: "machine", Secret: "machine/secret+%"}
	ada     = cognitolocal.User{Username: "ada", Password: "pässword: with:colons", Email: "ada@example.com", Groups: []string{"operators"}}
	reader  = cognitolocal.Client{ID: "reader", Secret: "reader-secret", Scopes: []string{"sensor-flow/read"}}
	grace   = cognitolocal.User{Username: "grace", Password: "first-password", MustChangePassword: true}
)

// serve runs a pool with the clients and users above.
func serve(t *testing.T, change func(*cognitolocal.Options)) *cognitolocal.Pool {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	o := cognitolocal.Options{
		BaseURL: "http://" + server.Listener.Addr().String(), Browser: browser,
		Machines: []cognitolocal.Client{machine, reader}, Users: []cognitolocal.User{ada, grace},
		Scopes: contract.Scopes(),
	}
	if change != nil {
		change(&o)
	}
	pool, err := cognitolocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = pool
	server.Start()
	t.Cleanup(server.Close)
	return pool
}

// do sends a request and returns the answer with its body.
func do(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func request(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unverified reads the claims of a token and the id of the key that signed it.
func unverified(t *testing.T, token string) (jwt.MapClaims, string) {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	if err != nil {
		t.Fatal(err)
	}
	return claims, parsed.Header["kid"].(string)
}

func TestNew_RejectsAPoolWithoutAddressOrBrowserClient(t *testing.T) {
	for name, o := range map[string]cognitolocal.Options{
		"no address": {Browser: browser},
		"no client":  {BaseURL: "http://127.0.0.1:1"},
		"no secret":  {BaseURL: "http://127.0.0.1:1", Browser: cognitolocal.Client{ID: "browser"}},
	} {
		if _, err := cognitolocal.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDiscovery_NamesTheAddressesThatWork(t *testing.T) {
	pool := serve(t, nil)
	_, body := do(t, request(t, http.MethodGet, pool.Issuer()+"/.well-known/openid-configuration", ""))
	var document struct {
		Issuer        string
		JWKSURI       string `json:"jwks_uri"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	if document.Issuer != pool.Issuer() || document.JWKSURI != pool.JWKSURL() || document.TokenEndpoint != pool.TokenURL() {
		t.Errorf("document %+v", document)
	}
	if answer, _ := do(t, request(t, http.MethodGet, document.JWKSURI, "")); answer.StatusCode != http.StatusOK {
		t.Errorf("keys: status %d", answer.StatusCode)
	}
}

func TestServe_RefusesOtherPathsAndMethods(t *testing.T) {
	pool := serve(t, nil)
	base := strings.TrimSuffix(pool.TokenURL(), "/oauth2/token")
	for name, test := range map[string]struct {
		method, path string
		want         int
	}{
		"keys of another pool":      {http.MethodGet, "/other/.well-known/jwks.json", http.StatusNotFound},
		"unknown path":              {http.MethodGet, "/other", http.StatusNotFound},
		"token by GET":              {http.MethodGet, "/oauth2/token", http.StatusMethodNotAllowed},
		"keys by POST":              {http.MethodPost, "/" + cognitolocal.PoolID + "/.well-known/jwks.json", http.StatusMethodNotAllowed},
		"the API with another path": {http.MethodPost, "/api", http.StatusNotFound},
	} {
		if answer, _ := do(t, request(t, test.method, base+test.path, "")); answer.StatusCode != test.want {
			t.Errorf("%s: status %d, want %d", name, answer.StatusCode, test.want)
		}
	}
}

type keySet struct {
	Keys []struct{ Kid, Kty, Alg, Use, N, E string }
}

func publishedKeys(t *testing.T, pool *cognitolocal.Pool) (ids []string) {
	t.Helper()
	_, body := do(t, request(t, http.MethodGet, pool.JWKSURL(), ""))
	var set keySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Kty != "RSA" || key.Alg != "RS256" || key.Use != "sig" || key.E != "AQAB" || len(key.N) != 342 {
			t.Errorf("key %+v", key)
		}
		ids = append(ids, key.Kid)
	}
	return ids
}

func TestPool_PublishesTheKeyThatItSignsWith(t *testing.T) {
	pool := serve(t, nil)
	claims, key := unverified(t, machineToken(t, pool, "").AccessToken)
	if claims["client_id"] != machine.ID {
		t.Fatalf("claims %v", claims)
	}
	if got := publishedKeys(t, pool); !slices.Equal(got, []string{key}) {
		t.Errorf("published %v, want %v", got, key)
	}
}

func TestLoadKey_KeepsTheKeyOverARestartForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	first, err := cognitolocal.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
	second, err := cognitolocal.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Equal(second) {
		t.Error("the second key is another")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files %v, error %v; want the key alone", left, err)
	}
	ids := map[string]bool{}
	for range 2 {
		pool := serve(t, func(o *cognitolocal.Options) { o.Key = second })
		_, id := unverified(t, machineToken(t, pool, "").AccessToken)
		ids[id] = true
	}
	if len(ids) != 1 {
		t.Errorf("the same key has the ids %v", ids)
	}
}

func TestLoadKey_RejectsAFileThatHoldsNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	for name, text := range map[string]string{
		"empty":     "",
		"other PEM": "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"no key":    "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cognitolocal.LoadKey(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := cognitolocal.LoadKey(filepath.Join(t.TempDir(), "missing", "key.pem")); err == nil {
		t.Error("a missing folder: no error")
	}
}

func TestIssuer_CanStayWhileTheAddressChanges(t *testing.T) {
	const issuer = "http://issuer.local/pool"
	pool := serve(t, func(o *cognitolocal.Options) { o.Issuer = issuer })
	claims, _ := unverified(t, machineToken(t, pool, "").AccessToken)
	if claims["iss"] != issuer || pool.Issuer() != issuer {
		t.Errorf("iss %v, Issuer %s", claims["iss"], pool.Issuer())
	}
	if len(publishedKeys(t, pool)) != 1 {
		t.Error("the keys are not at JWKSURL")
	}
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Scope       string
	Error       string
}

// askToken posts a form to the token endpoint, with HTTP Basic if basic is not the zero value.
func askToken(t *testing.T, pool *cognitolocal.Pool, form url.Values, basic cognitolocal.Client) (*http.Response, tokenAnswer) {
	t.Helper()
	r := request(t, http.MethodPost, pool.TokenURL(), form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic.ID != "" {
		r.SetBasicAuth(url.QueryEscape(basic.ID), url.QueryEscape(basic.Secret))
	}
	response, body := do(t, r)
	var answer tokenAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return response, answer
}

func machineToken(t *testing.T, pool *cognitolocal.Pool, scope string) tokenAnswer {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	response, answer := askToken(t, pool, form, machine)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %+v", response.StatusCode, answer)
	}
	return answer
}

func TestToken_GivesMachinesADayWithTheScopesAskedFor(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	pool := serve(t, func(o *cognitolocal.Options) { o.Now = func() time.Time { return now } })
	for name, test := range map[string]struct{ asked, want string }{
		"all by default": {"", "sensor-flow/read sensor-flow/write sensor-flow/admin"},
		"one":            {"sensor-flow/read", "sensor-flow/read"},
		"both":           {"sensor-flow/write sensor-flow/read", "sensor-flow/write sensor-flow/read"},
	} {
		answer := machineToken(t, pool, test.asked)
		if answer.ExpiresIn != 86_400 || answer.TokenType != "Bearer" || answer.Scope != test.want {
			t.Errorf("%s: %+v", name, answer)
		}
		claims, _ := unverified(t, answer.AccessToken)
		if claims["jti"] == "" {
			t.Errorf("%s: no jti", name)
		}
		delete(claims, "jti")
		want := jwt.MapClaims{
			"sub": machine.ID, "client_id": machine.ID, "token_use": "access", "scope": test.want, "version": 2.0,
			"iss": pool.Issuer(), "iat": float64(now.Unix()), "auth_time": float64(now.Unix()), "exp": float64(now.Unix() + 86_400),
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s: claims (-want +got):\n%s", name, diff)
		}
	}
}

func TestToken_AnswersAsRFC6749Asks(t *testing.T) {
	pool := serve(t, nil)
	fields := func(pairs ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		return form
	}
	none := cognitolocal.Client{}
	for name, test := range map[string]struct {
		form   url.Values
		basic  cognitolocal.Client
		status int
		code   string
	}{
		"basic":                          {fields(), machine, 200, ""},
		"basic, id repeated in the form": {fields("client_id", machine.ID), machine, 200, ""},
		"form fields":                    {fields("client_id", machine.ID, "client_secret", machine.Secret), none, 200, ""},
		"rejects both ways":              {fields("client_id", machine.ID, "client_secret", machine.Secret), machine, 400, "invalid_request"},
		"rejects another id in the form": {fields("client_id", "other"), machine, 401, "invalid_client"},
		"rejects a wrong secret":         {fields(), cognitolocal.Client{ID: machine.ID, Secret: "wrong"}, 401, "invalid_client"},
		"rejects an empty secret":        {fields("client_id", machine.ID), none, 401, "invalid_client"},
		"rejects an unknown client":      {fields(), cognitolocal.Client{ID: "other", Secret: machine.Secret}, 401, "invalid_client"},
		"rejects a wrong secret in the form": {
			fields("client_id", machine.ID, "client_secret", "wrong"), none, 401, "invalid_client",
		},
		"rejects no client":            {fields(), none, 401, "invalid_client"},
		"rejects the browser's client": {fields(), browser, 400, "unauthorized_client"},
		"rejects an unknown scope":     {fields("scope", "sensor-flow/all"), machine, 400, "invalid_scope"},
		"rejects a scope among others": {fields("scope", "sensor-flow/read openid"), machine, 400, "invalid_scope"},
		"a client's own scope":         {fields("scope", "sensor-flow/read"), reader, 200, ""},
		"rejects another client's":     {fields("scope", "sensor-flow/write"), reader, 400, "invalid_scope"},
		"rejects a repeated field":     {fields("scope", "sensor-flow/read", "scope", "sensor-flow/write"), machine, 400, "invalid_request"},
		"rejects a missing grant":      {url.Values{}, machine, 400, "invalid_request"},
		"rejects another grant":        {url.Values{"grant_type": {"password"}}, machine, 400, "unsupported_grant_type"},
		"rejects an oversized body":    {fields("scope", strings.Repeat("x", 17<<10)), machine, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			response, answer := askToken(t, pool, test.form, test.basic)
			if response.StatusCode != test.status || answer.Error != test.code {
				t.Errorf("status %d %q, want %d %q", response.StatusCode, answer.Error, test.status, test.code)
			}
			if (answer.AccessToken != "") != (test.status == 200) {
				t.Errorf("status %d with token %q", response.StatusCode, answer.AccessToken)
			}
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			if challenge := response.Header.Get("WWW-Authenticate"); (challenge != "") != (test.status == 401) {
				t.Errorf("status %d with WWW-Authenticate %q", response.StatusCode, challenge)
			}
		})
	}
}

func TestToken_RejectsOtherMediaTypes(t *testing.T) {
	pool := serve(t, nil)
	r := request(t, http.MethodPost, pool.TokenURL(), `{"grant_type":"client_credentials"}`)
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(machine.ID, machine.Secret)
	if response, body := do(t, r); response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "invalid_request") {
		t.Errorf("status %d: %s", response.StatusCode, body)
	}
}
