package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func body(equipmentID, timestamp, value string) string {
	return fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, equipmentID, timestamp, value)
}

func TestPostReading_StoresItExactly(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T09:30:00.000000001+01:00", "1234567890123456789.000000001230")})
	var saved struct{ Message, ID string }
	got.decode(t, &saved)
	if got.status != http.StatusCreated || saved.Message != "Data saved successfully" {
		t.Errorf("status %d, body %s", got.status, got.body)
	}
	want := map[string]string{"EQ-1 2026-03-01T08:30:00.000000001Z": "1234567890123456789.00000000123"}
	if stored := f.table.values(); !maps.Equal(stored, want) {
		t.Errorf("stored %v, want %v", stored, want)
	}
	again := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00.000000001Z", "2")})
	var corrected struct{ ID string }
	again.decode(t, &corrected)
	if corrected.ID != saved.ID || len(f.table.values()) != 1 {
		t.Errorf("a correction has the id %s, want %s", corrected.ID, saved.ID)
	}
}

func TestPostReading_RejectsWhatBreaksARule(t *testing.T) {
	f := newFixture(t, httpapi.Options{Retention: 48 * time.Hour})
	const at, rule = "2026-03-01T08:30:00Z", "timestamp must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00"
	for _, test := range []struct{ name, body, fields, message string }{
		{"rejects no JSON", `{`, "", "The body must be valid JSON"},
		{"rejects an empty object", `{}`, "equipmentId,timestamp,value", "equipmentId is required; timestamp is required; value is required."},
		{"rejects an array", `[]`, "", "The body must be a JSON object."},
		{"rejects two documents", body("EQ-1", at, "1") + "{}", "", "The body must hold one JSON document and nothing after it."},
		{"rejects an unknown field", `{"equipmentId":"EQ-1","timestamp":"` + at + `","value":1,"unit":"K"}`, "unit", "unit is not a known field"},
		{"rejects another spelling", `{"EquipmentID":"EQ-1","timestamp":"` + at + `","value":1}`, "EquipmentID,equipmentId", "EquipmentID is not a known field"},
		{"rejects two spellings of one field", `{"equipmentId":"EQ-1","equipmentid":"EQ-2","timestamp":"` + at + `","value":1}`, "equipmentid", "equipmentid is not a known field"},
		{"rejects a repeated field", `{"value":1,"equipmentId":"EQ-1","timestamp":"` + at + `","value":2}`, "value", "value must not occur twice."},
		{"rejects bytes that are not UTF-8", "{\"equipmentId\":\"\xff\"}", "", "The body must be UTF-8."},
		{"rejects null", `{"equipmentId":null,"timestamp":"` + at + `","value":null}`, "equipmentId,value", "equipmentId must be a JSON string; value must be a JSON number, without quotes."},
		{"rejects a value in quotes", body("EQ-1", at, `"00123"`), "value", "value must be a JSON number, without quotes; write it as 123."},
		{"rejects a number in quotes", body("EQ-1", at, `"123"`), "value", "value must be a JSON number, without quotes."},
		{"rejects groups of digits", body("EQ-1", at, `"1.234.567"`), "value", "value must be a JSON number, without quotes; write it as 1234567."},
		{"rejects Infinity in quotes", body("EQ-1", at, `"Infinity"`), "value", "value must be a JSON number, without quotes; NaN and infinities are not taken."},
		{"rejects leading zeros", body("EQ-1", at, "00123"), "", "The body must be valid JSON"},
		{"rejects NaN", body("EQ-1", at, "NaN"), "", "The body must be valid JSON, which it is not at its byte 66; NaN and infinities are not taken."},
		{"rejects -Infinity", body("EQ-1", at, "-Infinity"), "", "The body must be valid JSON, which it is not at its byte 67; NaN and infinities are not taken."},
		{"rejects another word", body("EQ-1", at, "Info"), "", "The body must be valid JSON, which it is not at its byte 66."},
		{"rejects 1e300", body("EQ-1", at, "1e300"), "value", "value must have at most 27 digits before the decimal point."},
		{"rejects 28 fractional digits", body("EQ-1", at, "1e-28"), "value", "value must have at most 27 digits after the decimal point."},
		{"rejects an empty id", body("", at, "1"), "equipmentId", "equipmentId must be 1 to 128 characters"},
		{"rejects a long id", body(strings.Repeat("x", 129), at, "1"), "equipmentId", "equipmentId must be 1 to 128 characters"},
		{"rejects a separator in the id", body("a#b", at, "1"), "equipmentId", "equipmentId must be 1 to 128 characters"},
		{"rejects a timestamp without offset", body("EQ-1", "2026-03-01T08:30:00", "1"), "timestamp", "timestamp must be an RFC 3339 timestamp"},
		{"rejects a date alone", body("EQ-1", "2026-03-01", "1"), "timestamp", rule + "; it is a date without a time of day."},
		{"rejects an offset of hours", body("EQ-1", "2026-03-01T08:30:00+00", "1"), "timestamp", rule + "; write its offset with hours and minutes, +00:00."},
		{"rejects a basic-format timestamp", body("EQ-1", "20260301T083000Z", "1"), "timestamp", "timestamp must be an RFC 3339 timestamp"},
		{"rejects a day that does not exist", body("EQ-1", "2026-02-31T08:30:00Z", "1"), "timestamp", "timestamp must name a day of the calendar; there is no such day"},
		{"rejects the future", body("EQ-1", "2026-03-02T08:30:01Z", "1"), "timestamp", "timestamp must not be more than 24 h in the future."},
		{"rejects what is past the retention", body("EQ-1", "2026-02-27T08:29:59Z", "1"), "timestamp", "timestamp must not be older than the retention of 48h0m0s."},
		{"rejects every field at once", body("", "now", "1e300"), "equipmentId,timestamp,value", "equipmentId must be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: test.body})
			p := f.problem(got)
			if got.status != http.StatusBadRequest || p.fields() != test.fields || !strings.HasPrefix(p.Message, test.message) {
				t.Errorf("status %d, fields %q, message %q, want fields %q and %q", got.status, p.fields(), p.Message, test.fields, test.message)
			}
		})
	}
	if stored := f.table.values(); len(stored) > 0 {
		t.Errorf("stored %v", stored)
	}
}

