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
	sequence string // as the stream names it
	key      string // as SequenceKey writes it
	delta    Sum
}

// fold gathers a batch's records of one row, each once, in the order of their sequence numbers.
type fold struct {
	key   RowKey
	steps []step
	// expiry is the earliest instant at which, judged by the images, a reading of this hour can expire; zero for never.
	expiry time.Time
}

func (f *fold) lowest() string  { return f.steps[0].key }
func (f *fold) highest() string { return f.steps[len(f.steps)-1].key }

// after returns the sum of the steps above a sequence key, and their number.
func (f *fold) after(sequenceKey string) (Sum, int) {
	var (
		sum Sum
		n   int
	)
	for _, s := range f.steps {
		if s.key > sequenceKey {
			sum, n = sum.Add(s.delta), n+1
		}
	}
	return sum, n
}

func (f *fold) sequences() []string {
	names := make([]string, len(f.steps))
	for i, s := range f.steps {
		names[i] = s.sequence
	}
	return names
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
	folds   []*fold // ordered by hour, then equipment
	ignored int     // records that change nothing in this region
	failed  []failure
}

// foldAll gathers the changes per row of the region.
func foldAll(changes []Change, region string, now time.Time) folding {
	var out folding
	rows := map[RowKey]*fold{}
	for _, c := range changes {
		key, err := SequenceKey(c.Sequence)
		if err != nil {
			out.failed = append(out.failed, failure{[]string{c.Sequence}, invalid(err)})
			continue
		}
		if c.moves() {
			out.failed = append(out.failed, failure{[]string{c.Sequence}, invalid(errMoved)})
			continue
		}
		if !c.concerns(region) || c.isExpiry(now) {
			out.ignored++
			continue
		}
		image := cmp.Or(c.New, c.Old)
		row := RowKey{image.EquipmentID, reading.Hour(image.Timestamp), region}
		f := rows[row]
		if f == nil {
			f = &fold{key: row}
			rows[row] = f
			out.folds = append(out.folds, f)
		}
		f.steps = append(f.steps, step{c.Sequence, key, c.delta(region)})
		f.take(c.Old)
		f.take(c.New)
	}
	for _, f := range out.folds {
		slices.SortFunc(f.steps, func(a, b step) int { return cmp.Compare(a.key, b.key) })
		f.steps = slices.CompactFunc(f.steps, func(a, b step) bool { return a.key == b.key })
	}
	slices.SortFunc(out.folds, func(a, b *fold) int {
		return cmp.Or(a.key.Hour.Compare(b.key.Hour), cmp.Compare(a.key.EquipmentID, b.key.EquipmentID))
	})
	return out
}

func invalid(err error) error {
	return &fault.Error{Kind: fault.Invalid, Message: "the change can never be applied", Cause: err}
}
