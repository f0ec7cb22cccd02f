package pacing_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

func TestPacer_DoublesItsCeilingUpToItsMaximum(t *testing.T) {
	for name, c := range map[string]struct {
		pacer pacing.Pacer
		want  []time.Duration // in milliseconds, the jitter being 1
	}{
		"by default":     {pacing.Pacer{}, []time.Duration{20, 40, 80, 160, 320, 640, 1280, 2000, 2000}},
		"as told":        {pacing.Pacer{First: 200 * time.Millisecond, Max: 400 * time.Millisecond}, []time.Duration{200, 400, 400}},
		"never above it": {pacing.Pacer{First: 3 * time.Second}, []time.Duration{2000, 2000}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []time.Duration
			c.pacer.Jitter = func() float64 { return 1 }
			c.pacer.Sleep = func(_ context.Context, d time.Duration) error { got = append(got, d/time.Millisecond); return nil }
			for attempt := range c.want {
				if err := c.pacer.Pause(t.Context(), attempt+1); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got pauses of %d ms, want %d", got, c.want)
			}
		})
	}
}

func TestPacer_WaitsARandomPartOfItsCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lengths := map[time.Duration]bool{}
		for range 20 {
			began := time.Now()
			if err := (pacing.Pacer{}).Pause(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			if lengths[took] = true; took >= pacing.FirstDefault {
				t.Errorf("the first pause took %v", took)
			}
		}
		if len(lengths) < 2 {
			t.Errorf("all pauses took %v", lengths)
		}
	})
}

func TestSleep_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := pacing.Sleep(ctx, time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if err := pacing.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

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
			pacer := pacing.Pacer{
				Sleep:  func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil },
				Jitter: func() float64 { return 1 },
			}
			calls := 0
			err := pacer.Retry(t.Context(), 8, func() error {
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
	err := pacing.Pacer{}.Retry(ctx, 8, func() error { return &fault.Error{Kind: fault.Unavailable, Message: "busy"} })
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}
