package aggregate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// grouped cuts tasks into groups whose transaction stays within contract.TransactionItemsMax: the rows, and the fleet's rows
// that they have a share in.
func grouped(tasks []task) [][]task {
	var groups [][]task
	start, fleet := 0, map[FleetKey]bool{}
	for i, t := range tasks {
		shares := t.write.fleetShares()
		added := 0
		for _, share := range shares {
			if !fleet[share.FleetKey] {
				added++
			}
		}
		if i > start && i-start+1+len(fleet)+added > contract.TransactionItemsMax {
			groups = append(groups, tasks[start:i])
			start = i
			clear(fleet)
		}
		for _, share := range shares {
			fleet[share.FleetKey] = true
		}
	}
	if start < len(tasks) {
		groups = append(groups, tasks[start:])
	}
	return groups
}

// commit writes the tasks' rows in one transaction, or in several where the table makes it necessary. The tasks whose
// condition did not hold come back as stale.
func (a *Aggregator) commit(ctx context.Context, lane int, tasks []task) (out outcome) {
	if len(tasks) == 0 {
		return out
	}
	t := a.transaction(lane%a.o.FleetBuckets, tasks)
	for attempt := 1; ; attempt++ {
		err := a.table.Commit(ctx, t)
		if err == nil {
			out.done(tasks)
			return out
		}
		var canceled *Canceled
		if errors.As(err, &canceled) {
			before := len(tasks)
			if tasks = sift(tasks, canceled, &out, err); len(tasks) == 0 {
				return out
			}
			// Nothing took place, so this is another transaction: it may have another bucket and needs another token.
			t = a.transaction(a.bucketAfter(t.Bucket, canceled, &out), tasks)
			if len(tasks) < before && !canceled.mayPass() {
				attempt-- // nothing was wrong with the others
				continue
			}
		} else if fault.KindOf(err) == fault.Invalid && len(tasks) > 1 {
			return a.isolate(ctx, lane, tasks, out)
		}
		if err := a.await(ctx, attempt, err); err != nil {
			out.fail(foldsOf(tasks), err)
			return out
		}
		out.Retries++
	}
}

// await pauses before the attempt that follows a failed one, or returns why there is none. Where it is not known whether the
// transaction took place, the very same is sent again, token included.
func (a *Aggregator) await(ctx context.Context, attempt int, cause error) error {
	var canceled *Canceled
	if errors.As(cause, &canceled) {
		cause = &fault.Error{Kind: fault.Unavailable, Message: "the aggregate rows are busy", Cause: cause}
	}
	if fault.KindOf(cause) != fault.Unavailable || attempt >= a.o.AttemptsMax || ctx.Err() != nil {
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
			out.stale = append(out.stale, task)
		case slices.Contains(c.Rejected, i):
			out.fail([]*fold{task.fold}, cause)
		default:
			rest = append(rest, task)
		}
	}
	return rest
}

// isolate finds the row because of which a transaction is refused as a whole, so that it does not hold up the others.
func (a *Aggregator) isolate(ctx context.Context, lane int, tasks []task, out outcome) outcome {
	half := len(tasks) / 2
	for _, part := range [][]task{tasks[:half], tasks[half:]} {
		out.add(a.commit(ctx, lane, part))
	}
	return out
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
	at := map[FleetKey]int{}
	for _, task := range tasks {
		t.Rows = append(t.Rows, task.write)
		for _, share := range task.write.fleetShares() {
			i, known := at[share.FleetKey]
			if !known {
				at[share.FleetKey] = len(t.Fleet)
				t.Fleet = append(t.Fleet, share)
				continue
			}
			t.Fleet[i].Delta = t.Fleet[i].Delta.Add(share.Delta)
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
