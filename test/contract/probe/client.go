package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// callTimeout bounds one exchange; the slowest answer of the service is a file of 32 MiB.
const callTimeout = 60 * time.Second

// Client calls the API with one token. It is safe for concurrent use.
type Client struct {
	// Base is the address of the API, without a slash at its end.
	Base string
	// Token is sent as Authorization: Bearer unless it is empty or the call has an Authorization header of its own.
	Token string
	// HTTP carries the calls. Default: a client of NewHTTP.
	HTTP *http.Client
}

// NewHTTP returns an HTTP client that keeps a connection for each of many concurrent callers and follows no redirects.
func NewHTTP() *http.Client {
	return &http.Client{
		Timeout:       callTimeout,
		Transport:     &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Call is one request. Method defaults to GET, and to POST where there is a body; the Content-Type of a body to JSON.
type Call struct {
	Method, Path string
	Body         []byte
	// Header replaces headers; an empty value leaves the header out.
	Header map[string]string
}

// Answer is what came back.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Request *http.Request
}

// Decode reads the answer's JSON; numbers that go into an any or a json.Number keep their text.
func (a Answer) Decode(into any) error {
	decoder := json.NewDecoder(bytes.NewReader(a.Body))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decode the answer %.300q: %w", a.Body, err)
	}
	return nil
}

// Request makes the HTTP request of a call.
func (c *Client) Request(ctx context.Context, call Call) (*http.Request, error) {
	method := call.Method
	switch {
	case method == "" && call.Body != nil:
		method = http.MethodPost
	case method == "":
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, c.Base+call.Path, bytes.NewReader(call.Body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if call.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for name, value := range call.Header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	return r, nil
}

// Do sends a call. The error means that no answer came.
func (c *Client) Do(ctx context.Context, call Call) (Answer, error) {
	r, err := c.Request(ctx, call)
	if err != nil {
		return Answer{}, err
	}
	return c.Send(r)
}

// Send sends a request and reads the whole answer.
func (c *Client) Send(r *http.Request) (Answer, error) {
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(r)
	if err != nil {
		return Answer{}, fmt.Errorf("call: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return Answer{}, fmt.Errorf("%s %s: read the answer: %w", r.Method, r.URL.Path, err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body, Request: r}, nil
}

// ask sends a call and decodes an answer of the wanted status.
func (c *Client) ask(ctx context.Context, call Call, status int, into any) error {
	got, err := c.Do(ctx, call)
	if err != nil {
		return err
	}
	if got.Status != status {
		return fmt.Errorf("%s %s: status %d: %.300s", got.Request.Method, call.Path, got.Status, got.Body)
	}
	return got.Decode(into)
}

// MachineToken gets an access token by client credentials; no scopes means all that the client has.
func MachineToken(ctx context.Context, tokenURL, clientID, clientSecret string, scopes ...string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	got, err := (&Client{}).Send(r)
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := got.Decode(&answer); err != nil || got.Status != http.StatusOK || answer.AccessToken == "" {
		return "", fmt.Errorf("ask for a token: status %d: %.300s", got.Status, got.Body)
	}
	return answer.AccessToken, nil
}

// Item is one row of the aggregates.
type Item struct {
	EquipmentID        string
	IntervalStart      int64
	TotalValue         json.Number
	SampleCount        int64
	MinValue, MaxValue json.Number
}

// Page is one answer of GET /sensor-data/aggregated.
type Page struct {
	Average    json.Number
	TotalCount int64
	Items      []Item
	NextCursor string
}

// Aggregates reads every page of a window. equipmentID may be empty for all, limit 0 for the default.
func (c *Client) Aggregates(ctx context.Context, interval, equipmentID string, limit int) ([]Page, error) {
	query := url.Values{"interval": {interval}}
	if equipmentID != "" {
		query.Set("equipmentId", equipmentID)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var pages []Page
	for {
		var page Page
		if err := c.ask(ctx, Call{Path: "/sensor-data/aggregated?" + query.Encode()}, http.StatusOK, &page); err != nil {
			return nil, err
		}
		pages = append(pages, page)
		if page.NextCursor == "" {
			return pages, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
