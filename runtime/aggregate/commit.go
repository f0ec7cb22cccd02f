package aggregate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// task is the write of one fold's row and the fleet's share of it.
type task struct {
	fold  *fold
	write RowWrite
	delta Sum
	// recount tells that Replace holds a recount, and not the delta of a closed hour.
	recount bool
	// repeats is how many of the fold's records the row of a closed hour does not take in.
	repeats int
}

// grouped cuts folds, which are ordered by hour, into groups of at most rowsMax rows whose transaction stays within
// contract.TransactionItemsMax: the rows, and a fleet row for each hour and each day among them.
func grouped(folds []*fold, rowsMax int) [][]*fold {
	var groups [][]*fold
	start, items := 0, 0
	for i, f := range folds {
		add := 1
		if i == start || !f.key.Hour.Equal(folds[i-1].key.Hour) {
			add++
		}
		if i == start || !reading.Day(f.key.Hour).Equal(reading.Day(folds[i-1].key.Hour)) {
			add++
		}
		if i > start && (items+add > contract.TransactionItemsMax || i-start == rowsMax) {
			groups = append(groups, folds[start:i])
			start, items, add = i, 0, 3
		}
		items += add
	}
	if start < len(folds) {
		groups = append(groups, folds[start:])
	}
	return groups
}

// apply adds the folds to their rows where that is surely right; the others come back as stale.
func (a *Aggregator) apply(ctx context.Context, lane int, folds []*fold) outcome {
	tasks := make([]task, len(folds))
	for i, f := range folds {
		delta, _ := f.after("")
		tasks[i] = task{fold: f, delta: delta, write: RowWrite{
			Key: f.key, AppliedThrough: f.highest(), Apply: &Apply{Delta: delta, Lowest: f.lowest()},
		}}
	}
	done, out := a.commit(ctx, lane, tasks)
	out.Applied = len(done)
	return out
}

// commit writes the tasks' rows in one transaction, or in several where the table makes it necessary, and returns those
// that were written.
func (a *Aggregator) commit(ctx context.Context, lane int, tasks []task) (done []task, out outcome) {
	if len(tasks) == 0 {
		return nil, out
	}
	t := a.transaction(lane%a.o.FleetBuckets, tasks)
	for attempt := 1; ; attempt++ {
		err := a.table.Commit(ctx, t)
		if err == nil {
			return tasks, out
		}
		var canceled *Canceled
		if errors.As(err, &canceled) {
			before := len(tasks)
			if tasks = sift(tasks, canceled, &out, err); len(tasks) == 0 {
				return nil, out
			}
			// Nothing took place, so this is another transaction: it may have another bucket and needs another token.
			t = a.transaction(a.bucketAfter(t.Bucket, canceled, &out), tasks)
			if len(tasks) < before && !canceled.mayPass() {
				attempt-- // the rest was only in bad company
				continue
			}
		} else if fault.KindOf(err) == fault.Invalid && len(tasks) > 1 {
			return a.isolate(ctx, lane, tasks, out)
		}
		if err := a.await(ctx, attempt, err); err != nil {
			out.fail(foldsOf(tasks), err)
			return nil, out
		}
		out.Retries++
	}
}

// await pauses before the attempt that follows a failed one, or returns why there is none. Where it is not known whether the
// transaction took place, the very same is sent again, token included.
func (a *Aggregator) await(ctx context.Context, attempt int, cause error) error {
	var canceled *Canceled
	mayPass := errors.As(cause, &canceled) || fault.KindOf(cause) == fault.Unavailable
	if !mayPass || attempt >= a.o.AttemptsMax || ctx.Err() != nil {
		return fmt.Errorf("write rows: %w", cause)
	}
	return a.pause(ctx, attempt)
}

// mayPass tells whether an item could not be written only for the moment.
func (c *Canceled) mayPass() bool { return c.FleetBusy || c.Throttled > 0 }

// sift takes out the tasks of which the cancellation is the last word and returns the others.
func sift(tasks []task, c *Canceled, out *outcome, cause error) (rest []task) {
	cause = fmt.Errorf("write rows: %w", errors.Join(errRejected, cause))
	if c.FleetRejected {
		out.fail(foldsOf(tasks), cause)
		return nil
	}
	for i, task := range tasks {
		switch {
		case slices.Contains(c.Stale, i):
			out.stale = append(out.stale, task.fold)
		case slices.Contains(c.Rejected, i):
			out.fail([]*fold{task.fold}, cause)
		default:
			rest = append(rest, task)
		}
	}
	return rest
}

// isolate finds the row because of which a transaction is refused as a whole, so that it does not hold up the others.
func (a *Aggregator) isolate(ctx context.Context, lane int, tasks []task, out outcome) (done []task, _ outcome) {
	half := len(tasks) / 2
	for _, part := range [][]task{tasks[:half], tasks[half:]} {
		partDone, partOut := a.commit(ctx, lane, part)
		done = append(done, partDone...)
		out.add(partOut)
	}
	return done, out
}

// bucketAfter returns the bucket for the attempt that follows a cancellation: another one where the bucket was busy. Only
// the sum over the buckets counts, so any will do.
func (a *Aggregator) bucketAfter(bucket int, c *Canceled, out *outcome) int {
	if !c.FleetBusy || a.o.FleetBuckets == 1 {
		return bucket
	}
	out.BucketChanges++
	step := 1 + int(a.o.Random()%uint64(a.o.FleetBuckets-1)) //nolint:gosec // below FleetBuckets
	return (bucket + step) % a.o.FleetBuckets
}

// transaction puts the tasks into a transaction under a new token.
func (a *Aggregator) transaction(bucket int, tasks []task) Transaction {
	t := Transaction{Token: fmt.Sprintf("%016x%016x", a.o.Random(), a.o.Random()), Bucket: bucket}
	fleet := map[FleetWrite]Sum{}
	var order []FleetWrite
	share := func(unit Unit, start time.Time, region string, delta Sum) {
		row := FleetWrite{Unit: unit, Start: start, Region: region}
		if _, known := fleet[row]; !known {
			order = append(order, row)
		}
		fleet[row] = fleet[row].Add(delta)
	}
	for _, task := range tasks {
		t.Rows = append(t.Rows, task.write)
		hour := task.fold.key.Hour
		share(Hour, hour, task.fold.key.Region, task.delta)
		share(Day, reading.Day(hour), task.fold.key.Region, task.delta)
	}
	for _, row := range order {
		if row.Delta = fleet[row]; !row.Delta.IsZero() {
			t.Fleet = append(t.Fleet, row)
		}
	}
	return t
}

func foldsOf(tasks []task) []*fold {
	folds := make([]*fold, len(tasks))
	for i, t := range tasks {
		folds[i] = t.fold
	}
	return folds
}
