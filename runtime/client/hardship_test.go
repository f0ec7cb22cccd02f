package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// TestCall_WaitsAsItIsAsked has all forms of Retry-After.
func TestCall_WaitsAsItIsAsked(t *testing.T) {
	const first = 200 * time.Millisecond
	for _, test := range []struct {
		name, asked string
		took        time.Duration
		givesUp     bool
	}{
		{"seconds", "7", 7*time.Second + first, false},
		{"a date", "Sat, 01 Jan 2000 00:00:09 GMT", 9*time.Second + first, false}, // the bubble's time begins at midnight
		{"a date that is over", "Fri, 31 Dec 1999 23:00:00 GMT", first, false},
		{"nothing", "", first, false},
		{"what is neither", "soon", first, false},
		{"less than nothing", "-5", first, false},
		{"a day", "86400", 0, true},
		{"a date in a thousand years", "Wed, 01 Jan 3000 00:00:00 GMT", 0, true},
		{"more seconds than there are", "99999999999999999999999", 0, true},
	} {
		for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
			t.Run(fmt.Sprint(test.name, " ", status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{}
					refuse := true
					n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
						if !refuse {
							stored(w, r)
							return
						}
						refuse = false
						w.Header().Set("Retry-After", test.asked)
						problem(w, status, "Not now.")
					}))
					began := time.Now()
					_, err := newClient(t, n, client.Options{}, "a").Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
					var refused *client.Error
					gaveUp := errors.As(err, &refused) && client.Temporary(err) && refused.RetryAfter >= 24*time.Hour
					if took := time.Since(began); took != test.took || gaveUp != test.givesUp || err != nil && !gaveUp {
						t.Errorf("after %v: %v, want it after %v", took, err, test.took)
					}
				})
			})
		}
	}
}

// TestSender_WaitsAsItIsAskedWithinItsPatience holds that a long pause is waited for, and one beyond all patience is not begun.
func TestSender_WaitsAsItIsAskedWithinItsPatience(t *testing.T) {
	for _, test := range []struct {
		asked string
		lost  int
		took  time.Duration
	}{{"300", 0, 300*time.Second + 200*time.Millisecond}, {"99999999999999999999999", 1, 0}} {
		refuse := true
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			takes := &batches{}
			n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
				if !refuse {
					takes.serve(w, r)
					return
				}
				refuse = false
				w.Header().Set("Retry-After", test.asked)
				problem(w, http.StatusTooManyRequests, "Not now.")
			}))
			s := newClient(t, n, client.Options{}, "a").NewSender(t.Context(), client.SenderOptions{})
			give(t, s, 0, 1)
			began := time.Now()
			var told *client.UndeliveredError
			if err := s.Close(t.Context()); errors.As(err, &told) != (test.lost > 0) || told != nil && told.Lost != test.lost || time.Since(began) != test.took {
				t.Errorf("asked for %s s: after %v: %v", test.asked, time.Since(began), err)
			}
		})
	}
}

const good = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\":\"i\"}"

// TestCall_OutlivesBrokenConnections has a server that treats the first connections badly, each in another way, on real sockets.
func TestCall_OutlivesBrokenConnections(t *testing.T) {
	for _, test := range []struct {
		name  string
		treat func(c *net.TCPConn, hold <-chan struct{})
	}{
		{"closed before anything is read", func(*net.TCPConn, <-chan struct{}) {}},
		{"half closed, and the request read without an answer", func(c *net.TCPConn, hold <-chan struct{}) {
			_ = c.CloseWrite()
			_, _ = http.ReadRequest(bufio.NewReader(c))
			<-hold
		}},
		{"reset after the request", func(c *net.TCPConn, _ <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_ = c.SetLinger(0)
		}},
		{"closed in the head of the answer", func(c *net.TCPConn, _ <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, good[:40])
		}},
		{"half closed in the middle of the answer", func(c *net.TCPConn, hold <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, good[:len(good)-4])
			_ = c.CloseWrite()
			<-hold
		}},
		{"silent in the middle of the answer", func(c *net.TCPConn, hold <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, good[:len(good)-4])
			<-hold
		}},
		{"silent from the beginning", func(_ *net.TCPConn, hold <-chan struct{}) { <-hold }},
	} {
		t.Run(test.name, func(t *testing.T) {
			const bad = 3
			at, accepted := badServer(t, bad, test.treat)
			c, err := client.New(client.Signed{}, []client.Region{{URL: at}}, client.Options{
				Token:       client.Token{Value: "t", ExpiresAt: time.Now().Add(time.Hour)},
				CallTimeout: 300 * time.Millisecond, Pacer: pacing.Pacer{First: time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			id, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
			if err != nil || id != "i" || accepted.Load() != bad+1 {
				t.Errorf("%q after %d connections: %v", id, accepted.Load(), err)
			}
		})
	}
}

// badServer treats the first connections badly and answers on the others.
func badServer(t *testing.T, bad int64, treat func(*net.TCPConn, <-chan struct{})) (address string, accepted *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = new(atomic.Int64)
	hold := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			number := accepted.Add(1)
			all.Go(func() {
				defer func() { _ = connection.Close() }()
				if number <= bad {
					treat(connection.(*net.TCPConn), hold)
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(connection))
				_, _ = io.WriteString(connection, good)
			})
		}
	})
	t.Cleanup(func() {
		close(hold)
		_ = listener.Close()
		all.Wait()
	})
	return "http://" + listener.Addr().String(), accepted
}

