// The race detector makes frames larger, so that no request fits.
//go:build !race

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// A connection's goroutine keeps the stack that its deepest request took, and a collection halves what the next request doubles
// again. With 16 KB instead of 8 a connection took twice what net/http itself makes it take, and a request a tenth more CPU.
func TestRun_ARequestFitsInTheStackThatAConnectionHasAnyway(t *testing.T) {
	const connections, stackMax, others = 200, 8 << 10, 3 << 10
	i := prepare(t)
	i.run("LOG_LEVEL=info")
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // only where the test says so
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))  // each processor keeps stacks to give out, which count as well
	token := i.machineToken()
	// Whoever comes first pays for the check of the token.
	i.call(i.request("POST", "/sensor-data", token, `{}`), http.StatusBadRequest, nil)
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour).Format(time.RFC3339)
	for _, test := range []struct {
		name, value string
		status      int
	}{{"stored", "12.5", http.StatusCreated}, {"refused", `"much"`, http.StatusBadRequest}} {
		t.Run(test.name, func(t *testing.T) {
			runtime.GC()
			before := stacks()
			clients := make([]*client, connections)
			for n := range clients {
				clients[n] = dial(t, strings.TrimPrefix(i.url, "http://"))
			}
			for range 2 { // between which a collection gives back what nobody is to need again
				for n, c := range clients {
					body := fmt.Sprintf(`{"equipmentId":"EQ-%d","timestamp":%q,"value":%s}`, n, at, test.value)
					if status := c.post(t, "/sensor-data", token, body); status != test.status {
						t.Fatalf("status %d\n%s", status, i.log)
					}
				}
				runtime.GC()
			}
			for n, c := range clients {
				body := fmt.Sprintf(`{"equipmentId":"EQ-%d","timestamp":%q,"value":%s}`, n, at, test.value)
				c.post(t, "/sensor-data", token, body)
			}
			if each := (stacks() - before) / connections; each > stackMax+others {
				t.Errorf("a connection that has served a request has %d bytes of stack", each)
			} else {
				t.Logf("%d bytes of stack a connection", each)
			}
		})
	}
}

// stacks is what all goroutines have of stack, in bytes.
func stacks() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.StackInuse)
}

// client is one connection without goroutines of its own.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

func (c *client) post(t *testing.T, path, token, body string) (status int) {
	t.Helper()
	_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, token, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}