func TestPostReading_AcceptsTheNeighboursOfWhatBreaksARule(t *testing.T) {
	f := newFixture(t, httpapi.Options{Retention: 48 * time.Hour})
	for _, text := range []string{
		body(strings.Repeat("x", 128), "2026-03-02T08:30:00Z", "-0"),
		body("a.b_c:d-E9", "2026-02-27T08:30:00Z", "123456789012345678901234567"),
		body("EQ-1", "2026-03-01T23:59:59.999999999+14:00", "1e-27"),
		" {\n\t\"value\" : 1E+3 ,\"equipmentId\": \"EQ\\u002d1\", \"timestamp\":\"2026-03-01t08:30:00z\"}\n",
	} {
		if got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: text}); got.status != http.StatusCreated {
			t.Errorf("%s: status %d, %s", text, got.status, got.body)
		}
	}
	if got := f.table.values()["EQ-1 2026-03-01T08:30:00.000000000Z"]; got != "1000" {
		t.Errorf("spaces and escapes changed the value to %q", got)
	}
}

// zipped compresses a text.
func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a buffer takes all
	_ = w.Close()
	return b.String()
}

func TestPostReading_SaysThatTheBodyIsEmpty(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, empty := range []string{"", " \n", "\ufeff"} {
		for _, path := range []string{"/sensor-data", "/sensor-data/batch", "/sensor-data/uploads"} {
			if p := f.problem(f.do(call{method: "POST", path: path, token: tokenWriter, body: empty, headers: map[string]string{"Content-Type": "application/json"}})); !strings.Contains(p.Message, "is empty") {
				t.Errorf("%s with %q: %s", path, empty, p.Message)
			}
		}
	}
}

