package attack_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// tableLatency is what DynamoDB usually takes to write a batch.
const tableLatency = 4 * time.Millisecond

// fastTable answers in DynamoDB's place: writes of readings, queries that DynamoDB has answered before, and what was logged out. So an
// attack meets the API's bounds and not those of the emulator, which shares two cores with it. While it is off, and for all other
// calls, DynamoDB answers.
type fastTable struct {
	mu sync.Mutex
	on bool
	// lanes is how many calls it works on at the same time, each for latency; nil for any number.
	lanes   chan struct{}
	latency time.Duration
	// throttled is an equipment of which it takes nothing.
	throttled string
	// written counts the readings that it took, refused those that it throttled.
	written, refused int
	// answers are those to queries, by what was asked.
	answers map[string][]byte
}

func (f *fastTable) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.lanes, f.latency, f.throttled, f.written, f.refused, f.answers = false, nil, 0, "", 0, 0, map[string][]byte{}
}

// turnOn lets it answer, lanes calls at a time (0 for any number), each after latency.
func (f *fastTable) turnOn(lanes int, latency time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on, f.latency, f.lanes = true, latency, nil; lanes > 0 {
		f.lanes = make(chan struct{}, lanes)
	}
}

func (f *fastTable) throttle(equipment string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.throttled = equipment
}

func (f *fastTable) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		f.mu.Lock()
		on, lanes, latency, throttled := f.on, f.lanes, f.latency, f.throttled
		f.mu.Unlock()
		switch {
		case on && operation == "BatchExecuteStatement":
			body, _ := io.ReadAll(r.Body) // where it breaks off, nobody waits for the answer
			if lanes != nil {
				lanes <- struct{}{}
				defer func() { <-lanes }()
			}
			time.Sleep(latency)
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			_, _ = w.Write(f.write(body, throttled))
		case on && operation == "Query":
			f.query(w, r, forward)
		default:
			forward.ServeHTTP(w, r)
		}
	})
}

// query answers what was answered before. Nobody has logged out.
func (f *fastTable) query(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	body, _ := io.ReadAll(r.Body) // where it breaks off, nobody waits for the answer
	f.mu.Lock()
	answer, known := f.answers[string(body)]
	f.mu.Unlock()
	switch {
	case bytes.Contains(body, []byte(contract.AttrRevokedHour)):
		answer = []byte(`{"Items":[],"Count":0,"ScannedCount":0}`)
	case !known:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusOK {
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
			return
		}
		answer = recorder.Body.Bytes()
		f.mu.Lock()
		f.answers[string(body)] = answer
		f.mu.Unlock()
	}
	time.Sleep(tableLatency)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(answer) // without the checksum that DynamoDB sends along
}

// write answers a BatchExecuteStatement: everything is stored, except what is of the throttled equipment.
func (f *fastTable) write(body []byte, throttled string) []byte {
	var in struct{ Statements []json.RawMessage }
	_ = json.Unmarshal(body, &in) // the SDK makes it
	type response struct {
		Error map[string]string `json:",omitempty"`
	}
	responses := make([]response, len(in.Statements))
	refused := 0
	for i, statement := range in.Statements {
		if throttled != "" && strings.Contains(string(statement), `"`+throttled+`"`) {
			responses[i].Error = map[string]string{"Code": "ThrottlingError", "Message": "made up by a test"}
			refused++
		}
	}
	f.mu.Lock()
	f.written, f.refused = f.written+len(responses)-refused, f.refused+refused
	f.mu.Unlock()
	out, _ := json.Marshal(map[string]any{"Responses": responses}) // strings only
	return out
}
