package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestHealth(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	got := f.do(call{method: "GET", path: "/"})
	if got.status != http.StatusOK || got.body != "ok" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("GET /: %d %s %q", got.status, got.header.Get("Content-Type"), got.body)
	}
	if got := f.do(call{method: "GET", path: "/healthz"}); got.status != http.StatusOK {
		t.Errorf("GET /healthz: %d", got.status)
	}
	if got := f.do(call{method: "GET", path: "/readyz"}); got.status != http.StatusOK || got.body != `{"status":"ready","parts":{"bucket":"ready","keys":"ready","tables":"ready"}}`+"\n" {
		t.Errorf("GET /readyz: %d %s", got.status, got.body)
	}
}

// passing is a check of a part that is well.
func passing(part string) httpapi.Check {
	return httpapi.Check{Part: part, Needed: true, Run: func(context.Context) error { return nil }}
}

func TestReady_NamesWhatFailsAndAsksAtMostOnceASecond(t *testing.T) {
	var asked, offset atomic.Int64
	var down atomic.Bool
	f := newFixture(t, httpapi.Options{}, func(f *fixture) {
		f.now = func() time.Time { return testNow.Add(time.Duration(offset.Load())) }
		f.checks = []httpapi.Check{
			{Part: "tables", Needed: true, Run: func(context.Context) error {
				asked.Add(1)
				if down.Load() {
					return errors.New("table arn:secret is gone")
				}
				return nil
			}},
			passing("bucket"), passing("keys"),
		}
	})
	for range 3 {
		if got := f.do(call{method: "GET", path: "/readyz"}); got.status != http.StatusOK {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("checked %d times within a second", asked.Load())
	}
	down.Store(true)
	offset.Store(int64(1001 * time.Millisecond))
	got := f.do(call{method: "GET", path: "/readyz"})
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" || strings.Contains(got.body, "secret") ||
		!strings.Contains(got.body, `"status":"unready","parts":{"bucket":"ready","keys":"ready","tables":"unready"}`) {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if !strings.Contains(f.log.String(), "arn:secret") {
		t.Error("the log does not say what fails")
	}
	if f.do(call{method: "GET", path: "/healthz"}).status != http.StatusOK {
		t.Error("liveness depends on a dependency")
	}
}

// Every mix of what may fail: what readings and aggregates need decides, and every part has its own verdict.
func TestReady_JudgesEachPart(t *testing.T) {
	down := map[string]bool{}
	check := func(part, name string, needed bool) httpapi.Check {
		return httpapi.Check{Part: part, Needed: needed, Run: func(context.Context) error {
			if down[name] {
				return errors.New("down")
			}
			return nil
		}}
	}
	for name, c := range map[string]struct {
		down []string
		want string
	}{
		"all is well":           {nil, `{"status":"ready","parts":{"bucket":"ready","keys":"ready","tables":"ready"}}`},
		"no bucket":             {[]string{"bucket"}, `{"status":"degraded","parts":{"bucket":"unready","keys":"ready","tables":"ready"}}`},
		"no uploads table":      {[]string{"uploads"}, `{"status":"degraded","parts":{"bucket":"ready","keys":"ready","tables":"degraded"}}`},
		"no readings table":     {[]string{"readings"}, `"status":"unready","parts":{"bucket":"ready","keys":"ready","tables":"unready"}`},
		"no table at all":       {[]string{"readings", "uploads"}, `"status":"unready","parts":{"bucket":"ready","keys":"ready","tables":"unready"}`},
		"no keys and no bucket": {[]string{"keys", "bucket"}, `"status":"unready","parts":{"bucket":"unready","keys":"unready","tables":"ready"}`},
	} {
		t.Run(name, func(t *testing.T) {
			clear(down)
			for _, one := range c.down {
				down[one] = true
			}
			f := newFixture(t, httpapi.Options{}, func(f *fixture) {
				f.checks = []httpapi.Check{
					check("tables", "readings", true), check("tables", "uploads", false), check("bucket", "bucket", false), check("keys", "keys", true),
				}
			})
			got := f.do(call{method: "GET", path: "/readyz"})
			status := http.StatusOK
			if strings.Contains(c.want, "unready\",\"parts") {
				status = http.StatusServiceUnavailable
			}
			if got.status != status || !strings.Contains(got.body, c.want) {
				t.Errorf("status %d: %s, want %s", got.status, got.body, c.want)
			}
		})
	}
}

func TestReady_DoesNotWaitForAHangingCheck(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, network func(*fixture)) {
		f := newFixture(t, httpapi.Options{}, network, func(f *fixture) {
			hanging := httpapi.Check{Part: "keys", Needed: true, Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
			f.checks = []httpapi.Check{hanging, passing("tables"), passing("bucket")}
		})
		began := time.Now()
		if got := f.do(call{method: "GET", path: "/readyz"}); got.status != http.StatusServiceUnavailable {
			t.Errorf("status %d", got.status)
		}
		if took := time.Since(began); took > 1900*time.Millisecond { // Route 53 waits for 2 s
			t.Errorf("took %s", took)
		}
	})
}

func TestDrain_FellsReadinessFirst(t *testing.T) {
	f := newFixture(t, httpapi.Options{}, func(f *fixture) {
		away := httpapi.Check{Part: "bucket", Run: func(context.Context) error { return errors.New("away") }}
		f.checks = []httpapi.Check{passing("tables"), away, passing("keys")}
	})
	if got := f.do(call{method: "GET", path: "/readyz"}); got.status != http.StatusOK || strings.Contains(got.body, "shutdown") {
		t.Errorf("GET /readyz before the drain: %d %s", got.status, got.body)
	}
	f.api.Drain()
	// What is away at that moment is told all the same, and the answer before this one is not changed by it.
	want := `"status":"unready","parts":{"bucket":"unready","keys":"ready","shutdown":"unready","tables":"ready"}`
	for range 2 {
		if got := f.do(call{method: "GET", path: "/readyz"}); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, want) ||
			f.problem(got).Message != "The service is shutting down here." {
			t.Errorf("GET /readyz: %d %s", got.status, got.body)
		}
	}
	for path, status := range map[string]int{"/healthz": 200, "/": 200} {
		if got := f.do(call{method: "GET", path: path}); got.status != status {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
	if got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")}); got.status != http.StatusCreated {
		t.Errorf("a request that still comes: %d", got.status)
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, path := range []string{"/nothing", "/sensor-data/", "//sensor-data", "/sensor-data/../healthz", "/auth", "/sensor-data/uploads/a/b", "/assets/none.js"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path // as it stands, not cleaned by the client
		if got := f.send(r); got.status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
	for _, test := range []struct{ method, path, allow string }{
		{"PUT", "/sensor-data", "DELETE, GET, HEAD, OPTIONS, POST"},
		{"GET", "/auth/login", "OPTIONS, POST"},
		{"PUT", "/sensor-data/batch", "OPTIONS, POST"},
		{"POST", "/sensor-data/aggregated", "GET, HEAD, OPTIONS"},
		{"POST", "/", "GET, HEAD, OPTIONS"},
		{"PATCH", "/openapi.json", "GET, HEAD, OPTIONS"},
	} {
		got := f.do(call{method: test.method, path: test.path})
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q, want %q", test.method, test.path, got.status, got.header.Get("Allow"), test.allow)
		}
	}
	for _, path := range []string{"/", "/healthz", "/docs", "/sensor-data/uploads"} {
		if got := f.do(call{method: "HEAD", path: path, token: tokenReader}); got.status != http.StatusOK || got.body != "" || got.header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %d %q", path, got.status, got.body)
		}
	}
	if got := f.do(call{method: "OPTIONS", path: "/sensor-data"}); got.status != http.StatusNoContent || got.header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, POST" {
		t.Errorf("OPTIONS: %d, Allow %q", got.status, got.header.Get("Allow"))
	}
}