func TestPostReading_RejectsOtherMediaTypesAndSizes(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	fits := body("EQ-1", "2026-03-01T08:30:00Z", "1")
	for _, test := range []struct {
		name, body string
		headers    map[string]string
		status     int
	}{
		{"rejects a form", fits, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"rejects no media type", fits, map[string]string{"Content-Type": ""}, 415},
		{"rejects ndjson for one reading", fits, map[string]string{"Content-Type": "application/x-ndjson"}, 415},
		{"rejects latin-1", fits, map[string]string{"Content-Type": "application/json; charset=iso-8859-1"}, 415},
		{"rejects other compression", fits, map[string]string{"Content-Encoding": "br"}, 415},
		{"rejects what is not compressed as it says", fits, map[string]string{"Content-Encoding": "gzip"}, 400},
		{"takes gzip", zipped(fits), map[string]string{"Content-Encoding": "gzip"}, 201},
		{"takes gzip by another spelling", zipped(fits), map[string]string{"Content-Encoding": "GZIP"}, 201},
		{"takes gzip in members", zipped(fits[:10]) + zipped(fits[10:]), map[string]string{"Content-Encoding": "gzip"}, 201},
		{"takes 64 KiB of gzip", zipped(fits + strings.Repeat(" ", contract.ReadingBodyBytesMax-len(fits))), map[string]string{"Content-Encoding": "gzip"}, 201},
		{"rejects a byte more of gzip", zipped(fits + strings.Repeat(" ", contract.ReadingBodyBytesMax-len(fits)+1)), map[string]string{"Content-Encoding": "gzip"}, 413},
		{"rejects a bomb", zipped(strings.Repeat(" ", 100<<20)), map[string]string{"Content-Encoding": "gzip"}, 413},
		{"rejects half of gzip", zipped(fits)[:40], map[string]string{"Content-Encoding": "gzip"}, 400},
		{"rejects gzip with more behind it", zipped(fits) + "more", map[string]string{"Content-Encoding": "gzip"}, 400},
		{"rejects gzip of another sum", zipped(fits)[:len(zipped(fits))-8] + "12345678", map[string]string{"Content-Encoding": "gzip"}, 400},
		{"rejects nothing", "", map[string]string{"Content-Type": "application/json"}, 400},
		{"rejects nothing as gzip", "", map[string]string{"Content-Encoding": "gzip", "Content-Type": "application/json"}, 400},
		{"passes over a byte order mark", "\ufeff" + fits, nil, 201},
		{"takes a charset", fits, map[string]string{"Content-Type": "application/json; charset=UTF-8"}, 201},
		{"takes 64 KiB", fits + strings.Repeat(" ", contract.ReadingBodyBytesMax-len(fits)), nil, 201},
		{"rejects a byte more", fits + strings.Repeat(" ", contract.ReadingBodyBytesMax-len(fits)+1), nil, 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: test.body, headers: test.headers}); got.status != test.status {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.body)
			}
		})
	}
}

func TestPostReading_AnswersOnlyForWhatIsDurable(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.table.err = &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy", Cause: errors.New("table arn:aws:dynamodb:secret throttled")}
	got := f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")})
	if got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "arn:") {
		t.Errorf("a throttled table: status %d, %s", got.status, got.body)
	}
	f.table.err = &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy", Cause: os.ErrDeadlineExceeded}
	got = f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")})
	if got.status != http.StatusServiceUnavailable {
		t.Errorf("a slow table is taken for a slow client: status %d, %s", got.status, got.body)
	}
	f.table.err = errors.New("table arn:aws:dynamodb:secret does not exist")
	got = f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", "2026-03-01T08:30:00Z", "1")})
	if got.status != http.StatusInternalServerError || strings.Contains(got.body, "arn:") {
		t.Errorf("a missing table: status %d, %s", got.status, got.body)
	}
	if !strings.Contains(f.log.String(), "arn:aws:dynamodb:secret does not exist") {
		t.Error("the log does not say what went wrong")
	}
}

