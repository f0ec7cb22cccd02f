package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Backoff between attempts: full jitter below a ceiling that doubles, as DynamoDB's documentation advises for
// unprocessed items.
const (
	backoffFirst = 20 * time.Millisecond
	backoffMax   = 2 * time.Second
	// attemptsMax ends a write that makes no progress at all; a batch that does make progress starts counting anew.
	attemptsMax = 8
)

// Retry makes a call again while its error is of kind fault.Unavailable, as often and with the pauses in between that a
// Writer keeps. The call must be safe to repeat: one that failed may have had its effect.
func (e Environment) Retry(ctx context.Context, call func() error) error {
	e = e.withDefaults()
	for attempt := 1; ; attempt++ {
		err := call()
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
		if attempt >= attemptsMax {
			return fmt.Errorf("%d attempts: %w", attempt, err)
		}
		if pauseErr := e.pause(ctx, attempt); pauseErr != nil {
			return fmt.Errorf("%w (no time for another attempt: %w)", err, pauseErr)
		}
	}
}

// pause waits after an attempt, the first of which is 1.
func (e Environment) pause(ctx context.Context, attempt int) error {
	ceiling := min(backoffFirst<<(attempt-1), backoffMax)
	return e.Sleep(ctx, time.Duration(e.Jitter()*float64(ceiling)))
}
