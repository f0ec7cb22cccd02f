package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

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

// errUnnamed makes Lambda deliver the whole batch again, as it would for an empty identifier.
var errUnnamed = errors.New("a message that failed has no id")

// handle works the messages off, one after the other, and returns those that are to come back.
func (h *handler) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	work := ctx
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, m := range batch.Records {
		began := h.now()
		// A message without a count has come for the first time.
		receives, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		r, err := h.mender.Mend(work, m.Body, max(1, receives))
		h.report(ctx, m, r, err, h.now().Sub(began))
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
