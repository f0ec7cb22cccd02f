package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// answerBytesMax bounds what is read of an answer at a time. A page of 10,000 aggregates takes 2 MB.
const answerBytesMax = 64 << 20

// busyMax is how often in a row a region may say that it is busy before a call goes to another one.
const busyMax = 2

// request is a call before it is known to which region it goes.
type request struct {
	method, path string
	query        url.Values
	media        string // of the body
	encoding     string // of the body
	accept       string
	body         []byte
	// at is the one region that can answer, nil where all can.
	at *region
	// public is a call without a token.
	public bool
	// tokenEndpoint is a call of the region's token endpoint, by client id and secret.
	tokenEndpoint bool
	username      string // with password, for Basic
	password      string
	// timeout bounds an attempt, where the service may take longer than for others.
	timeout time.Duration
	// patient is a call that takes as long as something moves.
	patient bool
	// once is not made again where the service says that there are too many of it.
	once bool
}

// what names a call in errors.
func (r *request) what() string {
	if r.tokenEndpoint {
		return "get a token"
	}
	return r.method + " " + r.path
}

// call is a request on its way: how it went so far.
type call struct {
	request
	attempts int
	moves    int  // to another region, without a pause
	busy     int  // answers in a row that say so, of one region
	renewed  bool // the token was refused, and another one is tried
}

// answer is one that tells of success.
type answer struct {
	header http.Header
	body   io.Reader
}

// do makes a call until an attempt succeeds, and has take read the answer. It returns the region that answered. take may be called
// several times: an answer can break off.
func (c *Client) do(ctx context.Context, r request, take func(answer) error) (*region, error) {
	call := &call{request: r}
	for {
		var token string
		var err error
		if !r.public {
			if token, err = c.token(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", r.what(), err)
			}
		}
		at := r.at
		if at == nil {
			at = c.regions.pick()
		}
		call.attempts++
		if err = c.attempt(ctx, call, at, token, take); err == nil {
			c.regions.answered(at)
			return at, nil
		}
		if ctx.Err() == nil { // otherwise it was cut off, which says nothing of the region
			err = c.goOn(ctx, call, at, token, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.what(), err)
		}
	}
}

// goOn returns nil once another attempt is to be made, and otherwise the error of the last one.
func (c *Client) goOn(ctx context.Context, call *call, at *region, token string, err error) error {
	silent := c.judge(call, at, err)
	if call.mayRenew(err) && c.tokens.refuse(token, c.o.Now()) {
		call.renewed = true
		call.attempts--
		return nil
	}
	if !call.again(err) || call.attempts >= c.o.AttemptsMax {
		return err
	}
	if silent && call.at == nil && call.moves < len(c.regions.all)-1 && c.regions.other(at) {
		call.moves++
		return nil
	}
	return c.pause(ctx, call.attempts, err, retryAfterMax)
}

// mayRenew tells whether another token may help.
func (c *call) mayRenew(err error) bool {
	var refused *Error
	return !c.public && !c.renewed && errors.As(err, &refused) && refused.Status == http.StatusUnauthorized
}

// again tells whether a call is made again.
func (c *call) again(err error) bool {
	var refused *Error
	if c.once && errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests {
		return false
	}
	return Temporary(err)
}

// judge notes what the error of an attempt says of the region, and tells whether that does not answer.
func (c *Client) judge(call *call, at *region, err error) (silent bool) {
	var refused *Error
	if !errors.As(err, &refused) {
		silent = Temporary(err)
	} else {
		switch refused.Status {
		case http.StatusServiceUnavailable:
			call.busy++
			silent = call.busy >= busyMax
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			silent = true
		default:
			c.regions.answered(at)
		}
	}
	if silent {
		call.busy = 0
		c.regions.silent(at)
	}
	return silent
}

// pause waits after an attempt: as long as the service asks for, unless that is longer than askedMax, and a random time on top, so that
// those who were refused together do not come back together.
func (c *Client) pause(ctx context.Context, attempt int, err error, askedMax time.Duration) error {
	var refused *Error
	var asked time.Duration
	if errors.As(err, &refused) {
		asked = refused.RetryAfter
	}
	if asked > askedMax {
		return err
	}
	pacer := c.o.Pacer
	pacer.Sleep = func(ctx context.Context, d time.Duration) error {
		d += asked
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(c.o.Now()) < d {
			return context.DeadlineExceeded // the answer of now tells more than the end of the context would
		}
		return c.o.Pacer.Sleep(ctx, d)
	}
	if cut := pacer.Pause(ctx, attempt); cut != nil {
		return fmt.Errorf("%w (no time for another attempt: %w)", err, cut)
	}
	return nil
}

// attempt makes a call once.
func (c *Client) attempt(ctx context.Context, call *call, at *region, token string, take func(answer) error) error {
	ctx, watch := watched(ctx, max(c.o.CallTimeout, call.timeout))
	defer watch.end()
	r, err := call.build(ctx, at, token)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", c.o.Agent)
	response, err := c.o.HTTP.Do(r)
	if err != nil {
		return &lostError{watch.explain(err)}
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is not wanted
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return refusal(response, c.o.Now())
	}
	if call.patient {
		return take(answer{response.Header, &movingReader{response.Body, watch}})
	}
	return take(answer{response.Header, response.Body})
}

// build makes the request for a region.
func (r *request) build(ctx context.Context, at *region, token string) (*http.Request, error) {
	to := at.URL + r.path
	if r.tokenEndpoint {
		to = at.TokenURL
	}
	if len(r.query) > 0 {
		to += "?" + r.query.Encode()
	}
	built, err := http.NewRequestWithContext(ctx, r.method, to, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	for name, value := range map[string]string{"Content-Type": r.media, "Content-Encoding": r.encoding, "Accept": r.accept} {
		if value != "" {
			built.Header.Set(name, value)
		}
	}
	if r.username != "" {
		built.SetBasicAuth(r.username, r.password)
	}
	if token != "" {
		built.Header.Set("Authorization", "Bearer "+token)
	}
	return built, nil
}

// get makes a call that answers JSON, to one region alone where at is not nil.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any, at *region) error {
	_, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query, at: at}, decoding(into))
	return err
}

// post sends JSON and reads JSON, of one region alone where at is not nil.
func (c *Client) post(ctx context.Context, path string, body, into any, at *region) (*region, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode what is sent to %s: %w", path, err)
	}
	r := request{method: http.MethodPost, path: path, media: mediaJSON, body: content, at: at}
	return c.do(ctx, r, decoding(into))
}

const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
	mediaForm   = "application/x-www-form-urlencoded"
	mediaCSV    = "text/csv"
)

// decoding reads an answer into what into points to.
func decoding(into any) func(answer) error {
	return func(got answer) error {
		content, err := io.ReadAll(io.LimitReader(got.body, answerBytesMax+1))
		switch {
		case err != nil:
			return &lostError{fmt.Errorf("read the answer: %w", err)}
		case len(content) > answerBytesMax:
			return fmt.Errorf("the answer has more than %d bytes", answerBytesMax)
		case into == nil:
			return nil
		}
		if err := json.Unmarshal(content, into); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		return nil
	}
}