func TestPostBatch_StoresTheValidOnesAndNamesTheOthers(t *testing.T) {
	elements := []string{
		body("EQ-1", "2026-03-01T08:30:00Z", "1"), body("EQ-1", "2026-03-01T08:30:00Z", `"2"`), body("EQ-1", "2026-03-01T09:30:00+01:00", "3.0"),
		`[]`, body("EQ-2", "2026-03-01T08:30:00Z", "4"), `{"equipmentId":"EQ-3"}`,
	}
	for media, text := range map[string]string{
		"application/json":     "[" + strings.Join(elements, ",") + "]",
		"application/x-ndjson": strings.Join(elements, "\n\r\n\n"),
	} {
		t.Run(media, func(t *testing.T) {
			f := newFixture(t, httpapi.Options{})
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
			want := `{"accepted":3,"rejected":[{"index":1,"errors":[{"field":"value","reason":"must be a JSON number, without quotes"}]},` +
				`{"index":3,"errors":[{"field":"reading","reason":"must be a JSON object"}]},` +
				`{"index":5,"errors":[{"field":"timestamp","reason":"is required"},{"field":"value","reason":"is required"}]}]}` + "\n"
			if got.status != http.StatusCreated || got.body != want {
				t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
			}
			stored := map[string]string{"EQ-1 2026-03-01T08:30:00.000000000Z": "3", "EQ-2 2026-03-01T08:30:00.000000000Z": "4"}
			if !maps.Equal(f.table.values(), stored) {
				t.Errorf("stored %v, want the later of one identity: %v", f.table.values(), stored)
			}
		})
	}
}

// What is wrong has a name in every answer: with an element as a whole, and with a field that has none.
func TestPostBatch_NamesWhatHasNoName(t *testing.T) {
	for media, separator := range map[string]string{"application/json": ",", "application/x-ndjson": "\n"} {
		for good, want := range map[string]string{
			"": `"errors":[{"field":"body[0]","reason":"must be a JSON object"},{"field":"body[1].\"\"","reason":"is not a known field;`,
			body("EQ-1", "2026-03-01T08:30:00Z", "1"): `"rejected":[{"index":0,"errors":[{"field":"reading","reason":"must be a JSON object"}]},` +
				`{"index":1,"errors":[{"field":"\"\"","reason":"is not a known field;`,
		} {
			text := strings.Trim(strings.Join([]string{"7", `{"":1}`, good}, separator), separator)
			if separator == "," {
				text = "[" + text + "]"
			}
			f := newFixture(t, httpapi.Options{})
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: %s is answered with %s, want %s", media, text, got.body, want)
			}
		}
	}
}

func manyReadings(n int, separator string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = body(fmt.Sprintf("EQ-%d", i), "2026-03-01T08:30:00Z", "1")
	}
	return strings.Join(all, separator)
}

func TestPostBatch_Limits(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	ndjson := map[string]string{"Content-Type": "application/x-ndjson"}
	for _, test := range []struct {
		name, body string
		headers    map[string]string
		status     int
		message    string
	}{
		{"rejects an empty array", "[]", nil, 400, "The batch is empty; it must hold 1 to 5000 readings."},
		{"rejects no lines", "\n\n", ndjson, 400, "The batch is empty"},
		{"rejects an object", "{}", nil, 400, "The body must be a JSON array of readings"},
		{"rejects half an array", "[" + manyReadings(2, ","), nil, 400, "The body ends before its array does"},
		{"rejects half an element", "[" + manyReadings(2, ",")[:20], nil, 400, "The body ends before its array does"},
		{"rejects an array without commas", "[" + manyReadings(2, "") + "]", nil, 400, "The body must be a JSON array of readings"},
		{"rejects an array and more", "[" + manyReadings(2, ",") + "],", nil, 400, "The body must hold one JSON document"},
		{"rejects when none is valid", "[1,2]", nil, 400, "None of the 2 readings is valid; nothing was stored."},
		{"takes 5,000", "[" + manyReadings(5000, ",") + "]", nil, 201, ""},
		{"rejects 5,001", "[" + manyReadings(5001, ",") + "]", nil, 400, "The batch holds more than 5000 readings"},
		{"rejects 5,001 lines", manyReadings(5001, "\n"), ndjson, 400, "The batch holds more than 5000 readings"},
		{"takes 5 MiB", "[" + manyReadings(1, ",") + strings.Repeat(" ", contract.BatchBodyBytesMax-2-len(manyReadings(1, ","))) + "]", nil, 201, ""},
		{"rejects a byte more", "[" + manyReadings(1, ",") + strings.Repeat(" ", contract.BatchBodyBytesMax-1-len(manyReadings(1, ","))) + "]", nil, 413, "The body must be at most 5 MiB."},
		{"rejects other media", "a,b", map[string]string{"Content-Type": "text/csv"}, 415, "The Content-Type must be application/json or application/x-ndjson."},
		{"skips a line that is too long", strings.Repeat("x", 200_000) + "\n" + manyReadings(1, ""), ndjson, 201, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: test.body, headers: test.headers})
			if got.status != test.status || test.status >= 400 && !strings.HasPrefix(f.problem(got).Message, test.message) {
				t.Errorf("status %d, want %d %q: %.300s", got.status, test.status, test.message, got.body)
			}
		})
	}
	got := f.problem(f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + body("EQ-1", "now", "true") + ",1]"}))
	if got.fields() != "body[0].value,body[0].timestamp,body[1]" {
		t.Errorf("fields %s", got.fields())
	}
}

