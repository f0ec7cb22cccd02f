package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Writer makes any number of writes in batches. It is safe for concurrent use.
type Writer struct {
	store       Store
	concurrency int
	slots       *semaphore.Weighted // one for each batch in flight
	pacer       pacing.Pacer
	desks       sync.Pool // of *desk
}

// NewWriter returns a Writer that keeps at most concurrency batches in flight, those of concurrent calls together: a table
// that slows down would else meet more batches the slower it gets. With 1 it starts no goroutine.
func NewWriter(store Store, concurrency int, pacer pacing.Pacer) *Writer {
	concurrency = max(concurrency, 1)
	return &Writer{
		store: store, concurrency: concurrency, slots: semaphore.NewWeighted(int64(concurrency)), pacer: pacer,
	}
}

// Turn waits until so many readings may be written and returns what to call once they have been tried. Its error ends the
// write.
type Turn func(ctx context.Context, readings int) (leave func(), err error)

// Write is WriteInTurn for those who wait for nobody.
func (w *Writer) Write(ctx context.Context, ws []reading.Write) error {
	return w.write(ctx, func(context.Context, int) (func(), error) { return func() {}, nil }, func(int, int) int { return attemptsMax }, ws)
}

// WriteInTurn makes the writes and returns nil only when each is durable, or superseded by a newer one that is; where an identity
// occurs repeatedly, the last one counts. It takes the end of ctx for the leaving of the sender. After an error any of them
// may have been made or may yet be, and to make all of them again is safe. The kind of the error is fault.Unavailable when
// that may help. It asks for a turn before each pass over what is left, and gives it back while the table holds that back: who
// writes an equipment beyond what its partition takes is in nobody's way. Nor is what is left of many writes that are made for the
// most part: it goes on for longer, as to give it up is to have done all of them in vain.
func (w *Writer) WriteInTurn(ctx context.Context, turn Turn, ws []reading.Write) error {
	return w.write(ctx, turn, attemptsFor, ws)
}

const (
	// remainderPart of the writes is what is left of them, as a divisor, and remainderAttempts is how often that may meet a busy table
	// in vain: at pauses of a second on average, about as long as a request's time.
	remainderPart     = 10
	remainderAttempts = 4 * attemptsMax
)

// attemptsFor is how many attempts without progress are made of what is left of many writes.
func attemptsFor(left, all int) int {
	if left*remainderPart <= all {
		return remainderAttempts
	}
	return attemptsMax
}

func (w *Writer) write(ctx context.Context, turn Turn, attemptsFor func(left, all int) int, ws []reading.Write) error {
	d, _ := w.desks.Get().(*desk)
	if d == nil {
		d = new(desk)
	}
	defer func() { d.clear(); w.desks.Put(d) }()
	d.lay(lastOfEach(ws), func() bool { return waits(ctx) })
	all := len(d.pending)
	for attempt := 0; len(d.pending) > 0; {
		before := len(d.pending)
		leave, err := turn(ctx, before)
		if err != nil {
			return err
		}
		err = w.pass(ctx, d)
		if leave(); err != nil {
			return err
		}
		left := d.sweep()
		if len(left) == 0 {
			break
		}
		if len(left) < before {
			attempt = 0
		}
		if attempt++; attempt >= attemptsFor(len(left), all) {
			return unavailable(fmt.Errorf("write %d readings, %d attempts without progress: %w", len(left), attempt, lastReason(left)))
		}
		if slices.ContainsFunc(left, func(e *effort) bool { return e.busy }) {
			if err := w.pacer.Pause(ctx, attempt); err != nil {
				return unavailable(err)
			}
		}
	}
	return nil
}

// pass makes one attempt of each write that is pending, and ends with the first write that failed. Nothing is sent for a sender that has
// left before.
func (w *Writer) pass(ctx context.Context, d *desk) error {
	if !waits(ctx) {
		return unavailable(errGone)
	}
	workers := min(w.concurrency, d.calls())
	if workers == 1 {
		return w.work(ctx, d)
	}
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error { return w.work(ctx, d) })
	}
	return group.Wait()
}

// work makes one call after the other until there are no more or one has failed. A goroutine that does so grows its stack once.
func (w *Writer) work(ctx context.Context, d *desk) error {
	for {
		efforts, attempts := d.take()
		if len(efforts) == 0 {
			return nil
		}
		if err := w.attempt(ctx, efforts, attempts); err != nil {
			return err
		}
	}
}

// attempt makes one attempt of each write of a call, once there is a slot for it.
func (w *Writer) attempt(ctx context.Context, efforts []*effort, attempts []Attempt) error {
	if err := w.slots.Acquire(ctx, 1); err != nil {
		return unavailable(err)
	}
	defer w.slots.Release(1)
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	try(ctx, w.store, efforts, attempts)
	for _, e := range efforts {
		if e.done && e.err != nil {
			return e.err
		}
	}
	return nil
}

var errRefused = errors.New("the table refused each attempt")

// lastReason tells why the efforts are not done.
func lastReason(efforts []*effort) error {
	for _, e := range efforts {
		if e.err != nil {
			return e.err
		}
	}
	return errRefused
}
