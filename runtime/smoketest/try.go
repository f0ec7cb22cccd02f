package smoketest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Value is what the reading of a try holds.
const Value = json.Number("36.75")

// Equipment is the equipment whose readings are the tries of a region.
func Equipment(region string) string { return contract.SmokeTestEquipmentPrefix + region }

// Credentials are how a machine client gets tokens. The client needs all three scopes.
type Credentials struct {
	TokenURL     string
	ClientID     string
	ClientSecret string
}

// Try tries one API. Its fields are required, other than Header. It is for one goroutine, and for one run.
type Try struct {
	// API is the address of the API, such as https://api.example.com.
	API string
	// Header goes with each request to the API, such as the one that leads to new tasks.
	Header http.Header
	// Region is where the API is.
	Region      string
	Credentials Credentials
	HTTP        *http.Client
	// Every is how long the try waits between two looks.
	Every time.Duration

	token string
}

// ErrPending says that the context ended while there was still hope: nothing is wrong so far. What it wraps tells what was waited
// for.
var ErrPending = errors.New("not yet")

// Run tries the API with the reading at the moment. It may be run again with the same moment, whatever came of the run before. Its
// error is ErrPending where ctx ended too early to tell; any other error is a fault of the region.
func (t *Try) Run(ctx context.Context, moment time.Time) error {
	written := false
	for _, step := range []struct {
		what string
		do   func(ctx context.Context, moment time.Time) error
	}{
		{"sign in", func(ctx context.Context, _ time.Time) error { return t.signIn(ctx) }},
		{"use the token", t.useToken},
		{"refuse a stranger", t.refuseStranger},
		{"clear what earlier tries left", t.clear},
		{"write a reading", func(ctx context.Context, moment time.Time) error {
			written = true // perhaps, from here on
			return t.write(ctx, moment)
		}},
		{"read the aggregate", func(ctx context.Context, moment time.Time) error {
			return t.aggregated(ctx, moment, 1, Value)
		}},
		{"delete the reading", func(ctx context.Context, moment time.Time) error {
			written = false // whatever comes of it, there is no other way to delete it
			return t.remove(ctx, moment)
		}},
		{"read the aggregate without it", func(ctx context.Context, moment time.Time) error {
			return t.aggregated(ctx, moment, 0, "0")
		}},
	} {
		if err := t.until(ctx, moment, step.do); err != nil {
			if written {
				t.tidy(ctx, moment)
			}
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// until does a step until it succeeds or fails for good. The error of a context that ended is that of the last look before: a call
// that was cut off tells nothing of the region.
func (t *Try) until(ctx context.Context, moment time.Time, do func(context.Context, time.Time) error) error {
	ticker := time.NewTicker(t.Every)
	defer ticker.Stop()
	var last error
	for {
		err := do(ctx, moment)
		if err == nil || !passes(err) {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrPending, last)
		case <-ticker.C:
		}
	}
}

// useToken sees that the API takes the token.
func (t *Try) useToken(ctx context.Context, _ time.Time) error {
	return t.call(ctx, http.MethodGet, "/auth/me", nil, nil, http.StatusOK, nil)
}

// refuseStranger signs in a person who does not exist: the answer shows that the API reaches the user pool of its region, and that
// the pool takes the API for its client.
func (t *Try) refuseStranger(ctx context.Context, _ time.Time) error {
	stranger := *t
	stranger.token, stranger.Header = "", t.Header.Clone()
	if stranger.Header == nil {
		stranger.Header = http.Header{}
	}
	r := http.Request{Header: stranger.Header}
	r.SetBasicAuth("smoketest@sensorflow.invalid", "Nobody has this password 1!")
	return stranger.call(ctx, http.MethodPost, "/auth/login", nil, nil, http.StatusUnauthorized, nil)
}

// hour is the hour that holds the moment, and the next one.
func hour(moment time.Time) (from, to time.Time) {
	from = moment.UTC().Truncate(time.Hour)
	return from, from.Add(time.Hour)
}

// clear deletes what a try of the same hour has left that was ended.
func (t *Try) clear(ctx context.Context, moment time.Time) error {
	from, to := hour(moment)
	return t.call(ctx, http.MethodDelete, "/sensor-data", url.Values{
		"equipmentId": {Equipment(t.Region)}, "from": {text(from)}, "to": {text(to)},
	}, nil, http.StatusOK, nil)
}

func (t *Try) write(ctx context.Context, moment time.Time) error {
	return t.call(ctx, http.MethodPost, "/sensor-data", nil, map[string]any{
		"equipmentId": Equipment(t.Region), "timestamp": text(moment), "value": Value,
	}, http.StatusCreated, nil)
}

// aggregated looks whether the hour's aggregate has that count and total. Another one may be on its way.
func (t *Try) aggregated(ctx context.Context, moment time.Time, count int64, total json.Number) error {
	from, _ := hour(moment)
	var answer struct {
		Items []struct {
			IntervalStart int64       `json:"intervalStart"`
			SampleCount   int64       `json:"sampleCount"`
			TotalValue    json.Number `json:"totalValue"`
		} `json:"items"`
	}
	err := t.call(ctx, http.MethodGet, "/sensor-data/aggregated", url.Values{
		"interval": {"24h"}, "equipmentId": {Equipment(t.Region)},
	}, nil, http.StatusOK, &answer)
	if err != nil {
		return err
	}
	gotCount, gotTotal := int64(0), json.Number("0")
	for _, item := range answer.Items {
		if item.IntervalStart == from.Unix() {
			gotCount, gotTotal = item.SampleCount, item.TotalValue
		}
	}
	if gotCount == count && gotTotal == total {
		return nil
	}
	return unavailable{fmt.Errorf("the aggregate of %s in the hour of %s is %d and %s, not %d and %s",
		Equipment(t.Region), text(from), gotCount, gotTotal, count, total)}
}

// remove deletes the reading. It may be gone where an answer was lost: then nothing is deleted, and that is as good.
func (t *Try) remove(ctx context.Context, moment time.Time) error {
	return t.call(ctx, http.MethodDelete, "/sensor-data", url.Values{
		"equipmentId": {Equipment(t.Region)}, "timestamp": {text(moment)},
	}, nil, http.StatusOK, nil)
}

// tidyTimeout bounds the removal of a reading once the try has failed.
const tidyTimeout = 10 * time.Second

// tidy deletes the reading of a try that has failed, where the API still does that. What remains is deleted by the next try of the
// same hour, and counts for an equipment that is nobody's.
func (t *Try) tidy(ctx context.Context, moment time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	_ = t.remove(ctx, moment)
}

func text(moment time.Time) string { return moment.UTC().Format(time.RFC3339Nano) }
