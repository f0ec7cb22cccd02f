package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// headerTimeout bounds how long a client may take to send a request's header.
const headerTimeout = 10 * time.Second

// front is what clients reach: it answers where S3 does otherwise than the gateway, which listens on a socket behind it, and passes on
// all else as it came, since signatures cover it.
type front struct{ gateway *httputil.ReverseProxy }

func newFront(socket string) front {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, err
		}
		return answered{conn}, nil
	}
	return front{&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "gateway", r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // also what cannot be parsed
		},
		// A connection for each request: on one that is used again, a request that was not sent could not be told from one that was refused.
		Transport: &http.Transport{DialContext: dial, DisableCompression: true, DisableKeepAlives: true},
		// The gateway may not be there yet, or no longer; who waits for it asks again.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}}
}

// answered is a connection on which an answer may come before all of the request was sent: the gateway refuses a request by its header,
// and closes. What is left of the body then goes nowhere, or the client would be told that the connection broke, and not why.
type answered struct{ net.Conn }

func (a answered) Write(p []byte) (int, error) {
	n, err := a.Conn.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return len(p), nil // where there is no answer, reading says so
	}
	return n, err
}

// ServeHTTP implements http.Handler.
func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if given := r.Header.Get("Authorization"); given != "" && signedAddress(r) {
		refuseBoth(w, given)
		return
	}
	f.gateway.ServeHTTP(w, r)
}

// signedAddress tells whether the signature stands in the address.
func signedAddress(r *http.Request) bool {
	query := r.URL.Query()
	return query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature") || query.Has("Signature")
}

// refuseBoth answers as S3 does to a request that is signed in two ways. The gateway would look at the address alone, and a program that
// sends its token along would work here and fail in AWS.
func refuseBoth(w http.ResponseWriter, given string) {
	body, err := xml.Marshal(struct {
		XMLName       xml.Name `xml:"Error"`
		Code          string
		Message       string
		ArgumentName  string
		ArgumentValue string
	}{
		Code: "InvalidArgument",
		Message: "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the " +
			"Authorization header should be specified",
		ArgumentName: "Authorization", ArgumentValue: strings.ToValidUTF8(scheme(given), "?"),
	})
	if err != nil {
		panic(fmt.Sprintf("s3gateway: encode an error: %v", err)) // unreachable: texts only
	}
	body = append([]byte(xml.Header), body...)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Connection", "close") // the body that may follow is not read
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body) // the client may have left
}

// scheme leaves the secret out of what is told back.
func scheme(authorization string) string {
	name, _, _ := strings.Cut(authorization, " ")
	return name
}

// serveFront runs the front on a port until stop is called, which returns when all of its requests have ended.
func serveFront(ctx context.Context, port int, socket string) (stop func(), err error) {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on port %d: %w", port, err)
	}
	server := &http.Server{Handler: newFront(socket), ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			log.Printf("s3gateway: serve port %d: %v", port, err)
		}
	}, nil
}
