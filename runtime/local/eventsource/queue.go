package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// QueueBatchSizeDefault is Lambda's default and the most that one receive gives.
	QueueBatchSizeDefault = sqslocal.ReceiveMax
	// QueueConcurrencyDefault batches are at work at once.
	QueueConcurrencyDefault = 2

	longPoll   = 20 * time.Second
	retryPause = 200 * time.Millisecond
)

// QueueOptions configure PollQueue.
type QueueOptions struct {
	Queue    *sqslocal.Queue // required
	Function Invoker         // required
	Log      *slog.Logger    // required
	// Region is told to the function.
	Region string
	// BatchSize is 1 to 10. Default: QueueBatchSizeDefault.
	BatchSize int
	// Concurrency is how many batches are at work at once. Default: QueueConcurrencyDefault.
	Concurrency int
}

// PollQueue takes messages and invokes the function until ctx ends; then it lets running invocations finish for a short time. A
// message is deleted once the function succeeded and did not report it as failed; otherwise it comes back after the queue's
// visibility timeout, until the queue moves it to its dead letters.
func PollQueue(ctx context.Context, o QueueOptions) {
	if o.BatchSize == 0 {
		o.BatchSize = QueueBatchSizeDefault
	}
	if o.Concurrency == 0 {
		o.Concurrency = QueueConcurrencyDefault
	}
	var workers sync.WaitGroup
	for range o.Concurrency {
		workers.Go(func() {
			for ctx.Err() == nil {
				if err := o.pollOnce(ctx); err != nil {
					o.Log.Warn("messages were not all processed; they will come back", "queue", o.Queue.Name(), "error", err)
					_ = pacing.Sleep(ctx, retryPause) // the loop looks at ctx itself
				}
			}
		})
	}
	workers.Wait()
}

func (o QueueOptions) pollOnce(ctx context.Context) error {
	messages, err := o.Queue.Receive(ctx, o.BatchSize, longPoll)
	if err != nil {
		return fmt.Errorf("receive messages: %w", err)
	}
	if len(messages) == 0 {
		return nil
	}
	late, cancel := withGrace(ctx, shutdownGrace)
	defer cancel()
	failed, err := o.invoke(late, messages)
	if err != nil {
		return err
	}
	var problems []error
	for _, m := range messages {
		if failed[m.ID] {
			problems = append(problems, fmt.Errorf("the function failed message %s (receive %d)", m.ID, m.ReceiveCount))
			continue
		}
		problems = append(problems, o.Queue.Delete(m.Receipt))
	}
	return errors.Join(problems...)
}

func (o QueueOptions) invoke(ctx context.Context, messages []sqslocal.Message) (failed map[string]bool, err error) {
	known := map[string]bool{}
	records := make([]json.RawMessage, 0, len(messages))
	for _, m := range messages {
		known[m.ID] = true
		record, err := o.record(m)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	payload, err := event(records)
	if err != nil {
		return nil, err
	}
	answer, err := o.Function.Invoke(ctx, payload)
	if err != nil {
		return nil, fmt.Errorf("process %d messages: %w", len(messages), err)
	}
	return failedItems(answer, func(id string) bool { return known[id] })
}

func (o QueueOptions) record(m sqslocal.Message) (json.RawMessage, error) {
	encoded, err := json.Marshal(map[string]any{
		"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "md5OfBody": sqslocal.MD5(m.Body),
		"attributes": m.Attributes(), "messageAttributes": map[string]any{},
		"eventSource": "aws:sqs", "eventSourceARN": sqslocal.ARN(o.Region, o.Queue.Name()), "awsRegion": o.Region,
	})
	if err != nil {
		return nil, fmt.Errorf("encode message %s: %w", m.ID, err)
	}
	return encoded, nil
}
