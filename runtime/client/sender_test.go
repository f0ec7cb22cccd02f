package client_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// batches is a service that takes batches and remembers them.
type batches struct {
	// takes is how long a batch takes, and status what it is answered, 201 where it is 0.
	takes  time.Duration
	status func(call int) int
	// reject tells whether a reading of this equipment breaks a rule.
	reject func(equipment string) bool

	mu       sync.Mutex
	calls    int
	inFlight int
	most     int
	got      [][]string
	values   map[string]string
}

// line is a reading as it is sent.
type line struct {
	EquipmentID string      `json:"equipmentId"`
	Timestamp   string      `json:"timestamp"`
	Value       json.Number `json:"value"`
}

func (b *batches) serve(w http.ResponseWriter, r *http.Request) {
	lines, err := readLines(r)
	if err != nil || r.Header.Get("Content-Type") != "application/x-ndjson" {
		problem(w, http.StatusBadRequest, fmt.Sprint("No lines: ", err))
		return
	}
	b.mu.Lock()
	call := b.calls
	b.calls++
	b.inFlight++
	b.most = max(b.most, b.inFlight)
	b.mu.Unlock()
	time.Sleep(b.takes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	if b.status != nil {
		if status := b.status(call); status != http.StatusCreated {
			problem(w, status, "Refused.")
			return
		}
	}
	if b.values == nil {
		b.values = map[string]string{}
	}
	var got, rejected, faults []string
	for i, one := range lines {
		if b.reject != nil && b.reject(one.EquipmentID) {
			rejected = append(rejected, fmt.Sprintf(`{"index":%d,"errors":[{"field":"equipmentId","reason":"is bad"}]}`, i))
			faults = append(faults, fmt.Sprintf(`{"field":"body[%d].equipmentId","reason":"is bad"}`, i))
			continue
		}
		got = append(got, one.EquipmentID)
		b.values[one.EquipmentID+" "+one.Timestamp] = one.Value.String()
	}
	b.got = append(b.got, got)
	if len(got) == 0 {
		answer(w, http.StatusBadRequest, `{"type":"/docs#problem-invalid","message":"None is valid.","errors":[`+strings.Join(faults, ",")+`]}`)
		return
	}
	answer(w, http.StatusCreated, fmt.Sprintf(`{"accepted":%d,"rejected":[%s]}`, len(got), strings.Join(rejected, ",")))
}

func readLines(r *http.Request) (lines []line, err error) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return nil, err
		}
	}
	for decoder := json.NewDecoder(body); ; {
		var one line
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return nil, err
		}
		lines = append(lines, one)
	}
}

func (b *batches) sizes() (sizes []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, got := range b.got {
		sizes = append(sizes, len(got))
	}
	return sizes
}

// inBubble runs a test of a Sender in virtual time.
func inBubble(t *testing.T, b *batches, o client.SenderOptions, test func(t *testing.T, s *client.Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("a", n.service(b.serve))
		s := newClient(t, n, client.Options{}, "a").NewSender(t.Context(), o)
		defer func() { _ = s.Close(t.Context()) }()
		test(t, s)
	})
}

