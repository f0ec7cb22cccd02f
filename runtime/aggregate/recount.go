package aggregate

import (
	"context"
	"fmt"
	"slices"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// recountRowsMax keeps the time between reading the first row of a group and writing all of them short, so that few writes
// come too late.
const recountRowsMax = 20

// recount brings rows up to date for which adding is not surely right. The folds that are still stale in the end, because
// somebody else was faster every time, fail.
func (a *Aggregator) recount(ctx context.Context, lane int, folds []*fold) outcome {
	var out outcome
	for attempt := 0; ; attempt++ {
		tasks, again, err := a.restateAll(ctx, folds, &out)
		done, committed := a.commit(ctx, lane, tasks)
		for _, task := range done {
			if task.recount {
				committed.Recounted++
			} else {
				committed.Adjusted++
				committed.Repeats += task.repeats
			}
		}
		raced := committed.stale
		committed.Raced, committed.stale = len(raced), nil
		out.add(committed)

		folds = slices.Concat(again, raced)
		if len(folds) == 0 {
			return out
		}
		if err == nil {
			err = errRaced
		}
		if attempt+1 >= a.o.AttemptsMax || ctx.Err() != nil {
			out.fail(folds, err)
			return out
		}
		out.Retries += len(again)
		if err := a.pause(ctx, attempt+1); err != nil {
			out.fail(folds, err)
			return out
		}
	}
}

var errRaced = &fault.Error{Kind: fault.Unavailable, Message: "the row was changed by somebody else each time"}

// restateAll prepares the replacement of each fold's row. The folds that could not be read for the moment come back with
// the last reason; those that never can be are failed.
func (a *Aggregator) restateAll(ctx context.Context, folds []*fold, out *outcome) (tasks []task, again []*fold, last error) {
	for _, f := range folds {
		task, needed, err := a.restate(ctx, f)
		switch {
		case err == nil && needed:
			tasks = append(tasks, task)
		case err == nil:
			out.Repeats += len(f.steps)
		case ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable:
			again, last = append(again, f), err
		default:
			out.fail([]*fold{f}, err)
		}
	}
	return tasks, again, last
}

// restate works out what the fold's row must hold, on condition that nobody changes it meanwhile, and tells whether it
// must be written at all.
func (a *Aggregator) restate(ctx context.Context, f *fold) (t task, needed bool, err error) {
	row, err := a.table.ReadRow(ctx, f.key)
	if err != nil {
		return task{}, false, fmt.Errorf("read row: %w", err)
	}
	t = task{fold: f, recount: !f.closed(a.o.Retention, a.o.Now())}
	next := Replace{Recounted: t.recount || row.Recounted, Revision: row.Revision}
	if t.recount {
		// The row was read first: a write that the query of the readings misses has its record still to come, and whoever
		// takes that in meanwhile changes the revision.
		if next.Sum, err = a.table.ReadHour(ctx, f.key); err != nil {
			return task{}, false, fmt.Errorf("count readings: %w", err)
		}
	} else {
		// A recount would miss what has expired. What lies above all that the row has taken in is new; the rest is a
		// repeat as far as can be told.
		fresh, n := f.after(row.AppliedThrough)
		if n == 0 {
			return task{}, false, nil
		}
		next.Sum, t.repeats = row.Add(fresh), len(f.steps)-n
	}
	// A row that is right already is written all the same: its new revision stops a recount that looked at the readings
	// earlier and would write later.
	t.delta = next.Sum.Sub(row.Sum)
	t.write = RowWrite{Key: f.key, AppliedThrough: max(row.AppliedThrough, f.highest()), Replace: &next}
	return t, true, nil
}
