package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/equipment"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// catalog records what it is asked.
type catalog struct {
	prefix string
	after  reading.EquipmentID
	limit  int
	page   []equipment.Equipment
	more   bool
	// rest is what comes after last.
	last reading.EquipmentID
	rest []equipment.Equipment
	err  error
}

func (c *catalog) Page(_ context.Context, prefix string, after reading.EquipmentID, limit int) ([]equipment.Equipment, bool, error) {
	c.prefix, c.after, c.limit = prefix, after, limit
	if after == c.last && after != "" {
		return c.rest, false, c.err
	}
	return c.page, c.more, c.err
}

func TestGetEquipment_ListsEachWithItsEnds(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	first := reading.Stored{Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: testNow.Add(-1), Value: decimal(t, "0.1234567890123456789")}}
	last := reading.Stored{Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: testNow, Value: decimal(t, "-2")}}
	f.equipment.page = []equipment.Equipment{{ID: "EQ-1", First: &first, Last: &last}, {ID: "EQ-2"}}
	f.equipment.more = true
	got := f.do(call{method: "GET", path: "/equipment?prefix=EQ&limit=2", token: tokenReader})
	want := `{"items":[{"equipmentId":"EQ-1","first":{"timestamp":"2026-03-01T08:29:59.999999999Z","value":0.1234567890123456789},` +
		`"last":{"timestamp":"2026-03-01T08:30:00Z","value":-2}},{"equipmentId":"EQ-2"}],"nextCursor":"`
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, want) {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	var page struct{ NextCursor string }
	got.decode(t, &page)
	f.equipment.more = false
	got = f.do(call{method: "GET", path: "/equipment?prefix=EQ&numbers=string&cursor=" + page.NextCursor, token: tokenReader})
	if f.equipment.prefix != "EQ" || f.equipment.after != "EQ-2" || f.equipment.limit != 100 {
		t.Errorf("asked %+v", f.equipment)
	}
	if !strings.Contains(got.body, `"value":"0.1234567890123456789"`) || strings.Contains(got.body, "nextCursor") {
		t.Errorf("the last page: %s", got.body)
	}
	if p := f.problem(f.do(call{method: "GET", path: "/equipment?prefix=E&cursor=" + page.NextCursor, token: tokenReader})); p.fields() != "cursor" {
		t.Errorf("another prefix goes on from the cursor: %+v", p)
	}
}

func TestGetEquipment_RejectsBadQueries(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for query, field := range map[string]string{
		"limit=101": "limit", "limit=0": "limit", "prefix=a%20b": "prefix", "prefix=" + strings.Repeat("a", 129): "prefix", "equipmentId=A": "equipmentId",
		"cursor=x": "cursor", "numbers=": "numbers", "prefix=A&prefix=B": "prefix",
	} {
		if p := f.problem(f.do(call{method: "GET", path: "/equipment?" + query, token: tokenReader})); p.Status != http.StatusBadRequest || p.fields() != field {
			t.Errorf("%s: %+v", query, p)
		}
	}
	if got := f.do(call{method: "GET", path: "/equipment", token: tokenWriter}); got.status != http.StatusForbidden {
		t.Errorf("one who may only write: status %d", got.status)
	}
	f.equipment.err = &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy"}
	if got := f.do(call{method: "GET", path: "/equipment", token: tokenReader}); got.status != http.StatusServiceUnavailable {
		t.Errorf("a busy table: status %d", got.status)
	}
}

func TestExport_OfEquipmentsIsAllOfThem(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	first := reading.Stored{Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: testNow.Add(-1), Value: decimal(t, "0.1234567890123456789")}}
	last := reading.Stored{Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: testNow, Value: decimal(t, "-2")}}
	f.equipment.page, f.equipment.more = []equipment.Equipment{{ID: "EQ-1", First: &first, Last: &last}, {ID: "EQ-2"}}, true
	f.equipment.last, f.equipment.rest = "EQ-2", []equipment.Equipment{{ID: "EQ-3", First: &last, Last: &last}}
	got := f.do(call{method: "GET", path: "/equipment?prefix=EQ", token: tokenReader, headers: csvWanted})
	want := "equipmentId,firstTimestamp,firstValue,lastTimestamp,lastValue\r\n" +
		"EQ-1,2026-03-01T08:29:59.999999999Z,0.1234567890123456789,2026-03-01T08:30:00Z,-2\r\nEQ-2,,,,\r\n" +
		"EQ-3,2026-03-01T08:30:00Z,-2,2026-03-01T08:30:00Z,-2\r\n"
	if got.status != http.StatusOK || got.body != want || got.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Errorf("status %d, %s: %q, want %q", got.status, got.header.Get("Content-Type"), got.body, want)
	}
	if f.equipment.prefix != "EQ" {
		t.Errorf("asked %+v", f.equipment)
	}
	for field, cut := range map[string]string{"limit": "limit=5", "cursor": "cursor=x"} {
		if p := f.problem(f.do(call{method: "GET", path: "/equipment?" + cut, token: tokenReader, headers: csvWanted})); p.fields() != field {
			t.Errorf("%s: %+v", cut, p)
		}
	}
	f.equipment.err = &fault.Error{Kind: fault.Unavailable, Message: "busy"}
	if got := f.do(call{method: "GET", path: "/equipment", token: tokenReader, headers: csvWanted}); got.status != http.StatusServiceUnavailable {
		t.Errorf("a busy table: status %d", got.status)
	}
}
