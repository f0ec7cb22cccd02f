package eventsource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// shutdownGrace is how long an invocation may go on after its poller was told to stop. The local stack has 10 s to end.
const shutdownGrace = 4 * time.Second

// Invoker runs a function once. An error that is a *lambdalocal.FunctionError is the function's own; any other one means that
// it was not, or may not have been, run.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// withGrace returns a context that ends some time after ctx does, for work that should not be cut off.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-late.Done():
		}
	})
	return late, func() { stop(); cancel() }
}

// event encodes records as the event of one invocation.
func event(records []json.RawMessage) ([]byte, error) {
	encoded, err := json.Marshal(map[string][]json.RawMessage{"Records": records})
	if err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	return encoded, nil
}

var errWholeBatch = errors.New("the function's answer fails the whole batch")

// failedItems reads a partial batch response. As in Lambda, an empty answer or list is a success of all, and an answer that
// is malformed, or names an empty or unknown identifier, fails the whole batch.
func failedItems(answer []byte, known func(id string) bool) (map[string]bool, error) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 || string(answer) == "null" || string(answer) == `""` {
		return nil, nil
	}
	var response struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, fmt.Errorf("%w: %w", errWholeBatch, err)
	}
	failed := map[string]bool{}
	for _, item := range response.BatchItemFailures {
		if item.ItemIdentifier == "" || !known(item.ItemIdentifier) {
			return nil, fmt.Errorf("%w: it names the item %q", errWholeBatch, item.ItemIdentifier)
		}
		failed[item.ItemIdentifier] = true
	}
	return failed, nil
}
