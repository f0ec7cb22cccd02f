package attack_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/system"
)

// fullSize tells whether the attacks run at the size that the figures are for.
func fullSize() bool { return os.Getenv("ATTACK") == "full" }

// sized picks the number for this run.
func sized[N any](reduced, full N) N {
	if fullSize() {
		return full
	}
	return reduced
}

// target is a running system with a table for readings whose speed a test decides.
type target struct {
	*system.System
	table *fastTable
}

// startTarget starts a system that the test ends.
func startTarget(t *testing.T) *target {
	t.Helper()
	table := &fastTable{}
	return &target{system.Start(t, stack.Options{DynamoDBProxy: table.wrap}), table}
}

// fresh gives the next attack an API that has seen nothing, and a table that takes everything at once.
func (s *target) fresh(t *testing.T) {
	t.Helper()
	s.table.reset()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.KillAPI() // what an attack has left open would hold up its end
	if err := s.RestartAPI(ctx); err != nil {
		t.Fatal(err)
	}
}

// dial opens a connection to the API that the test closes.
func (s *target) dial(t *testing.T) net.Conn {
	t.Helper()
	conn := s.dialQuietly(t.Context())
	if conn == nil {
		t.Error("the API takes no connection")
		return nil
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dialQuietly opens a connection to the API, or returns nil where there is none. Its end keeps little of what it is sent: the API's
// own end holds the rest.
func (s *target) dialQuietly(ctx context.Context) net.Conn {
	small := func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) }), err)
	}
	conn, err := (&net.Dialer{Control: small, Timeout: 10 * time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(s.Info.APIURL, "http://"))
	if err != nil {
		return nil
	}
	return conn
}

// memory is what the API's process holds now and what it held at most since it started, in bytes.
func (s *target) memory(t *testing.T) (now, most int64) {
	t.Helper()
	return system.Memory(t, s.PIDs()[stack.PartAPI]...)
}

// status counts answers by their status; 0 stands for none.
type status map[int]int

func (s status) String() string {
	var parts []string
	for _, code := range []int{0, 200, 201, 400, 401, 408, 413, 429, 500, 503} {
		if n := s[code]; n > 0 {
			name := strconv.Itoa(code)
			if code == 0 {
				name = "none"
			}
			parts = append(parts, fmt.Sprintf("%s:%d", name, n))
		}
	}
	return strings.Join(parts, " ")
}

func (s status) all() (n int) {
	for _, count := range s {
		n += count
	}
	return n
}

// share is the part of the answers that had one of these codes, 0 to 1.
func (s status) share(codes ...int) float64 {
	n := 0
	for _, code := range codes {
		n += s[code]
	}
	return float64(n) / float64(max(s.all(), 1))
}

// reading is one as JSON, of the last hour; n makes it distinct.
func reading(equipment string, n int) string {
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour).Add(time.Duration(n) * time.Millisecond)
	return fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%d}`, equipment, at.Format(time.RFC3339Nano), n)
}
