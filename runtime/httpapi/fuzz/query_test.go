package fuzz_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// FuzzQuery holds that a query string is refused or asks for what another decoder reads in it.
func FuzzQuery(f *testing.F) {
	g := newTarget(f)
	f.Add("equipmentId=EQ-1&from=2026-03-01T08:30:00Z&to=2026-03-01T10:30:00%2B01:00&limit=5", false)
	f.Add("interval=24h&equipmentId=EQ-1&limit=1000", true)
	f.Add("interval=1w&cursor=abc", true)
	f.Add("from=2026-03-01T08:30:00Z&to=2026-03-01T10:30:00%2B01:00&granularity=15m&timezone=Asia/Kathmandu&equipmentId=B&equipmentId=A", true)
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
			if w.Code != http.StatusBadRequest || len(g.asked) > 0 || !reflect.ValueOf(g.sums).IsZero() {
				t.Errorf("status %d, asked %+v, %+v", w.Code, g.asked, g.sums)
			}
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q is taken: %v", query, err)
		}
		given := slices.Clone(values["equipmentId"])
		slices.Sort(given)
		ids, limit := []string{}, g.sums.Limit
		for _, id := range g.sums.Equipments {
			ids = append(ids, string(id))
		}
		if !aggregates {
			ids, limit = []string{string(g.asked[0].id)}, g.asked[0].limit
			begins, ends := values.Has("from"), values.Has("to") || values.Has("cursor")
			if g.asked[0].from.IsZero() == begins || g.asked[0].to.IsZero() == ends {
				t.Errorf("%q asks for %+v", query, g.asked[0])
			}
		} else if g.sums.Interval.String() != values.Get("interval") || values.Has("interval") == values.Has("from") {
			t.Errorf("%q asks for %+v", query, g.sums)
		}
		n, err := strconv.Atoi(values.Get("limit"))
		if !slices.Equal(ids, slices.Compact(given)) || values.Has("limit") && (err != nil || n != limit) || limit < 1 {
			t.Errorf("%q asks for %q, %d", query, ids, limit)
		}
	})
}

// FuzzCursor holds that the only cursor that leads on is the one that was given out, in each of the listings; a place is signed.
func FuzzCursor(f *testing.F) {
	g := newTarget(f)
	paths := []string{"/sensor-data?equipmentId=EQ-1&limit=1", "/sensor-data/uploads?limit=1", "/sensor-data/aggregated?interval=24h&limit=1"}
	get := func(t testing.TB, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+machineToken)
		return g.ask(t, r)
	}
	next := func(t testing.TB, path string) string {
		var page struct{ NextCursor string }
		if err := json.Unmarshal(get(t, path).Body.Bytes(), &page); err != nil || page.NextCursor == "" {
			t.Fatalf("%s: no cursor: %v", path, err)
		}
		return page.NextCursor
	}
	g.last, g.ended = testNow, csvfile.Position{CreatedAt: testNow, ID: "0b5f9c3e-0000-4000-8000-000000000001"}
	g.place = aggregate.Place{From: testNow, After: aggregate.ItemKey{EquipmentID: "EQ-1", Start: testNow}}
	heads := make([]string, len(paths))
	for i, path := range paths {
		cursor := next(f, path)
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			f.Fatal(err)
		}
		place := bytes.Index(raw, []byte(`{"`))
		heads[i] = string(raw[:place])
		f.Add(byte(i), cursor, false)
		f.Add(byte(i), cursor+"\n", false)
		f.Add(byte(i), string(raw[place:]), true)
	}
	f.Fuzz(func(t *testing.T, which byte, cursor string, encode bool) {
		i := int(which) % len(paths)
		if encode { // mutations of the place get further than those of its encoding
			cursor = base64.RawURLEncoding.EncodeToString([]byte(heads[i] + cursor))
		}
		w := get(t, paths[i]+"&cursor="+url.QueryEscape(cursor))
		if w.Code == http.StatusBadRequest {
			return
		}
		if w.Code != http.StatusOK || len(g.asked) > 0 && g.asked[0].to.IsZero() {
			t.Fatalf("status %d, asked %+v", w.Code, g.asked)
		}
		// The service gives out the same text again where it stops at the same place.
		if len(g.asked) > 0 {
			g.last = g.asked[0].to
		}
		g.ended, g.place = g.after, g.sums.After
		if again := next(t, paths[i]); again != cursor {
			t.Errorf("%q is accepted at %s, where the cursor is %q", cursor, paths[i], again)
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
