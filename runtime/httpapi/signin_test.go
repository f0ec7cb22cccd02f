package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestLogin_SetsTheCookieThatSuitsTheDeployment(t *testing.T) {
	for _, test := range []struct {
		name    string
		options httpapi.Options
		host    string
		want    string
	}{
		{"loopback", httpapi.Options{}, "", "Authentication=person; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"localhost", httpapi.Options{PublicURL: "http://127.0.0.1:8080"}, "localhost:8080", "Authentication=person; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"https", httpapi.Options{PublicURL: "https://api.example.com"}, "", "Authentication=person; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"other host", httpapi.Options{}, "api.example.com", "Authentication=person; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"other origins", httpapi.Options{AllowedOrigins: []string{"https://app.example.com"}}, "", "Authentication=person; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=None"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.options)
			headers := basic(username, password)
			if test.host != "" {
				headers["Host"] = test.host
			}
			got := f.do(call{method: "POST", path: "/auth/login", headers: headers})
			if got.status != http.StatusOK || got.body != `{"message":"Login successful"}`+"\n" || got.header.Get("Set-Cookie") != test.want {
				t.Errorf("status %d, body %s, cookie %s, want %s", got.status, got.body, got.header.Get("Set-Cookie"), test.want)
			}
		})
	}
}

func TestLogin_RejectsBadHeadersAndCredentials(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	encode := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, test := range []struct {
		name, header string
		status       int
	}{
		{"rejects no header", "", 400},
		{"rejects another scheme", "Bearer " + tokenPerson, 400},
		{"rejects no Base64", "Basic !!!", 400},
		{"rejects no colon", encode("ada"), 400},
		{"rejects no user name", encode(":x"), 400},
		{"rejects no password", encode("ada:"), 400},
		{"rejects what is not UTF-8", encode("ada:\xff"), 400},
		{"rejects control characters", encode("ada:a\nb"), 400},
		{"rejects 2 KB", encode("ada:" + strings.Repeat("x", 2048)), 400},
		{"rejects a wrong password", encode("ada:pass"), 401},
		{"rejects an unknown user", encode("eve:pass"), 401},
		{"takes the scheme in lower case", "basic" + strings.TrimPrefix(encode(username+":"+password), "Basic"), 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.do(call{method: "POST", path: "/auth/login", headers: map[string]string{"Authorization": test.header}})
			if got.status != test.status || test.status >= 400 && got.header.Get("Set-Cookie") != "" {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.body)
			}
		})
	}
	unknown := f.do(call{method: "POST", path: "/auth/login", headers: map[string]string{"Authorization": encode("eve:pass"), "X-Request-Id": "1"}})
	wrong := f.do(call{method: "POST", path: "/auth/login", headers: map[string]string{"Authorization": encode("ada:pass"), "X-Request-Id": "1"}})
	if unknown.body != wrong.body {
		t.Errorf("an unknown user is told %s, a wrong password %s", unknown.body, wrong.body)
	}
	if strings.Contains(strings.ToLower(wrong.header.Get("WWW-Authenticate")), "basic") {
		t.Error("the challenge makes browsers open their own password window")
	}
}

func TestLogin_TellsHowLongToWait(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.auth.loginErr = auth.TooManyAttempts{RetryAfter: 1500 * time.Millisecond}
	got := f.do(call{method: "POST", path: "/auth/login", headers: basic(username, password)})
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "2" {
		t.Errorf("status %d, Retry-After %s", got.status, got.header.Get("Retry-After"))
	}
}

