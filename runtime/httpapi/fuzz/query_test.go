package fuzz_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
)

// FuzzQuery holds that a query string is refused or asks for what another decoder reads in it.
func FuzzQuery(f *testing.F) {
	g := newTarget(f)
	f.Add("equipmentId=EQ-1&from=2026-03-01T08:30:00Z&to=2026-03-01T10:30:00%2B01:00&limit=5", false)
	f.Add("interval=24h&equipmentId=EQ-1&limit=1000", true)
	f.Add("interval=1w&cursor=abc", true)
	f.Fuzz(func(t *testing.T, query string, aggregates bool) {
		path := "/sensor-data"
		if aggregates {
			path = "/sensor-data/aggregated"
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+machineToken)
		w := g.ask(t, r)
		if w.Code != http.StatusOK {
			if w.Code != http.StatusBadRequest || len(g.asked) > 0 || g.sums != (aggregate.Query{}) {
				t.Errorf("status %d, asked %+v, %+v", w.Code, g.asked, g.sums)
			}
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q is taken: %v", query, err)
		}
		id, limit, cursor := string(g.sums.EquipmentID), g.sums.Limit, g.sums.Cursor
		if !aggregates {
			id, limit, cursor = string(g.asked[0].id), g.asked[0].limit, values.Get("cursor")
			if g.asked[0].from.IsZero() != !values.Has("from") || g.asked[0].to.IsZero() != !(values.Has("to") || values.Has("cursor")) {
				t.Errorf("%q asks for %+v", query, g.asked[0])
			}
		} else if g.sums.Interval.String() != values.Get("interval") {
			t.Errorf("%q asks for %+v", query, g.sums)
		}
		n, err := strconv.Atoi(values.Get("limit"))
		if id != values.Get("equipmentId") || values.Has("limit") && (err != nil || n != limit) || limit < 1 || cursor != values.Get("cursor") {
			t.Errorf("%q asks for %q, %d, %q", query, id, limit, cursor)
		}
	})
}

// FuzzCursor holds that the only cursor that leads on is the one that was given out.
func FuzzCursor(f *testing.F) {
	g := newTarget(f)
	const path = "/sensor-data?equipmentId=EQ-1&limit=1"
	get := func(t testing.TB, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+machineToken)
		return g.ask(t, r)
	}
	f.Add("")
	g.last = testNow
	var first struct{ NextCursor string }
	if err := json.Unmarshal(get(f, path).Body.Bytes(), &first); err != nil || first.NextCursor == "" {
		f.Fatalf("no cursor to begin with: %v", err)
	}
	f.Add(first.NextCursor)
	f.Add(first.NextCursor + "\n")
	f.Add(first.NextCursor + "A")
	f.Fuzz(func(t *testing.T, cursor string) {
		w := get(t, path+"&cursor="+url.QueryEscape(cursor))
		if w.Code == http.StatusBadRequest {
			return
		}
		if w.Code != http.StatusOK || len(g.asked) != 1 || g.asked[0].to.IsZero() {
			t.Fatalf("status %d, asked %+v", w.Code, g.asked)
		}
		// The service gives out the same text again where it stops at the same place.
		stopped := g.asked[0].to
		g.last = stopped
		again := get(t, path)
		var page struct{ NextCursor string }
		if err := json.Unmarshal(again.Body.Bytes(), &page); err != nil || page.NextCursor != cursor {
			t.Errorf("%q is accepted as %s, whose cursor is %q", cursor, stopped, page.NextCursor)
		}
	})
}

func FuzzLogin(f *testing.F) {
	g := newTarget(f)
	f.Add("Basic YWRhOng=")
	f.Add(basic(username, password))
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/login", nil)
		r.Header["Authorization"] = []string{header}
		w := g.ask(t, r)
		right := strings.EqualFold(strings.Join(strings.Fields(header), " "), basic(username, password))
		switch w.Code {
		case http.StatusOK:
			if !right {
				t.Errorf("%q signs in", header)
			}
		case http.StatusBadRequest, http.StatusUnauthorized:
		default:
			t.Errorf("%q: status %d", header, w.Code)
		}
	})
}
