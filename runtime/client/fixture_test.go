package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// network connects a client with handlers, by host. It has no sockets, so that it works in virtual time. A host without a handler
// refuses connections.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	calls []string // "METHOD host/path"
	// tokens counts the tokens that were given out.
	tokens int
}

var errRefused = errors.New("connection refused")

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.calls = append(n.calls, r.Method+" "+r.URL.Host+r.URL.Path)
	handler := n.hosts[r.URL.Host]
	n.mu.Unlock()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer func() { _ = r.Body.Close() }()
	if handler == nil {
		return nil, errRefused
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// set gives a host a handler; nil takes the host away.
func (n *network) set(host string, handler http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string]http.Handler{}
	}
	if n.hosts[host] = handler; handler == nil {
		delete(n.hosts, host)
	}
}

// made lists the calls to a host so far, with none of those for tokens.
func (n *network) made(host string) (calls []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, call := range n.calls {
		if _, path, found := strings.Cut(call, " "+host+"/"); found && path != "token" {
			calls = append(calls, call)
		}
	}
	return calls
}

// issued is how many tokens were given out.
func (n *network) issued() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tokens
}

// service answers like an API with a token endpoint at /token, whose tokens live for an hour; all else goes to api, once the token is
// one that was given out.
func (n *network) service(api http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			n.mu.Lock()
			n.tokens++
			token := n.tokens
			n.mu.Unlock()
			answer(w, http.StatusOK, fmt.Sprintf(`{"access_token":"token-%d","expires_in":3600}`, token))
			return
		}
		api(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// problem answers like the service does with an error.
func problem(w http.ResponseWriter, status int, message string) {
	w.Header().Set("X-Request-Id", "r-1")
	answer(w, status, fmt.Sprintf(`{"type":"/docs#problem-x","title":"A title","status":%d,"detail":%q,"message":%[2]q,"errors":[{"field":"value","reason":"must be a number"}]}`, status, message))
}

// stored answers each reading as stored.
func stored(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusCreated, `{"message":"","id":"i"}`)
}

var machine = client.Machine{ID: "id", Secret: "secret"}

// regionAt is the region of a host.
func regionAt(host string) client.Region {
	return client.Region{URL: "https://" + host, TokenURL: "https://" + host + "/token"}
}

// newClient returns a machine's client of the hosts a, b, …, whose pauses are as long as they may become.
func newClient(t *testing.T, n *network, o client.Options, hosts ...string) *client.Client {
	t.Helper()
	var at []client.Region
	for _, host := range hosts {
		at = append(at, regionAt(host))
	}
	o.HTTP = &http.Client{Transport: n}
	if o.Pacer.Jitter == nil {
		o.Pacer.Jitter = func() float64 { return 1 }
	}
	c, err := client.New(machine, at, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// one makes a reading.
func one(t testing.TB, id, at, value string) client.Reading {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.ParseValue(value)
	if err != nil {
		t.Fatal(err)
	}
	return client.Reading{EquipmentID: client.EquipmentID(id), Timestamp: when, Value: v}
}
