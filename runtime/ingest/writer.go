package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Writer makes any number of writes in batches. It is safe for concurrent use.
type Writer struct {
	store       Store
	concurrency int
	slots       *semaphore.Weighted // one for each batch in flight
	pacer       pacing.Pacer
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
	ws = lastOfEach(ws)
	all, pending := make([]effort, len(ws)), make([]*effort, len(ws))
	senderWaits := func() bool { return waits(ctx) }
	for i := range ws {
		// What is deleted is usually there, and a first attempt that is refused costs as much as one that is made.
		all[i] = effort{Write: ws[i], over: ws[i].Deleted, waits: senderWaits}
		pending[i] = &all[i]
	}
	for attempt := 0; len(pending) > 0; {
		leave, err := turn(ctx, len(pending))
		if err != nil {
			return err
		}
		err = w.pass(ctx, pending)
		if leave(); err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(pending), func(e *effort) bool { return e.done })
		if len(left) == 0 {
			break
		}
		if len(left) < len(pending) {
			attempt = 0
		}
		pending = left
		if attempt++; attempt >= attemptsFor(len(left), len(all)) {
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

// pass makes one attempt of each write, and ends with the first write that failed.
func (w *Writer) pass(ctx context.Context, pending []*effort) error {
	if w.concurrency == 1 || len(pending) <= contract.BatchStatementsMax {
		for batch := range slices.Chunk(pending, contract.BatchStatementsMax) {
			if err := w.begin(ctx); err != nil {
				return err
			}
			if err := w.attempt(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	batches, workers := make(chan []*effort), 0
	for batch := range slices.Chunk(pending, contract.BatchStatementsMax) {
		if err := w.begin(ctx); err != nil {
			group.Go(func() error { return err }) // counts only if no batch has failed before
			break
		}
		if workers < w.concurrency {
			workers++
			group.Go(func() error { return w.work(ctx, batch, batches) })
			continue
		}
		select {
		case batches <- batch: // whoever has given its slot back is about to ask for more
		case <-ctx.Done():
			w.slots.Release(1)
			group.Go(func() error { return unavailable(ctx.Err()) })
		}
	}
	close(batches)
	return group.Wait()
}

// work attempts batches, each of which has its slot, until there are no more or one has failed. A goroutine that makes one call after
// the other grows its stack once.
func (w *Writer) work(ctx context.Context, batch []*effort, more <-chan []*effort) error {
	for open := true; open; batch, open = <-more {
		if err := w.attempt(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// begin waits for a slot. Nothing is sent for a sender that has left.
func (w *Writer) begin(ctx context.Context) error {
	if err := w.slots.Acquire(ctx, 1); err != nil {
		return unavailable(err)
	}
	if !waits(ctx) {
		w.slots.Release(1)
		return unavailable(errGone)
	}
	return nil
}

// attempt makes one attempt of each write of a batch and gives back its slot.
func (w *Writer) attempt(ctx context.Context, batch []*effort) error {
	defer w.slots.Release(1)
	try(ctx, w.store, batch)
	for _, e := range batch {
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

// lastOfEach drops all but the last write of each identity and keeps the order of those that stay.
func lastOfEach(ws []reading.Write) []reading.Write {
	if len(ws) < 2 {
		return ws
	}
	type identity struct { // which costs less than a reading.Key
		id      reading.EquipmentID
		seconds int64
		rest    int
	}
	of := func(w *reading.Write) identity {
		return identity{w.EquipmentID, w.Timestamp.Unix(), w.Timestamp.Nanosecond()}
	}
	last := make(map[identity]int, len(ws))
	for i := range ws {
		last[of(&ws[i])] = i
	}
	if len(last) == len(ws) {
		return ws
	}
	kept := make([]reading.Write, 0, len(last))
	for i := range ws {
		if last[of(&ws[i])] == i {
			kept = append(kept, ws[i])
		}
	}
	return kept
}
