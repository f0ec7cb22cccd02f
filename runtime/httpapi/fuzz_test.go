package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// taken remembers what handlers asked to be stored or read.
type taken struct {
	saved []reading.Stored
	asked []ingest.Query
	last  time.Time // of the next page's reading
	log   bytes.Buffer
}

func (k *taken) Save(_ context.Context, r reading.Stored) error {
	k.saved = append(k.saved, r)
	return nil
}

func (k *taken) Write(_ context.Context, rs []reading.Stored) error {
	k.saved = append(k.saved, rs...)
	return nil
}

func (k *taken) Page(_ context.Context, q ingest.Query) ([]reading.Stored, bool, error) {
	k.asked = append(k.asked, q)
	return []reading.Stored{{Reading: reading.Reading{EquipmentID: q.EquipmentID, Timestamp: k.last}, RegisterTime: testNow}}, true, nil
}

// target is an API without a network; a fuzzer's inputs come one after the other.
type target struct {
	api *httpapi.Server
	*taken
}

func newTarget(f *testing.F) *target {
	f.Helper()
	k := &taken{}
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: k, Batches: k, Pager: k, Authenticator: &authenticator{loggedOut: map[string]bool{}},
		Logger: slog.New(slog.NewJSONHandler(&k.log, nil)), Now: func() time.Time { return testNow },
	}, httpapi.Options{})
	if err != nil {
		f.Fatal(err)
	}
	return &target{api, k}
}

// ask sends one request. A handler that panics makes the test fail.
func (g *target) ask(t testing.TB, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	g.saved, g.asked = nil, nil
	g.log.Reset()
	w := httptest.NewRecorder()
	g.api.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("status %d: %s", w.Code, g.log.String())
	}
	var p problemAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code >= 400 && (err != nil || p.Status != w.Code || p.Message == "") {
		t.Fatalf("status %d with the body %s", w.Code, w.Body)
	}
	return w
}

func (g *target) post(t *testing.T, path, media string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+tokenWriter)
	return g.ask(t, r)
}

// meant tells whether a JSON object says just what was stored of it, by another decoder than the handler's.
func meant(t *testing.T, text []byte, stored reading.Stored) {
	t.Helper()
	var members map[string]json.RawMessage
	var id, timestamp string
	if err := json.Unmarshal(text, &members); err != nil || len(members) != 3 {
		t.Fatalf("%q was stored with %d members, error %v", text, len(members), err)
	}
	if json.Unmarshal(members["equipmentId"], &id) != nil || json.Unmarshal(members["timestamp"], &timestamp) != nil {
		t.Fatalf("%q was stored", text)
	}
	want, faults := reading.Parse(id, timestamp, string(members["value"]), reading.Limits{Now: testNow})
	if len(faults) > 0 || want.Key() != stored.Key() || want.Value != stored.Value {
		t.Errorf("%q was stored as %+v; faults %v", text, stored, faults)
	}
}

func FuzzPostReading(f *testing.F) {
	g := newTarget(f)
	f.Add([]byte(body("EQ-1", "2026-03-01T08:30:00Z", "78.42")))
	f.Add([]byte(`{"equipmentId":"EQ-1","equipmentId":"EQ-2","timestamp":"2026-03-01T08:30:00Z","value":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		w := g.post(t, "/sensor-data", "application/json", text)
		switch w.Code {
		case http.StatusCreated:
			if len(g.saved) != 1 {
				t.Fatalf("%d readings were stored", len(g.saved))
			}
			meant(t, text, g.saved[0])
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if len(g.saved) > 0 {
				t.Errorf("status %d, and %d readings were stored", w.Code, len(g.saved))
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

func FuzzPostBatch(f *testing.F) {
	g := newTarget(f)
	one := body("EQ-1", "2026-03-01T08:30:00Z", "78.42")
	f.Add([]byte("["+one+",1,{},"+one+"]"), false)
	f.Add([]byte(one+"\r\n\n[]\n"+one), true)
	f.Fuzz(func(t *testing.T, text []byte, lines bool) {
		media := "application/json"
		if lines {
			media = "application/x-ndjson"
		}
		w := g.post(t, "/sensor-data/batch", media, text)
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge || len(g.saved) > 0 {
				t.Errorf("status %d, %d readings were stored", w.Code, len(g.saved))
			}
			return
		}
		var got struct {
			Accepted int
			Rejected []struct{ Index int }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Accepted != len(g.saved) {
			t.Fatalf("%d were stored: %s", len(g.saved), w.Body)
		}
		var elements []json.RawMessage
		if lines {
			for line := range bytes.SplitSeq(text, []byte("\n")) {
				if line = bytes.TrimSpace(line); len(line) > 0 {
					elements = append(elements, line)
				}
			}
		} else if err := json.Unmarshal(text, &elements); err != nil {
			t.Fatalf("%q was accepted: %v", text, err)
		}
		if len(elements) != got.Accepted+len(got.Rejected) || len(elements) > contract.BatchReadingsMax {
			t.Fatalf("%d elements, %d accepted, %d rejected", len(elements), got.Accepted, len(got.Rejected))
		}
		rejected := map[int]bool{}
		for _, r := range got.Rejected {
			rejected[r.Index] = true
		}
		for i, element := range elements {
			if !rejected[i] {
				meant(t, element, g.saved[0])
				g.saved = g.saved[1:]
			}
		}
	})
}

// FuzzCursor holds that the only cursor that leads on is the one that was given out.
func FuzzCursor(f *testing.F) {
	g := newTarget(f)
	const path = "/sensor-data?equipmentId=EQ-1&limit=1"
	get := func(t testing.TB, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+tokenReader)
		return g.ask(t, r)
	}
	f.Add("")
	g.last = testNow
	var first readingsPage
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
		if w.Code != http.StatusOK || len(g.asked) != 1 || g.asked[0].Before.IsZero() {
			t.Fatalf("status %d, asked %+v", w.Code, g.asked)
		}
		// The service gives out the same text again where it stops at the same place.
		stopped := g.asked[0].Before
		g.last = stopped
		again := get(t, path)
		var page readingsPage
		if err := json.Unmarshal(again.Body.Bytes(), &page); err != nil || page.NextCursor != cursor {
			t.Errorf("%q is accepted as %s, whose cursor is %q", cursor, stopped, page.NextCursor)
		}
	})
}

func FuzzLogin(f *testing.F) {
	g := newTarget(f)
	f.Add("Basic YWRhOng=")
	f.Add(basic(username, password)["Authorization"])
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/login", nil)
		r.Header["Authorization"] = []string{header}
		w := g.ask(t, r)
		right := strings.EqualFold(strings.Join(strings.Fields(header), " "), basic(username, password)["Authorization"])
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