// TestSender_FlushEndsWithItsContext holds that a flush that nobody waits for leaves nothing behind, neither a loss nor memory.
func TestSender_FlushEndsWithItsContext(t *testing.T) {
	b := &batches{takes: 20 * time.Second}
	inBubble(t, b, client.SenderOptions{Requests: 1}, func(t *testing.T, s *client.Sender) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // nothing is there to wait for
			if err := s.Flush(ended); err != nil {
				t.Fatalf("a flush of nothing: %v", err)
			}
		}
		give(t, s, 0, 10)
		const flushes, bytesMax = 20_000, 1 << 20
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range flushes {
			if err := s.Flush(ended); !errors.Is(err, context.Canceled) {
				t.Fatalf("a flush whose context has ended: %v", err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > bytesMax {
			t.Errorf("%d flushes that ended hold %d bytes", flushes, held)
		}
		began := time.Now()
		if err := s.Flush(t.Context()); err != nil || time.Since(began) != 20*time.Second || len(b.values) != 10 {
			t.Errorf("after %v %d readings are stored: %v", time.Since(began), len(b.values), err)
		}
	})
}

// TestSender_ClosesOnceAndTellsOnce closes it twice, at the same time and one after the other.
func TestSender_ClosesOnceAndTellsOnce(t *testing.T) {
	b := &batches{takes: time.Second, reject: func(id string) bool { return id == "EQ-1" }}
	inBubble(t, b, client.SenderOptions{}, func(t *testing.T, s *client.Sender) {
		give(t, s, 0, 3)
		var both sync.WaitGroup
		var told atomic.Int64
		for range 2 {
			both.Go(func() {
				var undelivered *client.UndeliveredError
				if errors.As(s.Close(t.Context()), &undelivered) {
					told.Add(int64(undelivered.Rejected))
				}
			})
		}
		both.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 {
			if err := s.Close(ended); err != nil {
				t.Fatalf("closed again: %v", err)
			}
		}
		if told.Load() != 1 || len(b.values) != 2 {
			t.Errorf("told of %d rejected readings, %d are stored", told.Load(), len(b.values))
		}
	})
}

// TestSender_OutlivesATokenEndpointThatIsAway has one that is not there for 20 s, at the beginning.
func TestSender_OutlivesATokenEndpointThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		s := newClient(t, n, client.Options{}, "a").NewSender(t.Context(), client.SenderOptions{BatchReadings: 5, Requests: 4})
		give(t, s, 0, 50)
		b := &batches{}
		time.AfterFunc(20*time.Second, func() { n.set("a", n.service(b.serve)) })
		began := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); len(b.values) != 50 || n.issued() != 1 || took < 20*time.Second || took > time.Minute {
			t.Errorf("%d readings are stored, %d tokens were got, after %v", len(b.values), n.issued(), took)
		}
	})
}

