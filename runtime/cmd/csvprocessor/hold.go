package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// holdTime is how long a message stays hidden behind the last sign of life of its worker. Lambda demands that the queue itself
	// hides messages for longer than an invocation may take, a quarter of an hour; a file whose worker has died would wait for that.
	holdTime = 30 * time.Second
	// holdRenewal lets two signs of life fail before the message comes back. One that comes back early does no harm: what its
	// second worker does is counted once (runtime/csvfile/DESIGN.md).
	holdRenewal = holdTime / 3
	// releaseTimeout bounds saying when a message comes back. It must fit into answerTime.
	releaseTimeout = time.Second

	// A message that failed comes back after retryFirst, then after twice as long each time, up to retryLast.
	retryFirst = 10 * time.Second
	retryLast  = 15 * time.Minute
)

// messageQueue is what the handler needs of the queue beside its messages.
type messageQueue interface {
	// Hide lets the message of a receipt come back after a time from now on, unless it is deleted before.
	Hide(ctx context.Context, receipt string, d time.Duration) error
}

// held does work while the message is held back from other workers, and then says when the message comes back if work failed. Where the
// queue cannot be told, the message comes back when it would anyway.
func (h *handler) held(ctx context.Context, m events.SQSMessage, work func() error) error {
	holding, release := context.WithCancel(ctx)
	var renewal sync.WaitGroup
	renewal.Go(func() { h.hold(holding, m) })
	err := work()
	release()
	renewal.Wait()
	if err == nil {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	h.hide(late, m, retryPause(m))
	return err
}

func (h *handler) hold(ctx context.Context, m events.SQSMessage) {
	for {
		h.hide(ctx, m, holdTime)
		if pacing.Sleep(ctx, holdRenewal) != nil {
			return
		}
	}
}

func (h *handler) hide(ctx context.Context, m events.SQSMessage, d time.Duration) {
	if err := h.queue.Hide(ctx, m.ReceiptHandle, d); err != nil && ctx.Err() == nil {
		h.log.WarnContext(ctx, "the queue was not told when the message comes back", "message_id", m.MessageId, "error", err.Error())
	}
}

// retryPause is when a message that failed comes back: soon at first, since most causes pass in seconds, and rarely where they do not.
func retryPause(m events.SQSMessage) time.Duration {
	receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		receives = 1
	}
	pause := retryFirst
	for ; receives > 1 && pause < retryLast; receives-- {
		pause *= 2
	}
	return min(pause, retryLast)
}
