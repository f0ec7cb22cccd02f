package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// processorFunc answers by the body of a message.
type processorFunc func(ctx context.Context, body string) error

func (f processorFunc) Process(ctx context.Context, body string) error { return f(ctx, body) }

func newHandler(p processorFunc) (*handler, *bytes.Buffer) {
	var logs bytes.Buffer
	return &handler{processor: p, queue: &hidden{}, now: time.Now, log: slog.New(slog.NewTextHandler(&logs, nil))}, &logs
}

func batchOf(ids ...string) events.SQSEvent {
	var e events.SQSEvent
	for _, id := range ids {
		e.Records = append(e.Records, events.SQSMessage{MessageId: id, Body: "body of " + id})
	}
	return e
}

func failures(r events.SQSEventResponse) []string {
	ids := []string{}
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestHandler_ReturnsTheMessagesThatFailedAndLogsWhatAPersonMustSee(t *testing.T) {
	errs := map[string]error{
		"never":   &fault.Error{Kind: fault.Invalid, Message: "never"},
		"later":   &fault.Error{Kind: fault.Unavailable, Message: "later"},
		"refused": errors.New("refused"),
	}
	h, logs := newHandler(func(_ context.Context, body string) error { return errs[strings.TrimPrefix(body, "body of ")] })
	got, err := h.handle(t.Context(), batchOf("good", "never", "later", "refused", "good2"))
	if err != nil || !slices.Equal(failures(got), []string{"never", "later", "refused"}) {
		t.Fatalf("failed %v, %v", failures(got), err)
	}
	for id, level := range map[string]string{"good": "INFO", "never": "ERROR", "later": "WARN", "refused": "ERROR"} {
		if !slices.ContainsFunc(strings.Split(logs.String(), "\n"), func(line string) bool {
			return strings.Contains(line, "level="+level) && strings.Contains(line, "message_id="+id)
		}) {
			t.Errorf("%s is not logged as %s:\n%s", id, level, logs)
		}
	}
}

func TestHandler_KeepsTimeForItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), answerTime+50*time.Millisecond)
		defer cancel()
		begun := []string{}
		h, _ := newHandler(func(ctx context.Context, body string) error {
			begun = append(begun, body)
			<-ctx.Done() // works to the end of its time
			return ctx.Err()
		})
		got, err := h.handle(ctx, batchOf("a", "b"))
		if err != nil || !slices.Equal(failures(got), []string{"a", "b"}) || len(begun) != 1 || ctx.Err() != nil {
			t.Errorf("failed %v, %v; begun %v; the invocation: %v", failures(got), err, begun, ctx.Err())
		}
	})
}

func TestHandler_FailsTheBatchWhereAFailureCannotBeNamed(t *testing.T) {
	h, _ := newHandler(func(context.Context, string) error { return errors.New("no") })
	if _, err := h.handle(t.Context(), batchOf("")); err == nil {
		t.Error("a failed message without an id was answered as a success")
	}
}
