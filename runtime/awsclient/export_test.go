package awsclient

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"
)

// IdleTimeout is that of a Short's connections.
const IdleTimeout = idleTimeout

// Trust makes a client trust the certificates of a test's server.
func (s *Short) Trust(roots *x509.CertPool) { s.client.TLSConfig.RootCAs = roots }

// Dial makes a client's connections.
func (s *Short) Dial(dial func(address string, timeout time.Duration) (net.Conn, error)) {
	s.client.DialTimeout = dial
}

// Through sends all calls to a proxy.
func (s *Short) Through(proxy *url.URL) {
	s.proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
}

// Proxied is the client that speaks to a proxy.
func (s *Short) Proxied(change func(*http.Transport)) {
	s.proxied = s.proxied.WithTransportOptions(change)
}
