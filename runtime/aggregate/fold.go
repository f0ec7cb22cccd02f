package aggregate

import (
	"cmp"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// step is what one record does to its row.
type step struct {
	sequence string        // as the stream names it
	key      string        // as SequenceKey writes it
	at       time.Duration // of the reading since the hour began, which names the reading within its row
	old, new Extreme       // the value before and after, none where the reading is not the row's
}

// delta is what the step adds to the row. A reading that another region overwrites is taken back here and added there, so that
// it counts once wherever its retries landed.
func (s step) delta() (d Sum) {
	if s.new.Any {
		d = SumOf(s.new.Value)
	}
	if s.old.Any {
		d = d.Sub(SumOf(s.old.Value))
	}
	return d
}

// sliceFold gathers a batch's records of one slice, each once, in the order of their sequence numbers.
type sliceFold struct {
	slice int
	steps []step
}

func (s *sliceFold) lowest() string { return s.steps[0].key }

// above returns the steps above a sequence key.
func (s *sliceFold) above(sequenceKey string) []step {
	n, _ := slices.BinarySearchFunc(s.steps, sequenceKey, func(one step, key string) int {
		if one.key <= key {
			return -1
		}
		return 1
	})
	return s.steps[n:]
}

// fold gathers a batch's records of one row.
type fold struct {
	key RowKey
	// adopted tells that the row is that of a region which this one has adopted. The row has taken in records of another
	// stream, whose sequence numbers do not compare with this one's.
	adopted bool
	// pending are the slices that the row has still to take in, the one with the lowest sequence number first.
	pending []*sliceFold
	// expiry is the earliest instant at which, judged by the images, a reading of this hour can expire; zero for never.
	expiry time.Time
}

func (f *fold) lowest() string { return f.pending[0].lowest() }

// sequences are those of what is pending.
func (f *fold) sequences() (names []string) {
	for _, s := range f.pending {
		for _, one := range s.steps {
			names = append(names, one.sequence)
		}
	}
	return names
}

// done takes slices out of what is pending.
func (f *fold) done(taken []*sliceFold) {
	f.pending = slices.DeleteFunc(f.pending, func(s *sliceFold) bool { return slices.Contains(taken, s) })
}

// closed tells whether readings of the hour may have expired, so that a recount would miss them. Both the images and the
// retention of today can say so, as the retention may have changed.
func (f *fold) closed(retention time.Duration, now time.Time) bool {
	// TTL goes by the table's clock; a minute covers the difference to this one.
	const skewMax = time.Minute
	now = now.Add(skewMax)
	if retention > 0 && !f.key.Hour.Add(retention+contract.ExpiryMargin).After(now) {
		return true
	}
	return !f.expiry.IsZero() && !f.expiry.After(now)
}

// take notes when the hour's first reading would expire if it was stored like this one.
func (f *fold) take(i *Image) {
	if i == nil || i.ExpiresAt.IsZero() {
		return
	}
	first := i.ExpiresAt.Add(-i.Timestamp.Sub(f.key.Hour))
	if f.expiry.IsZero() || first.Before(f.expiry) {
		f.expiry = first
	}
}

// folding is a batch taken apart.
type folding struct {
	folds   []*fold // ordered by hour, then equipment, then region
	ignored int     // records that change nothing in any of the regions
	failed  []failure
	rows    map[RowKey]*fold
	slices  map[RowKey]*[contract.SlicesPerHour]*sliceFold
}

// foldAll gathers the changes per row of the region and of those that it has adopted.
func foldAll(changes []Change, region string, adopted []string, now time.Time) *folding {
	out := &folding{rows: map[RowKey]*fold{}, slices: map[RowKey]*[contract.SlicesPerHour]*sliceFold{}}
	for _, c := range changes {
		key, err := SequenceKey(c.Sequence)
		if err == nil && c.moves() {
			err = errMoved
		}
		if err != nil {
			out.failed = append(out.failed, failure{[]string{c.Sequence}, invalid(err)})
			continue
		}
		taken := false
		if !c.isExpiry(now) {
			taken = out.take(c, key, region, false)
			for _, other := range adopted {
				taken = out.take(c, key, other, true) || taken
			}
		}
		if !taken {
			out.ignored++
		}
	}
	for _, f := range out.folds {
		f.order()
	}
	slices.SortFunc(out.folds, func(a, b *fold) int { return compareRows(a.key, b.key) })
	return out
}

// take adds a change to its row of the region and tells whether it concerns it.
func (out *folding) take(c Change, sequenceKey, region string, adopted bool) bool {
	if !c.concerns(region) {
		return false
	}
	image := cmp.Or(c.New, c.Old)
	row := RowKey{image.EquipmentID, reading.Hour(image.Timestamp), region}
	f, parts := out.rows[row], out.slices[row]
	if f == nil {
		f, parts = &fold{key: row, adopted: adopted}, new([contract.SlicesPerHour]*sliceFold)
		out.rows[row], out.slices[row] = f, parts
		out.folds = append(out.folds, f)
	}
	slice := sliceOf(image.Timestamp)
	if parts[slice] == nil {
		parts[slice] = &sliceFold{slice: slice}
		f.pending = append(f.pending, parts[slice])
	}
	parts[slice].steps = append(parts[slice].steps, step{
		c.Sequence, sequenceKey, image.Timestamp.Sub(row.Hour), valueOf(c.Old, region), valueOf(c.New, region),
	})
	f.take(c.Old)
	f.take(c.New)
	return true
}

// valueOf is an image's value, none where the image is not the region's.
func valueOf(i *Image, region string) Extreme {
	if i == nil || i.Region != region {
		return Extreme{}
	}
	return ExtremeOf(i.Value)
}

// order puts the steps and slices into the order of their sequence numbers, each record once.
func (f *fold) order() {
	for _, s := range f.pending {
		slices.SortStableFunc(s.steps, func(a, b step) int { return cmp.Compare(a.key, b.key) })
		s.steps = slices.CompactFunc(s.steps, func(a, b step) bool { return a.key == b.key })
	}
	slices.SortFunc(f.pending, func(a, b *sliceFold) int { return cmp.Compare(a.lowest(), b.lowest()) })
}

func invalid(err error) error {
	return &fault.Error{Kind: fault.Invalid, Message: "the change can never be applied", Cause: err}
}

// difference is what steps do to a slice, taken together.
type difference struct {
	delta Sum
	// gone are the extremes of the values that the slice held before and come of those that it holds afterwards, among the
	// readings of the steps. A value that came and went within the steps is in neither.
	gone, come Extremes
}

func differenceOf(steps []step) (d difference) {
	type span struct{ first, last Extreme }
	readings := make(map[time.Duration]span, len(steps))
	for _, s := range steps {
		d.delta = d.delta.Add(s.delta())
		r, known := readings[s.at]
		if !known {
			r.first = s.old
		}
		r.last = s.new
		readings[s.at] = r
	}
	for _, r := range readings {
		d.gone = d.gone.Union(Extremes{r.first, r.first})
		d.come = d.come.Union(Extremes{r.last, r.last})
	}
	return d
}
