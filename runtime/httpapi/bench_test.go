package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// BenchmarkPostReading measures what the API itself costs for one reading: checks, decoding, answer and log line, without
// network and table.
func BenchmarkPostReading(b *testing.B) {
	benchmarkPost(b, "/sensor-data", body("EQ-12495", "2026-03-01T08:30:00Z", "78.42"))
}

// BenchmarkPostBatch measures the same for 5,000 readings.
func BenchmarkPostBatch(b *testing.B) {
	benchmarkPost(b, "/sensor-data/batch", "["+manyReadings(5000, ",")+"]")
}

func benchmarkPost(b *testing.B, path, text string) {
	b.Helper()
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: discard{}, Batches: discardBatches{}, Authenticator: &authenticator{},
		Logger: slog.New(slog.NewJSONHandler(discard{}, nil)), Now: func() time.Time { return testNow },
	}, httpapi.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokenWriter)
		w := httptest.NewRecorder()
		if api.ServeHTTP(w, r); w.Code != http.StatusCreated {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// discard takes everything and keeps nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (discard) Save(context.Context, reading.Stored) error { return nil }

type discardBatches struct{}

func (discardBatches) Write(context.Context, []reading.Stored) error { return nil }
