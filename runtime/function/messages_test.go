package function

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

var errNo = errors.New("no")

func batchOf(ids ...string) events.SQSEvent {
	var batch events.SQSEvent
	for _, id := range ids {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: id})
	}
	return batch
}

func TestMessages_ReturnsThoseThatFailedAfterLookingAtEach(t *testing.T) {
	var worked []string
	out, err := Messages(t.Context(), batchOf("a", "b", "c", "d"), time.Second, func(_ context.Context, m events.SQSMessage) error {
		worked = append(worked, m.MessageId)
		if m.MessageId == "b" || m.MessageId == "d" {
			return errNo
		}
		return nil
	})
	want := []events.SQSBatchItemFailure{{ItemIdentifier: "b"}, {ItemIdentifier: "d"}}
	if err != nil || !slices.Equal(out.BatchItemFailures, want) || !slices.Equal(worked, []string{"a", "b", "c", "d"}) {
		t.Errorf("%v come back, %v; worked off %v", out.BatchItemFailures, err, worked)
	}
}

// Lambda takes a missing list for a failure of the whole batch.
func TestMessages_ReturnsAnEmptyListWhereNoneFailed(t *testing.T) {
	out, err := Messages(t.Context(), batchOf("a"), time.Second, func(context.Context, events.SQSMessage) error { return nil })
	if err != nil || out.BatchItemFailures == nil || len(out.BatchItemFailures) > 0 {
		t.Errorf("got %#v, %v", out.BatchItemFailures, err)
	}
}

func TestMessages_EndsTheWorkBeforeTheInvocation(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, _ := ctx.Deadline()
	_, err := Messages(ctx, batchOf("a"), 20*time.Second, func(work context.Context, _ events.SQSMessage) error {
		if got, limited := work.Deadline(); !limited || !got.Equal(end.Add(-20*time.Second)) {
			t.Errorf("the work ends at %v, the invocation at %v", got, end)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMessages_FailsTheBatchWhereAFailureCannotBeNamed(t *testing.T) {
	_, err := Messages(t.Context(), batchOf(""), time.Second, func(context.Context, events.SQSMessage) error { return errNo })
	if !errors.Is(err, errUnnamed) {
		t.Errorf("got %v", err)
	}
}
