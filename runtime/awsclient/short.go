package awsclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// idleTimeout is how long a connection is kept that nobody needs, as net/http's is.
	idleTimeout = 90 * time.Second
	// requestBytes holds a whole call of statements, so that it is one write to its connection; answerBytes most answers.
	requestBytes = 20 << 10
	answerBytes  = 4 << 10
)

// Short is an HTTP client for a service of short calls and short answers. Each call is made by the goroutine that wants it: it
// writes the request, waits for the answer and reads it. net/http has two goroutines for each connection, which are woken for
// each call, and that is an eighth of what a call of 25 statements costs. It speaks HTTP/1.1, and is safe for concurrent use.
//
// A connection is kept until it has been idle for a while. One that the other side has closed is not used again. As with net/http a
// call that fails is not repeated.
type Short struct {
	connectionsMax int
	timeout        time.Duration
	tls            *tls.Config
	dialing        func(ctx context.Context, network, address string) (net.Conn, error)
	proxy          func(*http.Request) (*url.URL, error)

	proxied *awshttp.BuildableClient // for whom a proxy is set

	mu    sync.Mutex
	idle  []*connection // the one used last is at the end
	sweep *time.Timer   // nil while none is idle
}

// NewShort returns a client that keeps at most connectionsMax idle connections, and each of whose calls has an end after a timeout.
func NewShort(connectionsMax int, timeout time.Duration) *Short {
	return &Short{
		connectionsMax: connectionsMax, timeout: timeout,
		dialing: (&net.Dialer{Timeout: dialTimeout}).DialContext, proxy: http.ProxyFromEnvironment,
		tls:     &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		proxied: HTTP(connectionsMax).WithTimeout(timeout),
	}
}

// connection is one to an address, and belongs to one call or to the idle ones.
type connection struct {
	net.Conn
	address address
	raw     syscall.RawConn // nil where there is none
	in      *bufio.Reader
	out     *bufio.Writer
	text    []byte    // room for the body of a request
	since   time.Time // when it became idle
}

type address struct{ scheme, host string }

// Do implements the SDK's HTTPClient.
func (s *Short) Do(r *http.Request) (*http.Response, error) {
	if proxy, err := s.proxy(r); proxy != nil || err != nil {
		return s.proxied.Do(r)
	}
	ctx := r.Context()
	deadline := time.Now().Add(s.timeout)
	if end, bounded := ctx.Deadline(); bounded && end.Before(deadline) {
		deadline = end
	}
	c, err := s.connect(ctx, address{r.URL.Scheme, r.URL.Host}, deadline)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", r.URL.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	answer, err := c.exchange(r, deadline)
	if err != nil {
		stop()
		_ = c.Close()
		return nil, reason(ctx, err)
	}
	answer.Body = &body{ReadCloser: answer.Body, reason: func(err error) error { return reason(ctx, err) }, end: func(whole bool) {
		if unused := stop(); whole && unused && !answer.Close {
			s.keep(c)
		} else {
			_ = c.Close()
		}
	}}
	return answer, nil
}

// reason is why a call has failed: where its context has ended, that.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if end, bounded := ctx.Deadline(); bounded && !time.Now().Before(end) {
		return context.DeadlineExceeded // the connection knew a moment before
	}
	return err
}

// connect takes an idle connection, or makes one.
func (s *Short) connect(ctx context.Context, to address, deadline time.Time) (*connection, error) {
	for {
		c := s.take(to)
		if c == nil {
			return s.dial(ctx, to, deadline)
		}
		if time.Since(c.since) < idleTimeout && c.in.Buffered() == 0 && (c.raw == nil || quiet(c.raw)) {
			return c, nil
		}
		_ = c.Close()
	}
}

// take takes the connection that was used last out of the idle ones.
func (s *Short) take(to address) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.idle) - 1; i >= 0; i-- {
		if c := s.idle[i]; c.address == to {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			return c
		}
	}
	return nil
}

func (s *Short) dial(ctx context.Context, to address, deadline time.Time) (*connection, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	host, port, err := net.SplitHostPort(to.host)
	if err != nil {
		host, port = to.host, to.scheme // the ports have the names of the schemes
	}
	conn, err := s.dialing(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	c := &connection{address: to, Conn: conn}
	if of, ok := conn.(syscall.Conn); ok {
		c.raw, _ = of.SyscallConn() // without it, a call finds out that the connection has ended
	}
	if to.scheme == "https" {
		config := s.tls.Clone()
		config.ServerName = host
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		c.Conn = encrypted
	}
	c.in, c.out = bufio.NewReaderSize(c.Conn, answerBytes), bufio.NewWriterSize(c.Conn, requestBytes)
	return c, nil
}

// exchange sends a request and reads the beginning of its answer.
func (c *connection) exchange(r *http.Request, deadline time.Time) (*http.Response, error) {
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if err := c.send(r); err != nil {
		return nil, fmt.Errorf("send a request: %w", err)
	}
	for {
		answer, err := http.ReadResponse(c.in, r)
		if err != nil {
			return nil, fmt.Errorf("read an answer: %w", err)
		}
		if answer.StatusCode >= http.StatusOK { // others say that an answer is to follow (RFC 9110, section 15.2)
			return answer, nil
		}
	}
}

// send writes a request. Its body is taken into memory first: net/http sends the headers ahead of one that may be long in coming.
func (c *connection) send(r *http.Request) error {
	if r.Body != nil && r.ContentLength > 0 {
		c.text = slices.Grow(c.text[:0], int(r.ContentLength))[:r.ContentLength]
		_, err := io.ReadFull(r.Body, c.text)
		if err := errors.Join(err, r.Body.Close()); err != nil {
			return err
		}
		whole := *r
		whole.Body = io.NopCloser(bytes.NewReader(c.text))
		r = &whole
	}
	if err := r.Write(c.out); err != nil {
		return err
	}
	return c.out.Flush()
}

// keep makes a connection idle.
func (s *Short) keep(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= s.connectionsMax {
		_ = c.Close()
		return
	}
	c.since = time.Now()
	s.idle = append(s.idle, c)
	if s.sweep == nil {
		s.sweep = time.AfterFunc(idleTimeout, s.sweepIdle)
	}
}

// sweepIdle closes the connections that have been idle for long.
func (s *Short) sweepIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.idle[:0]
	for _, c := range s.idle {
		if time.Since(c.since) < idleTimeout {
			kept = append(kept, c)
		} else {
			_ = c.Close()
		}
	}
	clear(s.idle[len(kept):])
	if s.idle, s.sweep = kept, nil; len(kept) > 0 {
		s.sweep = time.AfterFunc(idleTimeout-time.Since(kept[0].since), s.sweepIdle)
	}
}

// body is that of an answer, which gives its connection back at its end.
type body struct {
	io.ReadCloser
	reason func(error) error
	end    func(whole bool) // nil once the body has ended
}

func (b *body) Read(p []byte) (int, error) {
	if b.end == nil {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	whole := errors.Is(err, io.EOF)
	if err != nil {
		b.over(whole)
	}
	if err != nil && !whole {
		err = b.reason(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.over(false)
	return nil
}

func (b *body) over(whole bool) {
	if b.end != nil {
		b.end(whole)
		b.end = nil
	}
}
