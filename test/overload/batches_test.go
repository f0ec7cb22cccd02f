package overload_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/standin"
)

// goodputKept is what many batches at a time must keep of the goodput of three at a time.
const goodputKept = 0.9

// Many clients that send the largest batches get as much done as few of them: those who wait for their turn take nothing from those who
// have theirs.
func TestBatches_ManyAtATimeKeepTheGoodputOfFew(t *testing.T) {
	for _, table := range []struct {
		name            string
		writesPerSecond int
	}{
		{"unlimited", 0}, {"throttled", 20_000},
	} {
		t.Run(table.name, func(t *testing.T) {
			if table.writesPerSecond > 0 && !fullSize() {
				t.Skip("at full size alone: it takes as long as the table makes it")
			}
			s := start(t, standin.Options{WritesPerSecond: table.writesPerSecond})
			s.batches(t, 3, 6) // warm
			count := sized(24, 240)
			steadily(t, func() (wrong []string) {
				few, _ := s.batches(t, 3, count)
				many, got := s.batches(t, 24, count)
				kept := many / few
				figure(t, "batches_goodput_3_"+table.name, few, "readings/s")
				figure(t, "batches_goodput_24_"+table.name, many, "readings/s")
				figure(t, "batches_goodput_kept_"+table.name, kept, "ratio")
				for code := range got {
					if code != http.StatusCreated && code != http.StatusServiceUnavailable {
						t.Errorf("answers %v", got)
					}
				}
				if kept < sized(0.5, goodputKept) {
					wrong = append(wrong, fmt.Sprintf("24 at a time get %.0f readings/s done, three %.0f; answers %v", many, few, got))
				}
				return wrong
			})
		})
	}
}

// batches lets clients send so many batches in all, each one after another, and returns how many readings a second were acknowledged
// until the last of them was.
func (s *service) batches(t *testing.T, clients, count int) (goodput float64, got map[int]int) {
	t.Helper()
	began := time.Now()
	var mu sync.Mutex
	got = map[int]int{}
	var left atomic.Int64
	left.Store(int64(count))
	var work sync.WaitGroup
	for n := range clients {
		body := batchOf(fmt.Sprintf("batch-%d-%d", clients, n))
		client := &probe.Client{Base: s.url.String(), Token: s.token, HTTP: probe.NewHTTP()}
		work.Go(func() {
			for left.Add(-1) >= 0 {
				answer, err := client.Do(t.Context(), probe.Call{Path: "/sensor-data/batch", Body: body})
				if err != nil {
					t.Errorf("a batch has no answer: %v", err)
					return
				}
				mu.Lock()
				got[answer.Status]++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return float64(got[http.StatusCreated]*contract.BatchReadingsMax) / time.Since(began).Seconds(), got
}

// batchOf is a batch of the largest length.
func batchOf(equipment string) []byte {
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	lines := make([]string, contract.BatchReadingsMax)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"equipmentId":"%s-%d","timestamp":%q,"value":%d.5}`, equipment, i%100,
			at.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), i)
	}
	return []byte("[" + strings.Join(lines, ",") + "]")
}
