package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Of 24 clients that send the largest batches, those who wait for their turn take nothing from those who have theirs: at least
// nine tenths get done of what gets done with three clients. Time is virtual, so that the figures hang on no machine; test/overload
// has them of a running service.
func TestBatches_ManyAtATimeKeepTheGoodputOfFew(t *testing.T) {
	const few, many, kept = 3, 24, 0.9
	for name, perSecond := range map[string]float64{
		"a table without a limit": 0, "a table of 20,000 a second": 20_000, "one that takes 15 s for all of them": 8_000,
	} {
		t.Run(name, func(t *testing.T) {
			of := map[int]float64{}
			for _, clients := range []int{few, many} {
				synctest.Test(t, func(t *testing.T) { of[clients] = goodput(t, clients, perSecond) })
			}
			t.Logf("%.0f readings/s with %d clients, %.0f with %d: %.3f", of[few], few, of[many], many, of[many]/of[few])
			if of[many] < kept*of[few] {
				t.Errorf("%d clients get %.0f readings a second done, %d get %.0f", many, of[many], few, of[few])
			}
		})
	}
}

// goodput is how many readings a second are acknowledged to clients each of whom sends one batch after the other.
func goodput(t *testing.T, clients int, perSecond float64) float64 {
	t.Helper()
	const batches = 36
	store := &limited{perSecond: perSecond, began: time.Now()}
	api, err := httpapi.New(httpapi.Dependencies{
		Batches: ingest.NewWriter(store, 32, pacing.Pacer{}), Authenticator: &authenticator{}, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}, httpapi.Options{Memory: memory.PlanFor(memory.LimitDefault)})
	if err != nil {
		t.Fatal(err)
	}
	var left, acknowledged atomic.Int64
	left.Store(batches)
	began := time.Now()
	var all sync.WaitGroup
	for client := range clients {
		body := largestBatch(client)
		all.Go(func() {
			for left.Add(-1) >= 0 {
				r := httptest.NewRequest(http.MethodPost, "/sensor-data/batch", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+tokenWriter)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				switch {
				case w.Code == http.StatusCreated:
					acknowledged.Add(contract.BatchReadingsMax)
				case w.Code != http.StatusServiceUnavailable || perSecond == 0:
					t.Errorf("%d clients: status %d: %.300s", clients, w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	return float64(acknowledged.Load()) / time.Since(began).Seconds()
}

func largestBatch(client int) string {
	at := time.Now().Add(-time.Hour)
	lines := make([]string, contract.BatchReadingsMax)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"equipmentId":"EQ-%d-%d","timestamp":%q,"value":%d.5}`, client, i%100,
			at.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), i)
	}
	return "[" + strings.Join(lines, ",") + "]"
}

// limited is a table that takes 4 ms for a call, and where it has a limit holds back what is beyond it. It stores nothing.
type limited struct {
	perSecond float64
	began     time.Time

	mu    sync.Mutex
	taken float64
}

// Try implements ingest.Store.
func (s *limited) Try(_ context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	outcomes := make([]ingest.Outcome, len(attempts))
	s.mu.Lock()
	for i := range attempts {
		if outcomes[i].Result = ingest.Made; s.perSecond > 0 && !s.takes() {
			outcomes[i].Result = ingest.Busy
		}
	}
	s.mu.Unlock()
	time.Sleep(4 * time.Millisecond)
	return outcomes
}

// takes tells whether the capacity is there for another write; a tenth of a second's can come at once. s.mu is held.
func (s *limited) takes() bool {
	burst := s.perSecond / 10
	s.taken = max(s.taken, time.Since(s.began).Seconds()*s.perSecond-burst)
	if s.taken+1 > time.Since(s.began).Seconds()*s.perSecond {
		return false
	}
	s.taken++
	return true
}

// Look implements ingest.Store; nothing is refused for what is there.
func (*limited) Look(context.Context, []reading.Key) ([]ingest.Found, error) { return nil, nil }
