package aggregate_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

func TestCursor_PinsTheWindow(t *testing.T) {
	v := fillPages(t)
	v.add(t, "OLD", hour.Add(-24*time.Hour), here, "9") // the first hour of the window, until the present hour ends
	q := aggregate.Query{Interval: interval(t, "24h"), Limit: 5}
	whole, total := v.pages(t, q)
	first := v.ask(t, q)
	v.now = hour.Add(time.Hour) // the hour ends between two pages
	v.add(t, "NEW", v.now, here, "1")
	q.Cursor = first.NextCursor
	rest, last := v.pages(t, q)
	wantItems(t, append(first.Items, rest...), itemTexts(whole)...)
	if last.TotalCount != total.TotalCount || last.Average != total.Average {
		t.Errorf("totals %d, %v; at first %d, %v", last.TotalCount, last.Average, total.TotalCount, total.Average)
	}
}

func TestCursor_IsRefusedWhereItDoesNotBelong(t *testing.T) {
	v := fillPages(t)
	all := aggregate.Query{Interval: interval(t, "24h"), Limit: 2}
	one := aggregate.Query{Interval: interval(t, "24h"), Limit: 2, EquipmentID: "EQ"}
	ofAll, ofOne := v.ask(t, all).NextCursor, v.ask(t, one).NextCursor

	check := func(name string, q aggregate.Query, cursor, reason string) {
		t.Helper()
		q.Cursor = cursor
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
	week, other, more := all, one, all
	week.Interval, other.EquipmentID, more.Limit = interval(t, "1w"), "Z", 7
	check("its own query", all, ofAll, "")
	check("another limit", more, ofAll, "")
	check("another interval", week, ofAll, "belongs to")
	check("a filter added", one, ofAll, "belongs to")
	check("the filter dropped", all, ofOne, "belongs to")
	check("another equipment", other, ofOne, "belongs to")

	change := func(edit func(m map[string]any)) string {
		text, err := base64.RawURLEncoding.DecodeString(ofAll)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]any{}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		edit(m)
		text, _ = json.Marshal(m)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	set := func(key string, to any) string { return change(func(m map[string]any) { m[key] = to }) }
	from := hour.Add(-24 * time.Hour)
	for name, cursor := range map[string]string{
		"nonsense": "nonsense!", "not base64": ofAll[:len(ofAll)-1], "too long": strings.Repeat("A", contract.CursorCharsMax+1),
		"no JSON": base64.RawURLEncoding.EncodeToString([]byte("{")), "another version": set("v", 2), "no equipment": set("e", ""),
		"an equipment that is none": set("e", "GLOBAL#1"), "a half hour": set("h", hour.Unix()+1), "a window from a half hour": set("w", from.Unix()+1800),
		"an hour before the window": set("h", from.Unix()-3600), "an hour after the window": set("h", hour.Unix()+3600),
		"a window of the future": set("w", from.Unix()+7200), "a text as hour": set("h", "x"),
		"a window beyond all time": set("w", int64(1)<<62), "an hour before all time": set("h", -(int64(1) << 62)),
	} {
		check(name, all, cursor, "is damaged")
	}
	check("of a server whose clock is ahead", all, change(func(m map[string]any) { m["w"] = from.Unix() + 3600 }), "")
	check("before all time", all, change(func(m map[string]any) { m["w"], m["h"] = -(int64(1)<<40)*3600, -(int64(1)<<40)*3600 }), "is too old")
	v.now = hour.Add(24*time.Hour + 59*time.Minute)
	check("after a day", all, ofAll, "")
	v.now = hour.Add(25 * time.Hour)
	check("after more than a day", all, ofAll, "is too old")
}
