package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/function"
)

// processor is what does the work.
type processor interface {
	Process(ctx context.Context, body string) error
}

// answerTime is the part of an invocation's time that is kept for its answer.
const answerTime = 2 * time.Second

// handler answers invocations.
type handler struct {
	processor processor
	queue     messageQueue
	now       func() time.Time
	log       *slog.Logger
}

// handle processes the messages one after the other and returns those that are to come back. One that can never succeed is
// among them each time, until the queue moves it to its dead letters.
func (h *handler) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	return function.Messages(ctx, batch, answerTime, func(work context.Context, m events.SQSMessage) error {
		began := h.now()
		err := h.held(work, m, func() error { return h.process(work, m.Body) })
		h.report(ctx, m.MessageId, h.now().Sub(began), err)
		return err
	})
}

// process works on a message, unless the time is over.
func (h *handler) process(ctx context.Context, body string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.processor.Process(ctx, body)
}

// report logs the outcome of a message, as an error only where a person must act.
func (h *handler) report(ctx context.Context, id string, took time.Duration, err error) {
	attributes := []any{"message_id", id, "took_ms", took.Milliseconds()}
	if err == nil {
		h.log.InfoContext(ctx, "message processed", attributes...)
		return
	}
	attributes = append(attributes, "error", err.Error())
	kind := fault.KindOf(err)
	switch {
	case kind == fault.Invalid:
		h.log.ErrorContext(ctx, "message can never be processed", attributes...)
	case kind == fault.Unavailable, kind == fault.Conflict, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		h.log.WarnContext(ctx, "message comes back", attributes...)
	default:
		h.log.ErrorContext(ctx, "message could not be processed", attributes...)
	}
}
