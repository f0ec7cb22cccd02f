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

func decimal(t testing.TB, text string) reading.Decimal {
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

func TestGetAggregated_AsksForAWindowOfOnesOwn(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), time.Date(2026, 3, 8, 2, 55, 0, 0, time.UTC)
	days, err := aggregate.ParseGranularity("1d")
	if err != nil {
		t.Fatal(err)
	}
	span, err := aggregate.NewSpan(from, to, days, zone)
	if err != nil {
		t.Fatal(err)
	}
	f.windows.answer = aggregate.Answer{
		Average: decimal(t, "0.1234567890123456"), TotalCount: 2, Next: aggregate.Place{From: from, After: aggregate.ItemKey{EquipmentID: "B", Start: from}},
		Items: []aggregate.Item{
			{EquipmentID: "A", IntervalStart: from, TotalValue: decimal(t, "3"), SampleCount: 1, Extremes: aggregate.ExtremesOf(decimal(t, "3"))},
			{EquipmentID: "B", IntervalStart: from, TotalValue: decimal(t, "-2.9"), SampleCount: 1},
		},
	}
	const path = "/sensor-data/aggregated?from=2026-03-01T00:00:00-03:00&to=2026-03-08T02:55:00Z&granularity=1d&timezone=America/Sao_Paulo" +
		"&equipmentId=B&equipmentId=A&equipmentId=B"
	got := f.do(call{method: "GET", path: path + "&numbers=string", token: tokenReader})
	want := `{"average":"0.1234567890123456","totalCount":2,"items":[` +
		`{"equipmentId":"A","intervalStart":1772334000,"totalValue":"3","sampleCount":1,"minValue":"3","maxValue":"3"},` +
		`{"equipmentId":"B","intervalStart":1772334000,"totalValue":"-2.9","sampleCount":1}],"nextCursor":"`
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, want) {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	var page struct{ NextCursor string }
	got.decode(t, &page)
	f.do(call{method: "GET", path: path + "&limit=7&cursor=" + page.NextCursor, token: tokenReader})
	asked := f.windows.asked
	if asked.Span.String() != span.String() || asked.Interval != (aggregate.Interval{}) || asked.Limit != 7 || asked.After != f.windows.answer.Next ||
		!reflect.DeepEqual(asked.Equipments, []reading.EquipmentID{"A", "B"}) {
		t.Errorf("asked %+v, want the span %v", asked, span)
	}
	for _, other := range []string{
		strings.Replace(path, "granularity=1d", "granularity=1h", 1), strings.Replace(path, "America/Sao_Paulo", "UTC", 1),
		strings.Replace(path, "&equipmentId=A", "", 1), strings.Replace(path, "02:55", "02:50", 1), "/sensor-data/aggregated?interval=1w&equipmentId=A&equipmentId=B",
	} {
		if p := f.problem(f.do(call{method: "GET", path: other + "&cursor=" + page.NextCursor, token: tokenReader})); p.fields() != "cursor" {
			t.Errorf("%s goes on from the other window: %+v", other, p)
		}
	}
}

// A plus sign that is not encoded arrives as a blank.
func TestGetAggregated_ExplainsThePlusSign(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, path := range []string{
		"/sensor-data/aggregated?from=2026-03-01T00:00:00+01:00&to=2026-03-02T00:00:00Z", "/sensor-data?equipmentId=A&from=2026-03-01T00:00:00+01:00",
		"/sensor-data/aggregated?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=Etc/GMT+3",
	} {
		if p := f.problem(f.do(call{method: "GET", path: path, token: tokenReader})); !strings.Contains(p.Message, "%2B") {
			t.Errorf("%s: %+v", path, p)
		}
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
		{"interval=24h&interval=48h&limit=0", "interval,limit", interval},
		{"interval=24h&equipmentId=", "equipmentId", ""},
		{"interval=24h&limit=0", "limit", ""},
		{"interval=24h&limit=10001", "limit", ""},
		{"interval=24h&limit=-1", "limit", ""},
		{"interval=24h&from=2026-03-01T00:00:00Z", "from", ""},
		{"interval=24h&granularity=1h&timezone=UTC", "granularity,timezone", ""},
		{"from=2026-03-01T00:00:00Z", "to", ""},
		{"granularity=1h", "from,to", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&granularity=2h", "granularity", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&granularity=", "granularity", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=", "timezone", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=Local", "timezone", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=../etc/passwd", "timezone", ""},
		{"from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&timezone=Mars/Base", "timezone", ""},
		{"from=2026-03-01T00:00:00+01:00&to=2026-03-02T00:00:00Z", "from", ""},
		{"from=2026-03-01T00:01:00Z&to=2026-03-02T00:00:00Z", "from", "The window's from must lie on full five minutes."},
		{"from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z", "to", ""},
		{"from=2026-03-01T00:00:00Z&to=2027-04-06T00:00:00Z", "to", "The window's to must be at most 400 days after from."},
		{"interval=24h&numbers=float", "numbers", ""},
		{"interval=24h" + strings.Repeat("&equipmentId=A", 51), "equipmentId", ""},
		{"interval=24h&equipmentId=A&equipmentId=a%20b", "equipmentId", ""},
	} {
		t.Run(test.query, func(t *testing.T) {
			got := f.do(call{method: "GET", path: "/sensor-data/aggregated?" + test.query, token: tokenReader})
			p := f.problem(got)
			if got.status != http.StatusBadRequest || p.fields() != test.fields || test.message != "" && p.Message != test.message {
				t.Errorf("status %d, fields %q, message %q", got.status, p.fields(), p.Message)
			}
		})
	}
	if got := f.do(call{method: "GET", path: "/sensor-data/aggregated?interval=24h&interval=48h", token: tokenReader}); !strings.Contains(got.body, `"reason":"must not occur twice"`) {
		t.Errorf("an interval that stands twice: %s", got.body)
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
