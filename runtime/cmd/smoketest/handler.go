package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/smoketest"
)

// Answers of a lifecycle hook (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html). Any
// other one, and an error, lets ECS go back.
const (
	statusSucceeded  = "SUCCEEDED"
	statusFailed     = "FAILED"
	statusInProgress = "IN_PROGRESS"
)

const (
	// patience is how long a try may take over all its invocations. A stack that is made anew has its stream read for the first
	// time meanwhile.
	patience = 5 * time.Minute
	// answerTime is kept for tidying up and for the answer.
	answerTime = 15 * time.Second
	// again is after how many seconds ECS invokes a function again that is not ready.
	again = 10
)

// event is what ECS, or the pipeline, invokes the function with.
type event struct {
	// Stage is set by ECS alone.
	Stage string `json:"lifecycleStage"`
	// Details are those of the answer before; of the first invocation there are none.
	Details details `json:"hookDetails"`
}

// details go from one invocation to the next.
type details struct {
	// Moment is the timestamp of the reading, and when the try began.
	Moment time.Time `json:"moment,omitzero"`
}

// answer is what the function says. The pipeline sends it back as the next event.
type answer struct {
	Status string `json:"hookStatus"`
	// Delay is in seconds.
	Delay   int      `json:"callBackDelay,omitempty"`
	Details *details `json:"hookDetails,omitempty"`
	// Reason is for the pipeline; ECS is told nothing that it does not ask for.
	Reason string `json:"reason,omitempty"`
}

// handler answers invocations.
type handler struct {
	region, api string
	credentials func(ctx context.Context) (smoketest.Credentials, error)
	client      *http.Client
	every       time.Duration
	now         func() time.Time
	log         *slog.Logger
}

// handle tries the API. Its error is always nil: what failed stands in the answer and in the log.
func (h *handler) handle(ctx context.Context, e event) (answer, error) {
	began := h.now()
	moment := e.Details.Moment
	if moment.IsZero() {
		moment = began.UTC()
	}
	err := h.try(ctx, e, moment)
	a := h.answer(e, moment, err)
	attributes := []any{
		"status", a.Status, "stage", e.Stage, "moment", moment, "took_ms", h.now().Sub(began).Milliseconds(),
	}
	switch {
	case err == nil:
		h.log.InfoContext(ctx, "smoke test", attributes...)
	case a.Status == statusInProgress:
		h.log.WarnContext(ctx, "smoke test", append(attributes, "reason", err.Error())...)
	default:
		h.log.ErrorContext(ctx, "smoke test", append(attributes, "reason", err.Error())...)
	}
	return a, nil
}

// try runs within what is left of the patience and of the invocation.
func (h *handler) try(ctx context.Context, e event, moment time.Time) error {
	left := moment.Add(patience).Sub(h.now())
	if deadline, limited := ctx.Deadline(); limited {
		left = min(left, time.Until(deadline)-answerTime)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	credentials, err := h.credentials(ctx)
	if err != nil {
		return err
	}
	t := &smoketest.Try{
		API: h.api, Region: h.region, Credentials: credentials, HTTP: h.client, Every: h.every,
	}
	if e.Stage != "" {
		t.Header = http.Header{contract.NewTasksHeader: {contract.NewTasksValue}}
	}
	return t.Run(ctx, moment)
}

// answer is the status of a try that ended with err.
func (h *handler) answer(e event, moment time.Time, err error) answer {
	if err == nil {
		return answer{Status: statusSucceeded}
	}
	a := answer{Status: statusFailed}
	if errors.Is(err, smoketest.ErrPending) && h.now().Sub(moment) < patience {
		a = answer{Status: statusInProgress, Delay: again, Details: &details{Moment: moment}}
	}
	if e.Stage == "" {
		a.Reason = err.Error()
	}
	return a
}

// credentialsOf decodes the secret of a machine client.
func credentialsOf(secret string) (smoketest.Credentials, error) {
	var fields map[string]string
	if err := json.Unmarshal([]byte(secret), &fields); err != nil {
		return smoketest.Credentials{}, errors.New("the secret is not an object of texts") // err would quote it
	}
	c := smoketest.Credentials{
		TokenURL: fields[contract.CredentialsTokenURL], ClientID: fields[contract.CredentialsClientID],
		ClientSecret: fields[contract.CredentialsClientSecret],
	}
	if c.TokenURL == "" || c.ClientID == "" || c.ClientSecret == "" {
		return smoketest.Credentials{}, errors.New("the secret lacks " + contract.CredentialsTokenURL + ", " +
			contract.CredentialsClientID + " or " + contract.CredentialsClientSecret)
	}
	return c, nil
}
