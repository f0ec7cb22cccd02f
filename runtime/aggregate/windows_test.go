package aggregate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// view is a Windows over tables that an aggregator of each region fills.
type view struct {
	*aggregate.Windows
	table *aggregatetest.Memory
	now   time.Time
	n     int
}

func newView(t *testing.T, o aggregate.WindowsOptions) *view {
	t.Helper()
	v := &view{table: aggregatetest.NewMemory(4), now: at}
	o.IndexShards, o.FleetBuckets = 4, 3
	v.Windows = aggregate.NewWindows(v.table, func() time.Time { return v.now }, 0, o)
	return v
}

// add stores a reading and has it aggregated in its region, and in that of the one that it replaces.
func (v *view) add(t *testing.T, id string, when time.Time, region, text string) {
	t.Helper()
	v.n++
	i := image(t, id, when, region, text)
	change := aggregate.Change{Sequence: fmt.Sprint(v.n), Old: v.table.Put(*i), New: i}
	regions := []string{region}
	if change.Old != nil && change.Old.Region != region {
		regions = append(regions, change.Old.Region)
	}
	for _, of := range regions {
		a := aggregate.NewAggregator(v.table, of, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
		if _, err := a.Process(t.Context(), []aggregate.Change{change}); err != nil {
			t.Fatal(err)
		}
	}
}

func interval(t *testing.T, name string) aggregate.Interval {
	t.Helper()
	i, err := aggregate.ParseInterval(name)
	if err != nil || i.String() != name {
		t.Fatalf("interval %s: %v, %v", name, i, err)
	}
	return i
}

// only names the equipment that a query is for, none where it is for all.
func only(id reading.EquipmentID) []reading.EquipmentID {
	if id == "" {
		return nil
	}
	return []reading.EquipmentID{id}
}

func (v *view) ask(t *testing.T, q aggregate.Query) aggregate.Answer {
	t.Helper()
	answer, err := v.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("query %+v: %v", q, err)
	}
	return answer
}

// pages asks for all pages, which must agree on the totals, and returns the items one by one.
func (v *view) pages(t *testing.T, q aggregate.Query) (items []aggregate.Item, last aggregate.Answer) {
	t.Helper()
	for first := true; first || q.After != (aggregate.Place{}); first = false {
		answer := v.ask(t, q)
		if !first && (answer.TotalCount != last.TotalCount || answer.Average != last.Average) {
			t.Errorf("totals %d, %v after %d, %v", answer.TotalCount, answer.Average, last.TotalCount, last.Average)
		}
		if len(answer.Items) > q.Limit || answer.Next != (aggregate.Place{}) && len(answer.Items) != q.Limit {
			t.Fatalf("a page of %d, want %d", len(answer.Items), q.Limit)
		}
		items, last, q.After = append(items, answer.Items...), answer, answer.Next
	}
	return items, last
}

func itemTexts(items []aggregate.Item) (texts []string) {
	for _, i := range items {
		texts = append(texts, fmt.Sprintf("%s %s %v/%d", reading.FormatHour(i.IntervalStart), i.EquipmentID, i.TotalValue, i.SampleCount))
	}
	return texts
}