// give sends readings of different equipments, from first on.
func give(t *testing.T, s *client.Sender, first, count int) {
	t.Helper()
	for i := range count {
		if err := s.Send(t.Context(), one(t, fmt.Sprintf("EQ-%d", first+i), "2026-03-01T08:00:00Z", "1.5")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSender_MakesBatches(t *testing.T) {
	b := &batches{}
	inBubble(t, b, client.SenderOptions{BatchReadings: 10, Linger: time.Second, Requests: 1}, func(t *testing.T, s *client.Sender) {
		give(t, s, 0, 3)
		synctest.Wait()
		if got := b.sizes(); len(got) != 0 {
			t.Fatalf("sent %v at once", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.sizes(); !slices.Equal(got, []int{3}) {
			t.Fatalf("sent %v after the linger, want one batch of 3", got)
		}
		give(t, s, 10, 25)
		synctest.Wait()
		if got := b.sizes(); !slices.Equal(got, []int{3, 10, 10}) {
			t.Fatalf("sent %v, want full batches at once", got)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.sizes(); !slices.Equal(got, []int{3, 10, 10, 5}) {
			t.Errorf("sent %v after a flush", got)
		}
	})
}

// TestSender_HoldsNoMoreThanItMay holds both bounds: readings, and requests at a time.
func TestSender_HoldsNoMoreThanItMay(t *testing.T) {
	b := &batches{takes: 10 * time.Second}
	o := client.SenderOptions{BatchReadings: 10, PendingReadings: 30, Requests: 2}
	inBubble(t, b, o, func(t *testing.T, s *client.Sender) {
		began := time.Now()
		give(t, s, 0, 30)
		if time.Since(began) != 0 {
			t.Errorf("there was no room for 30 readings for %v", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Send(ctx, one(t, "EQ-x", "2026-03-01T08:00:00Z", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the 31st reading: %v", err)
		}
		give(t, s, 100, 1)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("there was room after %v, want it once a batch was over", took)
		}
		if err := s.Flush(t.Context()); err != nil || b.most != 2 {
			t.Errorf("%d requests at a time: %v", b.most, err)
		}
	})
}

// TestSender_KeepsTheLastValue sends a reading again while its first value is still on its way.
func TestSender_KeepsTheLastValue(t *testing.T) {
	b := &batches{takes: 10 * time.Second}
	inBubble(t, b, client.SenderOptions{BatchReadings: 1, Requests: 4}, func(t *testing.T, s *client.Sender) {
		for _, value := range []string{"1", "2", "3"} {
			if err := s.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", value)); err != nil {
				t.Fatal(err)
			}
		}
		give(t, s, 10, 1)
		began := time.Now()
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.values["EQ-1 2026-03-01T08:00:00Z"]; got != "3" || time.Since(began) != 30*time.Second {
			t.Errorf("the value is %s after %v, want 3 after one request and another", got, time.Since(began))
		}
	})
}

func TestSender_TellsWhatIsNotStored(t *testing.T) {
	for _, test := range []struct {
		name           string
		reject         func(string) bool
		status         func(int) int
		rejected, lost int
		within         time.Duration
	}{
		{"one breaks a rule", func(id string) bool { return id == "EQ-3" }, nil, 1, 0, 0},
		{"all break a rule", func(string) bool { return true }, nil, 5, 0, 0},
		{"rejects for good", nil, func(int) int { return http.StatusForbidden }, 0, 5, 0},
		{"busy, then stored", nil, func(call int) int {
			if call < 20 {
				return http.StatusServiceUnavailable
			}
			return http.StatusCreated
		}, 0, 0, 5 * time.Minute},
		{"busy for too long", nil, func(int) int { return http.StatusServiceUnavailable }, 0, 5, 20 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rejected, lost int
			o := client.SenderOptions{
				Rejected: func(r client.Reading, errors []client.FieldError) {
					rejected++
					if len(errors) != 1 || errors[0].Field != "equipmentId" || r.EquipmentID == "" {
						t.Errorf("%v was rejected for %v", r, errors)
					}
				},
				Lost: func(rs []client.Reading, err error) {
					lost += len(rs)
					if err == nil {
						t.Error("readings were lost without a reason")
					}
				},
			}
			inBubble(t, &batches{reject: test.reject, status: test.status}, o, func(t *testing.T, s *client.Sender) {
				give(t, s, 0, 5)
				began := time.Now()
				err := s.Flush(t.Context())
				var told *client.UndeliveredError
				if is := errors.As(err, &told); is != (test.rejected+test.lost > 0) {
					t.Fatalf("the error of Flush is %v", err)
				} else if is && (told.Rejected != test.rejected || told.Lost != test.lost || told.First == nil) {
					t.Errorf("Flush tells %v", told)
				}
				if rejected != test.rejected || lost != test.lost || time.Since(began) > test.within {
					t.Errorf("%d rejected, %d lost after %v", rejected, lost, time.Since(began))
				}
				if err := s.Close(t.Context()); err != nil {
					t.Errorf("Close tells it again: %v", err)
				}
			})
		})
	}
}

// TestSender_FlushWaitsForWhatIsOnItsWay flushes when nothing waits any more, and while readings go on coming.
func TestSender_FlushWaitsForWhatIsOnItsWay(t *testing.T) {
	b := &batches{takes: 10 * time.Second}
	inBubble(t, b, client.SenderOptions{BatchReadings: 1, Requests: 1}, func(t *testing.T, s *client.Sender) {
		give(t, s, 0, 1)
		synctest.Wait()
		flushed := make(chan time.Duration)
		began := time.Now()
		go func() {
			err := s.Flush(t.Context())
			if err != nil {
				t.Error(err)
			}
			flushed <- time.Since(began)
		}()
		synctest.Wait()
		give(t, s, 1, 5)
		if took := <-flushed; took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestSender_CloseSendsWhatWaits(t *testing.T) {
	b := &batches{}
	inBubble(t, b, client.SenderOptions{Linger: time.Hour}, func(t *testing.T, s *client.Sender) {
		give(t, s, 0, 5)
		if err := s.Close(t.Context()); err != nil || !slices.Equal(b.sizes(), []int{5}) {
			t.Errorf("sent %v: %v", b.sizes(), err)
		}
		if err := s.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); !errors.Is(err, client.ErrClosed) {
			t.Errorf("a reading after the end: %v", err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Errorf("a flush after the end: %v", err)
		}
	})
}

func TestSender_CloseGivesUpInTime(t *testing.T) {
	b := &batches{status: func(int) int { return http.StatusServiceUnavailable }}
	inBubble(t, b, client.SenderOptions{}, func(t *testing.T, s *client.Sender) {
		give(t, s, 0, 5)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		began := time.Now()
		err := s.Close(ctx)
		var told *client.UndeliveredError
		if !errors.As(err, &told) || told.Lost != 5 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 7*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// TestSender_WakesThoseWhoWaitForRoom holds that nobody waits for ever in Send once the Sender is closed or its context has ended.
func TestSender_WakesThoseWhoWaitForRoom(t *testing.T) {
	for _, by := range []string{"Close", "context"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				n.set("a", n.service((&batches{takes: time.Hour}).serve))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := newClient(t, n, client.Options{}, "a").NewSender(ctx, client.SenderOptions{PendingReadings: 1})
				give(t, s, 0, 1)
				waits := make(chan error)
				go func() { waits <- s.Send(t.Context(), client.Reading{EquipmentID: "EQ-1", Timestamp: time.Now()}) }()
				synctest.Wait()
				if cancel(); by == "Close" {
					_ = s.Close(ctx)
				}
				if err := <-waits; !errors.Is(err, client.ErrClosed) {
					t.Errorf("the one who waits: %v", err)
				}
				_ = s.Close(ctx)
			})
		})
	}
}

func TestSendBatch_RefusesWhatIsNoBatch(t *testing.T) {
	c := newClient(t, &network{}, client.Options{}, "a")
	for _, count := range []int{0, client.BatchReadingsMax + 1} {
		if _, err := c.SendBatch(t.Context(), make([]client.Reading, count)); err == nil {
			t.Errorf("a batch of %d was sent", count)
		}
	}
}
