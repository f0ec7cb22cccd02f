package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

func shotAt(server *httptest.Server) shot {
	return shot{url: server.URL, path: "/sensor-data", token: "t", mediaType: "application/json", body: single, sent: new(atomic.Int64)}
}

func nothing() error { return nil }

// A service that stalls is offered as much as one that does not, and its latencies count from the moments at which requests were due.
func TestPace_OffersTheSameToAServiceThatStalls(t *testing.T) {
	const stall = 300 * time.Millisecond
	first := sync.OnceValue(time.Now) // request that comes
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = pacing.Sleep(r.Context(), stall-time.Since(first())) // all at the beginning, nobody afterwards
		answer(w, http.StatusCreated)
	}))
	defer server.Close()
	got, err := pace{clients: 20, perSecond: 400, lasts: 600 * time.Millisecond}.fire(t.Context(), shotAt(server), nothing, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if got.answered != 240 || got.failed != 0 {
		t.Errorf("%d were answered, %d of them not with 201; 240 were due", got.answered, got.failed)
	}
	if worst := got.quantile(1); worst < stall/2 {
		t.Errorf("the longest latency is %v, though the service stalled for %v", worst, stall)
	}
	// Half of them were due while it stalled, evenly: a client that counts from the sending would see one slow request each.
	if late := got.quantile(0.75); late < stall/4 {
		t.Errorf("three quarters of the requests took no longer than %v", late)
	}
}

func TestPace_CountsWhatFails(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", r.Header)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1)%2 == 0 {
			answer(w, http.StatusServiceUnavailable)
			return
		}
		answer(w, http.StatusCreated)
	}))
	defer server.Close()
	got, err := pace{clients: 4, lasts: 200 * time.Millisecond}.fire(t.Context(), shotAt(server), nothing, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if got.answered == 0 || got.failed < got.answered/2-4 || got.failed > got.answered/2+4 || got.statuses[503] != got.failed || got.within == 0 {
		t.Errorf("%d answered, %d within, %d failed %v", got.answered, got.within, got.failed, got.statuses)
	}
}
