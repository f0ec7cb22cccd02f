package attack_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// tableLatency is what DynamoDB usually takes to write a batch.
const tableLatency = 4 * time.Millisecond

// fastTable answers the writes of readings in DynamoDB's place, so that an attack meets the API's bounds and not those of the
// emulator, which shares two cores with it. While it is off, and for all other calls, DynamoDB answers.
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
}

func (f *fastTable) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.lanes, f.latency, f.throttled, f.written, f.refused = false, nil, 0, "", 0, 0
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
		if !on || operation != "BatchExecuteStatement" {
			forward.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body) // where it breaks off, nobody waits for the answer
		if lanes != nil {
			lanes <- struct{}{}
			defer func() { <-lanes }()
		}
		time.Sleep(latency)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write(f.write(body, throttled))
	})
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
