package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// hidden is a queue that notes what it is told of a message: when, and for how long it is hidden.
type hidden struct {
	mu    sync.Mutex
	began time.Time
	told  []string
	err   error
}

func (q *hidden) Hide(ctx context.Context, receipt string, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told = append(q.told, fmt.Sprintf("%s at %v for %v", receipt, time.Since(q.began), d))
	return errors.Join(q.err, ctx.Err())
}

func messageReceived(times string) events.SQSEvent {
	return events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "m", ReceiptHandle: "r", Attributes: map[string]string{"ApproximateReceiveCount": times},
	}}}
}

// TestHandler_HoldsAMessageWhileItWorks: a worker that dies says nothing more, so that its message comes back 30 s after its last sign
// of life, however long an invocation may take.
func TestHandler_HoldsAMessageWhileItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newHandler(func(context.Context, string) error { time.Sleep(25 * time.Second); return nil })
		queue := &hidden{began: time.Now()}
		h.queue = queue
		if got, err := h.handle(t.Context(), messageReceived("1")); err != nil || len(failures(got)) > 0 {
			t.Errorf("failed %v, %v", failures(got), err)
		}
		time.Sleep(time.Hour)
		if want := []string{"r at 0s for 30s", "r at 10s for 30s", "r at 20s for 30s"}; !slices.Equal(queue.told, want) {
			t.Errorf("told %q, want %q", queue.told, want)
		}
	})
}

func TestHandler_LetsAMessageThatFailedComeBackSoonAndThenMoreRarely(t *testing.T) {
	for received, want := range map[string]time.Duration{
		"1": 10 * time.Second, "2": 20 * time.Second, "5": 160 * time.Second, "7": 640 * time.Second, "8": 15 * time.Minute, "15": 15 * time.Minute,
		"": 10 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			h, _ := newHandler(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
			queue := &hidden{began: time.Now()}
			h.queue = queue
			if got, err := h.handle(ctx, messageReceived(received)); err != nil || len(failures(got)) != 1 || ctx.Err() != nil {
				t.Errorf("failed %v, %v", failures(got), err)
			}
			last := queue.told[len(queue.told)-1]
			if told := fmt.Sprintf("r at 58s for %v", want); last != told {
				t.Errorf("received %q times: told %q, want %q", received, last, told)
			}
		})
	}
}

func TestHandler_WorksThoughTheQueueCannotBeTold(t *testing.T) {
	h, logs := newHandler(func(context.Context, string) error { return nil })
	told := make(chan struct{})
	h.processor = processorFunc(func(context.Context, string) error { <-told; return nil })
	h.queue = refusing(told)
	got, err := h.handle(t.Context(), messageReceived("1"))
	if err != nil || len(failures(got)) > 0 || !strings.Contains(logs.String(), "level=WARN") {
		t.Errorf("failed %v, %v:\n%s", failures(got), err, logs)
	}
}

// refusing is a queue that takes nothing, and says so once.
type refusing chan struct{}

func (r refusing) Hide(context.Context, string, time.Duration) error {
	defer close(r)
	return errors.New("no")
}
