package awsclient_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
)

func TestHTTP_KeepsItsConnections(t *testing.T) {
	const calls = 30 // more than the SDK's own client keeps
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
	client := awsclient.HTTP(calls)
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
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = response.Body.Close()
			})
		}
		all.Wait()
	}
	if n := opened.Load(); n != calls {
		t.Errorf("%d connections were opened for three rounds of %d calls", n, calls)
	}
}
