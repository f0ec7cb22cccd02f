package aggregate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

func TestPlace_PinsTheWindow(t *testing.T) {
	v := fillPages(t)
	v.add(t, "OLD", hour.Add(-24*time.Hour), here, "9") // the first hour of the window, until the present hour ends
	q := aggregate.Query{Interval: interval(t, "24h"), Limit: 5}
	whole, total := v.pages(t, q)
	first := v.ask(t, q)
	v.now = hour.Add(time.Hour) // the hour ends between two pages
	v.add(t, "NEW", v.now, here, "1")
	q.After = first.Next
	rest, last := v.pages(t, q)
	wantItems(t, append(first.Items, rest...), itemTexts(whole)...)
	if last.TotalCount != total.TotalCount || last.Average != total.Average {
		t.Errorf("totals %d, %v; at first %d, %v", last.TotalCount, last.Average, total.TotalCount, total.Average)
	}
}

func TestPlace_IsRefusedWhereItCannotBe(t *testing.T) {
	v := fillPages(t)
	all := aggregate.Query{Interval: interval(t, "24h"), Limit: 2}
	one := aggregate.Query{Interval: interval(t, "24h"), Limit: 2, Equipments: only("EQ")}
	ofAll, ofOne := v.ask(t, all).Next, v.ask(t, one).Next

	check := func(name string, q aggregate.Query, place aggregate.Place, reason string) {
		t.Helper()
		q.After = place
		_, err := v.Query(t.Context(), q)
		if reason == "" {
			if err != nil {
				t.Errorf("%s: got %v", name, err)
			}
			return
		}
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(fmt.Sprint(err), "The cursor "+reason) {
			t.Errorf("%s: got %v, want %q", name, err, reason)
		}
	}
	const unknown, old = "is not one that this service gave out", "is too old"
	other, more := one, all
	other.Equipments, more.Limit = only("Z"), 7
	check("its own query", all, ofAll, "")
	check("another limit", more, ofAll, "")
	check("another equipment", other, ofOne, unknown)

	place := func(from, hour time.Time) aggregate.Place {
		return aggregate.Place{From: from, After: aggregate.ItemKey{EquipmentID: ofAll.After.EquipmentID, Start: hour}}
	}
	from := hour.Add(-24 * time.Hour)
	for name, place := range map[string]aggregate.Place{
		"a half hour": place(from, hour.Add(time.Second)), "a window from a half hour": place(from.Add(30*time.Minute), hour),
		"an hour before the window": place(from, from.Add(-time.Hour)), "an hour after the window": place(from, hour.Add(time.Hour)),
		"a window of the future": place(from.Add(2*time.Hour), hour), "a window beyond all time": place(time.Unix(1<<62, 0).UTC(), hour),
		"an hour before all time": place(from, time.Unix(-(1<<62), 0).UTC()),
	} {
		check(name, all, place, unknown)
	}
	check("of a server whose clock is ahead", all, place(from.Add(time.Hour), hour), "")
	ages := time.Unix(-(int64(1)<<40)*3600, 0).UTC()
	check("before all time", all, place(ages, ages), old)
	v.now = hour.Add(24*time.Hour + 59*time.Minute)
	check("after a day", all, ofAll, "")
	v.now = hour.Add(25 * time.Hour)
	check("after more than a day", all, ofAll, old)
}
