package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Token lets its holder call the service until it expires.
type Token struct {
	Value     string
	ExpiresAt time.Time
}

// String hides the token from logs and errors.
func (t Token) String() string { return "a token until " + t.ExpiresAt.UTC().Format(time.RFC3339) }

// GoString hides it as well.
func (t Token) GoString() string { return t.String() }

// Credentials are how a Client gets tokens: a Machine, a Person, or Signed for the token of Options alone.
type Credentials interface {
	obtain(ctx context.Context, c *Client) (Token, error)
}

// Machine is a client of the user pool, which gets tokens by client credentials.
type Machine struct {
	ID, Secret string
	// Scopes are what the tokens allow. Default: all that the client may.
	Scopes []string
}

// String hides the secret from logs and errors.
func (m Machine) String() string { return "machine " + m.ID }

// GoString hides it as well.
func (m Machine) GoString() string { return m.String() }

// Person signs in with a user name and a password.
type Person struct{ Username, Password string }

// String hides the password from logs and errors.
func (p Person) String() string { return "person " + p.Username }

// GoString hides it as well.
func (p Person) GoString() string { return p.String() }

// Signed has nothing but the token of Options. Once that has expired, calls fail with ErrSignIn.
type Signed struct{}

// ErrSignIn says that there is no token that is good, and no way to get another one.
var ErrSignIn = errors.New("sign in again: the token has expired or was refused")

func (Signed) obtain(context.Context, *Client) (Token, error) { return Token{}, ErrSignIn }

func (m Machine) obtain(ctx context.Context, c *Client) (Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(m.Scopes) > 0 {
		form.Set("scope", strings.Join(m.Scopes, " "))
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	asked := c.o.Now()
	_, err := c.do(ctx, request{
		method: http.MethodPost, tokenEndpoint: true, public: true, media: mediaForm, body: []byte(form.Encode()),
		username: url.QueryEscape(m.ID), password: url.QueryEscape(m.Secret), // RFC 6749, section 2.3.1
	}, decoding(&answer))
	if err != nil {
		return Token{}, err
	}
	if answer.AccessToken == "" || answer.ExpiresIn <= 0 {
		return Token{}, errors.New("get a token: the answer has none")
	}
	return Token{answer.AccessToken, asked.Add(time.Duration(answer.ExpiresIn) * time.Second)}, nil
}

func (p Person) obtain(ctx context.Context, c *Client) (Token, error) {
	var token Token
	asked := c.o.Now()
	_, err := c.do(ctx, request{
		method: http.MethodPost, path: "/auth/login", public: true, once: true, username: p.Username, password: p.Password,
	}, func(got answer) error {
		for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
			if cookie.Name == contract.CookieName {
				token = Token{cookie.Value, asked.Add(time.Duration(cookie.MaxAge) * time.Second)}
			}
		}
		if token.Value == "" {
			return errors.New("the answer holds no token")
		}
		return nil
	})
	if err != nil {
		return Token{}, fmt.Errorf("sign in: %w", err)
	}
	return token, nil
}

// SignIn gets a token now, instead of with the first call, and returns it.
func (c *Client) SignIn(ctx context.Context) (Token, error) {
	if _, err := c.token(ctx); err != nil {
		return Token{}, err
	}
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	return c.tokens.token, nil
}

// SignOut has a person's token refused everywhere from now on. That of a machine ends by itself.
func (c *Client) SignOut(ctx context.Context) error {
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/auth/logout"}, decoding(nil))
	return err
}

// A token is renewed before it expires: this long before, or in the last tenth of a short life. One that was refused although it is
// as young as tokenYoung is not: a new one would be refused as well, and each is billed.
const (
	tokenMargin = 5 * time.Minute
	tokenYoung  = time.Minute
)

// While a token is still good, its renewal takes a call no longer than renewWithin, nor half of the time that it has, and is tried once
// in renewEvery.
const (
	renewWithin = 5 * time.Second
	renewEvery  = 30 * time.Second
)

// tokens keeps the token that calls are made with, and lets one goroutine at a time get the next one.
type tokens struct {
	mu    sync.Mutex
	token Token
	// gotAt is when it came, zero where it was there from the beginning.
	gotAt time.Time
	// refused tells that the service does not take it.
	refused bool
	// coming is the token that somebody is getting now, nil where nobody is.
	coming *renewal
	// again is when to ask for another token once that has failed while this one was still good.
	again time.Time
}

// renewal is a token that is being got.
type renewal struct {
	done chan struct{}
	err  error
	// left tells that who was getting it did not wait for the answer.
	left bool
}

// fresh tells whether the token need not be renewed yet.
func (t *tokens) fresh(now time.Time) bool {
	if t.token.Value == "" || t.refused {
		return false
	}
	margin := tokenMargin
	if !t.gotAt.IsZero() {
		margin = min(margin, t.token.ExpiresAt.Sub(t.gotAt)/10)
	}
	return now.Before(t.token.ExpiresAt.Add(-margin)) || t.usable(now) && now.Before(t.again)
}

// usable tells whether the token is still good, though it should be renewed.
func (t *tokens) usable(now time.Time) bool {
	return t.token.Value != "" && !t.refused && now.Before(t.token.ExpiresAt)
}

// refuse notes that the service does not take a token, and tells whether another one may help.
func (t *tokens) refuse(value string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value != value {
		return true // there is another one already
	}
	if !t.gotAt.IsZero() && now.Sub(t.gotAt) < tokenYoung {
		return false
	}
	t.refused = true
	return true
}

// token returns a token that is good, and gets one where there is none.
func (c *Client) token(ctx context.Context) (string, error) {
	t := &c.tokens
	for {
		t.mu.Lock()
		if t.fresh(c.o.Now()) {
			defer t.mu.Unlock()
			return t.token.Value, nil
		}
		coming, usable := t.coming, t.usable(c.o.Now())
		if coming == nil {
			coming = &renewal{done: make(chan struct{})}
			t.coming = coming
			t.mu.Unlock()
			return c.renew(ctx, coming, usable)
		}
		if usable { // whoever gets the next one does that for all
			defer t.mu.Unlock()
			return t.token.Value, nil
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-coming.done:
		}
		if coming.err != nil && !coming.left {
			return c.afterFailure(coming.err)
		}
	}
}

// renew gets a token for everybody who waits for one. While there is one that is usable, it does not take long over it.
func (c *Client) renew(ctx context.Context, coming *renewal, usable bool) (string, error) {
	asking := ctx
	if usable {
		within := renewWithin
		if deadline, ok := ctx.Deadline(); ok {
			within = min(within, deadline.Sub(c.o.Now())/2)
		}
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	token, err := c.credentials.obtain(asking, c)
	t := &c.tokens
	t.mu.Lock()
	if err == nil {
		t.token, t.gotAt, t.refused = token, c.o.Now(), false
	} else if usable {
		t.again = c.o.Now().Add(renewEvery)
	}
	coming.err, coming.left = err, err != nil && ctx.Err() != nil
	t.coming = nil
	t.mu.Unlock()
	if err == nil && c.o.Keep != nil {
		c.o.Keep(token)
	}
	close(coming.done)
	if err != nil {
		return c.afterFailure(err)
	}
	return token.Value, nil
}

// afterFailure returns the token that is there, where it is still good: a user pool that does not answer is no reason to stop.
func (c *Client) afterFailure(err error) (string, error) {
	t := &c.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.usable(c.o.Now()) {
		return t.token.Value, nil
	}
	return "", err
}
