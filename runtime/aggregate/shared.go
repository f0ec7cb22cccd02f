package aggregate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// weighted is a value of known size, in items.
type weighted interface{ weight() int }

// shared lets callers that ask for the same thing at the same time share one read, and keeps the answer for a short time.
type shared[V weighted] struct {
	now       func() time.Time
	ttl       time.Duration
	timeout   time.Duration
	weightMax int
	rows      *admission.Gate // what reads may hold
	inline    bool            // read in the caller's goroutine, sharing nothing
	flights   singleflight.Group

	mu      sync.Mutex
	entries map[string]*entry[V]
	// order lists the entries as they were stored, which is the order in which they grow old.
	order  []*entry[V]
	weight int // of order
}

type entry[V weighted] struct {
	key   string
	value V
	until time.Time
}

func newShared[V weighted](
	now func() time.Time, ttl, timeout time.Duration, weightMax int, rows *admission.Gate, inline bool,
) *shared[V] {
	return &shared[V]{
		now: now, ttl: ttl, timeout: timeout, weightMax: weightMax, rows: rows, inline: inline, entries: map[string]*entry[V]{},
	}
}

// get returns what read returned at most ttl ago, or a call of read that it shares with others who ask now. The read goes on
// when a caller's context ends, so that one caller's leaving does not fail the others. It begins once the rows that it may hold
// are free: clients that ask and leave would otherwise pile reads up.
func (s *shared[V]) get(ctx context.Context, key string, rows int, read func(context.Context) (V, error)) (V, error) {
	if s.inline {
		return read(ctx)
	}
	var none V
	if value, ok := s.cached(key); ok {
		return value, nil
	}
	flight := s.flights.DoChan(key, func() (any, error) {
		// Whoever missed the cache just before it was filled finds it filled now.
		if value, ok := s.cached(key); ok {
			return value, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		defer cancel()
		hold, err := s.rows.Enter(ctx, "", int64(rows))
		if err != nil {
			return none, busy(err)
		}
		defer hold.Leave()
		began := s.now()
		value, err := read(ctx)
		if err == nil {
			s.store(key, value, began.Add(s.ttl)) // an answer is as old as its read's beginning
		}
		return value, err
	})
	select {
	case <-ctx.Done():
		return none, busy(ctx.Err())
	case result := <-flight:
		if result.Err != nil {
			return none, result.Err
		}
		value, ok := result.Val.(V)
		if !ok {
			return none, fmt.Errorf("shared read returned %T", result.Val)
		}
		return value, nil
	}
}

// busy is the error where an answer cannot be had in time.
func busy(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the answer took too long; try again shortly", Cause: cause}
}

func (s *shared[V]) cached(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[key]
	if !ok || !s.now().Before(e.until) {
		return value, false
	}
	return e.value, true
}

// store keeps the value, and drops what has grown old or does not fit beside it, the oldest first.
func (s *shared[V]) store(key string, value V, until time.Time) {
	now := s.now()
	if !now.Before(until) || value.weight() > s.weightMax {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &entry[V]{key, value, until}
	s.entries[key] = e
	s.order = append(s.order, e)
	s.weight += value.weight()
	for oldest := s.order[0]; s.weight > s.weightMax || !now.Before(oldest.until); oldest = s.order[0] {
		if s.entries[oldest.key] == oldest { // and not replaced by a younger one
			delete(s.entries, oldest.key)
		}
		s.order[0], s.order = nil, s.order[1:]
		s.weight -= oldest.value.weight()
	}
}
