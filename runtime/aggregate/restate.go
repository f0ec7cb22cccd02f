package aggregate

import (
	"context"
	"errors"
	"fmt"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Restated tells what restating a row found.
type Restated struct {
	// Differences are the slices that held something else than what their readings give, and the hour if it held something
	// else than what its slices hold together.
	Differences []Difference
	// Raced counts writes that came too late since somebody else had changed the row meanwhile.
	Raced int
}

// Difference is what a row holds and what it must hold.
type Difference struct {
	Slice         int // or WholeHour
	Stored, Found Figures
}

// ErrClosed says that an hour's readings have begun to expire, so that what they give is not what its row must hold. It is of
// kind fault.Conflict.
var ErrClosed error = &fault.Error{Kind: fault.Conflict, Message: "readings of the hour have begun to expire, so that it cannot be counted any more"}

// Restate sets a row to what its readings give, all twelve slices and the hour, also where the row is missing. It may be called
// while the stream is being processed, by this region or, where the row's has left for good, by the one that has adopted it: what
// differs is written under each slice's own revision, and what is right already is left alone. The fleet moves with the row, as
// for every write of it. A slice that was restated is recounted by every later record of it.
//
// An error of kind fault.Unavailable may pass; what was done until then stays done. ErrClosed is one for an hour that cannot be
// counted.
func (a *Aggregator) Restate(ctx context.Context, key RowKey) (Restated, error) {
	return a.restate(ctx, key, a.commitAlone)
}

// Compare finds the same differences and writes nothing. In an hour that is being written, one that is found may be that of a
// record which is still to come.
func (a *Aggregator) Compare(ctx context.Context, key RowKey) (Restated, error) {
	return a.restate(ctx, key, func(context.Context, Row, RowWrite) error { return nil })
}

// commit writes a row that was read. Its error is of kind fault.Unavailable where somebody else was faster.
type commit func(ctx context.Context, row Row, w RowWrite) error

func (a *Aggregator) restate(ctx context.Context, key RowKey, write commit) (r Restated, err error) {
	ctx, cancel := a.inTime(ctx)
	defer cancel()
	for next := 0; next <= contract.SlicesPerHour; {
		if (&fold{key: key}).closed(a.o.Retention, a.o.Now()) {
			return r, ErrClosed
		}
		counted := 0
		if err := a.persist(ctx, func() (err error) {
			counted, err = a.restateSlices(ctx, key, next, write, &r)
			return err
		}); err != nil {
			return r, fmt.Errorf("restate row of %s at %s in %s: %w", key.EquipmentID, reading.FormatHour(key.Hour), key.Region, err)
		}
		next += counted
	}
	return r, nil
}

// persist makes an attempt again while it fails for a reason that may pass.
func (a *Aggregator) persist(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if err == nil || fault.KindOf(err) != fault.Unavailable || n >= a.o.AttemptsMax || ctx.Err() != nil {
			return err
		}
		if err := a.pause(ctx, n); err != nil {
			return err
		}
	}
}

// restateSlices states slices from a first one on and returns how many it has looked at; beyond the last one it is the hour that
// it states.
func (a *Aggregator) restateSlices(ctx context.Context, key RowKey, first int, write commit, r *Restated) (counted int, err error) {
	row, err := a.readRow(ctx, key)
	if err != nil {
		return 0, err
	}
	var found []Difference
	var w RowWrite
	if counted = 1; first < contract.SlicesPerHour {
		found, counted, err = a.compareSlices(ctx, row, first)
		wrong := map[int]Figures{}
		for _, d := range found {
			wrong[d.Slice] = d.Found
		}
		w = planRecount(row, wrong)
	} else if d := (Difference{WholeHour, row.Figures, row.together()}); d.Stored != d.Found {
		found, w = []Difference{d}, planHour(row, d.Found)
	}
	if err != nil || len(found) == 0 {
		return counted, err
	}
	err = write(ctx, row, w)
	if errors.Is(err, errRaced) {
		r.Raced++
	}
	if err == nil {
		r.Differences = append(r.Differences, found...)
	}
	return counted, err
}

// compareSlices counts slices from a first one on and returns those that differ, and how many it has counted.
func (a *Aggregator) compareSlices(ctx context.Context, row Row, first int) (wrong []Difference, counted int, err error) {
	found, err := a.readSlices(ctx, row.RowKey, first, contract.SlicesPerHour-1)
	for i, figures := range found {
		if have := row.Slices[first+i].Figures; have != figures {
			wrong = append(wrong, Difference{first + i, have, figures})
		}
	}
	return wrong, len(found), err
}

// together is what the slices give together.
func (r Row) together() (hour Figures) {
	for _, s := range r.Slices {
		hour = hour.Join(s.Figures)
	}
	return hour
}

// planHour prepares the write that sets the hour to what its slices give together, as long as none of them is written. One of
// them is written with it, so that two who find the same do not both add the difference.
func planHour(row Row, hour Figures) RowWrite {
	w := RowWrite{Key: row.RowKey, Slices: []SliceWrite{{}}, Delta: hour.Sub(row.Sum)}
	for i, s := range row.Slices {
		w.Guards = append(w.Guards, Guard{i, s.Revision})
	}
	for end, next := range hour.Extremes {
		if next != row.Extremes[end] {
			w.Extremes[end] = &next
		}
	}
	return w
}

// commitAlone writes a row that was read.
func (a *Aggregator) commitAlone(ctx context.Context, row Row, w RowWrite) error {
	if !row.Exists {
		if err := a.list(ctx, row.RowKey); err != nil {
			return err
		}
	}
	lane := int(a.o.Random() % uint64(a.o.FleetBuckets)) //nolint:gosec // below FleetBuckets
	out := a.commit(ctx, lane, []task{{fold: &fold{key: row.RowKey}, write: w, kind: recounting}})
	switch {
	case len(out.failed) > 0:
		return out.failed[0].err
	case len(out.stale) > 0:
		return errRaced
	default:
		return nil
	}
}
