package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// processor is what does the work.
type processor interface {
	Process(ctx context.Context, body string) error
}

// answerTime is the part of an invocation's time that is kept for its answer. If work ran into the end of the invocation, the
// answers for the other messages of the batch would be lost too.
const answerTime = 2 * time.Second

// handler answers invocations.
type handler struct {
	processor processor
	now       func() time.Time
	log       *slog.Logger
}

// errUnnamed makes Lambda deliver the whole batch again, as it would for an empty identifier.
var errUnnamed = errors.New("a message that failed has no id")

// handle processes the messages one after the other and returns those that are to come back. One that can never succeed is
// among them each time, until the queue moves it to its dead letters.
func (h *handler) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	work := ctx
	if deadline, limited := ctx.Deadline(); limited {
		// The processor claims its ranges until this deadline of the work's own.
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, m := range batch.Records {
		began := h.now()
		err := h.process(work, m.Body)
		h.report(ctx, m.MessageId, h.now().Sub(began), err)
		if err == nil {
			continue
		}
		if m.MessageId == "" {
			return events.SQSEventResponse{}, errUnnamed
		}
		out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	return out, nil
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
