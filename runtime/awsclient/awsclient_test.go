package awsclient_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
)

func TestClients_KeepTheirConnections(t *testing.T) {
	const calls = 30 // more than the SDK's own client keeps
	for name, client := range map[string]interface {
		Do(*http.Request) (*http.Response, error)
	}{
		"HTTP": awsclient.HTTP(calls), "Short": awsclient.NewShort(calls, time.Minute),
	} {
		t.Run(name, func(t *testing.T) { keepsConnections(t, calls, client.Do) })
	}
}

func keepsConnections(t *testing.T, calls int, do func(*http.Request) (*http.Response, error)) {
	t.Helper()
	var opened atomic.Int32
	var together sync.WaitGroup // lets no call end before all have begun
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	for range 3 {
		together.Add(calls)
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			})
		}
		all.Wait()
	}
	if n := opened.Load(); int(n) != calls {
		t.Errorf("%d connections were opened for three rounds of %d calls", n, calls)
	}
}
