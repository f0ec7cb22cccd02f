package overload_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/standin"
)

// Clients that are in no hurry do no harm to others: connections on which nothing comes, requests that come byte by byte, and clients
// that send and send and never read an answer.
func TestClients_InNoHurryDoNoHarm(t *testing.T) {
	s := start(t, standin.Options{})
	for _, kind := range []struct {
		name  string
		count int
		begin func(ctx context.Context, t *testing.T)
	}{
		{"idle", sized(1500, 15000), s.idle},
		{"slow", sized(50, 500), s.slow},
		{"deaf", sized(20, 200), s.deaf},
	} {
		t.Run(kind.name, func(t *testing.T) {
			steadily(t, func() []string { return s.beside(t, kind.name, kind.count, kind.begin) })
			figure(t, "beside_"+kind.name+"_memory_mib", float64(s.memoryMost(t))/(1<<20), "MiB")
		})
	}
}

// beside measures what others notice of so many clients of a kind: that they fail, which is an error, or that they wait.
func (s *service) beside(t *testing.T, kind string, count int, begin func(context.Context, *testing.T)) (wrong []string) {
	t.Helper()
	measured := pace(sized(100, 1000), sized(3*time.Second, 20*time.Second))
	alone := s.crowd(t, "alone-", measured)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range count {
		begin(ctx, t)
	}
	beside := s.crowd(t, kind+"-", measured)
	figure(t, "beside_"+kind+"_failed", float64(beside.Total.Failures()), "requests")
	figure(t, "beside_"+kind+"_p99_ms", ms(beside.Total.Accepted.Percentile(99)), "ms")
	figure(t, "beside_nobody_p99_ms", ms(alone.Total.Accepted.Percentile(99)), "ms")
	if beside.Total.Failures() > 0 {
		t.Errorf("beside %d %s clients %d of %d fail: %v", count, kind, beside.Total.Failures(), beside.Total.Offered, beside.Total.Failed)
	}
	if p50, without := beside.Total.Accepted.Percentile(50), alone.Total.Accepted.Percentile(50); p50 > 2*without+20*time.Millisecond {
		return []string{fmt.Sprintf("beside %d %s clients half take %v, and %v without them", count, kind, p50, without)}
	}
	return nil
}

// idle opens a connection on which one request is answered, and then nothing comes.
func (s *service) idle(ctx context.Context, t *testing.T) {
	t.Helper()
	_, _ = io.WriteString(s.dial(ctx, t), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
}

// slow sends a reading byte by byte, as slowly as the service bears.
func (s *service) slow(ctx context.Context, t *testing.T) {
	t.Helper()
	conn := s.dial(ctx, t)
	go func() {
		const length = 200
		_, err := fmt.Fprintf(conn, "POST /sensor-data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
			s.token, length)
		for ticker := time.NewTicker(100 * time.Millisecond); err == nil; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_, err = io.WriteString(conn, " ")
			}
		}
	}()
}

// deaf sends requests one after another and never reads an answer.
func (s *service) deaf(ctx context.Context, t *testing.T) {
	t.Helper()
	conn := s.dial(ctx, t)
	request := fmt.Appendf(nil, "GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", s.token)
	go func() {
		for ctx.Err() == nil {
			if _, err := conn.Write(request); err != nil {
				return
			}
		}
	}()
}
