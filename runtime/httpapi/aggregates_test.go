package httpapi_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func decimal(t *testing.T, text string) reading.Decimal {
	t.Helper()
	d, err := reading.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestGetAggregated_AnswersExactNumbers(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	hour := testNow.Truncate(time.Hour)
	next := aggregate.Place{From: hour.Add(-7 * 24 * time.Hour), After: aggregate.ItemKey{EquipmentID: "EQ-12495", Start: hour}}
	f.windows.answer = aggregate.Answer{
		Average: decimal(t, "78.42"), TotalCount: 20, Next: next,
		Items: []aggregate.Item{{
			EquipmentID: "EQ-12495", IntervalStart: time.Unix(1693468800, 0), TotalValue: decimal(t, "100000000000000000000000000.000000000000000000000000001"), SampleCount: 20,
		}},
	}
	const path = "/sensor-data/aggregated?interval=1w&equipmentId=EQ-12495"
	got := f.do(call{method: "GET", path: path, token: tokenReader})
	want := `{"average":78.42,"totalCount":20,"items":[{"equipmentId":"EQ-12495","intervalStart":1693468800,` +
		`"totalValue":100000000000000000000000000.000000000000000000000000001,"sampleCount":20}],"nextCursor":"`
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, want) {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	var page struct{ NextCursor string }
	got.decode(t, &page)
	f.do(call{method: "GET", path: path + "&limit=10000&cursor=" + page.NextCursor, token: tokenReader})
	week, err := aggregate.ParseInterval("1w")
	if err != nil {
		t.Fatal(err)
	}
	if asked := (aggregate.Query{Interval: week, Equipments: []reading.EquipmentID{"EQ-12495"}, Limit: 10_000, After: next}); !reflect.DeepEqual(f.windows.asked, asked) {
		t.Errorf("asked %+v, want %+v", f.windows.asked, asked)
	}
	f.windows.answer = aggregate.Answer{}
	if got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader}); got.body != `{"average":0,"totalCount":0,"items":[]}`+"\n" {
		t.Errorf("an empty window: %s", got.body)
	}
	if f.windows.asked.Limit != 1000 {
		t.Errorf("default page %d, want 1000", f.windows.asked.Limit)
	}
}

func TestGetAggregated_RejectsBadQueries(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	const interval = "Invalid interval. Supported values are 24h, 48h, 1w, 1m"
	for _, test := range []struct{ query, fields, message string }{
		{"", "interval", interval},
		{"interval=", "interval", interval},
		{"interval=1h", "interval", interval},
		{"interval=24H", "interval", interval},
		{"interval=24h&interval=24h", "interval", interval},
		{"interval=24h&equipmentId=", "equipmentId", ""},
		{"interval=24h&limit=0", "limit", ""},
		{"interval=24h&limit=10001", "limit", ""},
		{"interval=24h&limit=-1", "limit", ""},
		{"interval=24h&from=2026-03-01T00:00:00Z", "from", ""},
	} {
		t.Run(test.query, func(t *testing.T) {
			got := f.do(call{method: "GET", path: "/sensor-data/aggregated?" + test.query, token: tokenReader})
			p := f.problem(got)
			if got.status != http.StatusBadRequest || p.fields() != test.fields || test.message != "" && p.Message != test.message {
				t.Errorf("status %d, fields %q, message %q", got.status, p.fields(), p.Message)
			}
		})
	}
	f.windows.err = &fault.Error{Kind: fault.Invalid, Message: "the cursor is too old", Fields: []fault.FieldError{{Field: "cursor", Reason: "is too old"}}}
	if p := f.problem(f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader})); p.Status != 400 || p.Message != "The cursor is too old." {
		t.Errorf("a cursor that is too old: %+v", p)
	}
	f.windows.err = &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy"}
	if got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h", token: tokenReader}); got.status != http.StatusServiceUnavailable {
		t.Errorf("a busy table: status %d", got.status)
	}
}
