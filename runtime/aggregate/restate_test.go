package aggregate_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// rowOf names an equipment's row of the present hour.
func rowOf(id string) aggregate.RowKey {
	return aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: hour, Region: here}
}

// sortOf is its sort key.
var sortOf = reading.FormatHour(hour) + "#" + here

// differences are the slices and the hour that a restatement names.
func differences(r aggregate.Restated) (at []int) {
	for _, d := range r.Differences {
		at = append(at, d.Slice)
	}
	return at
}

func TestRestate_MendsEveryKindOfError(t *testing.T) {
	slice := func(prefix string) string { return contract.SliceAttribute(prefix, present) }
	for name, test := range map[string]struct {
		damage func(f *fixture)
		want   []int // what differs
	}{
		"nothing":      {func(*fixture) {}, nil},
		"too high":     {func(f *fixture) { f.Plant("A", sortOf, slice(contract.AttrSliceCount), "3") }, []int{present, aggregate.WholeHour}},
		"too low":      {func(f *fixture) { f.Plant("A", sortOf, slice(contract.AttrSliceInteger), "-7") }, []int{present, aggregate.WholeHour}},
		"by a digit":   {func(f *fixture) { f.Plant("A", sortOf, slice(contract.AttrSliceFraction), "1e-27") }, []int{present, aggregate.WholeHour}},
		"an extreme":   {func(f *fixture) { f.Plant("A", sortOf, slice(contract.AttrSliceMin), "0") }, []int{present}},
		"empty slice":  {func(f *fixture) { f.Plant("A", sortOf, "n11", "1") }, []int{11, aggregate.WholeHour}},
		"hour's count": {func(f *fixture) { f.Plant("A", sortOf, contract.AttrSampleCount, "7") }, []int{aggregate.WholeHour}},
		"hour's most":  {func(f *fixture) { f.Plant("A", sortOf, contract.AttrMaxValue, "3.5") }, []int{aggregate.WholeHour}},
		"missing": {func(f *fixture) {
			f.Forget("A", sortOf)
			for key := range f.Fleet() { // which went with the row
				f.forgetFleet(key.FleetKey)
			}
		}, []int{0, present}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.process(t, f.write(t, "A", at, here, "2"), f.write(t, "A", at.Add(1), here, "4.5"), f.write(t, "A", hour, here, "1"))
			test.damage(f)
			commits := f.Commits()
			found, err := f.Compare(t.Context(), rowOf("A"))
			if err != nil || f.Commits() != commits {
				t.Errorf("comparing: %v, and %d commits", err, f.Commits()-commits)
			}
			// A slice is mended together with its share of the hour; what was wrong with the hour alone is seen afterwards.
			got, err := f.Restate(t.Context(), rowOf("A"))
			if err != nil || !slices.Equal(differences(got), test.want) || got.Raced > 0 {
				t.Errorf("restated %+v, %v, want differences of %v", got, err, test.want)
			}
			if len(found.Differences) == 0 != (len(test.want) == 0) {
				t.Errorf("compared %+v", found)
			}
			var want aggregate.Figures
			for _, text := range []string{"2", "4.5", "1"} {
				want = want.Join(aggregate.FiguresOf(value(t, text)))
			}
			if row := f.row(t, "A", hour); row.Figures != want || !slices.Contains(f.Equipments(), "A#"+here) {
				t.Errorf("the row is %+v", row)
			}
			if again, err := f.Restate(t.Context(), rowOf("A")); err != nil || len(again.Differences) > 0 {
				t.Errorf("restated again: %+v, %v", again, err)
			}
			if len(test.want) == 0 && f.Commits() != commits {
				t.Error("a row that was right was written")
			}
		})
	}
}

