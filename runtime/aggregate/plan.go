package aggregate

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// task is the write of one row.
type task struct {
	fold *fold
	// slices are what the write takes in of the fold.
	slices []*sliceFold
	write  RowWrite
	kind   kind
	// isNew tells that there was no such row.
	isNew bool
	// repeats is how many of the records the row of a closed hour does not take in.
	repeats int
}

// kind is the way in which a task takes records in.
type kind int

const (
	applying kind = iota
	recounting
	adjusting // a closed hour
)

// plan prepares the write by which a row, as it was read, takes in what is surely new to it. Without a slice in it there is
// nothing to write, and what is still pending must be recounted.
func (a *Aggregator) plan(f *fold, row Row) task {
	if f.closed(a.o.Retention, a.o.Now()) {
		return planClosed(f, row)
	}
	t := task{fold: f, write: RowWrite{Key: f.key}}
	for _, s := range f.pending {
		have := row.Slices[s.slice]
		if f.adopted || have.Recounted || s.lowest() <= row.AppliedThrough {
			continue
		}
		d := differenceOf(s.steps)
		if d.bares(have.Extremes) {
			continue
		}
		t.take(s, s.steps, d, have.Extremes)
		t.write.Slices[len(t.write.Slices)-1].Unmarked = true
	}
	t.write.settleHour(row)
	return t
}

// planClosed prepares the write of an hour whose readings have begun to expire. A recount would miss what has expired. What
// lies above all that the row has taken in is new; the rest is a repeat as far as can be told. Extremes never shrink.
func planClosed(f *fold, row Row) task {
	t := task{fold: f, write: RowWrite{Key: f.key}, kind: adjusting}
	through := row.AppliedThrough
	if f.adopted {
		through = row.AdoptedThrough
	}
	for _, s := range f.pending {
		fresh := s.above(through)
		t.repeats += len(s.steps) - len(fresh)
		if len(fresh) == 0 {
			t.slices = append(t.slices, s)
			continue
		}
		t.take(s, fresh, differenceOf(fresh), row.Slices[s.slice].Extremes)
	}
	if t.write.Through != nil {
		t.write.Through.Adopted = f.adopted
	}
	t.write.settleHour(row)
	return t
}

// bares tells whether what the steps take away may leave a slice with other extremes than it has, which only a recount can
// tell. What comes at least as far out covers for what goes.
func (d difference) bares(have Extremes) bool {
	for end := range have {
		gone, come := d.gone[end], d.come[end]
		covered := come.Any && !gone.beyond(come, End(end))
		if gone.Any && !have[end].beyond(gone, End(end)) && !covered {
			return true
		}
	}
	return false
}

// take adds steps of a slice to the write.
func (t *task) take(s *sliceFold, steps []step, d difference, have Extremes) {
	w := SliceWrite{Slice: s.slice, Delta: d.delta}
	for end, old := range have {
		// Only recounts move extremes inwards, and they mark the slice. So an extreme that is not extended needs no condition, and
		// one that is must not lie beyond by then.
		if next := d.come[end]; next.beyond(old, End(end)) {
			w.Extremes[end] = &next
			t.write.Bounds = append(t.write.Bounds, Bound{s.slice, End(end), Within, next})
		}
	}
	lowest, highest := steps[0].key, steps[len(steps)-1].key
	if t.write.Through == nil {
		t.write.Through = &Through{Lowest: lowest, Highest: highest}
	} else {
		t.write.Through.Lowest = min(t.write.Through.Lowest, lowest)
		t.write.Through.Highest = max(t.write.Through.Highest, highest)
	}
	t.slices = append(t.slices, s)
	t.write.Slices = append(t.write.Slices, w)
}

// planRecount prepares the write that sets slices to what their readings give. It is right only while none of them is written
// by anybody else.
func planRecount(row Row, found map[int]Figures) RowWrite {
	w := RowWrite{Key: row.RowKey}
	for slice, have := range row.Slices {
		figures, counted := found[slice]
		if !counted {
			continue
		}
		s := SliceWrite{Slice: slice, Delta: figures.Sub(have.Sum), Recounted: true}
		for end, next := range figures.Extremes {
			if next != have.Extremes[end] {
				s.Extremes[end] = &next
			}
		}
		w.Slices = append(w.Slices, s)
		w.Guards = append(w.Guards, Guard{slice, have.Revision})
	}
	w.settleHour(row)
	return w
}

