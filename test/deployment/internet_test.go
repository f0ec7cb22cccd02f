package deployment_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/test/permission"
)

// goOnline gives the region's functions the part of the internet that they know by name: the API's address and the user pool's domain,
// by HTTPS, as a proxy that every program takes from its environment.
func (s *service) goOnline(ctx context.Context) error {
	certificate, authority, err := certify(apiDomain, s.signInHost)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	trusted := filepath.Join(s.folder, s.region+".pem")
	if err := os.WriteFile(trusted, authority, 0o600); err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	site := &http.Server{
		Handler: http.HandlerFunc(s.site), ReadHeaderTimeout: callTimeout, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	s.servers = append(s.servers, site)
	go func() { _ = site.ServeTLS(listener, "", "") }() // it ends when it is closed
	proxy, err := s.serve(ctx, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { connect(rw, r, listener.Addr().String()) }))
	s.internet = map[string]string{"HTTPS_PROXY": proxy, "SSL_CERT_FILE": trusted}
	return err
}

// site answers for every name that the functions call.
func (s *service) site(rw http.ResponseWriter, r *http.Request) {
	to, err := url.Parse(map[string]string{apiDomain: s.api, s.signInHost: s.pool.address}[r.Host])
	if err != nil || to.Host == "" {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.SetXForwarded() }}
	forward.ServeHTTP(rw, r)
}

// connect is a proxy that takes every connection to one address, whichever it is for.
func connect(rw http.ResponseWriter, r *http.Request, address string) {
	hijacker, ok := rw.(http.Hijacker)
	if !ok || r.Method != http.MethodConnect {
		rw.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	target, err := new(net.Dialer).DialContext(r.Context(), "tcp", address)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := hijacker.Hijack()
	if err != nil {
		_ = target.Close()
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n") // a client that has gone reads nothing either
	go func() {
		_, _ = io.Copy(target, client)
		_ = target.Close()
	}()
	_, _ = io.Copy(client, target)
	_ = client.Close()
}

// certify makes a certificate for some names, and what a program must trust for it.
func certify(names ...string) (certificate tls.Certificate, authority []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "deployment test"}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}), nil
}

// trySmokeTest invokes the smoke test as ECS does while it deploys: by the hook of the service, with the role that the hook names, again
// with what it answered as long as it asks for that.
func trySmokeTest(ctx context.Context, s *service) error {
	_, resource, err := s.stack.only("AWS::ECS::Service")
	if err != nil {
		return err
	}
	hook := asObject(at(resource, "DeploymentConfiguration", "LifecycleHooks", 0))
	target, stage := text(hook, "HookTargetArn"), text(hook, "LifecycleStages", 0)
	if target == "" || stage == "" {
		return fmt.Errorf("the service has no hook that tries new tasks: %v", hook)
	}
	f := s.functions[s.logical("AWS::Lambda::Function", path.Base(strings.ReplaceAll(target, ":", "/")))]
	if f == nil {
		return fmt.Errorf("the hook invokes %s, which is none of our functions", target)
	}
	var answer struct {
		HookStatus  string          `json:"hookStatus"`
		HookDetails json.RawMessage `json:"hookDetails,omitempty"`
	}
	for answer.HookStatus == "" || answer.HookStatus == "IN_PROGRESS" {
		event, err := json.Marshal(object{"lifecycleStage": stage, "hookDetails": answer.HookDetails})
		if err != nil {
			return fmt.Errorf("encode the event: %w", err)
		}
		s.recorder.Record(permission.Call{Role: path.Base(text(hook, "RoleArn")), Action: "lambda:InvokeFunction", Resource: target}, nil)
		body, err := f.Invoke(ctx, event)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return fmt.Errorf("read the answer %s: %w", body, err)
		}
	}
	if answer.HookStatus != "SUCCEEDED" {
		return errors.New("the smoke test answers " + answer.HookStatus)
	}
	return nil
}

// logical is the logical id of what a name is of, among the region's resources of a type.
func (s *service) logical(kind, name string) string {
	for _, id := range s.stack.ofType(kind) {
		if s.stack.Physical[id] == name {
			return id
		}
	}
	return ""
}
