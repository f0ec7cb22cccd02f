package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

func newLocal(t *testing.T) (*sqslocal.Queue, *sqs.Client, string) {
	t.Helper()
	queue, err := sqslocal.NewQueue(sqslocal.Options{Name: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sqslocal.NewServer(queue))
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	return queue, client, sqslocal.QueueURL(server.URL, "csv")
}

func TestSender_SendsEveryMessageOnce(t *testing.T) {
	for _, count := range []int{0, 1, 10, 23} {
		queue, client, url := newLocal(t)
		var bodies, got []string
		for i := range count {
			bodies = append(bodies, fmt.Sprintf(`{"range":%d}`, i))
		}
		if err := NewSender(client, url).Send(t.Context(), bodies); err != nil {
			t.Fatal(err)
		}
		for len(got) < count {
			messages, err := queue.Receive(t.Context(), 10, time.Second)
			if err != nil || len(messages) == 0 {
				t.Fatalf("received %d of %d: %v", len(got), count, err)
			}
			for _, m := range messages {
				got = append(got, m.Body)
			}
		}
		slices.Sort(got)
		slices.Sort(bodies)
		if !slices.Equal(got, bodies) || queue.Depth().Visible != 0 {
			t.Errorf("of %d: received %q", count, got)
		}
	}
}

func TestSender_TellsAQueueThatIsNotThere(t *testing.T) {
	_, client, url := newLocal(t)
	err := NewSender(client, url+"-other").Send(t.Context(), []string{"a"})
	if err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
}

// script answers calls with the refusals that are next.
type script struct {
	refusals [][]types.BatchResultErrorEntry
	err      error
	calls    [][]string
}

func (s *script) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	var bodies []string
	for _, e := range in.Entries {
		bodies = append(bodies, *e.MessageBody)
	}
	s.calls = append(s.calls, bodies)
	if s.err != nil {
		return nil, s.err
	}
	out := &sqs.SendMessageBatchOutput{}
	if len(s.refusals) > 0 {
		out.Failed, s.refusals = s.refusals[0], s.refusals[1:]
	}
	for _, e := range in.Entries {
		if !slices.ContainsFunc(out.Failed, func(f types.BatchResultErrorEntry) bool { return *f.Id == *e.Id }) {
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
		}
	}
	return out, nil
}

func (s *script) ChangeMessageVisibility(
	context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	return &sqs.ChangeMessageVisibilityOutput{}, s.err
}

func TestSender_HidesAMessageThatItsReceiptNames(t *testing.T) {
	queue, client, url := newLocal(t)
	if _, err := queue.Send("a"); err != nil {
		t.Fatal(err)
	}
	first := receive(t, queue)
	sender := NewSender(client, url)
	if err := sender.Hide(t.Context(), first.Receipt, 0); err != nil { // it comes back at once
		t.Fatal(err)
	}
	second := receive(t, queue)
	if second.ID != first.ID || second.ReceiveCount != 2 {
		t.Errorf("received %+v after %+v", second, first)
	}
	if err := sender.Hide(t.Context(), second.Receipt, time.Hour); err != nil {
		t.Error(err)
	}
	if err := sender.Hide(t.Context(), first.Receipt, 0); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("by the receipt of an earlier time: %v", err)
	}
	if d := queue.Depth(); d != (sqslocal.Depth{InFlight: 1}) {
		t.Errorf("hidden: %+v", d)
	}
}

func receive(t *testing.T, queue *sqslocal.Queue) sqslocal.Message {
	t.Helper()
	messages, err := queue.Receive(t.Context(), 1, time.Second)
	if err != nil || len(messages) != 1 {
		t.Fatalf("received %v, %v", messages, err)
	}
	return messages[0]
}

func refusal(id string, senderFault bool) types.BatchResultErrorEntry {
	return types.BatchResultErrorEntry{Id: aws.String(id), Code: aws.String("InternalError"), SenderFault: senderFault}
}

// unpaced makes no pauses.
func unpaced() pacing.Pacer {
	return pacing.Pacer{Sleep: func(context.Context, time.Duration) error { return nil }}
}

func TestSender_SendsAgainOnlyWhatWasNotTaken(t *testing.T) {
	s := &script{refusals: [][]types.BatchResultErrorEntry{{refusal("1", false), refusal("2", false)}, {refusal("0", false)}}}
	if err := newSender(s, "u", unpaced()).Send(t.Context(), []string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.calls); got != "[[a b c] [b c] [b]]" {
		t.Errorf("calls %s", got)
	}
}

func TestSender_GivesUpWithTheKindOfTheFault(t *testing.T) {
	busy := []types.BatchResultErrorEntry{refusal("0", false)}
	for name, c := range map[string]struct {
		script *script
		kind   fault.Kind
		calls  int
	}{
		"never taken":    {&script{refusals: [][]types.BatchResultErrorEntry{busy, busy, busy, busy}}, fault.Unavailable, roundsMax},
		"sender's fault": {&script{refusals: [][]types.BatchResultErrorEntry{{refusal("0", true)}}}, fault.Internal, 1},
		"no connection":  {&script{err: errors.New("refused")}, fault.Unavailable, 1},
		"no permission":  {&script{err: &smithy.GenericAPIError{Code: "AccessDenied"}}, fault.Internal, 1},
	} {
		err := newSender(c.script, "u", unpaced()).Send(t.Context(), []string{"a"})
		if err == nil || fault.KindOf(err) != c.kind || len(c.script.calls) != c.calls {
			t.Errorf("%s: %v of kind %v after %d calls", name, err, fault.KindOf(err), len(c.script.calls))
		}
	}
}

func TestSender_StopsWithItsCaller(t *testing.T) {
	s := &script{refusals: [][]types.BatchResultErrorEntry{{refusal("0", false)}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newSender(s, "u", pacing.Pacer{}).Send(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
