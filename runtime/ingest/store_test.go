package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

var testNow = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// write is one of an equipment's only reading, taken at testNow.
func write(equipment string, value int) reading.Write { return writeAt(equipment, value, 0) }

// writeAt is one that was taken so much later than testNow.
func writeAt(equipment string, value int, after time.Duration) reading.Write {
	r, faults := reading.Parse(equipment, "2026-03-01T08:00:00Z", fmt.Sprint(value), reading.Limits{Now: testNow})
	if len(faults) > 0 {
		panic(faults)
	}
	return reading.Write{Reading: r, Version: reading.VersionAt(testNow.Add(after))}
}

func many(n int) []reading.Write {
	ws := make([]reading.Write, n)
	for i := range ws {
		ws[i] = write(fmt.Sprintf("EQ-%d", i), i)
	}
	return ws
}

// all gives each of n attempts one fate.
func all(n int, fate ingesttest.Fate) []ingesttest.Fate {
	fates := make([]ingesttest.Fate, n)
	for i := range fates {
		fates[i] = fate
	}
	return fates
}

// sizes are the lengths of a table's calls, which must have kept to the rules.
func sizes(t *testing.T, table *ingesttest.Table) (sizes []int) {
	t.Helper()
	if err := table.Broken(); err != nil {
		t.Error(err)
	}
	calls, _ := table.Calls()
	for _, call := range calls {
		sizes = append(sizes, len(call))
	}
	return sizes
}

// pauses records how long a writer sleeps; jitter 1 makes each pause its ceiling.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) pacer() pacing.Pacer {
	return pacing.Pacer{
		Jitter: func() float64 { return 1 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.all = append(p.all, d)
			return ctx.Err()
		},
	}
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: %v (kind %d), want an error of kind %d", what, err, fault.KindOf(err), want)
	}
}

var _ ingest.Store = (*ingesttest.Table)(nil)
