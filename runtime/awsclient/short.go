package awsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/valyala/fasthttp"
)

const (
	// idleTimeout is how long a connection is kept that nobody needs. It is shorter than that of the other side: Jetty, which
	// DynamoDB Local is made with, closes after 30 s by default.
	idleTimeout = 20 * time.Second
	// requestBytes holds a whole call of statements, so that it is one write to its connection; answerBytes most answers.
	requestBytes = 20 << 10
	answerBytes  = 4 << 10
	// answerBytesMax is more than any answer of DynamoDB, the largest of which has 16 MB.
	answerBytesMax = 32 << 20
)

// Short is an HTTP client for a service of short calls and short answers: fasthttp's, as the SDK wants it. Each call is made by the
// goroutine that wants it, where net/http wakes two others for each call, and that is an eighth of what a call of 25 statements
// costs. It speaks HTTP/1.1 and is safe for concurrent use.
//
// A call ends at its context's deadline or after the client's timeout, whichever comes first, and does not begin once its context
// has ended; while it is made, a cancellation does not end it. A call that fails is not repeated: where the other side has closed an
// idle connection, the next call over it fails. Idle ones are closed on this side before any service does.
type Short struct {
	timeout time.Duration
	client  *fasthttp.Client
	proxy   func(*http.Request) (*url.URL, error)
	proxied *awshttp.BuildableClient // for whom a proxy is set
}

// NewShort returns a client with at most connectionsMax connections to a host, for one of which further calls wait, and each of
// whose calls has an end after a timeout.
func NewShort(connectionsMax int, timeout time.Duration) *Short {
	return &Short{
		timeout: timeout, proxy: http.ProxyFromEnvironment, proxied: HTTP(connectionsMax).WithTimeout(timeout),
		client: &fasthttp.Client{
			MaxConnsPerHost: connectionsMax, MaxConnWaitTimeout: timeout,
			MaxIdleConnDuration: idleTimeout, ConnPoolStrategy: fasthttp.LIFO,
			ReadBufferSize: answerBytes, WriteBufferSize: requestBytes, MaxResponseBodySize: answerBytesMax,
			// What the SDK has signed goes out as it is.
			NoDefaultUserAgentHeader: true, DisableHeaderNamesNormalizing: true, DisablePathNormalizing: true,
			DialTimeout: dial, MaxIdemponentCallAttempts: 1, // a second call would hide what became of the first
			TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
			ConfigureClient: func(c *fasthttp.HostClient) error {
				c.SecureErrorLogMessage = true // an error would quote headers otherwise, which hold signatures and tokens
				return nil
			},
		},
	}
}

// dial opens a connection. fasthttp has no context for it, since other calls may get it.
func dial(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), min(timeout, dialTimeout))
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// Do implements the SDK's HTTPClient.
func (s *Short) Do(r *http.Request) (*http.Response, error) {
	if proxy, err := s.proxy(r); proxy != nil || err != nil {
		return s.proxied.Do(r)
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(s.timeout)
	if end, bounded := ctx.Deadline(); bounded && end.Before(deadline) {
		deadline = end
	}
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	if err := fill(request, r); err != nil {
		fasthttp.ReleaseResponse(answer)
		return nil, fmt.Errorf("read the body of a request: %w", err)
	}
	if err := s.client.DoDeadline(request, answer, deadline); err != nil {
		fasthttp.ReleaseResponse(answer)
		return nil, reason(ctx, fmt.Errorf("call %s: %w", r.URL.Host, err))
	}
	return answered(r, answer), nil
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

// fill makes a request fasthttp's.
func fill(request *fasthttp.Request, r *http.Request) error {
	request.Header.DisableNormalizing()
	request.Header.SetMethod(r.Method)
	request.SetRequestURI(r.URL.String())
	if r.Host != "" && r.Host != r.URL.Host {
		request.UseHostHeader = true
		request.Header.SetHost(r.Host)
	}
	for name, values := range r.Header {
		for _, value := range values {
			request.Header.Add(name, value)
		}
	}
	if r.Body == nil {
		return nil
	}
	_, err := io.Copy(request.BodyWriter(), r.Body)
	return errors.Join(err, r.Body.Close())
}

// answered makes an answer net/http's. Its body gives fasthttp's answer back when it is closed.
func answered(r *http.Request, answer *fasthttp.Response) *http.Response {
	header := make(http.Header, answer.Header.Len())
	for name, value := range answer.Header.All() {
		header.Add(string(name), string(value))
	}
	b := &body{answer: answer}
	b.Reset(answer.Body())
	return &http.Response{
		StatusCode: answer.StatusCode(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: b.Size(), Body: b, Request: r,
	}
}

type body struct {
	bytes.Reader
	answer *fasthttp.Response // nil once it has been given back
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.answer != nil {
		b.Reset(nil)
		fasthttp.ReleaseResponse(b.answer)
		b.answer = nil
	}
	return nil
}
