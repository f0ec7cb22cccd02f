package awsclient_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
)

const callTimeout = 10 * time.Second

// server answers a test's calls and counts its connections.
type server struct {
	*httptest.Server
	opened atomic.Int32
}

func serve(t *testing.T, start func(*httptest.Server), handle http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handle)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	start(s.Server)
	t.Cleanup(s.Close)
	return s
}

// echo answers with the request's body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // net/http drops what is not read when the answer begins
	_, _ = w.Write(body)
}

func request(ctx context.Context, t *testing.T, to, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(body))
	return r
}

// call sends body and returns the answer's.
func call(t *testing.T, c *awsclient.Short, to, body string) (string, error) {
	t.Helper()
	answer, err := c.Do(request(t.Context(), t, to, body))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	return string(text), errors.Join(err, answer.Body.Close())
}

func echoes(t *testing.T, c *awsclient.Short, to, body string) {
	t.Helper()
	if got, err := call(t, c, to, body); got != body || err != nil {
		t.Fatalf("sent %d bytes, got %d: %v", len(body), len(got), err)
	}
}

func TestShort_SendsOverOneConnectionWhatFollows(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"http": (*httptest.Server).Start, "https": (*httptest.Server).StartTLS,
	} {
		t.Run(name, func(t *testing.T) {
			s, c := serve(t, start, echo), awsclient.NewShort(10, callTimeout)
			if certificate := s.Certificate(); certificate != nil {
				roots := x509.NewCertPool()
				roots.AddCert(certificate)
				c.Trust(roots)
			}
			for _, length := range []int{10, 1 << 10, 100 << 10, 1 << 20, 0, 10} {
				echoes(t, c, s.URL, strings.Repeat("a", length))
			}
			if n := s.opened.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestShort_RefusesACertificateThatItDoesNotTrust(t *testing.T) {
	s := serve(t, (*httptest.Server).StartTLS, echo)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	var unknown x509.UnknownAuthorityError
	if _, err := call(t, awsclient.NewShort(10, callTimeout), s.URL, "a"); !errors.As(err, &unknown) {
		t.Errorf("error %v", err)
	}
}

// What came over a connection before must never be taken for the answer to another call.
func TestShort_DoesNotUseAgainWhatIsNotAsItWas(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, c *awsclient.Short, s *server){
		"closed by the other side": func(t *testing.T, c *awsclient.Short, s *server) {
			s.CloseClientConnections()
			if _, err := call(t, c, s.URL, "b"); err == nil { // whether it was carried out is not known, so nothing repeats it
				t.Error("a call over a connection that had ended was repeated")
			}
		},
		"an answer that is cut off": func(t *testing.T, c *awsclient.Short, s *server) {
			if _, err := call(t, c, s.URL+"/cut", "b"); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v", err)
			}
		},
		"the last answer": func(t *testing.T, c *awsclient.Short, s *server) { _, _ = call(t, c, s.URL+"/last", "b") },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
				said := map[string]string{
					"/cut":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
					"/last": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
				}[r.URL.Path]
				if said == "" {
					echo(w, r)
					return
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, said)
				if r.URL.Path == "/cut" {
					_ = conn.Close()
				}
			})
			c := awsclient.NewShort(10, callTimeout)
			echoes(t, c, s.URL, "first")
			spoil(t, c, s)
			for range 3 {
				echoes(t, c, s.URL, "after")
			}
			if n := s.opened.Load(); n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestShort_EndsWithItsContextAndWithItsTimeout(t *testing.T) {
	const soon = 30 * time.Millisecond
	left := make(chan struct{}, 10)
	s := serve(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "10")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done() // once its connection is closed
		left <- struct{}{}
	})
	for _, path := range []string{"/answer", "/body"} {
		t.Run("deadline"+path, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			if _, err := awsclient.NewShort(10, callTimeout).Do(request(ctx, t, s.URL+path, "a")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			<-left
		})
		t.Run("timeout"+path, func(t *testing.T) {
			var timeout interface{ Timeout() bool } // what the SDK looks for before it tries again
			_, err := awsclient.NewShort(10, soon).Do(request(t.Context(), t, s.URL+path, "a"))
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("error %v", err)
			}
			<-left
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := awsclient.NewShort(10, callTimeout).Do(request(ctx, t, s.URL, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("a call whose context has ended before: %v", err)
	}
}

// The signature covers headers and host, so that they must arrive as they were signed.
func TestShort_SendsWhatWasSigned(t *testing.T) {
	var got *http.Request
	s := serve(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("X-Amzn-Requestid", "1")
		w.WriteHeader(http.StatusBadRequest)
		echo(w, r)
	})
	r := request(t.Context(), t, s.URL, "text")
	r.Host = "dynamodb.test"
	r.Header = http.Header{
		"Authorization": {"signature"}, "Content-Type": {"application/x-amz-json-1.0"}, "User-Agent": {"sdk"},
		"X-Amz-Target": {"DynamoDB_20120810.Query"}, "X-Twice": {"a", "b"}, "Accept-Encoding": {"identity"},
	}
	answer, err := awsclient.NewShort(10, callTimeout).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || string(text) != "text" || answer.StatusCode != http.StatusBadRequest || answer.Header.Get("X-Amzn-Requestid") != "1" {
		t.Errorf("got %d %v %q: %v", answer.StatusCode, answer.Header, text, err)
	}
	if err := errors.Join(answer.Body.Close(), answer.Body.Close()); err != nil {
		t.Error(err)
	}
	want := r.Header.Clone()
	want.Set("Content-Length", "4")
	if got.Host != r.Host || !reflect.DeepEqual(got.Header, want) {
		t.Errorf("arrived for %s with %v", got.Host, got.Header)
	}
}

func TestShort_ReachesNobodyThroughAnAddressWithoutAServer(t *testing.T) {
	if _, err := call(t, awsclient.NewShort(10, callTimeout), "http://127.0.0.1:1", "a"); err == nil || !strings.Contains(err.Error(), "call 127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}

func TestShort_LeavesAProxyToNetHTTP(t *testing.T) {
	proxy := serve(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Host) })
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := awsclient.NewShort(10, callTimeout)
	c.Through(address)
	c.Proxied(func(of *http.Transport) { of.Proxy = http.ProxyURL(address) })
	if got, err := call(t, c, "http://dynamodb.test", "a"); got != "dynamodb.test" || err != nil {
		t.Errorf("got %q: %v", got, err)
	}
}

func TestShort_KeepsFewConnectionsAndClosesWhatIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connectionsMax, calls = 3, 5
		var open, opened atomic.Int32
		c := awsclient.NewShort(connectionsMax, callTimeout)
		c.Dial(func(string, time.Duration) (net.Conn, error) {
			ours, theirs := net.Pipe()
			open.Add(1)
			opened.Add(1)
			go func() {
				defer open.Add(-1)
				for in := bufio.NewReader(theirs); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					time.Sleep(time.Second) // until all have begun
					_, _ = fmt.Fprint(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
			return ours, nil
		})
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				if _, err := call(t, c, "http://dynamodb.test", "a"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := opened.Load(); n != connectionsMax {
			t.Errorf("%d connections were opened for %d calls at a time", n, calls)
		}
		time.Sleep(3 * awsclient.IdleTimeout)
		synctest.Wait()
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections are open and idle", n)
		}
	})
}
