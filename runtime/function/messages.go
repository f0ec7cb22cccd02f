package function

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// errUnnamed makes Lambda deliver the whole batch again, as it would for an empty identifier.
var errUnnamed = errors.New("a message that failed has no id")

// Messages works the messages of a queue off, one after the other, and returns those for which work fails: they are to come
// back. The context of work ends answerTime before the invocation does. If work ran into the end of the invocation, the answers
// for the other messages of the batch would be lost too.
func Messages(
	ctx context.Context, batch events.SQSEvent, answerTime time.Duration, work func(context.Context, events.SQSMessage) error,
) (events.SQSEventResponse, error) {
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, m := range batch.Records {
		if err := work(ctx, m); err == nil {
			continue
		}
		if m.MessageId == "" {
			return events.SQSEventResponse{}, errUnnamed
		}
		out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	return out, nil
}
