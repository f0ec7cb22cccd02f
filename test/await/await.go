// Package await lets tests wait for what others do: other goroutines, programs, queues and streams. It is the one place where
// a test lets real time pass. What can run in virtual time uses testing/synctest and needs no waiting.
package await

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// The pauses between two looks begin short, since most of what is waited for is there at once, and become longer.
const (
	pauseFirst = time.Millisecond
	pauseMax   = 50 * time.Millisecond
)

// Until calls try until it returns nil or ctx ends. The error then tells what try said last.
func Until(ctx context.Context, try func() error) error {
	began := time.Now()
	for pause := pauseFirst; ; pause = min(2*pause, pauseMax) {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", time.Since(began).Round(time.Millisecond), err)
		case <-time.After(pause):
		}
	}
}

// NoError calls try until it returns nil, and ends the test where that takes longer than within.
func NoError(tb testing.TB, within time.Duration, try func() error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	if err := Until(ctx, try); err != nil {
		tb.Fatal(err)
	}
}

// True looks until holds returns true, and ends the test where that takes longer than within. What names the condition in the
// present tense, such as "the queue is empty".
func True(tb testing.TB, within time.Duration, what string, holds func() bool) {
	tb.Helper()
	NoError(tb, within, func() error {
		if !holds() {
			return fmt.Errorf("waited until %s", what)
		}
		return nil
	})
}

// Receive returns the next value of a channel, the zero value where the channel is closed, and ends the test where that takes
// longer than within. What names what comes, such as "the end of the program".
func Receive[T any](tb testing.TB, within time.Duration, what string, from <-chan T) T {
	tb.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(within):
		tb.Fatalf("%s did not come within %v", what, within)
		var none T
		return none // where Fatalf has ended the test nobody sees it
	}
}

// Hour returns the beginning of the current hour, of UTC, of which at least left are still to come: where less is, it waits for the
// next one. A test that calculates with the hour in which it asks would otherwise fail where that ends meanwhile.
func Hour(tb testing.TB, left time.Duration) time.Time {
	tb.Helper()
	True(tb, left, "the next hour has begun", func() bool {
		now := time.Now()
		return now.Truncate(time.Hour).Add(time.Hour).Sub(now) >= left
	})
	return time.Now().UTC().Truncate(time.Hour)
}
