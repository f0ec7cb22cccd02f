package aggregate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
)

// TestAggregator_KeepsExtremes takes batches into a slice that holds 10, 20 and 30.
func TestAggregator_KeepsExtremes(t *testing.T) {
	type write struct {
		second int
		value  string // empty for a deletion
	}
	for name, test := range map[string]struct {
		batch     []write
		want      []string
		recounted int
	}{
		"a value between them":                         {[]write{{4, "15"}}, []string{"10", "20", "30", "15"}, 0},
		"a value beyond them":                          {[]write{{4, "-1e-27"}, {5, "30.5"}}, []string{"10", "20", "30", "-1e-27", "30.5"}, 0},
		"a value that comes and goes":                  {[]write{{4, "99"}, {4, "15"}}, []string{"10", "20", "30", "15"}, 0},
		"one that comes and is deleted":                {[]write{{4, "-99"}, {4, ""}}, []string{"10", "20", "30"}, 0},
		"the middle one corrected":                     {[]write{{2, "21"}}, []string{"10", "21", "30"}, 0},
		"the middle one deleted":                       {[]write{{2, ""}}, []string{"10", "30"}, 0},
		"the largest one corrected inwards":            {[]write{{3, "25"}}, []string{"10", "20", "25"}, 1},
		"the largest one corrected outwards":           {[]write{{3, "31"}}, []string{"10", "20", "31"}, 0},
		"the smallest one deleted":                     {[]write{{1, ""}}, []string{"20", "30"}, 1},
		"the smallest one deleted, its like added":     {[]write{{1, ""}, {4, "10"}}, []string{"20", "30", "10"}, 0},
		"the smallest one deleted, a larger one added": {[]write{{1, ""}, {4, "11"}}, []string{"20", "30", "11"}, 1},
		"the largest one goes out and comes back":      {[]write{{3, "99"}, {3, "30"}}, []string{"10", "20", "30"}, 0},
		"both ends exchanged":                          {[]write{{1, "30"}, {3, "10"}}, []string{"10", "20", "30"}, 0},
		"everything deleted":                           {[]write{{1, ""}, {2, ""}, {3, ""}}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.process(t, f.write(t, "A", at.Add(time.Second), here, "10"), f.write(t, "A", at.Add(2*time.Second), here, "20"),
				f.write(t, "A", at.Add(3*time.Second), here, "30"))
			var batch []aggregate.Change
			for _, w := range test.batch {
				when := at.Add(time.Duration(w.second) * time.Second)
				if w.value == "" {
					batch = append(batch, f.remove(image(t, "A", when, here, "0").Key()))
				} else {
					batch = append(batch, f.write(t, "A", when, here, w.value))
				}
			}
			if got := f.process(t, batch...); got.Recounted != test.recounted || got.Applied != 1-test.recounted {
				t.Errorf("%d applied, %d recounted, want %d recounted", got.Applied, got.Recounted, test.recounted)
			}
			f.wantFigures(t, "A", test.want...)
		})
	}
}

// TestAggregator_KeepsTheHoursExtremes empties the slice that holds one of them, or both, or takes it beyond.
func TestAggregator_KeepsTheHoursExtremes(t *testing.T) {
	f := newFixture(t)
	slice := func(i int) time.Time { return hour.Add(time.Duration(i) * 5 * time.Minute) }
	for i, text := range []string{"5", "1", "9", "9", "4"} {
		f.process(t, f.write(t, "A", slice(i), here, text))
	}
	f.wantFigures(t, "A", "5", "1", "9", "9", "4")
	f.process(t, f.remove(image(t, "A", slice(2), here, "0").Key())) // another slice has the same largest value
	f.wantFigures(t, "A", "5", "1", "9", "4")
	f.process(t, f.remove(image(t, "A", slice(1), here, "0").Key()), f.write(t, "A", slice(4), here, "6"))
	f.wantFigures(t, "A", "5", "9", "6")
	f.process(t, f.write(t, "A", slice(3), here, "5.5"))
	f.wantFigures(t, "A", "5", "5.5", "6")
	f.process(t, f.write(t, "A", slice(0), here, "7"), f.write(t, "A", slice(7), here, "-3"))
	f.wantFigures(t, "A", "7", "5.5", "6", "-3")
	for _, i := range []int{0, 3, 4, 7} {
		f.process(t, f.remove(image(t, "A", slice(i), here, "0").Key()))
	}
	f.wantFigures(t, "A")
	f.process(t, f.write(t, "A", slice(11), here, "2"))
	f.wantFigures(t, "A", "2")
}