// forgetFleet removes the shares of all buckets.
func (f *fixture) forgetFleet(key aggregate.FleetKey) {
	prefix, start := contract.FleetHourPrefix, reading.FormatHour(key.Start)
	switch key.Unit {
	case aggregate.Day:
		prefix, start = contract.FleetDayPrefix, reading.FormatDay(key.Start)
	case aggregate.FiveMinutes:
		prefix, start = contract.FleetSlicePrefix, reading.FormatMinute(key.Start)
	case aggregate.Hour:
	}
	for _, bucket := range []string{"0", "1", "2"} {
		f.Forget(contract.FleetPartitionPrefix+bucket, prefix+start+"#"+key.Region)
	}
}

func TestRestate_GoesTogetherWithTheStream(t *testing.T) {
	f := newFixture(t)
	one, lost := f.write(t, "A", at, here, "1"), f.write(t, "A", at.Add(1), here, "2")
	f.process(t, one)
	// While the row is being restated, the stream brings a reading of the same slice and one of another.
	late := []aggregate.Change{f.write(t, "A", at.Add(2), here, "4"), f.write(t, "A", hour, here, "8")}
	other := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	f.before = func(int, aggregate.Transaction) error {
		f.before = nil
		_, err := other.Process(t.Context(), late)
		return err
	}
	got, err := f.Restate(t.Context(), rowOf("A"))
	if err != nil || got.Raced != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	f.wantFigures(t, "A", "1", "2", "4", "8")
	// Its record was not lost after all. The slice was counted, so that it must not be added.
	if got := f.process(t, lost, f.write(t, "A", at.Add(3), here, "16")); got.Recounted != 1 || got.Applied != 0 {
		t.Errorf("got %+v", got)
	}
	f.wantFigures(t, "A", "1", "2", "4", "8", "16")
}

func TestRestate_TwoDoNotMendTheSameHour(t *testing.T) {
	f := newFixture(t)
	f.process(t, f.write(t, "A", at, here, "1"))
	f.Plant("A", sortOf, contract.AttrSampleCount, "7")
	other := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	f.before = func(int, aggregate.Transaction) error {
		f.before = nil
		got, err := other.Restate(t.Context(), rowOf("A"))
		if len(got.Differences) != 1 {
			t.Errorf("the other one: %+v", got)
		}
		return err
	}
	got, err := f.Restate(t.Context(), rowOf("A"))
	if err != nil || got.Raced != 1 || len(got.Differences) > 0 || f.row(t, "A", hour).Sum != sum(t, "1") {
		t.Errorf("got %+v, %v, row %+v", got, err, f.row(t, "A", hour))
	}
}

func TestRestate_EndsWhereItCannot(t *testing.T) {
	f := expiring(t)
	f.process(t, f.put(kept(image(t, "A", oldHour.Add(time.Minute), here, "1"))))
	f.remove(image(t, "A", oldHour.Add(time.Minute), here, "1").Key())
	key := rowOf("A")
	key.Hour = oldHour
	if _, err := f.Restate(t.Context(), key); !errors.Is(err, aggregate.ErrClosed) || f.row(t, "A", oldHour).Count != 1 {
		t.Errorf("a closed hour: %v, row %+v", err, f.row(t, "A", oldHour))
	}
	f.write(t, "B", at, here, "1")
	f.before = func(int, aggregate.Transaction) error { return &aggregate.Canceled{Stale: []int{0}} }
	if got, err := f.Restate(t.Context(), rowOf("B")); fault.KindOf(err) != fault.Unavailable || got.Raced != 4 {
		t.Errorf("somebody is faster each time: %+v, %v", got, err)
	}
	f.before = func(int, aggregate.Transaction) error { return &aggregate.Canceled{Throttled: 1} }
	if _, err := f.Restate(t.Context(), rowOf("B")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the table is busy: %v", err)
	}
	f.before = func(int, aggregate.Transaction) error { return &aggregate.Canceled{Rejected: []int{0}} }
	if got, err := f.Restate(t.Context(), rowOf("B")); fault.KindOf(err) != fault.Internal || len(got.Differences) > 0 {
		t.Errorf("a row that is refused: %+v, %v", got, err)
	}
}

