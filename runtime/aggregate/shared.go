package aggregate

import (
	"context"
	"sync"
	"time"

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

	mu      sync.Mutex
	flights map[string]*flight[V]
	entries map[string]*entry[V]
	// order lists the entries as they were stored, which is the order in which they grow old.
	order  []*entry[V]
	weight int // of order
}

// flight is a read on its way. value and err are set before landed is closed.
type flight[V weighted] struct {
	waiting int // how many callers wait for it
	cancel  context.CancelFunc
	landed  chan struct{}
	value   V
	err     error
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
		now: now, ttl: ttl, timeout: timeout, weightMax: weightMax, rows: rows, inline: inline,
		flights: map[string]*flight[V]{}, entries: map[string]*entry[V]{},
	}
}

// get returns what read returned at most ttl ago, or a call of read that it shares with others who ask now. The read goes on
// when one caller's context ends, so that its leaving does not fail the others, and ends with the last of them: clients that ask
// and leave do not pile reads up. It begins once the rows that it may hold are free.
func (s *shared[V]) get(ctx context.Context, key string, rows int, read func(context.Context) (V, error)) (V, error) {
	if s.inline {
		return read(ctx)
	}
	s.mu.Lock()
	if value, ok := s.cached(key); ok {
		s.mu.Unlock()
		return value, nil
	}
	f := s.flights[key]
	if f == nil {
		flying, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		f = &flight[V]{cancel: cancel, landed: make(chan struct{})}
		s.flights[key] = f
		go s.fly(flying, f, key, rows, read)
	}
	f.waiting++
	s.mu.Unlock()
	select {
	case <-f.landed:
		return f.value, f.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		s.ends(key, f)
	}
	var none V
	return none, busy(ctx.Err())
}

// fly makes a read for all who wait for it.
func (s *shared[V]) fly(ctx context.Context, f *flight[V], key string, rows int, read func(context.Context) (V, error)) {
	defer f.cancel()
	value, began, err := s.inTurn(ctx, rows, read)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.store(key, value, began.Add(s.ttl)) // an answer is as old as its read's beginning
	}
	f.value, f.err = value, err
	s.ends(key, f)
	close(f.landed)
}

// inTurn reads once the rows that the read may hold are free.
func (s *shared[V]) inTurn(
	ctx context.Context, rows int, read func(context.Context) (V, error),
) (value V, began time.Time, err error) {
	hold, err := s.rows.Enter(ctx, admission.CallerOf(ctx), int64(rows))
	if err != nil {
		return value, began, busy(err)
	}
	defer hold.Leave()
	began = s.now()
	value, err = read(ctx)
	return value, began, err
}

// ends lets the next who asks for the same begin a read of its own; s.mu is held.
func (s *shared[V]) ends(key string, f *flight[V]) {
	if s.flights[key] == f {
		delete(s.flights, key)
	}
}

// busy is the error where an answer cannot be had in time.
func busy(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the answer took too long; try again shortly", Cause: cause}
}

// cached returns an answer that is still good; s.mu is held.
func (s *shared[V]) cached(key string) (value V, ok bool) {
	e, ok := s.entries[key]
	if !ok || !s.now().Before(e.until) {
		return value, false
	}
	return e.value, true
}

// store keeps the value, and drops what has grown old or does not fit beside it, the oldest first; s.mu is held.
func (s *shared[V]) store(key string, value V, until time.Time) {
	now := s.now()
	if !now.Before(until) || value.weight() > s.weightMax {
		return
	}
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