// TestToken_HoldsNobodyUpWhileItIsGood has token endpoints that are away, and that hang, when the token is to be renewed.
func TestToken_HoldsNobodyUpWhileItIsGood(t *testing.T) {
	for _, test := range []struct {
		name  string
		token func(w http.ResponseWriter, r *http.Request)
	}{
		{"away", func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusBadGateway, "Away.") }},
		{"hanging", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				back := n.service(stored)
				n.set("a", back)
				c := newClient(t, n, client.Options{}, "a")
				send := func(within time.Duration) time.Duration {
					t.Helper()
					ctx, cancel := context.WithTimeout(t.Context(), within)
					defer cancel()
					began := time.Now()
					if _, err := c.Send(ctx, one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil {
						t.Errorf("a call with %v: %v", within, err)
					}
					return time.Since(began)
				}
				send(time.Minute)
				n.set("a", func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						test.token(w, r)
						return
					}
					stored(w, r)
				})
				time.Sleep(56 * time.Minute)
				for _, within := range []time.Duration{2 * time.Second, time.Minute} {
					var others sync.WaitGroup
					var slow atomic.Int64
					for range 20 {
						others.Go(func() {
							if took := send(within); took > 5*time.Second {
								t.Errorf("a call took %v", took)
							} else if took > 0 {
								slow.Add(1)
							}
						})
					}
					others.Wait()
					if slow.Load() > 1 {
						t.Errorf("%d of 20 calls waited for a token", slow.Load())
					}
					if took := send(within); took != 0 {
						t.Errorf("a call after a failure took %v", took)
					}
					time.Sleep(30 * time.Second)
				}
				n.set("a", back)
				if send(time.Minute); n.issued() != 2 {
					t.Errorf("%d tokens were got once the endpoint was back", n.issued())
				}
			})
		})
	}
}

// TestPages_EndWhereTheirCursorIsRefused has a service that was deployed anew between two pages and does not take cursors of before.
func TestPages_EndWhereTheirCursorIsRefused(t *testing.T) {
	n := &network{}
	n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") != "" {
			problem(w, http.StatusBadRequest, "The cursor is not one that this service gave out.")
			return
		}
		answer(w, http.StatusOK, `{"items":[{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:00:00Z","value":1,"registerTime":"2026-03-01T09:00:00Z"}],"nextCursor":"old"}`)
	}))
	count, failures := 0, 0
	for _, err := range newClient(t, n, client.Options{}, "a").Readings(t.Context(), client.Range{EquipmentID: "EQ-1"}) {
		var refused *client.Error
		switch {
		case err == nil:
			count++
		case errors.As(err, &refused) && refused.Status == http.StatusBadRequest && !client.Temporary(err):
			failures++
		default:
			t.Errorf("the error is %v", err)
		}
	}
	if count != 1 || failures != 1 || len(n.made("a")) != 2 {
		t.Errorf("%d readings and %d errors by %d calls", count, failures, len(n.made("a")))
	}
}

// TestSend_WritesTimesInUTCAndValuesWithAllDigits holds what is sent.
func TestSend_WritesTimesInUTCAndValuesWithAllDigits(t *testing.T) {
	n := &network{}
	var sent []string
	n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, string(body))
		stored(w, r)
	}))
	c := newClient(t, n, client.Options{}, "a")
	for _, test := range []struct{ at, value, wantAt, want string }{
		{"2026-03-01T08:30:00-03:00", "1e5", "2026-03-01T11:30:00Z", "100000"},
		{"2026-03-01T00:30:00+05:45", "-0", "2026-02-28T18:45:00Z", "0"},
		{"2026-03-01T08:30:00.000000001Z", "1.50", "2026-03-01T08:30:00.000000001Z", "1.5"},
		{"2026-03-01T08:30:00Z", "123456789012345678901234567.12345678901", "2026-03-01T08:30:00Z", "123456789012345678901234567.12345678901"},
		{"2026-03-01T08:30:00Z", "-1E-27", "2026-03-01T08:30:00Z", "-0.000000000000000000000000001"},
	} {
		if _, err := c.Send(t.Context(), one(t, "EQ-1", test.at, test.value)); err != nil {
			t.Fatal(err)
		}
		if got, want := sent[len(sent)-1], fmt.Sprintf(`{"equipmentId":"EQ-1","timestamp":%q,"value":%s}`, test.wantAt, test.want); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
	for _, text := range []string{"", "NaN", "Infinity", "1,5", "0x10", "1_000", "1e300", "1e-28", "1234567890123456789012345678"} {
		if value, err := client.ParseValue(text); err == nil {
			t.Errorf("%q is taken as %v", text, value)
		}
	}
}
