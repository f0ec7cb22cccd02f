package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Store keeps readings.
type Store interface {
	// WriteBatch writes at most contract.BatchWriteItemsMax readings of distinct identities in one call and returns those
	// that it left unprocessed. An error means that none is known to be written; its kind is fault.Unavailable when
	// trying again may help.
	WriteBatch(ctx context.Context, rs []reading.Stored) (unprocessed []reading.Stored, err error)
}

// attemptsMax ends a write that makes no progress at all; a batch that does make progress starts counting anew.
const attemptsMax = 8

// Writer writes any number of readings in batches. It is safe for concurrent use.
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

// Write stores the readings and returns nil only when all are durable; where an identity occurs repeatedly, the last one
// wins. After an error any subset may have been stored, and writing all of them again is safe. The kind of the error is
// fault.Unavailable when the table was busy for too long, or other calls were and ctx ended.
func (w *Writer) Write(ctx context.Context, rs []reading.Stored) error {
	rs = lastOfEach(rs)
	if w.concurrency == 1 || len(rs) <= contract.BatchWriteItemsMax {
		for batch := range slices.Chunk(rs, contract.BatchWriteItemsMax) {
			if err := w.slots.Acquire(ctx, 1); err != nil {
				return unavailable(err)
			}
			if err := w.writeInSlot(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for batch := range slices.Chunk(rs, contract.BatchWriteItemsMax) {
		if err := w.slots.Acquire(ctx, 1); err != nil {
			group.Go(func() error { return unavailable(err) }) // counts only if no batch has failed before
			break
		}
		group.Go(func() error { return w.writeInSlot(ctx, batch) })
	}
	return group.Wait()
}

// writeInSlot writes one batch and gives back its slot.
func (w *Writer) writeInSlot(ctx context.Context, batch []reading.Stored) error {
	defer w.slots.Release(1)
	_, err := w.writeBatch(ctx, batch, func([]reading.Stored) {})
	return err
}

var errLeftUnprocessed = errors.New("the table left items unprocessed")

// writeBatch writes one batch until nothing of it is left unprocessed, and tells progress what is left each time that a part is
// stored. With an error come the readings that are not known to be stored.
func (w *Writer) writeBatch(ctx context.Context, batch []reading.Stored, progress func(left []reading.Stored)) (left []reading.Stored, err error) {
	attempt := 0
	for {
		left, err = w.store.WriteBatch(ctx, batch)
		switch {
		case err == nil && len(left) == 0:
			return nil, nil
		case err == nil:
			if len(left) < len(batch) {
				attempt = 0
				progress(left)
			}
			batch, err = left, errLeftUnprocessed
		case fault.KindOf(err) != fault.Unavailable:
			return batch, fmt.Errorf("write %d readings: %w", len(batch), err)
		}
		if attempt++; attempt >= attemptsMax {
			return batch, unavailable(fmt.Errorf("write %d readings, %d attempts without progress: %w", len(batch), attempt, err))
		}
		if err := w.pacer.Pause(ctx, attempt); err != nil {
			return batch, unavailable(err)
		}
	}
}

func unavailable(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the readings could not be stored in time; send them again", Cause: cause}
}

// lastOfEach drops all but the last reading of each identity and keeps the order of those that stay.
func lastOfEach(rs []reading.Stored) []reading.Stored {
	if len(rs) < 2 {
		return rs
	}
	last := make(map[reading.Key]int, len(rs))
	for i, r := range rs {
		last[r.Key()] = i
	}
	if len(last) == len(rs) {
		return rs
	}
	kept := make([]reading.Stored, 0, len(last))
	for i, r := range rs {
		if last[r.Key()] == i {
			kept = append(kept, r)
		}
	}
	return kept
}
