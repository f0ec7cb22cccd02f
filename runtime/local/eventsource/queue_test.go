package eventsource_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

// invoker is a function of the test itself.
type invoker func(payload []byte) ([]byte, error)

func (f invoker) Invoke(_ context.Context, payload []byte) ([]byte, error) { return f(payload) }

var quiet = slog.New(slog.DiscardHandler)

// queueRun polls a queue with the function for a minute of virtual time and returns what was left in the queue.
func queueRun(t *testing.T, bodies []string, function func(events.SQSEvent) ([]byte, error)) (q, dead *sqslocal.Queue) {
	t.Helper()
	dead, err := sqslocal.NewQueue(sqslocal.Options{Name: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	q, err = sqslocal.NewQueue(sqslocal.Options{Name: "q", VisibilityTimeout: 5 * time.Second, DeadLetter: dead, MaxReceiveCount: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if _, err := q.Send(body); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	eventsource.PollQueue(ctx, eventsource.QueueOptions{
		Queue: q, Log: quiet, Region: "eu-west-1", Concurrency: 1,
		Function: invoker(func(payload []byte) ([]byte, error) {
			var event events.SQSEvent
			if err := json.Unmarshal(payload, &event); err != nil {
				t.Errorf("event %s: %v", payload, err)
			}
			return function(event)
		}),
	})
	return q, dead
}

func TestPollQueue_RepeatsOnlyWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var runs [][]string
		q, dead := queueRun(t, []string{"a", "b", "c"}, func(e events.SQSEvent) ([]byte, error) {
			var run []string
			var answer events.SQSEventResponse
			for _, m := range e.Records {
				run = append(run, m.Body+m.Attributes["ApproximateReceiveCount"])
				if m.Body == "b" && m.Attributes["ApproximateReceiveCount"] == "1" {
					answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
				}
				if m.EventSource != "aws:sqs" || m.EventSourceARN != "arn:aws:sqs:eu-west-1:000000000000:q" || m.AWSRegion != "eu-west-1" {
					t.Errorf("message %+v", m)
				}
			}
			runs = append(runs, run)
			if len(runs) == 2 && time.Since(start) != 5*time.Second {
				t.Errorf("the failed message came back after %v", time.Since(start))
			}
			return json.Marshal(answer)
		})
		if len(runs) != 2 || len(runs[0]) != 3 || len(runs[1]) != 1 || runs[1][0] != "b2" {
			t.Errorf("the function saw %v", runs)
		}
		if q.Depth() != (sqslocal.Depth{}) || dead.Depth() != (sqslocal.Depth{}) {
			t.Errorf("left: %+v, dead: %+v", q.Depth(), dead.Depth())
		}
	})
}

func TestPollQueue_LeavesWhatAlwaysFailsToTheDeadLetters(t *testing.T) {
	for name, answer := range map[string]struct {
		body string
		err  error
	}{
		"function error":     {err: &lambdalocal.FunctionError{Type: "errorString", Message: "refused"}},
		"empty identifier":   {body: `{"batchItemFailures":[{"itemIdentifier":""}]}`},
		"null identifier":    {body: `{"batchItemFailures":[{"itemIdentifier":null}]}`},
		"unknown identifier": {body: `{"batchItemFailures":[{"itemIdentifier":"none of these"}]}`},
		"malformed answer":   {body: `"text"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				_, dead := queueRun(t, []string{"a", "b"}, func(events.SQSEvent) ([]byte, error) {
					runs++
					return []byte(answer.body), answer.err
				})
				if runs != 3 || dead.Depth().Visible != 2 {
					t.Errorf("%d runs and dead letters %+v, want 3 runs and 2 messages", runs, dead.Depth())
				}
			})
		})
	}
}

func TestPollQueue_TakesAnEmptyAnswerForSuccess(t *testing.T) {
	for _, answer := range []string{"", "null", "{}", `{"batchItemFailures":[]}`, `{"batchItemFailures":null}`} {
		synctest.Test(t, func(t *testing.T) {
			q, _ := queueRun(t, []string{"a"}, func(events.SQSEvent) ([]byte, error) { return []byte(answer), nil })
			if q.Depth() != (sqslocal.Depth{}) {
				t.Errorf("answer %q left %+v", answer, q.Depth())
			}
		})
	}
}

func TestPollQueue_LetsARunningInvocationFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := sqslocal.NewQueue(sqslocal.Options{Name: "q"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Send("a"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var poller sync.WaitGroup
		poller.Go(func() {
			eventsource.PollQueue(ctx, eventsource.QueueOptions{Queue: q, Log: quiet, Function: invoker(func([]byte) ([]byte, error) {
				cancel()
				time.Sleep(time.Second)
				return nil, nil
			})})
		})
		poller.Wait()
		if d := q.Depth(); d != (sqslocal.Depth{}) {
			t.Errorf("the finished message is still there: %+v", d)
		}
	})
}