// TestAggregator_HoldsTheHoursExtremesWhileOthersWrite lets another slice be written between the reading of a row and a commit that
// depends on it, in every combination of what both do to the hour's extremes.
func TestAggregator_HoldsTheHoursExtremesWhileOthersWrite(t *testing.T) {
	changes := []string{"", "0", "3", "50", "97", "100"} // of the first reading of a slice, which is one of the values below
	for _, of := range [][2]string{{"1", "50"}, {"50", "1"}, {"99", "1"}, {"1", "99"}, {"50", "50"}, {"99", "99"}, {"3", "1"}, {"97", "99"}} {
		for _, mine := range changes {
			for _, theirs := range changes {
				t.Run(fmt.Sprintf("%v become %q and %q", of, mine, theirs), func(t *testing.T) {
					f := newFixture(t)
					first, second := hour, hour.Add(30*time.Minute)
					f.process(t, f.write(t, "A", first, here, of[0]), f.write(t, "A", first.Add(1), here, "49"), f.write(t, "A", second, here, of[1]),
						f.write(t, "A", second.Add(1), here, "51"))
					change := func(when time.Time, text string) aggregate.Change {
						if text == "" {
							return f.remove(image(t, "A", when, here, "0").Key())
						}
						return f.write(t, "A", when, here, text)
					}
					other := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
					later := change(second, theirs)
					f.before = func(int, aggregate.Transaction) error {
						f.before = nil
						_, err := other.Process(t.Context(), []aggregate.Change{later})
						return err
					}
					f.process(t, change(first, mine))
					if f.before != nil { // the reading had that value
						f.before = nil
						f.process(t, later)
					}
					want := []string{"49", "51"}
					for _, text := range []string{mine, theirs} {
						if text != "" {
							want = append(want, text)
						}
					}
					f.wantFigures(t, "A", want...)
				})
			}
		}
	}
}

// TestAggregator_LeavesAnExtremeThatSomebodyElseExtended lets a batch of earlier records go in between the reading of a row and the
// commit of later ones.
func TestAggregator_LeavesAnExtremeThatSomebodyElseExtended(t *testing.T) {
	f := newFixture(t)
	// Another slice holds the hour's, so that the slice's own are what is at stake.
	f.process(t, f.write(t, "A", at, here, "20"), f.write(t, "A", hour, here, "-1000"), f.write(t, "A", hour.Add(1), here, "1000"))
	earlier := []aggregate.Change{f.write(t, "A", at.Add(1), here, "-99"), f.write(t, "A", at.Add(2), here, "99")}
	later := []aggregate.Change{f.write(t, "A", at.Add(3), here, "10"), f.write(t, "A", at.Add(4), here, "30")}
	other := aggregate.NewAggregator(f.Memory, here, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	f.before = func(int, aggregate.Transaction) error {
		f.before = nil
		_, err := other.Process(t.Context(), earlier)
		return err
	}
	if got := f.process(t, later...); got.Applied != 1 || got.Raced != 1 {
		t.Errorf("got %+v", got)
	}
	f.wantFigures(t, "A", "20", "-1000", "1000", "-99", "99", "10", "30")
	if got, want := f.row(t, "A", hour).Slices[present].Extremes, aggregate.ExtremesOf(value(t, "-99")).Union(aggregate.ExtremesOf(value(t, "99"))); got != want {
		t.Errorf("the slice lies between %v", got)
	}
}
