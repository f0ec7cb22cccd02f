package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/repair"
)

// scripted is a mender that does with each body what it is told to, and remembers what it was given.
type scripted struct {
	mend  map[string]func(ctx context.Context) (repair.MendResult, error)
	given []string
}

func (s *scripted) Mend(ctx context.Context, body string, receives int) (repair.MendResult, error) {
	s.given = append(s.given, fmt.Sprintf("%s %d", body, receives))
	if does := s.mend[body]; does != nil {
		return does(ctx)
	}
	return repair.MendResult{}, nil
}

func newScripted(s *scripted) (*handler, *bytes.Buffer) {
	logs := &bytes.Buffer{}
	// The clock stands still.
	return &handler{mender: s, now: func() time.Time { return time.Unix(0, 0) }, log: slog.New(slog.NewJSONHandler(logs, nil))}, logs
}

// message is one of SQS's; an empty count is left out.
func message(id, body, receives string) events.SQSMessage {
	m := events.SQSMessage{MessageId: id, Body: body}
	if receives != "" {
		m.Attributes = map[string]string{"ApproximateReceiveCount": receives}
	}
	return m
}

func lines(t *testing.T, logs *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for _, text := range strings.Split(strings.TrimSpace(logs.String()), "\n") {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("the log holds %q: %v", text, err)
		}
		all = append(all, line)
	}
	return all
}

// Every message is worked off, those alone come back that could not be, and each leaves its line in the log.
func TestHandle_ReturnsTheMessagesThatMustComeAgain(t *testing.T) {
	s := &scripted{mend: map[string]func(context.Context) (repair.MendResult, error){
		"busy": func(context.Context) (repair.MendResult, error) {
			return repair.MendResult{Rows: 1}, errors.New("throttled")
		},
		"hopeless": func(context.Context) (repair.MendResult, error) {
			return repair.MendResult{Rows: 2, Hopeless: []string{"trimmed"}}, nil
		},
		"fine": func(context.Context) (repair.MendResult, error) {
			return repair.MendResult{Records: 9, Rows: 3, Wrong: 1, Foreign: 2, Continued: true}, nil
		},
	}}
	h, logs := newScripted(s)
	out, err := h.handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		message("1", "busy", "2"), message("2", "hopeless", "1"), message("3", "fine", "5"),
	}})
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "1" {
		t.Fatalf("come back: %+v, %v", out, err)
	}
	if got := strings.Join(s.given, ", "); got != "busy 2, hopeless 1, fine 5" {
		t.Errorf("worked off %s", got)
	}
	want := []map[string]any{
		{"level": "WARN", "message_id": "1", "error": "throttled", "rows": 1.0, "body": "busy"},
		{"level": "ERROR", "message_id": "2", "reasons": "[trimmed]", "rows": 2.0}, // a person must act
		{"level": "INFO", "message_id": "3", "records": 9.0, "rows": 3.0, "wrong": 1.0, "foreign": 2.0, "continued": true},
	}
	all := lines(t, logs)
	if len(all) != len(want) {
		t.Fatalf("logged %v", all)
	}
	for i, line := range want {
		for name, value := range line {
			if got := all[i][name]; fmt.Sprint(got) != fmt.Sprint(value) {
				t.Errorf("line %d: %s is %v, want %v", i, name, got, value)
			}
		}
	}
}

// How often a message came decides whether it is given up: a count that cannot be read must not make that earlier or never.
func TestHandle_CountsReceivesFromOne(t *testing.T) {
	s := &scripted{}
	h, _ := newScripted(s)
	if _, err := h.handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		message("1", "none", ""), message("2", "no number", "many"), message("3", "zero", "0"), message("4", "four", "4"),
	}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.given, ", "); got != "none 1, no number 1, zero 1, four 4" {
		t.Errorf("worked off %s", got)
	}
}

// If work ran into the end of the invocation, the answers for the other messages would be lost.
func TestHandle_KeepsTimeForItsAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, _ := ctx.Deadline()
	var got time.Time
	s := &scripted{mend: map[string]func(context.Context) (repair.MendResult, error){
		"slow": func(work context.Context) (repair.MendResult, error) {
			got, _ = work.Deadline()
			return repair.MendResult{}, context.DeadlineExceeded
		},
	}}
	h, _ := newScripted(s)
	out, err := h.handle(ctx, events.SQSEvent{Records: []events.SQSMessage{message("1", "slow", "1"), message("2", "fine", "1")}})
	if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "1" || len(s.given) != 2 {
		t.Errorf("come back: %+v, %v", out, err)
	}
	if left := end.Sub(got); left != answerTime {
		t.Errorf("the work ends %v before the invocation, want %v", left, answerTime)
	}
}

func TestHandle_OfNoMessagesReturnsAnEmptyList(t *testing.T) {
	h, logs := newScripted(&scripted{})
	out, err := h.handle(t.Context(), events.SQSEvent{})
	text, _ := json.Marshal(out)
	if err != nil || string(text) != `{"batchItemFailures":[]}` || logs.Len() > 0 {
		t.Errorf("answered %s, %v; logged %s", text, err, logs)
	}
}
