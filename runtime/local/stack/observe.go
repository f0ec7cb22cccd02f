package stack

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

// forwardTo passes requests on to an address.
func forwardTo(address string) (http.Handler, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read the address %s: %w", address, err)
	}
	const connections = 256
	return &httputil.ReverseProxy{
		// The Host header stays: it is signed.
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections},
		// Faults that a test injects cut connections. By default each one would print a line.
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}, nil
}

// observe puts the caller's Observe in front of each address of a service in a part's environment. A part that starts again finds
// the addresses of before.
func (s *Stack) observe(ctx context.Context, part string, values map[string]string) error {
	if s.options.Observe == nil {
		return nil
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(key, keyEndpoint) || values[key] == "" {
			continue
		}
		place := part + " " + values[key]
		if s.observers[place] == "" {
			forward, err := forwardTo(values[key])
			if err != nil {
				return fmt.Errorf("observe %s: %w", part, err)
			}
			listener, err := listen(ctx, "")
			if err != nil {
				return fmt.Errorf("observe %s: %w", part, err)
			}
			s.observers[place] = s.serve(PartHost, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.options.Observe(part, r)
				forward.ServeHTTP(w, r)
			}))
		}
		values[key] = s.observers[place]
	}
	return nil
}

// observed tells the SDK's clients of this process where the services are, for calls that Lambda makes for a function.
type observed map[string]string

// GetServiceBaseEndpoint is what the SDK's clients ask for a service's address.
func (o observed) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	address := o[endpointKey(service)]
	return address, address != "", nil
}
