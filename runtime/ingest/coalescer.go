package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Options bound a Coalescer. The zero value of a field selects its default.
type Options struct {
	// LingerMax bounds how long a reading may wait for others that share its call, where half a call takes longer than that, or
	// where no call has ended yet. Default: 5ms.
	LingerMax time.Duration
	// BatchesInFlightMax bounds the concurrent writes. Default: 64, beyond which throughput no longer rose and latency did.
	BatchesInFlightMax int
	// QueueMax is how many readings may wait; further ones are refused at once. Default: 4000.
	QueueMax int
	// LaneMax is how many readings of one equipment may wait while the table holds that equipment back. All such lanes together
	// take at most three quarters of the queue. Default: 250.
	LaneMax int
	// WriteTimeout bounds the time from a reading's coming to its last attempt, and each call. Default: 8s, so that a client hears
	// within its own patience.
	WriteTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.LingerMax == 0 {
		o.LingerMax = 5 * time.Millisecond
	}
	if o.BatchesInFlightMax == 0 {
		o.BatchesInFlightMax = 64
	}
	if o.QueueMax == 0 {
		o.QueueMax = 4000
	}
	if o.LaneMax == 0 {
		o.LaneMax = 250
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 8 * time.Second
	}
	return o
}

// Coalescer lets concurrent single readings share calls. It is safe for concurrent use.
type Coalescer struct {
	store   Store
	options Options
	pacer   pacing.Pacer

	mu      sync.Mutex
	waiting []*entry
	// ready are the slots whose next attempt is due; they go before what waits.
	ready []*slot
	// held counts the entries of ready.
	held int
	lanes
	// writing holds the identities that have a slot. A later reading of one waits until that is decided.
	writing map[reading.Key]bool
	company
	strain
	closed  bool
	open    sync.WaitGroup // of the entries that are not answered
	pending int            // how many those are
}

// entry is one waiting write. answer has room for its one answer, so that nobody blocks on a caller that has left.
type entry struct {
	reading.Write
	waits  func() bool
	until  time.Time // when it is given up if it is not under way
	answer chan error
}

// slot is the entries of one identity that share attempts: the newest of them is written, the others are superseded by it.
type slot struct {
	key      reading.Key
	entries  []*entry
	effort   effort
	attempts int
	deadline time.Time
	lane     *lane // nil until the table has held it back
}

// NewCoalescer returns a Coalescer that writes to store.
func NewCoalescer(store Store, options Options, pacer pacing.Pacer) *Coalescer {
	return &Coalescer{
		store: store, options: options.withDefaults(), pacer: pacer, writing: map[reading.Key]bool{},
		lanes: lanes{of: map[reading.EquipmentID]*lane{}},
	}
}

var (
	errQueueFull  = errors.New("the queue of readings is full")
	errLaneFull   = errors.New("the queue of readings of this equipment is full, which the table holds back")
	errOverloaded = errors.New("more readings come than the table takes")
	errClosed     = errors.New("the service is shutting down")
	errQueued     = errors.New("the calls before took too long")
)

