package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// callTimeout bounds one call; a batch of 1,000 takes about a second where everything shares one machine.
	callTimeout = 30 * time.Second
	answerMax   = 4 << 20
	// triesMax is how often a call is made that the service is too busy for.
	triesMax = 8
)

// client calls the API as a machine does.
type client struct {
	info  stack.Info
	token string
	http  *http.Client
}

// newClient gets a token.
func newClient(ctx context.Context, info stack.Info) (*client, error) {
	c := &client{info: info, http: &http.Client{Timeout: callTimeout}}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(info.Scopes, " ")}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, info.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(info.ClientID), url.QueryEscape(info.ClientSecret))
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := c.do(r, http.StatusOK, &answer); err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	c.token = answer.AccessToken
	return c, nil
}

// refusal is an answer with another status than the one that was wanted.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.text) }

// do makes one call and decodes its answer.
func (c *client) do(r *http.Request, want int, answer any) error {
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	content, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != want {
		return &refusal{response.StatusCode, string(content)}
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(content, answer); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// call makes a call to the API, again while it is too busy: sending a reading twice is the same as once.
func (c *client) call(ctx context.Context, method, path, media string, body []byte, want int, answer any) error {
	for try := 1; ; try++ {
		r, err := http.NewRequestWithContext(ctx, method, c.info.APIURL+path, bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		if media != "" {
			r.Header.Set("Content-Type", media)
		}
		err = c.do(r, want, answer)
		if err == nil {
			return nil
		}
		var refused *refusal
		busy := errors.As(err, &refused) && (refused.status == http.StatusServiceUnavailable || refused.status == http.StatusTooManyRequests)
		if !busy || try == triesMax || pacing.Sleep(ctx, time.Duration(try)*250*time.Millisecond) != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
}

func (c *client) postBatch(ctx context.Context, batch []sample) error {
	var answer struct{ Accepted int }
	err := c.call(ctx, http.MethodPost, "/sensor-data/batch", "application/x-ndjson", ndjsonOf(batch), http.StatusCreated, &answer)
	if err == nil && answer.Accepted != len(batch) {
		err = fmt.Errorf("send a batch: %d of %d readings were accepted", answer.Accepted, len(batch))
	}
	return err
}

// upload sends a file of rows readings by a presigned address and waits until it is processed.
func (c *client) upload(ctx context.Context, name string, content []byte, rows int) error {
	request, err := json.Marshal(map[string]any{"fileName": name, "size": len(content)})
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	var ticket struct {
		UploadID, Method, URL string
		Headers               map[string]string
	}
	if err := c.call(ctx, http.MethodPost, "/sensor-data/uploads", "application/json", request, http.StatusCreated, &ticket); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, ticket.Method, ticket.URL, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	for key, value := range ticket.Headers {
		r.Header.Set(key, value)
	}
	if err := c.do(r, http.StatusOK, nil); err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return c.waitProcessed(ctx, ticket.UploadID, name, rows)
}

func (c *client) waitProcessed(ctx context.Context, id, name string, rows int) error {
	const pause = 250 * time.Millisecond
	for {
		var upload struct {
			Status       string
			RowsAccepted int
		}
		if err := c.call(ctx, http.MethodGet, "/sensor-data/uploads/"+id, "", nil, http.StatusOK, &upload); err != nil {
			return err
		}
		switch upload.Status {
		case "completed":
			if upload.RowsAccepted != rows {
				return fmt.Errorf("upload %s: %d of %d rows were accepted", name, upload.RowsAccepted, rows)
			}
			return nil
		case "awaiting-upload", "processing":
		default:
			return fmt.Errorf("upload %s: %s", name, upload.Status)
		}
		if pacing.Sleep(ctx, pause) != nil {
			return fmt.Errorf("upload %s: %w", name, ctx.Err())
		}
	}
}

// windowFigures are the figures of a window. The average stays as the service wrote it.
type windowFigures struct {
	Average    json.Number
	TotalCount int
}

func (c *client) aggregates(ctx context.Context, interval string) (windowFigures, error) {
	var a windowFigures
	err := c.call(ctx, http.MethodGet, "/sensor-data/aggregated?limit=1&interval="+interval, "", nil, http.StatusOK, &a)
	return a, err
}
