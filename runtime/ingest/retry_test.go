package ingest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
)

func TestRetry_RepeatsOnlyWhatMayPassAndNotForEver(t *testing.T) {
	busy := &fault.Error{Kind: fault.Unavailable, Message: "busy"}
	conflict := &fault.Error{Kind: fault.Conflict, Message: "conflict"}
	for name, c := range map[string]struct {
		answers []error // the last one stays
		want    error
		calls   int
	}{
		"accepts a success":        {[]error{nil}, nil, 1},
		"accepts a late success":   {[]error{busy, busy, nil}, nil, 3},
		"rejects what never helps": {[]error{busy, conflict}, conflict, 2},
		"rejects what stays":       {[]error{busy}, busy, 8},
	} {
		t.Run(name, func(t *testing.T) {
			var pauses []time.Duration
			env := ingest.Environment{
				Sleep:  func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil },
				Jitter: func() float64 { return 1 },
			}
			calls := 0
			err := env.Retry(t.Context(), func() error {
				calls++
				return c.answers[min(calls, len(c.answers))-1]
			})
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || calls != c.calls || len(pauses) != c.calls-1 {
				t.Errorf("got %v after %d calls and %v", err, calls, pauses)
			}
		})
	}
}

func TestRetry_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := ingest.Environment{}.Retry(ctx, func() error { return &fault.Error{Kind: fault.Unavailable, Message: "busy"} })
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}