// Save makes one write and returns nil only once it is durable, or superseded by a newer one of the same identity that is. It
// takes the end of ctx for the leaving of the sender, after which the write may yet be made, at the version that it has by
// then. Its error has the kind fault.Unavailable at once when the queue is full, or the equipment's own. It returns within twice
// the WriteTimeout.
func (c *Coalescer) Save(ctx context.Context, w reading.Write) error {
	if !waits(ctx) {
		return unavailable(errGone) // the sender may have left before the version was taken
	}
	e := &entry{
		Write: w, waits: func() bool { return waits(ctx) }, until: time.Now().Add(c.options.WriteTimeout), answer: make(chan error, 1),
	}
	if err := c.enqueue(e); err != nil { //nolint:contextcheck // a call carries the readings of others and outlives this request
		return unavailable(err)
	}
	select {
	case err := <-e.answer:
		return err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// Close refuses further readings and waits until those accepted are answered, or until ctx ends.
func (c *Coalescer) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.dispatch(false) //nolint:contextcheck // what was accepted is written, also when nobody waits any longer
	c.mu.Unlock()
	drained := make(chan struct{})
	go func() { c.open.Wait(); c.rests.Wait(); close(drained) }()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Coalescer) enqueue(e *entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	if len(c.waiting)+c.held+c.inLanes >= c.options.QueueMax {
		return errQueueFull
	}
	if c.stands(c.calls >= c.options.BatchesInFlightMax, c.pending, c.statements, c.latency) {
		return errOverloaded
	}
	l := c.of[e.EquipmentID]
	if l != nil && (l.size >= c.options.LaneMax || c.inLanes >= c.options.QueueMax*3/4) {
		return errLaneFull
	}
	if l != nil && c.tooMany(c.inLanes) {
		return errOverloaded
	}
	c.open.Add(1)
	c.pending++
	if l != nil {
		c.queue(l, e)
	} else {
		c.waiting = append(c.waiting, e)
	}
	c.dispatch(false)
	return nil
}

// answered gives an entry its answer; c.mu is held.
func (c *Coalescer) answered(e *entry, err error) {
	e.answer <- err
	c.pending--
	c.open.Done()
}

// take removes what the next call carries: slots of lanes, slots that are due again, and then new ones of what waits, in order
// of arrival.
func (c *Coalescer) take() []*slot {
	batch := c.takeDue()
	again := min(len(c.ready), contract.BatchStatementsMax-len(batch))
	for _, s := range c.ready[:again] {
		c.held -= len(s.entries)
	}
	batch = append(batch, c.ready[:again]...)
	c.ready = slices.Delete(c.ready, 0, again)
	fresh := map[reading.Key]*slot{}
	left, now := c.waiting[:0], time.Now()
	for _, e := range c.waiting {
		key := e.Key()
		s, l := fresh[key], c.of[e.EquipmentID]
		switch {
		case s == nil && !now.Before(e.until):
			c.answered(e, unavailable(errQueued))
			continue
		case s == nil && l != nil: // it came before the table began to hold its equipment back
			c.queue(l, e)
			continue
		case s == nil && (c.writing[key] || len(batch) == contract.BatchStatementsMax):
			left = append(left, e)
			continue
		case s == nil:
			s = &slot{key: key}
			fresh[key], c.writing[key] = s, true
			batch = append(batch, s)
		}
		s.entries, s.deadline = append(s.entries, e), e.until
	}
	clear(c.waiting[len(left):])
	c.waiting = left
	for _, s := range fresh {
		s.choose()
	}
	return batch
}

// choose decides which entry is written: the newest of those that somebody waits for, or of all where nobody does. Whoever has
// left began earlier, and must not supersede those that are there.
func (s *slot) choose() {
	if len(s.entries) == 1 { // as nearly always, and Save has just asked whether it waits
		s.effort = effort{Write: s.entries[0].Write, waits: s.entries[0].waits}
		return
	}
	var chosen *entry
	waits := false
	for _, e := range s.entries {
		if now := e.waits(); chosen == nil || now && !waits || now == waits && e.Version >= chosen.Version {
			chosen, waits = e, now
		}
	}
	s.effort = effort{Write: chosen.Write, waits: chosen.waits}
}

// call makes one attempt of each slot.
func (c *Coalescer) call(batch []*slot) {
	// The call belongs to several senders, so that none of their contexts may end it.
	ctx, cancel := context.WithTimeout(context.Background(), c.options.WriteTimeout)
	defer cancel()
	efforts := make([]*effort, len(batch))
	for i, s := range batch {
		efforts[i] = &s.effort
	}
	began := time.Now()
	try(ctx, c.store, efforts, make([]Attempt, len(efforts)))
	c.landed(batch, time.Since(began))
}

// landed answers the entries of the slots that are decided, each for itself, and has the others go again.
func (c *Coalescer) landed(batch []*slot, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends(len(batch), took)
	for _, s := range batch {
		s.attempts++
		e := &s.effort
		switch {
		case !e.busy:
			c.passed(s)
		case !c.heldBack(s):
			c.decide(s, unavailable(fmt.Errorf("%w: %w", errOverloaded, lastReason([]*effort{e}))))
			continue
		}
		switch {
		case e.done:
			c.decide(s, e.err)
		case s.attempts >= c.attemptsMost() || !time.Now().Before(s.deadline):
			c.decide(s, unavailable(fmt.Errorf("write a reading, %d attempts: %w", s.attempts, lastReason([]*effort{e}))))
		case s.lane != nil:
			c.again(s)
		default:
			c.held += len(s.entries)
			c.ready = append(c.ready, s)
		}
	}
	c.dispatch(false)
}

// decide ends a slot and answers all of its entries; c.mu is held.
func (c *Coalescer) decide(s *slot, err error) {
	delete(c.writing, s.key)
	if s.lane != nil {
		c.leaves(s.lane, len(s.entries))
	}
	if l := c.of[s.key.EquipmentID]; l != nil {
		c.check(l) // what waits there may have waited for this identity
	}
	for _, e := range s.entries {
		c.answered(e, err)
	}
	if err == nil {
		c.done(len(s.entries))
	}
}
