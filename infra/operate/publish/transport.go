package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// How long a registry may be silent. Each is far above what a slow one needs, and a push that is cut off goes on later with what is
// missing.
const (
	// ConnectTimeout is for a connection, and once more for its encryption.
	ConnectTimeout = 10 * time.Second
	// AnswerTimeout is for the beginning of an answer, once the whole request has been sent.
	AnswerTimeout = 15 * time.Second
	// IdleTimeout is how long no byte may pass, in either direction, while a request or an answer is on its way.
	IdleTimeout = 20 * time.Second
)

// Dial makes a connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// NewTransport returns a transport that gives a registry up once it is silent for too long. The error names it and does not ask for
// another attempt, which would be as long. Other deadlines are the context's.
func NewTransport(dial Dial) http.RoundTripper {
	return impatient{&http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, ConnectTimeout, errConnect)
			defer cancel()
			conn, err := dial(ctx, network, address)
			if err != nil {
				if errors.Is(context.Cause(ctx), errConnect) {
					err = errConnect
				}
				return nil, err
			}
			return &idleConn{Conn: conn}, nil
		},
		TLSHandshakeTimeout:   ConnectTimeout,
		ResponseHeaderTimeout: AnswerTimeout,
		IdleConnTimeout:       IdleTimeout,
	}}
}

var errConnect = errors.New("there was no connection in time")

// silent is the error of a registry that let a deadline pass.
type silent struct{ host, did string }

func (s silent) Error() string { return s.host + " " + s.did }

// idleConn pushes the deadline of a connection away whenever something passes or wants to. It is one deadline for both directions: who
// sends for a long time hears nothing meanwhile.
type idleConn struct {
	net.Conn
	late atomic.Bool // the deadline has passed: an error that comes of the end of the connection is told as that
}

func (c *idleConn) Read(b []byte) (int, error) { return c.pass(c.Conn.Read, b) }

func (c *idleConn) Write(b []byte) (int, error) { return c.pass(c.Conn.Write, b) }

func (c *idleConn) pass(through func([]byte) (int, error), b []byte) (n int, err error) {
	if err = c.SetDeadline(time.Now().Add(IdleTimeout)); err == nil {
		n, err = through(b)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.late.Store(true)
	case err != nil && c.late.Load():
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// impatient turns deadlines that have passed into sentences.
type impatient struct{ next *http.Transport }

func (i impatient) RoundTrip(request *http.Request) (*http.Response, error) {
	host := request.URL.Host
	response, err := i.next.RoundTrip(request)
	if err != nil {
		return nil, explainSilence(host, err)
	}
	response.Body = impatientBody{response.Body, host}
	return response, nil
}

func (i impatient) CloseIdleConnections() { i.next.CloseIdleConnections() }

// impatientBody is the body of an answer.
type impatientBody struct {
	io.ReadCloser
	host string
}

func (b impatientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, explainSilence(b.host, err)
}

func explainSilence(host string, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, errConnect):
		return silent{host, fmt.Sprintf("could not be reached within %v", ConnectTimeout)}
	case errors.Is(err, context.DeadlineExceeded): // of whoever asks
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silent{host, fmt.Sprintf("took the connection, and then nothing passed for %v", IdleTimeout)}
	case errors.As(err, &timeout) && timeout.Timeout():
		return silent{host, fmt.Sprintf("took the connection, and did not answer within %v", answered(err))}
	default:
		return err
	}
}

// answered is the deadline that package net/http tells by its words alone.
func answered(err error) time.Duration {
	if err.Error() == "net/http: TLS handshake timeout" {
		return ConnectTimeout
	}
	return AnswerTimeout
}
