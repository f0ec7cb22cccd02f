package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Options bound a Coalescer. The zero value of a field selects its default.
type Options struct {
	// Linger is how long a reading may wait for company while other batches are in flight; with none in flight it does not
	// wait at all. Default: 3ms.
	Linger time.Duration
	// BatchesInFlightMax bounds the concurrent writes. Default: 64, beyond which throughput no longer rose and latency did.
	BatchesInFlightMax int
	// QueueMax is how many readings may wait; further ones are refused at once. Default: 4000.
	QueueMax int
	// WriteTimeout bounds one batch with all its retries. Default: 8s, so that a client hears within its own patience.
	WriteTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Linger == 0 {
		o.Linger = 3 * time.Millisecond
	}
	if o.BatchesInFlightMax == 0 {
		o.BatchesInFlightMax = 64
	}
	if o.QueueMax == 0 {
		o.QueueMax = 4000
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 8 * time.Second
	}
	return o
}

// Coalescer lets concurrent single readings share a write. It is safe for concurrent use.
type Coalescer struct {
	writer  *Writer
	options Options

	mu       sync.Mutex
	waiting  []*entry
	writing  map[reading.Key]bool // identities in flight; a later reading of one waits, so that it is written after
	inFlight int
	timer    *time.Timer
	closed   bool
	flights  sync.WaitGroup
}

// entry is one waiting reading. done has room for its one answer, so that nobody blocks on a caller that has left.
type entry struct {
	key  reading.Key
	r    reading.Stored
	done chan error
}

// NewCoalescer returns a Coalescer that writes to store.
func NewCoalescer(store Store, options Options, pacer pacing.Pacer) *Coalescer {
	return &Coalescer{
		writer: NewWriter(store, 1, pacer), options: options.withDefaults(), writing: map[reading.Key]bool{},
	}
}

var (
	errQueueFull = errors.New("the queue of readings is full")
	errClosed    = errors.New("the service is shutting down")
)

// Save stores one reading and returns nil only once it is durable, or superseded by a later one of the same identity that
// is. Its error has the kind fault.Unavailable at once when the queue is full. When ctx ends first, the reading may yet be
// stored.
func (c *Coalescer) Save(ctx context.Context, r reading.Stored) error {
	e := &entry{key: r.Key(), r: r, done: make(chan error, 1)}
	if err := c.enqueue(e); err != nil { //nolint:contextcheck // a write carries the readings of others and outlives this request
		return unavailable(err)
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// Close refuses further readings and waits until those accepted are answered, or until ctx ends.
func (c *Coalescer) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.dispatch(true) //nolint:contextcheck // what was accepted is written, also when nobody waits any longer
	c.mu.Unlock()
	drained := make(chan struct{})
	go func() { c.flights.Wait(); close(drained) }()
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
	if len(c.waiting) >= c.options.QueueMax {
		return errQueueFull
	}
	c.waiting = append(c.waiting, e)
	c.dispatch(false)
	return nil
}

// dispatch starts as many writes as are due; c.mu is held. A batch is due when it is full, when nothing is in flight, or
// when lingering is over (lingered).
func (c *Coalescer) dispatch(lingered bool) {
	for len(c.waiting) > 0 && c.inFlight < c.options.BatchesInFlightMax {
		if !lingered && c.inFlight > 0 && len(c.waiting) < contract.BatchWriteItemsMax {
			if c.timer == nil {
				c.timer = time.AfterFunc(c.options.Linger, c.lingerOver)
			}
			return
		}
		batch := c.take()
		if len(batch) == 0 {
			return // all that waits is behind an identity in flight, whose landing dispatches again
		}
		c.inFlight++
		c.flights.Add(1)
		go c.write(batch)
	}
}

func (c *Coalescer) lingerOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = nil
	c.dispatch(true)
}

// flight is the entries of one identity in a batch: the last of them is written, the others are superseded by it.
type flight []*entry

// take removes the next batch from the queue: up to 25 identities, none of them in flight, in order of arrival.
func (c *Coalescer) take() map[reading.Key]flight {
	batch := make(map[reading.Key]flight, contract.BatchWriteItemsMax)
	left := c.waiting[:0]
	for _, e := range c.waiting {
		_, chosen := batch[e.key]
		if c.writing[e.key] || (!chosen && len(batch) == contract.BatchWriteItemsMax) {
			left = append(left, e)
			continue
		}
		batch[e.key] = append(batch[e.key], e)
	}
	clear(c.waiting[len(left):])
	c.waiting = left
	for key := range batch {
		c.writing[key] = true
	}
	return batch
}

// write stores one batch and answers each of its entries for its own reading.
func (c *Coalescer) write(batch map[reading.Key]flight) {
	defer c.flights.Done()
	// The batch belongs to several callers, so that none of their contexts may end it.
	ctx, cancel := context.WithTimeout(context.Background(), c.options.WriteTimeout)
	defer cancel()
	rs := make([]reading.Stored, 0, len(batch))
	for _, f := range batch {
		rs = append(rs, f[len(f)-1].r)
	}
	// Who shares the batch with a reading that the table holds back does not wait for it.
	left, err := c.writer.writeBatch(ctx, rs, func(left []reading.Stored) { c.settle(batch, left) })
	c.settle(batch, left)
	for _, f := range batch {
		f.answer(err)
	}
	c.landed(batch)
}

// settle answers the entries of a batch whose readings are not left, and takes them out of it.
func (c *Coalescer) settle(batch map[reading.Key]flight, left []reading.Stored) {
	open := make(map[reading.Key]bool, len(left))
	for _, r := range left {
		open[r.Key()] = true
	}
	var stored []reading.Key
	for key, f := range batch {
		if !open[key] {
			f.answer(nil)
			delete(batch, key)
			stored = append(stored, key)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range stored {
		delete(c.writing, key)
	}
}

func (f flight) answer(err error) {
	for _, e := range f {
		e.done <- err
	}
}

// landed ends a batch of which the identities that are not settled are given.
func (c *Coalescer) landed(batch map[reading.Key]flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range batch {
		delete(c.writing, key)
	}
	c.inFlight--
	c.dispatch(c.closed || c.inFlight == 0)
}
