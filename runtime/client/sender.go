package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Defaults of SenderOptions.
const (
	BatchReadingsDefault   = 1000
	LingerDefault          = 200 * time.Millisecond
	PendingReadingsDefault = 20_000
	RequestsDefault        = 2
	PatienceDefault        = 15 * time.Minute
)

// SenderOptions adapt a Sender. The zero value selects the defaults.
type SenderOptions struct {
	// BatchReadings is how many readings go in one request at most, up to BatchReadingsMax. Default: BatchReadingsDefault.
	BatchReadings int
	// Linger is how long a reading waits for others to go with. Default: LingerDefault.
	Linger time.Duration
	// PendingReadings is how many readings the Sender holds at most: those that wait and those on their way. Send waits where there
	// are as many. Default: PendingReadingsDefault.
	PendingReadings int
	// Requests is how many are on their way at a time. Default: RequestsDefault.
	Requests int
	// Patience is for how long a batch is tried that the service cannot take at the moment. Default: PatienceDefault.
	Patience time.Duration
	// Stored is told how many readings of a batch are stored. It, Rejected and Lost are called one at a time. Default: nobody is told.
	Stored func(readings int)
	// Rejected is told of each reading that breaks a rule. Default: Flush and Close tell how many there were.
	Rejected func(r Reading, errors []FieldError)
	// Lost is told of readings that may not be stored, and why. Default: Flush and Close tell how many there were.
	Lost func(rs []Reading, err error)
}

func (o SenderOptions) withDefaults() SenderOptions {
	o.BatchReadings = min(cmp.Or(o.BatchReadings, BatchReadingsDefault), BatchReadingsMax)
	o.Linger = cmp.Or(o.Linger, LingerDefault)
	o.PendingReadings = max(cmp.Or(o.PendingReadings, PendingReadingsDefault), 1)
	o.Requests = cmp.Or(o.Requests, RequestsDefault)
	o.Patience = cmp.Or(o.Patience, PatienceDefault)
	return o
}

// ErrClosed is the error of Send once the Sender was closed, or its context has ended.
var ErrClosed = errors.New("the sender is closed")

// UndeliveredError tells of readings that are not stored, or may not be, since it was last told.
type UndeliveredError struct {
	// Rejected break a rule; Lost could not be sent.
	Rejected, Lost int
	// First is why the first of them is not stored.
	First error
}

// Error implements error.
func (e *UndeliveredError) Error() string {
	return fmt.Sprintf("not stored: %d rejected and %d that could not be sent: %v", e.Rejected, e.Lost, e.First)
}

// Unwrap returns why the first of them is not stored.
func (e *UndeliveredError) Unwrap() error { return e.First }

// Sender sends readings in batches behind the back of its callers. What it holds is bounded: Send waits where the service takes
// readings more slowly than they come. Of values for the same reading, the one that was given last stays; only a region that
// did not answer, so that the call went to another one, may still store an earlier value later. It is safe for concurrent use.
type Sender struct {
	c *Client
	o SenderOptions
	// room has an element for each reading that is held.
	room chan struct{}
	// wake tells the goroutine that makes batches to look again.
	wake   chan struct{}
	cancel context.CancelFunc
	// closing is closed by Close, ended when nothing is sent any more, and over once nothing is left.
	closing, over chan struct{}
	ended         <-chan struct{}
	// telling is held while the caller's functions run.
	telling sync.Mutex

	mu     sync.Mutex
	closed bool
	// queue are the readings that wait, the first of which came at since. taken is how many have left it.
	queue []Reading
	since time.Time
	taken int64
	// flights are the batches on their way, by the number of their first reading. flying counts their readings by identity.
	flights map[int64]bool
	flying  map[reading.Key]int
	flushes []flush
	told    UndeliveredError
}

// flush waits until the first upTo readings are over.
type flush struct {
	upTo int64
	done chan struct{}
}

// NewSender returns a Sender, which must be closed. Once ctx has ended, it sends nothing more.
func (c *Client) NewSender(ctx context.Context, o SenderOptions) *Sender {
	s := &Sender{
		c: c, o: o.withDefaults(), wake: make(chan struct{}, 1), closing: make(chan struct{}), over: make(chan struct{}),
		flights: map[int64]bool{}, flying: map[reading.Key]int{},
	}
	s.room = make(chan struct{}, s.o.PendingReadings)
	ctx, s.cancel = context.WithCancel(ctx)
	s.ended = ctx.Done()
	go s.run(ctx)
	return s
}

// Send takes a reading, and waits for room where the Sender holds as many as it may. That it returns nil does not say that the
// reading is stored: Flush does.
func (s *Sender) Send(ctx context.Context, r Reading) error {
	select {
	case <-s.closing:
		return ErrClosed
	case <-s.ended:
		return ErrClosed
	default:
	}
	select {
	case s.room <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for room: %w", ctx.Err())
	case <-s.closing:
		return ErrClosed
	case <-s.ended:
		return ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		<-s.room
		return ErrClosed
	}
	if len(s.queue) == 0 {
		s.since = s.c.o.Now()
	}
	s.queue = append(s.queue, r)
	if len(s.queue) == 1 || len(s.queue) >= s.o.BatchReadings {
		s.look()
	}
	return nil
}

// Flush returns once every reading that Send took before is stored or given up. The error is an UndeliveredError where some were,
// and that of ctx where it ended first.
func (s *Sender) Flush(ctx context.Context) error {
	s.mu.Lock()
	f := flush{s.taken + int64(len(s.queue)), make(chan struct{})}
	s.flushes = append(s.flushes, f)
	s.settle()
	s.look()
	s.mu.Unlock()
	select {
	case <-f.done:
		return s.undelivered()
	case <-s.over:
		return s.undelivered()
	case <-ctx.Done():
		if s.forget(f) {
			return s.undelivered()
		}
		return fmt.Errorf("flush: %w", ctx.Err())
	}
}

// forget takes back a flush that nobody waits for any more, and tells whether it was over already.
func (s *Sender) forget(f flush) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.flushes)
	s.flushes = slices.DeleteFunc(s.flushes, func(one flush) bool { return one.done == f.done })
	return len(s.flushes) == before
}

// Close takes no more readings, and returns once all are stored or given up. Where ctx ends first, those that are left are given up.
// The error is that of Flush.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.look()
	s.mu.Unlock()
	cut := s.waitOver(ctx)
	s.cancel()
	return errors.Join(cut, s.undelivered())
}

// waitOver returns once nothing is left. Where ctx ends first, it gives up what is.
func (s *Sender) waitOver(ctx context.Context) error {
	select {
	case <-s.over: // also where ctx has ended
		return nil
	default:
	}
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-s.over
		return fmt.Errorf("close: %w", ctx.Err())
	}
}

// undelivered returns what was not told yet.
func (s *Sender) undelivered() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told.First == nil {
		return nil
	}
	e := s.told
	s.told = UndeliveredError{}
	return &e
}

// look wakes the goroutine that makes batches.
func (s *Sender) look() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}