func TestLogin_TakesTheAddressThatTheOutermostTrustedProxySaw(t *testing.T) {
	for _, test := range []struct {
		proxies         int
		forwarded, want string
	}{
		{0, "203.0.113.9", "127.0.0.1"},
		{1, "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{2, "198.51.100.1, 203.0.113.9, 192.0.2.1", "203.0.113.9"},
		{2, "203.0.113.9", "127.0.0.1"},
		{1, "", "127.0.0.1"},
		{1, "<script>", "127.0.0.1"},
	} {
		f := newFixture(t, httpapi.Options{TrustedProxies: test.proxies})
		headers := basic(username, password)
		headers["X-Forwarded-For"] = test.forwarded
		f.do(call{method: "POST", path: "/auth/login", headers: headers})
		if got := f.auth.addresses[0]; got != test.want {
			t.Errorf("%d proxies, X-Forwarded-For %q: address %s, want %s", test.proxies, test.forwarded, got, test.want)
		}
	}
}

func TestMe_TellsWhoTheCallerIs(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	want := `{"username":"person","sub":"sub-person","email":"ada@example.com","groups":["operators"],` +
		`"scopes":["sensor-flow/read","sensor-flow/write"],"expiresAt":"2026-03-01T09:30:00Z"}` + "\n"
	if got := f.do(call{method: "GET", path: "/auth/me", headers: map[string]string{"Cookie": "Authentication=" + tokenPerson}}); got.body != want {
		t.Errorf("by cookie: status %d, %s, want %s", got.status, got.body, want)
	}
	machine := f.do(call{method: "GET", path: "/auth/me", token: tokenReader})
	if !strings.Contains(machine.body, `"groups":[]`) {
		t.Errorf("a machine: %s", machine.body)
	}
	for name, headers := range map[string]map[string]string{
		"no token":                          {},
		"a foreign token":                   {"Authorization": "Bearer other"},
		"an empty token":                    {"Authorization": "Bearer "},
		"Basic":                             basic(username, password),
		"an empty cookie":                   {"Cookie": "Authentication="},
		"a bad header beside a good cookie": {"Authorization": "Bearer other", "Cookie": "Authentication=" + tokenPerson},
	} {
		if got := f.do(call{method: "GET", path: "/auth/me", headers: headers}); got.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	f.auth.err = &fault.Error{Kind: fault.Unavailable, Message: "sign-in cannot be checked now"}
	if got := f.do(call{method: "GET", path: "/auth/me", token: tokenPerson}); got.status != http.StatusServiceUnavailable {
		t.Errorf("revocations out of reach: status %d", got.status)
	}
}

func TestLogout_ClearsTheCookieAndRefusesTheToken(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	cookie := map[string]string{"Cookie": "Authentication=" + tokenPerson}
	got := f.do(call{method: "POST", path: "/auth/logout", headers: cookie})
	if got.status != http.StatusOK || got.body != `{"message":"Logout successful"}`+"\n" ||
		got.header.Get("Set-Cookie") != "Authentication=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
		t.Errorf("status %d, body %s, cookie %s", got.status, got.body, got.header.Get("Set-Cookie"))
	}
	for _, path := range []string{"/auth/me", "/sensor-data/uploads"} {
		if again := f.do(call{method: "GET", path: path, headers: cookie}); again.status != http.StatusUnauthorized {
			t.Errorf("%s with the old cookie: status %d", path, again.status)
		}
	}
	if again := f.do(call{method: "POST", path: "/auth/logout", headers: cookie}); again.status != http.StatusUnauthorized {
		t.Errorf("a second logout: status %d", again.status)
	}
}

func TestScopes_GuardEveryRoute(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, route := range []struct{ method, path, without string }{
		{"POST", "/sensor-data", tokenReader},
		{"POST", "/sensor-data/batch", tokenReader},
		{"POST", "/sensor-data/uploads", tokenReader},
		{"POST", "/sensor-data/upload-csv", tokenReader},
		{"GET", "/sensor-data?equipmentId=a", tokenWriter},
		{"GET", "/sensor-data/uploads", tokenWriter},
		{"GET", "/sensor-data/uploads/x", tokenWriter},
		{"GET", "/sensor-data/aggregated?interval=24h", tokenWriter},
	} {
		if got := f.do(call{method: route.method, path: route.path}); got.status != http.StatusUnauthorized {
			t.Errorf("%s %s without a token: status %d", route.method, route.path, got.status)
		}
		if got := f.do(call{method: route.method, path: route.path, token: route.without}); got.status != http.StatusForbidden {
			t.Errorf("%s %s without its scope: status %d", route.method, route.path, got.status)
		}
	}
}

func TestCookie_DoesNotActForAPageOfAnotherOrigin(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers map[string]string
		options httpapi.Options
		status  int
	}{
		{"a program", nil, httpapi.Options{}, 201},
		{"same origin", map[string]string{"Origin": "http://api.test"}, httpapi.Options{}, 201},
		{"same origin behind a proxy", map[string]string{"Origin": "https://api.example.com"}, httpapi.Options{PublicURL: "https://api.example.com"}, 201},
		{"an allowed origin", map[string]string{"Origin": "https://app.example.com", "Sec-Fetch-Site": "same-site"}, httpapi.Options{AllowedOrigins: []string{"https://app.example.com"}}, 201},
		{"same origin by Referer", map[string]string{"Referer": "http://api.test/console"}, httpapi.Options{}, 201},
		{"same origin by Sec-Fetch-Site", map[string]string{"Sec-Fetch-Site": "same-origin"}, httpapi.Options{}, 201},
		{"rejects another origin", map[string]string{"Origin": "https://evil.example"}, httpapi.Options{}, 403},
		{"rejects another port", map[string]string{"Origin": "http://api.test:81"}, httpapi.Options{}, 403},
		{"rejects the null origin", map[string]string{"Origin": "null"}, httpapi.Options{}, 403},
		{"rejects http where https is served", map[string]string{"Origin": "http://api.test"}, httpapi.Options{PublicURL: "https://api.test"}, 403},
		{"rejects a sub-domain's page", map[string]string{"Sec-Fetch-Site": "same-site"}, httpapi.Options{}, 403},
		{"rejects a foreign Referer", map[string]string{"Referer": "https://evil.example/api.test"}, httpapi.Options{}, 403},
		{"rejects a foreign Origin beside Sec-Fetch-Site", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "none"}, httpapi.Options{}, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.options)
			headers := map[string]string{"Cookie": "Authentication=" + tokenPerson, "Host": "api.test"}
			for name, value := range test.headers {
				headers[name] = value
			}
			got := f.do(call{method: "POST", path: "/sensor-data", headers: headers, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")})
			if got.status != test.status {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			headers["Cookie"] = ""
			headers["Authorization"] = "Bearer " + tokenWriter
			if got := f.do(call{method: "POST", path: "/sensor-data", headers: headers, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")}); got.status != http.StatusCreated {
				t.Errorf("without the cookie: status %d", got.status)
			}
		})
	}
}
