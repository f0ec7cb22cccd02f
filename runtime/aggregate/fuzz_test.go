package aggregate_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// FuzzCursor holds that a cursor is refused, or leads through a window of its interval that lies at most a day back, on from
// the row that it names, and to an end.
func FuzzCursor(f *testing.F) {
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
		first, err := windows.Query(f.Context(), aggregate.Query{Interval: day, EquipmentID: reading.EquipmentID(id), Limit: 1})
		if err != nil || first.NextCursor == "" {
			f.Fatalf("no cursor to begin with: %v", err)
		}
		text, _ := base64.RawURLEncoding.DecodeString(first.NextCursor)
		f.Add(string(text), id, true)
		f.Add(first.NextCursor, id, false)
	}
	f.Fuzz(func(t *testing.T, text, id string, encode bool) {
		if _, err := reading.ParseEquipmentID(id); err != nil {
			id = "" // which the query is not asked with
		}
		if encode { // mutations of the JSON get further than those of its encoding
			text = base64.RawURLEncoding.EncodeToString([]byte(text))
		}
		follow(t, windows, aggregate.Query{Interval: day, EquipmentID: reading.EquipmentID(id), Limit: 2, Cursor: text})
	})
}

// follow asks for page after page.
func follow(t *testing.T, windows *aggregate.Windows, q aggregate.Query) {
	t.Helper()
	const pagesMax = 10
	for page := 0; q.Cursor != ""; page++ {
		answer, err := windows.Query(t.Context(), q)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || page > 0 {
				t.Fatalf("page %d of %q: %v", page, q.Cursor, err)
			}
			return
		}
		var named struct {
			From int64  `json:"w"`
			Hour int64  `json:"h"`
			ID   string `json:"e"`
		}
		decoded, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		if err != nil || json.Unmarshal(decoded, &named) != nil || len(q.Cursor) > contract.CursorCharsMax || page > pagesMax {
			t.Fatalf("page %d of %q is accepted", page, q.Cursor)
		}
		from, after := time.Unix(named.From, 0), time.Unix(named.Hour, 0)
		if back := hour.Add(-24 * time.Hour).Sub(from); back < -time.Hour || back > 24*time.Hour ||
			after.Before(from) || after.After(from.Add(24*time.Hour)) {
			t.Fatalf("%q leads to %s in the window of %s", decoded, after, from)
		}
		if bad := slices.ContainsFunc(answer.Items, func(i aggregate.Item) bool {
			return i.IntervalStart.Before(after) || i.IntervalStart.Equal(after) && string(i.EquipmentID) <= named.ID ||
				i.IntervalStart.Before(from) || i.IntervalStart.After(from.Add(24*time.Hour)) || q.EquipmentID != "" && i.EquipmentID != q.EquipmentID
		}); bad || len(answer.Items) > q.Limit {
			t.Fatalf("after %q come %v", decoded, itemTexts(answer.Items))
		}
		q.Cursor = answer.NextCursor
	}
}