// settleHour works out what the slices' writes mean for the hour: its sum changes by theirs, and its extremes stay those of
// all slices.
func (w *RowWrite) settleHour(row Row) {
	for _, s := range w.Slices {
		w.Delta = w.Delta.Add(s.Delta)
	}
	for end := range row.Extremes {
		w.settleEnd(row, End(end))
	}
}

// settleEnd keeps an extreme of the hour that of its slices. The row may be another one by the time of the write, since
// others write other slices meanwhile. So the conditions demand exactly what makes the outcome right, and no more: a
// recount of an old slice must not fail because the present one goes on rising.
func (w *RowWrite) settleEnd(row Row, end End) {
	hour := row.Extremes[end]
	var outermost, left Extreme // of what slices become, and of what those had that move inwards
	for _, s := range w.Slices {
		if s.Extremes[end] == nil {
			continue
		}
		old, next := row.Slices[s.Slice].Extremes[end], *s.Extremes[end]
		outermost = outermost.outer(next, end)
		if old.beyond(next, end) {
			left = left.outer(old, end)
		}
	}
	if left.Any && !hour.beyond(left, end) { // the hour's may be gone
		w.shrink(row, end)
		return
	}
	if left.Any { // the hour's is another slice's
		w.Bounds = append(w.Bounds, Bound{WholeHour, end, Beyond, left})
	}
	switch {
	case !outermost.Any:
	case outermost.beyond(hour, end):
		w.Extremes[end] = &outermost
		w.Bounds = append(w.Bounds, Bound{WholeHour, end, Within, outermost})
	default:
		w.Bounds = append(w.Bounds, Bound{WholeHour, end, Reaches, outermost})
	}
}

// shrink sets an extreme of the hour to that of its slices, on condition that it is so of those that are not written.
func (w *RowWrite) shrink(row Row, end End) {
	extremes, written := w.afterwards(row, end)
	var hour Extreme
	for _, e := range extremes {
		hour = hour.outer(e, end)
	}
	w.Extremes[end] = &hour
	held := false // by a slice that is written
	for i, e := range extremes {
		held = held || written[i] && e == hour
	}
	for i, e := range extremes {
		switch {
		case written[i]:
		case !hour.Any || !held && e == hour:
			w.Bounds = append(w.Bounds, Bound{i, end, Is, hour})
			held = true
		default:
			w.Bounds = append(w.Bounds, Bound{i, end, Within, hour})
		}
	}
}

// afterwards are the slices' extremes as the write leaves them, and which of the slices are written.
func (w *RowWrite) afterwards(row Row, end End) (extremes [contract.SlicesPerHour]Extreme, written [contract.SlicesPerHour]bool) {
	for i, s := range row.Slices {
		extremes[i] = s.Extremes[end]
	}
	for _, s := range w.Slices {
		written[s.Slice] = true
		if s.Extremes[end] != nil {
			extremes[s.Slice] = *s.Extremes[end]
		}
	}
	return extremes, written
}

// fleetShares are what a row's write adds to the fleet, by what it belongs to. A share is there where the row changes, also
// where others change it back: who looks at the fleet's revisions sees that rows have moved.
func (w *RowWrite) fleetShares() (shares []FleetWrite) {
	share := func(unit Unit, at time.Time, delta Sum) {
		if !delta.IsZero() {
			shares = append(shares, FleetWrite{FleetKey{unit, at.Truncate(unit.length()), w.Key.Region}, delta})
		}
	}
	for _, s := range w.Slices {
		share(FiveMinutes, w.Key.SliceStart(s.Slice), s.Delta)
	}
	share(Hour, w.Key.Hour, w.Delta)
	share(Day, w.Key.Hour, w.Delta)
	return shares
}
