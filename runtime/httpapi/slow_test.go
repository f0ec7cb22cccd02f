package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// network connects clients with a server in memory. A bubble of synctest knows when all that use it wait, which it cannot know
// of sockets, so that clients of any pace take no real time. It is a net.Listener.
type network struct {
	arriving chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func newNetwork() *network {
	return &network{arriving: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.arriving:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener. It is no address that could be reached otherwise.
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial connects a client. Nothing that it writes is on its way: a write ends once it was read.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.arriving <- server:
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inVirtualTime runs a test whose fixtures are reached over such a network.
func inVirtualTime(t *testing.T, test func(t *testing.T, network func(*fixture))) {
	t.Helper()
	specification(t) // what is kept for other tests is made outside the bubble
	synctest.Test(t, func(t *testing.T) {
		test(t, func(f *fixture) {
			n := newNetwork()
			f.listener = n
			transport := &http.Transport{DialContext: n.dial}
			f.connect, f.client.Transport = n.dial, transport
			t.Cleanup(transport.CloseIdleConnections)
		})
	})
}

// slowly sends a request whose body never comes to its end and returns the answer.
func slowly(t *testing.T, f *fixture, path, contentType, bodyStart string) (status string, answer string) {
	t.Helper()
	connection := f.dial()
	_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 60000\r\n\r\n%s", path, tokenWriter, contentType, bodyStart)
	response, err := http.ReadResponse(connection.in, nil)
	if err != nil {
		t.Fatalf("%s: no answer: %v", path, err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.Status, string(text)
}

func TestSlowBody_IsAnswered408(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, network func(*fixture)) {
		testSlowBodies(t, newFixture(t, httpapi.Options{BodyTimeout: 3 * time.Second, FileTimeout: 10 * time.Second}, network))
	})
}

func testSlowBodies(t *testing.T, f *fixture) {
	for _, test := range []struct{ path, contentType, start string }{
		{"/sensor-data", "application/json", "{"},
		{"/sensor-data/batch", "application/json", "[" + manyReadings(3, ",")},
		{"/sensor-data/batch", "application/x-ndjson", manyReadings(3, "\n")},
		{"/sensor-data/uploads", "application/json", "{"},
		{"/sensor-data/upload-csv", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nequip"},
		{"/sensor-data/upload-csv", "multipart/form-data; boundary=x", "--x\r\nContent-Dispo"},
	} {
		if status, text := slowly(t, f, test.path, test.contentType, test.start); !strings.HasPrefix(status, "408") || !strings.Contains(text, "slow-body") {
			t.Errorf("%s %s: %s %s", test.path, test.contentType, status, text)
		}
	}
	if stored := f.table.values(); len(stored) > 0 {
		t.Errorf("half a batch was stored: %v", stored)
	}
}

// A body that trickles in may take longer than BodyTimeout only in the one route for files, and there until FileTimeout.
func TestSlowFile_MayTakeLongerThanOtherBodies(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, network func(*fixture)) {
		f := newFixture(t, httpapi.Options{BodyTimeout: 5 * time.Second, FileTimeout: time.Minute}, network)
		text, media := form(t, [4]string{"file", "a.csv", "text/csv", strings.Repeat("x", 40_000)})
		reader, writer := io.Pipe()
		var client sync.WaitGroup
		defer func() { _ = reader.Close(); client.Wait() }()
		client.Go(func() {
			for part := range 8 {
				time.Sleep(2 * time.Second)
				_, _ = io.WriteString(writer, text[len(text)*part/8:len(text)*(part+1)/8])
			}
			_ = writer.Close()
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/sensor-data/upload-csv", reader)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", media)
		r.Header.Set("Authorization", "Bearer "+tokenWriter)
		if got := f.send(r); got.status != http.StatusCreated {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	})
}

// A handler that works longer than the body may take must not lose its context to the body's deadline.
func TestBodyDeadline_EndsWithTheBody(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, network func(*fixture)) {
		f := newFixture(t, httpapi.Options{BodyTimeout: time.Second}, network)
		f.api.Saver = slowSaver{3 * time.Second}
		if got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")}); got.status != http.StatusCreated {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	})
}

type slowSaver struct{ takes time.Duration }

func (s slowSaver) Save(ctx context.Context, _ reading.Write) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.takes):
		return nil
	}
}
