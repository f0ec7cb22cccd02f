package aggregate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// FuzzPlace holds that a place is refused, or leads through a window of its interval that lies at most a day back, on from
// the row that it names, and to an end.
func FuzzPlace(f *testing.F) {
	table := aggregatetest.NewMemory(4)
	windows := aggregate.NewWindows(table, func() time.Time { return at }, 0,
		aggregate.WindowsOptions{IndexShards: 4, FleetBuckets: 1, Concurrency: 1})
	aggregator := aggregate.NewAggregator(table, here, aggregate.AggregatorOptions{FleetBuckets: 1, Concurrency: 1})
	one, err := reading.ParseValue("1")
	if err != nil {
		f.Fatal(err)
	}
	var changes []aggregate.Change
	for n, id := range []string{"EQ", "EQ-1", "Z", "EQ", "Z", "EQ", "EQ.1"} {
		i := &aggregate.Image{Region: here, Reading: reading.Reading{
			EquipmentID: reading.EquipmentID(id), Timestamp: hour.Add(-time.Duration(n) * 5 * time.Hour), Value: one,
		}}
		table.Put(*i)
		changes = append(changes, aggregate.Change{Sequence: "1" + strings.Repeat("0", n), New: i})
	}
	if _, err := aggregator.Process(f.Context(), changes); err != nil {
		f.Fatal(err)
	}
	day, err := aggregate.ParseInterval("24h")
	if err != nil {
		f.Fatal(err)
	}
	for _, id := range []string{"", "EQ"} {
		first, err := windows.Query(f.Context(), aggregate.Query{Interval: day, Equipments: only(reading.EquipmentID(id)), Limit: 1})
		if err != nil || first.Next == (aggregate.Place{}) {
			f.Fatalf("no place to begin with: %v", err)
		}
		next := first.Next
		f.Add(next.From.Unix(), next.After.Start.Unix(), string(next.After.EquipmentID), id)
	}
	f.Add(int64(0), int64(0), "FLEET#1", "")
	f.Add(hour.Add(-24*time.Hour).Unix(), hour.Add(-20*time.Hour).Unix(), "Z ", "") // which comes before Z in a key and after it as a text
	f.Add(int64(1)<<62, int64(1)<<62, "EQ", "")
	f.Add(-(int64(1) << 62), -(int64(1) << 62), "EQ", "EQ")
	f.Fuzz(func(t *testing.T, from, after int64, afterID, id string) {
		if _, err := reading.ParseEquipmentID(id); err != nil {
			id = "" // which the query is not asked with
		}
		follow(t, windows, aggregate.Query{Interval: day, Equipments: only(reading.EquipmentID(id)), Limit: 2, After: aggregate.Place{
			From: time.Unix(from, 0).UTC(), After: aggregate.ItemKey{EquipmentID: reading.EquipmentID(afterID), Start: time.Unix(after, 0).UTC()},
		}})
	})
}

// follow asks for page after page.
func follow(t *testing.T, windows *aggregate.Windows, q aggregate.Query) {
	t.Helper()
	const pagesMax = 10
	for page := 0; q.After != (aggregate.Place{}); page++ {
		answer, err := windows.Query(t.Context(), q)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || page > 0 {
				t.Fatalf("page %d of %+v: %v", page, q.After, err)
			}
			return
		}
		if page > pagesMax {
			t.Fatalf("page %d of %+v is given", page, q.After)
		}
		from, after := q.After.From, q.After.After
		if back := hour.Add(-24 * time.Hour).Sub(from); back < -time.Hour || back > 24*time.Hour ||
			after.Start.Before(from) || after.Start.After(from.Add(24*time.Hour)) {
			t.Fatalf("%+v leads to %s in the window of %s", q.After, after.Start, from)
		}
		if bad := slices.ContainsFunc(answer.Items, func(i aggregate.Item) bool {
			return i.IntervalStart.Before(after.Start) || i.IntervalStart.Equal(after.Start) && i.EquipmentID <= after.EquipmentID ||
				i.IntervalStart.Before(from) || i.IntervalStart.After(from.Add(24*time.Hour)) || len(q.Equipments) > 0 && i.EquipmentID != q.Equipments[0]
		}); bad || len(answer.Items) > q.Limit {
			t.Fatalf("after %+v come %v", q.After, itemTexts(answer.Items))
		}
		q.After = answer.Next
	}
}