func TestRequestID_IsTheClientsWhereItIsSane(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for id, kept := range map[string]bool{
		"abc-DEF_1.2": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a b": false, "a\"b": false, "ü": false,
	} {
		got := f.do(call{method: "GET", path: "/healthz", headers: map[string]string{"X-Request-Id": id}}).header.Get("X-Request-Id")
		if kept != (got == id) {
			t.Errorf("X-Request-Id %q became %q", id, got)
		}
		if !kept && len(got) != 36 {
			t.Errorf("a new id is %q, no UUID", got)
		}
	}
}

func TestLog_HasOneLineARequestAndNoSecret(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.do(call{method: "POST", path: "/auth/login", headers: basic(username, password)})
	f.do(call{method: "GET", path: "/sensor-data?equipmentId=SECRET-EQ", token: tokenReader, headers: map[string]string{"X-Request-Id": "id-1"}})
	f.do(call{method: "GET", path: "/sensor-data/uploads/SECRET-ID", token: tokenReader})
	f.do(call{method: "GET", path: "/auth/me", headers: map[string]string{"Cookie": "Authentication=SECRET-TOKEN"}})
	text := f.log.String()
	if lines := strings.Count(text, `"msg":"request"`); lines != 4 {
		t.Errorf("%d lines for 4 requests:\n%s", lines, text)
	}
	if strings.Contains(text, "SECRET") || strings.Contains(text, "wörd") || strings.Contains(text, username+":") {
		t.Errorf("the log tells what it must not:\n%s", text)
	}
	if !strings.Contains(text, `"request_id":"id-1","method":"GET","route":"/sensor-data","status":200`) || !strings.Contains(text, `"route":"/sensor-data/uploads/{id}","status":404`) {
		t.Errorf("the log lacks a route or a status:\n%s", text)
	}
}