func wantItems(t *testing.T, got []aggregate.Item, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, itemTexts(got)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestParseInterval_KnowsFour(t *testing.T) {
	for _, name := range []string{"24h", "48h", "1w", "1m"} {
		_ = interval(t, name)
	}
	for _, name := range []string{"", "24H", "1d", "24h ", "168h", "2w"} {
		if _, err := aggregate.ParseInterval(name); fault.KindOf(err) != fault.Invalid ||
			err.Error() != "Invalid interval. Supported values are 24h, 48h, 1w, 1m" {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if _, err := newView(t, aggregate.WindowsOptions{}).Query(t.Context(), aggregate.Query{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no interval: got %v", err)
	}
}

// The window begins the interval's hours before the current full hour, and ends with the current hour.
func TestWindows_TakesTheHoursOfTheInterval(t *testing.T) {
	for name, hours := range map[string]int{"24h": 24, "48h": 48, "1w": 168, "1m": 720} {
		for _, present := range []time.Time{hour, hour.Add(time.Hour - 1), reading.Day(at), reading.Day(at).Add(-1), at} {
			t.Run(name+" at "+present.Format(time.TimeOnly), func(t *testing.T) {
				v := newView(t, aggregate.WindowsOptions{Concurrency: 1})
				v.now = present
				current := reading.Hour(present)
				first := current.Add(-time.Duration(hours) * time.Hour)
				v.add(t, "A", first.Add(-1), here, "1000000") // before the window
				v.add(t, "A", first, here, "1")
				v.add(t, "A", current.Add(-1), there, "2")
				v.add(t, "A", current.Add(time.Hour-1), here, "4")
				v.add(t, "A", current.Add(time.Hour), here, "10000000") // the future, also where it is the same day
				v.add(t, "A", current.Add(24*time.Hour), here, "100000000")
				for _, id := range []reading.EquipmentID{"", "A"} {
					answer := v.ask(t, aggregate.Query{Interval: interval(t, name), Equipments: only(id)})
					wantItems(t, answer.Items,
						reading.FormatHour(first)+" A 1/1", reading.FormatHour(current.Add(-1))+" A 2/1", reading.FormatHour(current)+" A 4/1")
					if answer.TotalCount != 3 || answer.Average != value(t, "2.33333333333333") {
						t.Errorf("totals %d, %v", answer.TotalCount, answer.Average)
					}
				}
			})
		}
	}
}

// A whole window filled hour by hour: the fleet's days and hours together cover each hour once, wherever the day begins.
func TestWindows_TotalsCoverEachHourOnce(t *testing.T) {
	for name, hours := range map[string]int64{"24h": 24, "48h": 48, "1w": 168, "1m": 720} {
		v := newView(t, aggregate.WindowsOptions{})
		for h := int64(-26); h < hours+30; h++ {
			v.add(t, "A", hour.Add(-time.Duration(h)*time.Hour), here, "1")
		}
		for shift := range 25 {
			v.now = at.Add(-time.Duration(shift) * time.Hour)
			got := v.ask(t, aggregate.Query{Interval: interval(t, name), Limit: 1})
			if got.TotalCount != hours+1 {
				t.Errorf("%s at %v: %d hours", name, v.now, got.TotalCount)
			}
		}
	}
}

func TestWindows_SumsRegionsAndLeavesOutWhatIsEmpty(t *testing.T) {
	v := newView(t, aggregate.WindowsOptions{})
	if got := v.ask(t, aggregate.Query{Interval: interval(t, "24h")}); got.TotalCount != 0 || !got.Average.IsZero() || len(got.Items) != 0 || got.Next != (aggregate.Place{}) {
		t.Errorf("an empty window: %+v", got)
	}
	v.add(t, "A", at, here, "0.1")
	v.add(t, "A", at.Add(1), there, "0.2")
	v.add(t, "A", at.Add(2), "ap-south-1", "-0.3")
	v.add(t, "B", at, here, "7")
	v.add(t, "B", at, there, "8") // overwritten in the other region, and this region's row not yet aware of it
	v.n++
	gone := image(t, "B", at, here, "7")
	a := aggregate.NewAggregator(v.table, here, aggregate.AggregatorOptions{FleetBuckets: 3, Concurrency: 1})
	if _, err := a.Process(t.Context(), []aggregate.Change{{Sequence: fmt.Sprint(v.n), Old: gone, New: v.table.Get(gone.Key())}}); err != nil {
		t.Fatal(err)
	}
	v.table.Put(*image(t, "C", at, here, "5"))
	if _, err := a.Process(t.Context(), []aggregate.Change{
		{Sequence: "7001", New: image(t, "C", at, here, "5")}, {Sequence: "7002", Old: image(t, "C", at, here, "5")},
	}); err != nil {
		t.Fatal(err)
	}
	got := v.ask(t, aggregate.Query{Interval: interval(t, "24h")})
	wantItems(t, got.Items, "2026-03-02T10 A 0/3", "2026-03-02T10 B 8/1")
	if got.TotalCount != 4 || got.Average != value(t, "2") {
		t.Errorf("totals %d, %v", got.TotalCount, got.Average)
	}
	filtered := v.ask(t, aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A")})
	wantItems(t, filtered.Items, "2026-03-02T10 A 0/3")
	if filtered.TotalCount != 3 || !filtered.Average.IsZero() {
		t.Errorf("filtered totals %d, %v", filtered.TotalCount, filtered.Average)
	}
	if none := v.ask(t, aggregate.Query{Interval: interval(t, "24h"), Equipments: only("C")}); none.TotalCount != 0 || len(none.Items) > 0 {
		t.Errorf("nothing but deletions: %+v", none)
	}
}

func fillPages(t *testing.T) *view {
	v := newView(t, aggregate.WindowsOptions{})
	for h := range 4 {
		for _, id := range []string{"EQ", "EQ-1", "EQ.1", "EQ1", "EQa", "Z", "a", "b", "0"} {
			for _, region := range []string{here, there} {
				v.add(t, id, hour.Add(-time.Duration(h)*time.Hour+time.Duration(len(region))*time.Minute), region, "1.25")
			}
		}
	}
	return v
}

func TestWindows_AllPagesTogetherAreTheWindow(t *testing.T) {
	v := fillPages(t)
	for _, id := range []reading.EquipmentID{"", "EQ"} {
		q := aggregate.Query{Interval: interval(t, "24h"), Equipments: only(id)}
		whole := v.ask(t, q)
		if !slices.IsSortedFunc(whole.Items, func(a, b aggregate.Item) int {
			return strings.Compare(itemTexts([]aggregate.Item{a})[0], itemTexts([]aggregate.Item{b})[0])
		}) || whole.Next != (aggregate.Place{}) || len(whole.Items) != map[reading.EquipmentID]int{"": 36, "EQ": 4}[id] {
			t.Fatalf("unpaged: %v", itemTexts(whole.Items))
		}
		for q.Limit = 1; q.Limit <= 37; q.Limit++ {
			items, last := v.pages(t, q)
			wantItems(t, items, itemTexts(whole.Items)...)
			if last.TotalCount != whole.TotalCount || last.Average != whole.Average {
				t.Errorf("limit %d: totals %d, %v", q.Limit, last.TotalCount, last.Average)
			}
		}
	}
}

// The shards are read in pages that end between the regions' rows of one equipment.
func TestWindows_AnEquipmentsRegionsStayTogetherOverAPagesEnd(t *testing.T) {
	v := newView(t, aggregate.WindowsOptions{})
	for i := range 150 {
		for _, region := range []string{here, there, "ap-south-1"} {
			v.add(t, fmt.Sprintf("E-%03d", i), hour.Add(time.Duration(len(region)+int(region[0]))*time.Second), region, "1")
		}
	}
	for _, limit := range []int{7, 100, 1000} {
		items, _ := v.pages(t, aggregate.Query{Interval: interval(t, "24h"), Limit: limit})
		if len(items) != 150 {
			t.Errorf("limit %d: %d items", limit, len(items))
		}
		for _, i := range items {
			if i.SampleCount != 3 {
				t.Errorf("limit %d: %s has %d readings", limit, i.EquipmentID, i.SampleCount)
			}
		}
	}
}

func TestWindows_ReadsWhatAPageHoldsAndNotTheWindow(t *testing.T) {
	v := newView(t, aggregate.WindowsOptions{})
	for i := range 3000 {
		v.add(t, fmt.Sprintf("E-%d", i), hour, here, "1")
	}
	counted := &counting{WindowTable: v.table}
	w := aggregate.NewWindows(counted, func() time.Time { return at }, 0, aggregate.WindowsOptions{IndexShards: 4, FleetBuckets: 3, Concurrency: 1})
	answer, err := w.Query(t.Context(), aggregate.Query{Interval: interval(t, "1m"), Limit: 200})
	if err != nil || len(answer.Items) != 200 || answer.TotalCount != 3000 {
		t.Fatalf("%d items of %d, %v", len(answer.Items), answer.TotalCount, err)
	}
	if counted.rows > 400 || counted.sums != 3*3 {
		t.Errorf("%d rows and %d sums were read for a page of 200", counted.rows, counted.sums)
	}
}

// counting counts what is read.
type counting struct {
	aggregate.WindowTable
	rows, sums, calls int
}

func (c *counting) IndexRows(ctx context.Context, shard int, page aggregate.IndexPage) ([]aggregate.RegionFigures, bool, error) {
	rows, more, err := c.WindowTable.IndexRows(ctx, shard, page)
	c.rows, c.calls = c.rows+len(rows), c.calls+1
	return rows, more, err
}

func (c *counting) FleetSum(ctx context.Context, bucket int, span aggregate.FleetSpan) (aggregate.Sum, error) {
	c.sums++
	return c.WindowTable.FleetSum(ctx, bucket, span)
}

func TestWindows_LimitsHaveBounds(t *testing.T) {
	v := newView(t, aggregate.WindowsOptions{})
	for limit, ok := range map[int]bool{-1: false, 0: true, 1: true, contract.AggregatesPageMax: true, contract.AggregatesPageMax + 1: false} {
		_, err := v.Query(t.Context(), aggregate.Query{Interval: interval(t, "24h"), Limit: limit})
		if (err == nil) != ok || !ok && fault.KindOf(err) != fault.Invalid {
			t.Errorf("limit %d: got %v", limit, err)
		}
	}
}

func TestWindows_RoundsTheAverageHalfToEven(t *testing.T) {
	for _, test := range []struct{ values, want string }{
		{"1 2", "1.5"}, {"1 1 2", "1.33333333333333"}, {"2 2 1", "1.66666666666667"},
		{"1000000000000005 0", "500000000000002"}, // …2.5 to even
		{"1000000000000007 0", "500000000000004"}, // …3.5 to even
		{"-1000000000000007 0", "-500000000000004"},
		{"1000000000000005 0.000000000000000000000000001", "500000000000003"}, // above the half, if only just
		{"1000000000000005 -0.000000000000000000000000001", "500000000000002"},
		{"999999999999999999999999999", "1000000000000000000000000000"},
		{"1e-27 2e-27", "0.0000000000000000000000000015"}, {"5 -5", "0"},
	} {
		v := newView(t, aggregate.WindowsOptions{})
		for i, text := range strings.Fields(test.values) {
			v.add(t, "A", at.Add(time.Duration(i)), here, text)
		}
		if got := v.ask(t, aggregate.Query{Interval: interval(t, "24h")}); got.Average.String() != test.want {
			t.Errorf("%s: got %v, want %s", test.values, got.Average, test.want)
		}
	}
}

var errBusy = &fault.Error{Kind: fault.Unavailable, Message: "busy"}

// failing fails each kind of read.
type failing struct{ aggregate.WindowTable }

func (f *failing) FleetSum(context.Context, int, aggregate.FleetSpan) (aggregate.Sum, error) {
	return aggregate.Sum{}, errBusy
}

func (f *failing) EquipmentRows(context.Context, aggregate.EquipmentHours, func(aggregate.RegionFigures)) error {
	return errBusy
}

func TestWindows_SaysThatTheTableIsBusy(t *testing.T) {
	w := aggregate.NewWindows(&failing{aggregatetest.NewMemory(4)}, func() time.Time { return at }, time.Second, aggregate.WindowsOptions{IndexShards: 4})
	for _, id := range []reading.EquipmentID{"", "A"} {
		if _, err := w.Query(t.Context(), aggregate.Query{Interval: interval(t, "24h"), Equipments: only(id)}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%q: got %v", id, err)
		}
	}
}