func TestPostBatch_IsUnavailableWhenNotAllAreDurable(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.table.err = &fault.Error{Kind: fault.Unavailable, Message: "the data store is busy"}
	if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + manyReadings(3, ",") + "]"}); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, %s", got.status, got.body)
	}
}

func TestPostBatch_BodiesInFlightAreBounded(t *testing.T) {
	plan := memory.PlanFor(memory.LimitDefault)
	plan.Batches = 64 << 10 // the readings of a batch of 100 need more
	f := newFixture(t, httpapi.Options{Memory: plan})
	if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + manyReadings(100, ",") + "]"}); got.status != http.StatusServiceUnavailable {
		t.Errorf("a body beyond the memory for all: status %d", got.status)
	}
	for range 3 {
		if got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + manyReadings(10, ",") + "]"}); got.status != http.StatusCreated {
			t.Errorf("a body that fits: status %d: memory is not given back", got.status)
		}
	}
}

type readingsPage struct {
	Items []struct {
		EquipmentID, Timestamp, RegisterTime string
		Value                                float64
	}
	NextCursor string
}

func TestGetReadings_PagesNewestFirst(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for i := range 7 {
		f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", testNow.Add(time.Duration(-i)*time.Minute).Format(time.RFC3339), fmt.Sprint(i))})
	}
	path, seen := "/sensor-data?equipmentId=EQ-1&limit=3&from=2026-03-01T08:25:00Z&to=2026-03-01T09:30:00%2B01:00", ""
	next := ""
	for page := 0; page == 0 || next != ""; page++ {
		got := f.do(call{method: "GET", path: path + next, token: tokenReader})
		var p readingsPage
		got.decode(t, &p)
		for _, item := range p.Items {
			seen += fmt.Sprint(item.Value, " ")
		}
		if next = ""; p.NextCursor != "" {
			next = "&cursor=" + p.NextCursor
		}
		if page > 5 {
			t.Fatal("the pages do not end")
		}
	}
	if seen != "1 2 3 4 5 " {
		t.Errorf("pages of from ≤ t < to hold %q, want 1 to 5, newest first", seen)
	}
	first := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1&limit=1", token: tokenReader})
	if want := `{"items":[{"equipmentId":"EQ-1","timestamp":"2026-03-01T08:30:00Z","value":0,"registerTime":"2026-03-01T08:30:00Z"}],"nextCursor":`; !strings.HasPrefix(first.body, want) {
		t.Errorf("body %s, want %s", first.body, want)
	}
	if empty := f.do(call{method: "GET", path: "/sensor-data?equipmentId=none", token: tokenReader}); empty.body != `{"items":[]}`+"\n" {
		t.Errorf("no readings: %s", empty.body)
	}
}

