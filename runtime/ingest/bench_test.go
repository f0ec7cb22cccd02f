package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// BenchmarkWrite measures what a Writer itself costs for a reading of a batch of 1,000, at a table that makes every write at once.
func BenchmarkWrite(b *testing.B) {
	ws := make([]reading.Write, 1000)
	for i := range ws {
		ws[i] = write(fmt.Sprintf("EQ-%d", 10_000+i), i)
		ws[i].Timestamp = ws[i].Timestamp.Add(time.Duration(i) * time.Microsecond)
	}
	for _, concurrency := range []int{1, 32} {
		b.Run(fmt.Sprint(concurrency), func(b *testing.B) {
			w := ingest.NewWriter(made{}, concurrency, pacing.Pacer{})
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(b.Context(), ws); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ws)), "ns/reading")
		})
	}
}

// made makes every write.
type made struct{}

func (made) Try(_ context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	outcomes := make([]ingest.Outcome, len(attempts))
	for i := range outcomes {
		outcomes[i].Result = ingest.Made
	}
	return outcomes
}

func (made) Look(context.Context, []reading.Key) ([]ingest.Found, error) { return nil, nil }
