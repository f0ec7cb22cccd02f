package aggregate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// FleetTable is what restating the fleet needs of the table. Errors are of the kinds that RowTable's are, and all reads are
// consistent.
type FleetTable interface {
	// ListEquipments returns at most limit equipments that have rows of the region, of one partition of the list and after an
	// id, in their order, and whether there may be more.
	ListEquipments(ctx context.Context, shard int, region string, after reading.EquipmentID, limit int) (ids []reading.EquipmentID, more bool, err error)
	// RowsOf returns an equipment's rows of a region in a range of hours, both ends included, in their order.
	RowsOf(ctx context.Context, id reading.EquipmentID, region string, from, through time.Time) ([]Row, error)
	// ReadFleet returns the shares that a bucket holds of the slices, hours and the day of one day in a region.
	ReadFleet(ctx context.Context, bucket int, region string, day time.Time) (map[FleetKey]FleetShare, error)
	// AddToFleet adds to the share of a bucket, on condition that its revision is still the one given, 0 meaning that there is
	// none. The error is of kind fault.Conflict where it is not.
	AddToFleet(ctx context.Context, bucket int, write FleetWrite, revision int64) error
}

// FleetShare is what one bucket holds of a fleet row.
type FleetShare struct {
	Sum
	// Revision rises with every write of the share.
	Revision int64
}

// FleetRestated tells what restating a day of the fleet did.
type FleetRestated struct {
	// Rows are the equipments' rows that were added up.
	Rows int
	// Mended are the fleet rows that were not what the rows give, with what was added to them.
	Mended []FleetWrite
	// Moving are those that changed while the rows were read, so that nothing can be said of them yet.
	Moving []FleetKey
}

// FleetRestater sets fleet rows to the sum of the equipments' rows, while those are being written.
type FleetRestater struct {
	table   FleetTable
	buckets int
}

// NewFleetRestater returns a FleetRestater for the number of buckets that the writers use.
func NewFleetRestater(table FleetTable, fleetBuckets int) *FleetRestater {
	return &FleetRestater{table, fleetBuckets}
}

// equipmentsPage is how many equipments a call lists.
const equipmentsPage = 1000

// Restate compares the slices, hours and the day of one UTC day in a region with the rows of all equipments, and adds to one
// bucket what is missing.
//
// Writers change rows and fleet in one transaction, so that the difference between the two stays the same whatever they do. It
// shows as soon as the rows were read while none of the buckets moved, which their revisions tell. What did move is named, and
// comes to rest once the hour or the day is over; the call is made again then. It reads every row of the day once.
func (f *FleetRestater) Restate(ctx context.Context, region string, day time.Time) (FleetRestated, error) {
	return f.restate(ctx, region, reading.Day(day), f.mend)
}

// Compare does the same and writes nothing: what it names as mended is what Restate would mend.
func (f *FleetRestater) Compare(ctx context.Context, region string, day time.Time) (FleetRestated, error) {
	look := func(context.Context, FleetWrite, []FleetShare) (bool, error) { return false, nil }
	return f.restate(ctx, region, reading.Day(day), look)
}

// mending adds what is missing to a fleet row, and tells whether somebody else was faster.
type mending func(ctx context.Context, missing FleetWrite, have []FleetShare) (conflict bool, err error)

func (f *FleetRestater) restate(ctx context.Context, region string, day time.Time, mend mending) (r FleetRestated, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compare the fleet of %s in %s with its rows: %w", reading.FormatDay(day), region, err)
		}
	}()
	before, err := f.read(ctx, region, day)
	if err != nil {
		return r, err
	}
	difference, err := f.addUp(ctx, region, day, &r)
	if err != nil {
		return r, err
	}
	after, err := f.read(ctx, region, day)
	if err != nil {
		return r, err
	}
	after.takeFrom(difference)
	for _, key := range sortedKeys(difference) {
		missing := FleetWrite{key, difference[key]}
		conflict := !before.unmoved(after, key)
		if !conflict && !missing.Delta.IsZero() {
			if conflict, err = mend(ctx, missing, after[key]); err != nil {
				return r, err
			}
			if !conflict {
				r.Mended = append(r.Mended, missing)
			}
		}
		if conflict {
			r.Moving = append(r.Moving, key)
		}
	}
	return r, nil
}

// shares are what each bucket holds of the fleet rows of a day.
type shares map[FleetKey][]FleetShare

// takeFrom subtracts the shares of all buckets.
func (s shares) takeFrom(sums map[FleetKey]Sum) {
	for key, buckets := range s {
		for _, share := range buckets {
			sums[key] = sums[key].Sub(share.Sum)
		}
	}
}

func (f *FleetRestater) read(ctx context.Context, region string, day time.Time) (shares, error) {
	all := shares{}
	for bucket := range f.buckets {
		of, err := f.table.ReadFleet(ctx, bucket, region, day)
		if err != nil {
			return nil, fmt.Errorf("read fleet rows: %w", err)
		}
		for key, share := range of {
			if all[key] == nil {
				all[key] = make([]FleetShare, f.buckets)
			}
			all[key][bucket] = share
		}
	}
	return all, nil
}

// unmoved tells whether no bucket's share of a fleet row was written between two reads.
func (s shares) unmoved(after shares, key FleetKey) bool {
	return slices.EqualFunc(s[key], after[key], func(a, b FleetShare) bool { return a.Revision == b.Revision })
}

// addUp adds up what the rows of all equipments give of the day's slices, its hours and itself.
func (f *FleetRestater) addUp(ctx context.Context, region string, day time.Time, r *FleetRestated) (map[FleetKey]Sum, error) {
	sums := map[FleetKey]Sum{}
	add := func(unit Unit, at time.Time, s Sum) {
		key := FleetKey{unit, at.Truncate(unit.length()), region}
		sums[key] = sums[key].Add(s)
	}
	for shard := range contract.EquipmentShards {
		after, more := reading.EquipmentID(""), true
		for more {
			var ids []reading.EquipmentID
			var err error
			if ids, more, err = f.table.ListEquipments(ctx, shard, region, after, equipmentsPage); err != nil {
				return nil, fmt.Errorf("list equipments: %w", err)
			}
			for _, id := range ids {
				rows, err := f.table.RowsOf(ctx, id, region, day, day.Add(23*time.Hour))
				if err != nil {
					return nil, fmt.Errorf("read rows of %s: %w", id, err)
				}
				for _, row := range rows {
					for i, s := range row.Slices {
						add(FiveMinutes, row.SliceStart(i), s.Sum)
					}
					add(Hour, row.Hour, row.Sum)
					add(Day, row.Hour, row.Sum)
				}
				r.Rows += len(rows)
				after = id
			}
		}
	}
	return sums, nil
}

// mend adds what is missing to the bucket of which the share was read, unless somebody was faster.
func (f *FleetRestater) mend(ctx context.Context, missing FleetWrite, have []FleetShare) (conflict bool, err error) {
	const bucket = 0
	revision := int64(0)
	if len(have) > 0 {
		revision = have[bucket].Revision
	}
	err = f.table.AddToFleet(ctx, bucket, missing, revision)
	if fault.KindOf(err) == fault.Conflict {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("write a fleet row: %w", err)
	}
	return false, nil
}

func sortedKeys(of map[FleetKey]Sum) []FleetKey {
	return slices.SortedFunc(maps.Keys(of), func(a, b FleetKey) int {
		return cmp.Or(cmp.Compare(b.Unit, a.Unit), a.Start.Compare(b.Start))
	})
}
