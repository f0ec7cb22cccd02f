package fuzz_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

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
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge || len(g.saved) > 0 {
				t.Errorf("status %d, %d readings were stored", w.Code, len(g.saved))
			}
			var elements []json.RawMessage
			noArray := bytes.Contains(w.Body.Bytes(), []byte("must be a JSON array")) || bytes.Contains(w.Body.Bytes(), []byte("before its array"))
			if !lines && noArray && json.Unmarshal(text, &elements) == nil && elements != nil {
				t.Errorf("%q is an array", text)
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
			if len(got.Rejected) == 0 {
				t.Fatalf("%q was accepted whole: %v", text, err)
			}
			return
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
