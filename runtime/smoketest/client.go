package smoketest

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
)

const (
	// callTimeout bounds one call. A deletion of leftovers is the longest.
	callTimeout = 30 * time.Second
	// answerBytesMax bounds what is read of an answer.
	answerBytesMax = 1 << 20
	// excerptCharsMax bounds what an error tells of an answer.
	excerptCharsMax = 300
)

// unavailable is an answer that may be another one soon.
type unavailable struct{ err error }

func (u unavailable) Error() string { return u.err.Error() }
func (u unavailable) Unwrap() error { return u.err }

// passes tells whether the error may pass by itself: nobody answered, or the answer asks for patience.
func passes(err error) bool {
	var u unavailable
	return errors.As(err, &u)
}

// exchange sends a request and decodes the answer, which must have the status, into what into points to; nil leaves it.
func (t *Try) exchange(ctx context.Context, r *http.Request, status int, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	what := r.Method + " " + r.URL.Path
	response, err := t.HTTP.Do(r.WithContext(ctx))
	if err != nil {
		return unavailable{fmt.Errorf("%s: %w", what, err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return unavailable{fmt.Errorf("%s: read the answer: %w", what, err)}
	}
	if response.StatusCode != status {
		err := fmt.Errorf("%s answered %d, not %d: %s", what, response.StatusCode, status, excerpt(body))
		switch response.StatusCode {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
			return unavailable{err}
		}
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answered %q: %w", what, excerpt(body), err)
	}
	return nil
}

// excerpt is the beginning of an answer on one line.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "?")), " ")
	return text[:min(len(text), excerptCharsMax)]
}

// call sends a request to the API as the machine. body is sent as JSON; nil sends none.
func (t *Try) call(ctx context.Context, method, path string, query url.Values, body any, status int, into any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode what is sent to %s: %w", path, err)
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, t.API+path, content)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	r.URL.RawQuery = query.Encode()
	r.Header = t.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if t.token != "" {
		r.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.exchange(ctx, r, status, into)
}

// signIn gets a token by client credentials. Without scopes asked for, it allows all that the client may.
func (t *Try) signIn(ctx context.Context) error {
	form := strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Credentials.TokenURL, form)
	if err != nil {
		return fmt.Errorf("ask for a token: %w", err)
	}
	r.SetBasicAuth(url.QueryEscape(t.Credentials.ClientID), url.QueryEscape(t.Credentials.ClientSecret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := t.exchange(ctx, r, http.StatusOK, &answer); err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	if answer.AccessToken == "" {
		return errors.New("get a token: the answer has none")
	}
	t.token = answer.AccessToken
	return nil
}
