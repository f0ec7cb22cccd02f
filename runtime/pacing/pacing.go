// Package pacing decides how long to wait before a call is made again. All waiting goes through one function, which tests
// and simulations replace by virtual time; the timer that stands there otherwise also obeys testing/synctest. It imports
// the standard library and the kinds of faults.
package pacing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Defaults of a Pacer.
const (
	FirstDefault = 20 * time.Millisecond
	MaxDefault   = 2 * time.Second
)

// Pacer makes the pauses between attempts: each is a random part of a ceiling that doubles from attempt to attempt. AWS
// advises so for calls that a busy table refused, as callers that wait equally long would meet again. The zero value of a
// field selects its default, and the zero Pacer waits in real time. It is safe for concurrent use as far as its functions are.
type Pacer struct {
	// First is the ceiling of the first pause. Default: FirstDefault.
	First time.Duration
	// Max bounds the ceiling. Default: MaxDefault.
	Max time.Duration
	// Sleep waits for d, or until ctx ends, whose error it then returns. Default: the function Sleep.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter returns which part of the ceiling a pause takes, in [0, 1). Default: math/rand/v2.
	Jitter func() float64
}

// Pause waits after an attempt, the first of which is 1. Its error is that of Sleep.
func (p Pacer) Pause(ctx context.Context, attempt int) error {
	sleep, jitter := p.Sleep, p.Jitter
	if sleep == nil {
		sleep = Sleep
	}
	if jitter == nil {
		jitter = rand.Float64
	}
	return sleep(ctx, time.Duration(jitter()*float64(p.ceiling(attempt))))
}

// ceiling is the longest pause after an attempt.
func (p Pacer) ceiling(attempt int) time.Duration {
	ceiling, limit := p.First, p.Max
	if ceiling <= 0 {
		ceiling = FirstDefault
	}
	if limit <= 0 {
		limit = MaxDefault
	}
	for ; attempt > 1; attempt-- {
		if ceiling > limit/2 {
			return limit
		}
		ceiling *= 2
	}
	return min(ceiling, limit)
}

// Retry makes a call again while its error is of kind fault.Unavailable, up to attemptsMax times in all. The call must be
// safe to repeat: one that failed may have had its effect. The error is that of the last attempt, also where ctx left no
// time for another.
func (p Pacer) Retry(ctx context.Context, attemptsMax int, call func() error) error {
	for attempt := 1; ; attempt++ {
		err := call()
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
		if attempt >= attemptsMax {
			return fmt.Errorf("%d attempts: %w", attempt, err)
		}
		if pauseErr := p.Pause(ctx, attempt); pauseErr != nil {
			return fmt.Errorf("%w (no time for another attempt: %w)", err, pauseErr)
		}
	}
}
