package publish_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/sensorflow/sensorflow/infra/operate/publish"
)

// pipes is a network inside the process, so that a test's clock can stand in for the real one.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
	// of changes how the far end reads; nil leaves it.
	of func(net.Conn) net.Conn
}

func newPipes(of func(net.Conn) net.Conn) *pipes {
	return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{}), of: of}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	if p.of != nil {
		there = p.of(there)
	}
	select {
	case p.accepted <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve answers connections by a handler, until the test ends.
func (p *pipes) serve(t *testing.T, handler http.Handler) (transport http.RoundTripper) {
	t.Helper()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(p) })
	transport = publish.NewTransport(p.dial)
	t.Cleanup(func() {
		transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		_ = server.Close()
		running.Wait()
		time.Sleep(time.Second) // of the test's clock: the server waits for so long before it leaves a connection
	})
	return transport
}

// listen takes connections and hears what is sent, and never says anything.
func (p *pipes) listen(t *testing.T) (transport http.RoundTripper) {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _, _ = io.Copy(io.Discard, c) })
		}
	})
	t.Cleanup(func() {
		_ = p.Close()
		all.Wait()
	})
	return publish.NewTransport(p.dial)
}

// paced is a connection that reads a little at a time, and nothing any more once all of its kind have read so much.
type paced struct {
	net.Conn
	every  time.Duration
	left   *atomic.Int64
	closed chan struct{}
	once   sync.Once
}

func (c *paced) Read(b []byte) (int, error) {
	if c.left.Load() <= 0 {
		<-c.closed
		return 0, net.ErrClosed
	}
	pause := time.NewTimer(c.every)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-c.closed:
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b)
	c.left.Add(int64(-n))
	return n, err
}

func (c *paced) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func pace(every time.Duration, bytes int64) func(net.Conn) net.Conn {
	left := &atomic.Int64{}
	left.Store(bytes)
	return func(c net.Conn) net.Conn {
		return &paced{Conn: c, every: every, left: left, closed: make(chan struct{})}
	}
}

// TestLogin_GivesASilentRegistryUp tries each way to be silent, by the clock of the test.
func TestLogin_GivesASilentRegistryUp(t *testing.T) {
	const local, remote = "localhost:5000", "registry.example.com"
	for name, c := range map[string]struct {
		host, want string
		longest    time.Duration
		transport  func(t *testing.T) http.RoundTripper
	}{
		"no connection": {remote, remote + " could not be reached within 10s", publish.ConnectTimeout, func(*testing.T) http.RoundTripper {
			return publish.NewTransport(newPipes(nil).dial)
		}},
		"a connection and nothing more": {remote, remote + " took the connection, and did not answer within 10s", publish.ConnectTimeout,
			func(t *testing.T) http.RoundTripper { return newPipes(nil).listen(t) }},
		"a request and no answer": {local, local + " took the connection, and did not answer within", publish.AnswerTimeout,
			func(t *testing.T) http.RoundTripper { return newPipes(nil).listen(t) }},
		"half an answer": {local, local + " took the connection, and then nothing passed for 20s", publish.IdleTimeout,
			func(t *testing.T) http.RoundTripper {
				return newPipes(nil).serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", "100")
					w.WriteHeader(http.StatusForbidden)
					_, _ = io.WriteString(w, "{")
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
				}))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newClient(t)
				a.transport = c.transport(t)
				began := time.Now()
				_, status, err := a.run(t, password, "login", "--username", username, "--password-stdin", c.host)
				if err == nil || !strings.HasPrefix(err.Error(), "sign in: "+c.want) || status != publish.StatusFailure {
					t.Errorf("status %d, error %v, want %s", status, err, c.want)
				}
				if took := time.Since(began); took > c.longest+time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// contextOf is a folder whose program has so many bytes, which cannot be compressed.
func contextOf(t *testing.T, bytes int) string {
	t.Helper()
	dir := contextFolder(t)
	noise := make([]byte, bytes)
	_, _ = rand.Read(noise)
	if err := os.WriteFile(filepath.Join(dir, "app"), noise, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// push builds an image of a folder and pushes it to a registry inside the process; it returns what was said, and how long it took.
func push(t *testing.T, dir string, of func(net.Conn) net.Conn) (said string, took time.Duration, err error) {
	t.Helper()
	const tag = "localhost:5000/a:1"
	c := newClient(t)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	c.transport = newPipes(of).serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // before the registry locks itself for the request
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	}))
	c.must(t, "", "build", "--tag", tag, "--platform", "linux/arm64", dir)
	var out bytes.Buffer
	began := time.Now()
	_, err = publish.Client{Dir: c.dir, Transport: c.transport, Now: time.Now, Out: &out}.Run(t.Context(), []string{"push", tag})
	return out.String(), time.Since(began), err
}

// TestPush_TakesItsTimeWhereSomethingPasses is about a line on which the whole push is longer than any silence may be.
func TestPush_TakesItsTimeWhereSomethingPasses(t *testing.T) {
	dir := contextOf(t, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		said, took, err := push(t, dir, pace(2*time.Second, 1<<30))
		if err != nil || took < 2*publish.IdleTimeout {
			t.Errorf("after %v: error %v", took, err)
		}
		if lines := strings.Count(said, "pushing localhost:5000/a:1: "); lines < 5 || lines > 20 || !strings.Contains(said, "\npushed ") {
			t.Errorf("it tells its progress %d times in %v:\n%s", lines, took, said)
		}
	})
}

func TestPush_GivesARegistryUpThatTakesNoMore(t *testing.T) {
	dir := contextOf(t, 256<<10)
	synctest.Test(t, func(t *testing.T) {
		_, took, err := push(t, dir, pace(0, 100<<10))
		want := "push: localhost:5000 took the connection, and then nothing passed for 20s; a push may be repeated, and goes on with what is missing"
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if took > 2*publish.IdleTimeout {
			t.Errorf("it took %v", took)
		}
	})
}