// A page ends where the table stops to look, which may be among deleted readings, and its cursor leads on from there.
func TestGetReadings_AnEmptyPageLeadsOn(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.table.examined = 3
	for i := range 10 {
		at, value := testNow.Add(time.Duration(-i)*time.Minute), reading.Decimal{}
		f.table.Put(reading.Write{
			Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: at, Value: value}, Version: reading.VersionAt(testNow), Deleted: i != 4 && i != 9,
		})
	}
	var pages []string
	for next, more := "", true; more; {
		var p readingsPage
		got := f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1&limit=2" + next, token: tokenReader})
		got.decode(t, &p)
		page := ""
		for _, item := range p.Items {
			page += item.Timestamp
		}
		pages, next, more = append(pages, page), "&cursor="+p.NextCursor, p.NextCursor != ""
		if len(p.Items) == 0 && !strings.HasPrefix(got.body, `{"items":[],"nextCursor":"`) {
			t.Errorf("an empty page is %s", got.body)
		}
		if len(pages) > 4 {
			t.Fatal("the pages do not end")
		}
	}
	if want := []string{"", "2026-03-01T08:26:00Z", "", "2026-03-01T08:21:00Z"}; !slices.Equal(pages, want) {
		t.Errorf("pages %q, want %q", pages, want)
	}
}

// What a page's queries hold beyond its limit is taken from the memory for reads, and given back.
func TestGetReadings_GivesARoomThatIsThere(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	f.table.wants = []int{1000, 1 << 30}
	for range 1000 {
		f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1&limit=1", token: tokenReader})
	}
	for i, granted := range f.table.granted {
		if granted != (i%2 == 0) {
			t.Fatalf("call %d for room: %t", i, granted)
		}
	}
}

func TestGetReadings_RejectsBadQueries(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for i := range 2 {
		f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", testNow.Add(time.Duration(-i)*time.Minute).Format(time.RFC3339), "1")})
	}
	var p readingsPage
	f.do(call{method: "GET", path: "/sensor-data?equipmentId=EQ-1&limit=1", token: tokenReader}).decode(t, &p)
	for _, test := range []struct{ query, fields string }{
		{"", "equipmentId"},
		{"equipmentId=", "equipmentId"},
		{"equipmentId=a%20b", "equipmentId"},
		{"equipmentId=a&equipmentId=b", "equipmentId"},
		{"equipmentId=a&equipmentID=b", "equipmentID"},
		{"equipmentId=a&from=yesterday", "from"},
		{"equipmentId=a&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "to"},
		{"equipmentId=a&limit=0", "limit"},
		{"equipmentId=a&limit=1001", "limit"},
		{"equipmentId=a&limit=ten", "limit"},
		{"equipmentId=a&limit=", "limit"},
		{"equipmentId=a&cursor=", "cursor"},
		{"equipmentId=a&cursor=***", "cursor"},
		{"equipmentId=a&cursor=" + strings.Repeat("a", 2049), "cursor"},
		{"equipmentId=EQ-2&cursor=" + p.NextCursor, "cursor"},
		{"equipmentId=EQ-1&cursor=" + p.NextCursor + "%0A", "cursor"},
		{"equipmentId=EQ-1&cursor=" + p.NextCursor + "A", "cursor"},
		{"equipmentId=EQ-1&cursor=" + p.NextCursor[:len(p.NextCursor)-1], "cursor"},
		{"equipmentId=EQ-1&from=2026-03-01T00:00:00Z&cursor=" + p.NextCursor, "cursor"},
		{"limit=0&from=x&colour=red", "colour,equipmentId,from,limit"},
		{"equipmentId=%zz", ""},
		{"equipmentId=a;limit=3", ""},
	} {
		t.Run(test.query, func(t *testing.T) {
			got := f.do(call{method: "GET", path: "/sensor-data?" + test.query, token: tokenReader})
			if got.status != http.StatusBadRequest || f.problem(got).fields() != test.fields {
				t.Errorf("status %d, fields %q, want %q: %s", got.status, f.problem(got).fields(), test.fields, got.body)
			}
		})
	}
	for _, query := range []string{"equipmentId=EQ-1&limit=1000&cursor=" + p.NextCursor, "equipmentId=a&limit=1"} {
		if got := f.do(call{method: "GET", path: "/sensor-data?" + query, token: tokenReader}); got.status != http.StatusOK {
			t.Errorf("%s: status %d", query, got.status)
		}
	}
}
