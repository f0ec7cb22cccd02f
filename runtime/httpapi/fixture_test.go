package httpapi_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/capture"
)

// Tokens that the fixture's people and machines send.
const (
	tokenPerson = "person"
	tokenReader = "reader"
	tokenWriter = "writer"
	tokenAdmin  = "admin"
)

var testNow = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// fixture is a served API over collaborators that a test can look into.
type fixture struct {
	t       *testing.T
	api     *httpapi.Server
	url     string
	table   *table
	uploads *uploads
	// deletions answers DELETE /sensor-data.
	deletions *deletions
	windows   *windows
	equipment *catalog
	auth      *authenticator
	log       *capture.Buffer
	checks    []httpapi.Check
	spec      validator.Validator
	now       func() time.Time

	// wrap puts something before the API.
	wrap     func(http.Handler) http.Handler
	listener net.Listener // nil for one on a free port
	client   http.Client
	connect  func(ctx context.Context, network, address string) (net.Conn, error)
}

// newFixture serves the API. change may adapt the collaborators before the server is made.
func newFixture(t *testing.T, o httpapi.Options, change ...func(*fixture)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, table: &table{}, windows: &windows{}, equipment: &catalog{}, deletions: &deletions{}, log: &capture.Buffer{},
		uploads: &uploads{stored: map[string]string{}, formats: map[string]csvfile.Format{}, known: map[string]csvfile.Upload{}},
		auth:    &authenticator{loggedOut: map[string]bool{}},
		now:     func() time.Time { return testNow },
		client: http.Client{
			Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		connect: new(net.Dialer).DialContext,
		checks:  []httpapi.Check{passing("tables"), passing("bucket"), passing("keys")},
	}
	for _, c := range change {
		c(f)
	}
	pacer := pacing.Pacer{Sleep: func(context.Context, time.Duration) error { return nil }}
	coalescer := ingest.NewCoalescer(f.table, ingest.Options{}, pacer)
	t.Cleanup(func() { _ = coalescer.Close(context.Background()) })
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: coalescer, Batches: ingest.NewWriter(f.table, 4, pacer), Pager: f.table, Deletions: f.deletions, Uploads: f.uploads, UploadParts: f.uploads, UploadStatus: f.uploads,
		Windows: f.windows, Equipment: f.equipment, Authenticator: f.auth, Checks: f.checks, Now: f.now,
		Logger: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	f.api = api
	var handler http.Handler = api
	if f.wrap != nil {
		handler = f.wrap(api)
	}
	server := httptest.NewUnstartedServer(handler)
	connections := httpapi.NewConnections(cmp.Or(o.Memory, memory.PlanFor(memory.LimitDefault)))
	server.Config = httpapi.NewHTTPServer("", handler, connections)
	if f.listener != nil {
		_ = server.Listener.Close() // nobody has used it
		server.Listener = f.listener
	}
	server.Listener = connections.Listen(server.Listener)
	server.Start()
	t.Cleanup(server.Close)
	f.url = server.URL
	f.spec = specification(t)
	return f
}

var parsedSpecification = sync.OnceValues(func() (validator.Validator, error) {
	api, err := httpapi.New(httpapi.Dependencies{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, httpapi.Options{TokenURL: "https://auth.example.com/oauth2/token"})
	if err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	api.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	document, err := libopenapi.NewDocument(recorder.Body.Bytes())
	if err != nil {
		return nil, err
	}
	spec, errs := validator.NewValidator(document)
	return spec, errors.Join(errs...)
})

func specification(t *testing.T) validator.Validator {
	t.Helper()
	spec, err := parsedSpecification()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// call is one request of a test.
type call struct {
	method, path, body string
	token              string
	headers            map[string]string
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request and checks that the answer is one that the OpenAPI description allows.
func (f *fixture) do(c call) reply {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), c.method, f.url+c.path, strings.NewReader(c.body))
	if err != nil {
		f.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.headers {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	return f.send(r)
}

func (f *fixture) send(r *http.Request) reply {
	f.t.Helper()
	response, err := f.client.Do(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatalf("%s %s: read the answer: %v", r.Method, r.URL.Path, err)
	}
	_ = response.Body.Close()
	got := reply{response.StatusCode, response.Header, string(body)}
	if got.header.Get("X-Request-Id") == "" {
		f.t.Errorf("%s %s: the answer has no X-Request-Id", r.Method, r.URL.Path)
	}
	if got.status >= 400 && r.Method != http.MethodHead {
		f.problem(got)
	}
	f.conforms(r, response, got)
	return got
}

// conforms holds an answer to the OpenAPI description; 405 and the 404 of unknown addresses are described in prose.
func (f *fixture) conforms(r *http.Request, response *http.Response, got reply) {
	f.t.Helper()
	if r.URL.Opaque != "" || !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodDelete}, r.Method) || got.status == http.StatusMethodNotAllowed ||
		strings.Contains(got.body, "nothing at this address") {
		return
	}
	response.Body = io.NopCloser(strings.NewReader(got.body))
	if ok, faults := f.spec.ValidateHttpResponse(r, response); !ok {
		for _, fault := range faults {
			f.t.Errorf("%s %s answered %d, which the description does not allow: %s: %s %v\n%.300s", r.Method, r.URL.Path, got.status, fault.Message, fault.Reason, fault.SchemaValidationErrors, got.body)
		}
	}
}

// problem checks the form of an error answer and returns it.
func (f *fixture) problem(got reply) problemAnswer {
	f.t.Helper()
	var p problemAnswer
	if err := json.Unmarshal([]byte(got.body), &p); err != nil {
		f.t.Fatalf("status %d with a body that is no problem: %v\n%s", got.status, err, got.body)
	}
	var told struct{ Status any }
	got.decode(f.t, &told)
	switch status := told.Status.(type) {
	case float64:
		p.Status = int(status)
	case string: // the verdict on readiness
		p.Status = http.StatusServiceUnavailable
	}
	if media := got.header.Get("Content-Type"); media != "application/problem+json" {
		f.t.Errorf("status %d has the Content-Type %q", got.status, media)
	}
	if p.Type == "" || p.Title == "" || p.Detail == "" || p.Message == "" || p.Status != got.status || p.RequestID != got.header.Get("X-Request-Id") {
		f.t.Errorf("status %d: incomplete problem %s", got.status, got.body)
	}
	if got.status == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "" {
		f.t.Error("401 without WWW-Authenticate")
	}
	if (got.status == http.StatusTooManyRequests || got.status == http.StatusServiceUnavailable) && got.header.Get("Retry-After") == "" {
		f.t.Errorf("%d without Retry-After", got.status)
	}
	return p
}

type problemAnswer struct {
	Type, Title, Detail, Message, RequestID string
	Status                                  int `json:"-"`
	Errors                                  []fault.FieldError
}

func (p problemAnswer) fields() string {
	var names []string
	for _, e := range p.Errors {
		names = append(names, e.Field)
	}
	return strings.Join(names, ",")
}

func (r reply) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		t.Fatalf("decode %s: %v", r.body, err)
	}
}

func basic(user, pass string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))}
}
