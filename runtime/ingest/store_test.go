package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

var testNow = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// store is a table whose answers a test decides. It refuses what DynamoDB refuses: more than 25 readings, and two of one
// identity.
type store struct {
	// answer is asked before anything is stored; what it leaves out is not. nil takes everything.
	answer func(ctx context.Context, call int, rs []reading.Stored) (unprocessed []reading.Stored, err error)

	mu          sync.Mutex
	calls       [][]reading.Stored
	rows        map[reading.Key]reading.Stored
	inFlight    int
	inFlightMax int
	writing     map[reading.Key]bool
	broken      string // a rule that was broken
}

func (s *store) WriteBatch(ctx context.Context, rs []reading.Stored) ([]reading.Stored, error) {
	call := s.begin(rs)
	var left []reading.Stored
	var err error
	if s.answer != nil {
		left, err = s.answer(ctx, call, rs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	for _, r := range rs {
		delete(s.writing, r.Key())
	}
	if err != nil {
		return nil, err
	}
	kept := make(map[reading.Key]bool, len(left))
	for _, r := range left {
		kept[r.Key()] = true
	}
	for _, r := range rs {
		if !kept[r.Key()] {
			s.rows[r.Key()] = r
		}
	}
	return left, nil
}

func (s *store) begin(rs []reading.Stored) (call int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows, s.writing = map[reading.Key]reading.Stored{}, map[reading.Key]bool{}
	}
	if len(rs) == 0 || len(rs) > contract.BatchWriteItemsMax {
		s.broken = fmt.Sprintf("a batch of %d", len(rs))
	}
	for _, r := range rs {
		if s.writing[r.Key()] {
			s.broken = fmt.Sprintf("%v is in two writes at the same time", r.Key())
		}
		s.writing[r.Key()] = true
	}
	s.calls = append(s.calls, append([]reading.Stored{}, rs...))
	s.inFlight++
	s.inFlightMax = max(s.inFlightMax, s.inFlight)
	return len(s.calls) - 1
}

// check reports a broken rule and how many readings each call held.
func (s *store) check(t *testing.T) (sizes []int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != "" {
		t.Error(s.broken)
	}
	for _, call := range s.calls {
		sizes = append(sizes, len(call))
	}
	return sizes
}

func (s *store) value(r reading.Stored) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[r.Key()]
	if !ok {
		return "none"
	}
	return row.Value.String()
}

// stored makes a reading of one equipment at one instant.
func stored(equipment string, value int) reading.Stored {
	r, faults := reading.Parse(equipment, "2026-03-01T08:00:00Z", fmt.Sprint(value), reading.Limits{Now: testNow})
	if len(faults) > 0 {
		panic(faults)
	}
	return reading.Stored{Reading: r, RegisterTime: testNow}
}

func many(n int) []reading.Stored {
	rs := make([]reading.Stored, n)
	for i := range rs {
		rs[i] = stored(fmt.Sprintf("EQ-%d", i), i)
	}
	return rs
}

// busy is what the table's adapter returns for a throttle.
func busy() error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy"}
}

// pauses records how long a writer sleeps; jitter 1 makes each pause its ceiling.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) pacer() pacing.Pacer {
	return pacing.Pacer{
		Jitter: func() float64 { return 1 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.all = append(p.all, d)
			return ctx.Err()
		},
	}
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: %v (kind %d), want an error of kind %d", what, err, fault.KindOf(err), want)
	}
}
