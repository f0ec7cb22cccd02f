package child_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
)

func TestFreePort_NamesAPortInUse(t *testing.T) {
	// One that the system does not hand out: a connection of another program could take that as soon as it is free again.
	below, err := child.FreePort(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(below))
	if err != nil {
		t.Fatal(err)
	}
	taken := listener.Addr().(*net.TCPAddr).Port
	if _, err := child.FreePort(t.Context(), taken); !errors.Is(err, child.ErrPortInUse) {
		t.Errorf("a port in use: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if port, err := child.FreePort(t.Context(), taken); err != nil || port != taken {
		t.Errorf("the port, free again: %d, %v", port, err)
	}
	// One that the system itself hands out may be a connection's by the time that a child binds it.
	if port, err := child.FreePort(t.Context(), 0); err != nil || port < 1024 || port >= 32768 {
		t.Errorf("any port: %d, %v", port, err)
	}
}

// Test packages run at the same time, and a child listens only seconds after its port was found. Of five hundred ports by
// chance some would be found twice.
func TestFreePort_FindsNoPortTwice(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	found := map[int]bool{}
	for range 500 {
		port, err := child.FreePort(ctx, 0)
		if err != nil || found[port] {
			t.Fatalf("port %d, found before: %t, %v", port, found[port], err)
		}
		found[port] = true
	}
}

func TestWaitServing_WaitsForAnAnswerThatIsNoServerError(t *testing.T) {
	p := shell(t, "echo; exec sleep 60")
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusBadRequest) // as DynamoDB Local answers an unsigned request
	}))
	defer server.Close()
	if err := p.WaitServing(t.Context(), server.URL); err != nil || asked.Load() != 3 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestWaitServing_EndsWithTheProcessAndWithTheContext(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	ended := shell(t, "echo")
	if err := ended.WaitServing(t.Context(), nobody); !errors.Is(err, child.ErrEnded) {
		t.Errorf("of a process that ended: %v", err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if err := ended.WaitServing(t.Context(), "http://"+silent.Addr().String()); !errors.Is(err, child.ErrEnded) {
		t.Errorf("of a process that ended while its port is silent: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = shell(t, "echo; exec sleep 60").WaitServing(ctx, nobody)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "last status 0") {
		t.Errorf("of a server that never answers: %v", err)
	}
}
