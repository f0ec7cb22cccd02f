package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// settle brings one row up to date, slice by slice, each write alone. What is still pending in the end, because somebody
// else was faster every time or the time is over, fails.
func (a *Aggregator) settle(ctx context.Context, lane int, f *fold) (out outcome) {
	for attempt := 1; len(f.pending) > 0; {
		before := len(f.pending)
		err := a.settleOnce(ctx, lane, f, &out)
		switch {
		case err == nil && len(f.pending) < before:
			attempt = 1
			continue
		case err == nil: // stale
			err = errRaced
			out.Raced++
		case fault.KindOf(err) == fault.Unavailable:
			out.Retries++
		}
		if fault.KindOf(err) != fault.Unavailable || attempt >= a.o.AttemptsMax || ctx.Err() != nil {
			out.fail([]*fold{f}, err)
			return out
		}
		if err := a.pause(ctx, attempt); err != nil {
			out.fail([]*fold{f}, err)
			return out
		}
		attempt++
	}
	return out
}

var errRaced = &fault.Error{Kind: fault.Unavailable, Message: "the row was changed by somebody else each time"}

// settleOnce reads the row and takes in what is surely new to it, or else recounts the first slice that is pending.
func (a *Aggregator) settleOnce(ctx context.Context, lane int, f *fold, out *outcome) error {
	row, err := a.readRow(ctx, f.key)
	if err != nil {
		return err
	}
	t := a.plan(f, row)
	if len(t.write.Slices) == 0 && len(t.slices) > 0 {
		out.Repeats += t.repeats
		f.done(t.slices)
		return nil
	}
	if len(t.write.Slices) == 0 {
		first := f.pending[0]
		t = task{fold: f, slices: []*sliceFold{first}, kind: recounting}
		if t.write, err = a.countSlice(ctx, row, first.slice); err != nil {
			return err
		}
	}
	if !row.Exists {
		if err := a.list(ctx, f.key); err != nil {
			return err
		}
	}
	out.add(a.commit(ctx, lane, []task{t}))
	out.stale = nil
	return nil
}

// countSlice counts a slice of a row and prepares the write that states it.
//
// The row was read first: a write that the query of the readings misses has its record still to come, and whoever takes that
// in meanwhile changes the slice's revision. A slice that is right already is written all the same: its new revision stops a
// recount that looked at the readings earlier and would write later.
func (a *Aggregator) countSlice(ctx context.Context, row Row, slice int) (RowWrite, error) {
	found, err := a.readSlices(ctx, row.RowKey, slice, slice)
	if err != nil {
		return RowWrite{}, err
	}
	return planRecount(row, map[int]Figures{slice: found[0]}), nil
}

// readSlices counts the readings of slices: of the first one, and of as many more as come with it.
func (a *Aggregator) readSlices(ctx context.Context, key RowKey, first, last int) ([]Figures, error) {
	found, err := a.table.ReadSlices(ctx, key, first, last)
	if err == nil && (len(found) == 0 || len(found) > last-first+1) {
		err = fmt.Errorf("%d slices", len(found))
	}
	if err != nil {
		return nil, a.interrupted(ctx, fmt.Errorf("count readings: %w", err))
	}
	return found, nil
}

// readRow reads one row.
func (a *Aggregator) readRow(ctx context.Context, key RowKey) (Row, error) {
	rows, err := a.table.ReadRows(ctx, []RowKey{key})
	if err != nil {
		return Row{}, a.interrupted(ctx, fmt.Errorf("read row: %w", err))
	}
	row, known := rows[key]
	if !known {
		return Row{}, errUnread
	}
	return row, nil
}

var errUnread = &fault.Error{Kind: fault.Unavailable, Message: "the row could not be read for the moment"}

// interrupted says that an error which came as the time ended may pass.
func (a *Aggregator) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.As(err, new(*fault.Error)) {
		return err
	}
	return &fault.Error{Kind: fault.Unavailable, Message: "the invocation ended before the rows could be read", Cause: err}
}