type panicking struct{}

func (panicking) Query(context.Context, aggregate.Query) (aggregate.Answer, error) {
	panic("out of its mind")
}

func TestPanic_IsAnsweredAndLogged(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.api.Windows = panicking{}
	got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader})
	if got.status != http.StatusInternalServerError || strings.Contains(got.body, "mind") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if text := f.log.String(); !strings.Contains(text, "out of its mind") || !strings.Contains(text, got.header.Get("X-Request-Id")) {
		t.Errorf("the log does not tell: %s", text)
	}
	if got := f.do(call{method: "GET", path: "/healthz"}); got.status != http.StatusOK {
		t.Errorf("the server does not go on: %d", got.status)
	}
}

func TestHeaders_ProtectEveryAnswer(t *testing.T) {
	f := newFixture(t, httpapi.Options{PublicURL: "https://api.example.com"})
	for _, path := range []string{"/healthz", "/nothing", "/auth/me", "/docs"} {
		header := f.do(call{method: "GET", path: path}).header
		if !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || header.Get("X-Content-Type-Options") != "nosniff" ||
			header.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(header.Get("Strict-Transport-Security"), "max-age=31536000") {
			t.Errorf("%s: headers %v", path, header)
		}
		if cache := header.Get("Cache-Control"); path != "/docs" && cache != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, cache)
		}
	}
	if header := newFixture(t, httpapi.Options{}).do(call{method: "GET", path: "/healthz"}).header; header.Get("Strict-Transport-Security") != "" {
		t.Error("plain HTTP is told to be TLS")
	}
}

func TestCORS_IsForExactlyTheAllowedOrigins(t *testing.T) {
	f := newFixture(t, httpapi.Options{AllowedOrigins: []string{"https://app.example.com"}})
	preflight := func(origin string) http.Header {
		return f.do(call{method: "OPTIONS", path: "/sensor-data", headers: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
		}}).header
	}
	good := preflight("https://app.example.com")
	if good.Get("Access-Control-Allow-Origin") != "https://app.example.com" || good.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(good.Get("Access-Control-Allow-Methods"), "POST") || !strings.Contains(good.Get("Access-Control-Allow-Headers"), "Content-Type") ||
		good.Get("Vary") != "Origin" {
		t.Errorf("an allowed origin: %v", good)
	}
	for _, origin := range []string{"https://evil.example", "https://app.example.com.evil.example", "null", "http://app.example.com"} {
		for name := range preflight(origin) {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%s is given %s", origin, name)
			}
		}
	}
	got := f.do(call{method: "GET", path: "/auth/me", headers: map[string]string{"Origin": "https://app.example.com"}})
	if got.header.Get("Access-Control-Allow-Origin") == "" || !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "X-Request-Id") {
		t.Errorf("a problem cannot be read by an allowed origin: %v", got.header)
	}
	closed := newFixture(t, httpapi.Options{PublicURL: "https://api.example.com"})
	if got := closed.do(call{method: "GET", path: "/healthz", headers: map[string]string{"Origin": "https://api.example.com"}}); got.header.Get("Access-Control-Allow-Origin") != "" || got.header.Get("Vary") != "" {
		t.Errorf("without allowed origins: %v", got.header)
	}
}
