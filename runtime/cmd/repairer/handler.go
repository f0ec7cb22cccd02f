package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

// mender is what does the work.
type mender interface {
	Mend(ctx context.Context, body string, receives int) (repair.MendResult, error)
}

// answerTime is the part of an invocation's time that is kept for its answer.
const answerTime = 5 * time.Second

// handler answers invocations.
type handler struct {
	mender mender
	now    func() time.Time
	log    *slog.Logger
}

// handle works the messages off, one after the other, and returns those that are to come back.
func (h *handler) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	return function.Messages(ctx, batch, answerTime, func(work context.Context, m events.SQSMessage) error {
		began := h.now()
		// A message without a count has come for the first time.
		receives, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		r, err := h.mender.Mend(work, m.Body, max(1, receives))
		h.report(ctx, m, r, err, h.now().Sub(began))
		return err
	})
}

// report logs the outcome of a message. A message that was put aside is an error: a person must act.
func (h *handler) report(ctx context.Context, m events.SQSMessage, r repair.MendResult, err error, took time.Duration) {
	attributes := []any{
		"message_id", m.MessageId, "body", m.Body, "records", r.Records, "rows", r.Rows, "wrong", r.Wrong, "foreign", r.Foreign,
		"continued", r.Continued, "took_ms", took.Milliseconds(),
	}
	switch {
	case err != nil:
		h.log.WarnContext(ctx, "message comes back", append(attributes, "error", err.Error())...)
	case len(r.Hopeless) > 0:
		h.log.ErrorContext(ctx, "message is put aside: rows could not be repaired", append(attributes, "reasons", r.Hopeless)...)
	default:
		h.log.InfoContext(ctx, "rows repaired", attributes...)
	}
}
