package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// listings are the calls that answer in pages, each with others to which its cursor does not belong.
func listings() map[string][]string {
	return map[string][]string{
		"/sensor-data?equipmentId=EQ-1&limit=1": {
			"/sensor-data?equipmentId=EQ-2", "/sensor-data?equipmentId=EQ-1&from=2026-03-01T00:00:00Z",
			"/sensor-data?equipmentId=EQ-1&to=2026-03-02T00:00:00Z", "/sensor-data/uploads?limit=1",
		},
		"/sensor-data/uploads?limit=1": {"/sensor-data?equipmentId=EQ-1", "/sensor-data/aggregated?interval=24h"},
		"/sensor-data/aggregated?interval=24h&equipmentId=EQ-1&limit=1": {
			"/sensor-data/aggregated?interval=48h&equipmentId=EQ-1", "/sensor-data/aggregated?interval=24h",
			"/sensor-data/aggregated?interval=24h&equipmentId=EQ-2", "/sensor-data/uploads?limit=1",
		},
	}
}

// newListings returns an API of which each listing has a second page.
func newListings(t *testing.T, o httpapi.Options) *fixture {
	t.Helper()
	f := newFixture(t, o)
	f.uploads.known = map[string]csvfile.Upload{}
	for _, id := range []string{"0b5f9c3e-0000-4000-8000-000000000001", "0b5f9c3e-0000-4000-8000-000000000002"} {
		f.uploads.known[id] = csvfile.Upload{ID: id, FileName: "a.csv", Status: "processing", CreatedAt: testNow, UpdatedAt: testNow}
	}
	for _, at := range []time.Time{testNow, testNow.Add(-time.Hour)} {
		f.do(call{method: "POST", path: "/sensor-data", token: tokenWriter, body: body("EQ-1", at.Format(time.RFC3339), "1")})
	}
	hour := testNow.Truncate(time.Hour)
	f.windows.answer = aggregate.Answer{
		Next: aggregate.Place{From: hour.Add(-24 * time.Hour), After: aggregate.ItemKey{EquipmentID: "EQ-1", Start: hour}},
	}
	return f
}

func (f *fixture) cursorOf(t *testing.T, path string) string {
	t.Helper()
	var page struct{ NextCursor string }
	f.do(call{method: "GET", path: path, token: tokenReader}).decode(t, &page)
	if page.NextCursor == "" {
		t.Fatalf("%s: no cursor", path)
	}
	return page.NextCursor
}

func TestCursor_LeadsOnOnlyWhereItBelongs(t *testing.T) {
	f := newListings(t, httpapi.Options{})
	for path, others := range listings() {
		cursor := f.cursorOf(t, path)
		own := strings.TrimSuffix(path, "limit=1") + "limit=7&cursor=" + cursor
		if got := f.do(call{method: "GET", path: own, token: tokenReader}); got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", own, got.status, got.body)
		}
		for _, other := range others {
			got := f.do(call{method: "GET", path: other + "&cursor=" + cursor, token: tokenReader})
			if p := f.problem(got); got.status != http.StatusBadRequest || !strings.Contains(p.Message, "cursor belongs to a query with other parameters") {
				t.Errorf("the cursor of %s at %s: status %d, %q", path, other, got.status, p.Message)
			}
		}
	}
}

func TestCursor_IsRefusedWhenChanged(t *testing.T) {
	spoilt := strings.NewReplacer("EQ-1", "GLOBAL#1", "0b5f9c3e", "0B5F9C3E", `{"t":"2026-03-01`, `{"t":"2026-02-30`)
	f := newListings(t, httpapi.Options{})
	for path := range listings() {
		cursor := f.cursorOf(t, path)
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			t.Fatal(err)
		}
		const headBytes = 9 + 16 // with the signature
		head, place := raw[:headBytes], string(raw[headBytes:])
		with := func(place string) string {
			return base64.RawURLEncoding.EncodeToString(append(head[:headBytes:headBytes], place...))
		}
		for name, changed := range map[string]string{
			"nonsense": "nonsense", "no base64": "***", "cut": cursor[:len(cursor)-1], "longer": cursor + "A", "with a line feed": cursor + "%0A",
			"too long": strings.Repeat("A", contract.CursorCharsMax+1), "another version": "B" + cursor[1:],
			"of another process's key": newListings(t, httpapi.Options{}).cursorOf(t, path), "no place": with(""), "an empty place": with("{}"),
			"no JSON": with("{"), "a list": with("[]"), "two places": with(place + place), "spaces": with(place + " "), "null": with("null"),
			"another field": with(strings.Replace(place, "{", `{"x":1,`, 1)), "a field twice": with(strings.Replace(place, "{", place[:len(place)-1]+",", 1)),
			"a place that cannot be": with(spoilt.Replace(place)), "a time in another spelling": with(strings.Replace(place, ".000000000Z", "Z", 1)),
		} {
			got := f.do(call{method: "GET", path: path + "&cursor=" + changed, token: tokenReader})
			if p := f.problem(got); got.status != http.StatusBadRequest || !strings.Contains(p.Message, "cursor is not one that this service gave out") {
				t.Errorf("%s: %s: status %d, %q", path, name, got.status, p.Message)
			}
		}
	}
}

// The next page may come from another process, in another region.
func TestCursor_IsGoodWhereTheKeyIsTheSame(t *testing.T) {
	o := httpapi.Options{CursorKey: []byte("the deployment's")}
	one, other := newListings(t, o), newListings(t, o)
	for path := range listings() {
		next := path + "&cursor=" + one.cursorOf(t, path)
		if got := other.do(call{method: "GET", path: next, token: tokenReader}); got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
	}
}