// The other region has left for good. Its rows are restated, and what its readings become afterwards changes them by recounts,
// whatever the sequence numbers.
func TestAggregator_KeepsTheRowsOfARegionThatItHasAdopted(t *testing.T) {
	f := newFixture(t, func(o *aggregate.AggregatorOptions) { o.Adopted = []string{there} })
	leaver := aggregate.NewAggregator(f.Memory, there, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	first := f.write(t, "A", at, there, "1")
	f.write(t, "A", at.Add(1), there, "2") // its record was never processed
	first.Sequence = "999999"              // of another stream
	if _, err := leaver.Process(t.Context(), []aggregate.Change{first}); err != nil {
		t.Fatal(err)
	}
	theirs := rowOf("A")
	theirs.Region = there
	wantTheirs := func(values ...string) {
		t.Helper()
		if got := f.Rows()[theirs].Sum; got != sum(t, values...) {
			t.Errorf("their row has %v, want %v", got, sum(t, values...))
		}
		f.wantConsistent(t)
	}
	if _, err := f.Restate(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	wantTheirs("1", "2")
	if got := f.process(t, f.write(t, "A", at, here, "5")); got.Rows != 2 || got.Recounted != 1 || got.Applied != 1 {
		t.Errorf("a correction: %+v", got)
	}
	wantTheirs("2")
	f.wantSum(t, "A", sum(t, "5"))
	if got := f.process(t, f.remove(image(t, "A", at.Add(1), there, "2").Key())); got.Rows != 1 || got.Recounted != 1 {
		t.Errorf("a deletion: %+v", got)
	}
	wantTheirs()
	if got := f.process(t, f.write(t, "A", at, "ap-south-1", "5")); got.Rows != 1 { // a region that is still there
		t.Errorf("a third region's reading: %+v", got)
	}
}

func TestAggregator_TakesDeletionsIntoClosedHoursOfAnAdoptedRegionOnce(t *testing.T) {
	f := newFixture(t, func(o *aggregate.AggregatorOptions) { o.Adopted, o.Retention = []string{there}, retention })
	leaver := aggregate.NewAggregator(f.Memory, there, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	one, two := kept(image(t, "A", oldHour.Add(50*time.Minute), there, "1")), kept(image(t, "A", oldHour.Add(51*time.Minute), there, "2"))
	written := []aggregate.Change{f.put(one), f.put(two)}
	written[1].Sequence = "999999"
	if _, err := leaver.Process(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	deletion := f.remove(one.Key())
	for range 2 {
		f.process(t, deletion)
		key := aggregate.RowKey{EquipmentID: "A", Hour: oldHour, Region: there}
		if got := f.Rows()[key].Sum; got != sum(t, "2") {
			t.Errorf("their row has %v", got)
		}
	}
	f.wantConsistent(t)
}

// fleetFixture has readings of several equipments over midnight.
func fleetFixture(t *testing.T) (*fixture, *aggregate.FleetRestater) {
	t.Helper()
	f := newFixture(t)
	for i, id := range []string{"A", "A-1", "B", "Z"} {
		for h := range 3 {
			when := reading.Day(at).Add(time.Duration(h-1)*time.Hour + time.Duration(i*20)*time.Minute)
			f.process(t, f.write(t, id, when, here, "1.5"))
		}
	}
	other := aggregate.NewAggregator(f.Memory, there, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	if _, err := other.Process(t.Context(), []aggregate.Change{f.write(t, "A", reading.Day(at), there, "100")}); err != nil {
		t.Fatal(err)
	}
	return f, aggregate.NewFleetRestater(f.Memory, 3)
}

func TestFleetRestater_MendsEveryRowOfADay(t *testing.T) {
	f, fleet := fleetFixture(t)
	day := reading.Day(at)
	if got, err := fleet.Restate(t.Context(), here, day); err != nil || got.Rows != 9 || len(got.Mended)+len(got.Moving) > 0 {
		t.Errorf("what is right: %+v, %v", got, err)
	}
	f.Plant("FLEET#1", "D#2026-03-02#"+here, contract.AttrSampleCount, "-7")
	f.Plant("FLEET#2", "H#2026-03-02T01#"+here, contract.AttrTotalInteger, "1000")
	f.forgetFleet(aggregate.FleetKey{Unit: aggregate.FiveMinutes, Start: day.Add(20 * time.Minute), Region: here})
	f.Plant("FLEET#0", "S#2026-03-02T17:05#"+here, contract.AttrSampleCount, "1") // where there is nothing
	before := f.Fleet()
	compared, err := fleet.Compare(t.Context(), here, at)
	if err != nil || len(compared.Mended) != 4 || len(compared.Moving) > 0 {
		t.Errorf("compared %+v, %v", compared, err)
	}
	for key, share := range f.Fleet() {
		if before[key] != share {
			t.Errorf("comparing changed %v", key)
		}
	}
	got, err := fleet.Restate(t.Context(), here, at)
	if err != nil || len(got.Mended) != 4 || len(got.Moving) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	f.wantConsistent(t)
}

// hasty writes between the reads of a restatement.
type hasty struct {
	aggregate.FleetTable
	onRows func()
}

func (h *hasty) RowsOf(ctx context.Context, id reading.EquipmentID, region string, from, through time.Time) ([]aggregate.Row, error) {
	rows, err := h.FleetTable.RowsOf(ctx, id, region, from, through)
	if h.onRows != nil {
		h.onRows()
		h.onRows = nil
	}
	return rows, err
}

func TestFleetRestater_SaysNothingOfWhatMovesMeanwhile(t *testing.T) {
	f, _ := fleetFixture(t)
	day := reading.Day(at)
	for _, id := range []string{"A", "Z"} {
		for minute, text := range []string{1: "0", 2: "1.5", 3: "10"} {
			if text != "" {
				f.process(t, f.write(t, id, day.Add(time.Duration(minute)*time.Minute), here, text))
			}
		}
	}
	f.Plant("FLEET#1", "D#2026-03-02#"+here, contract.AttrSampleCount, "-7")
	f.Plant("FLEET#1", "H#2026-03-02T01#"+here, contract.AttrSampleCount, "-7")
	table := &hasty{FleetTable: f.Memory, onRows: func() {
		// One equipment's reading rises and another one's falls, in one transaction: rows change and their sum does not. One
		// of the rows has been read, the other one has not.
		if got := f.process(t, f.write(t, "A", day.Add(2*time.Minute), here, "2.5"), f.write(t, "Z", day.Add(2*time.Minute), here, "0.5")); got.Applied != 2 {
			t.Errorf("got %+v", got)
		}
	}}
	restater := aggregate.NewFleetRestater(table, 3)
	got, err := restater.Restate(t.Context(), here, day)
	if err != nil || len(got.Moving) != 3 || len(got.Mended) != 1 || got.Mended[0].Start != day.Add(time.Hour) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = restater.Restate(t.Context(), here, day); err != nil || len(got.Moving) > 0 || len(got.Mended) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	f.wantConsistent(t)
}

func TestFleetRestater_TwoDoNotMendTheSame(t *testing.T) {
	f, _ := fleetFixture(t)
	f.Plant("FLEET#0", "D#2026-03-02#"+here, contract.AttrSampleCount, "-7")
	first := aggregate.NewFleetRestater(f.Memory, 3)
	table := &conflicting{FleetTable: f.Memory, before: func() {
		if got, err := first.Restate(t.Context(), here, at); err != nil || len(got.Mended) != 1 {
			t.Errorf("the first: %+v, %v", got, err)
		}
	}}
	got, err := aggregate.NewFleetRestater(table, 3).Restate(t.Context(), here, at)
	if err != nil || len(got.Mended) > 0 || len(got.Moving) != 1 {
		t.Errorf("the second: %+v, %v", got, err)
	}
	f.wantConsistent(t)
}

// conflicting lets something happen before a fleet row is mended.
type conflicting struct {
	aggregate.FleetTable
	before func()
}

func (c *conflicting) AddToFleet(ctx context.Context, bucket int, write aggregate.FleetWrite, revision int64) error {
	c.before()
	return c.FleetTable.AddToFleet(ctx, bucket, write, revision)
}
