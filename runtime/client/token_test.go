package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// sendAll sends readings from many goroutines at once and returns how many failed.
func sendAll(t *testing.T, c *client.Client, senders int) (failed int64) {
	var all sync.WaitGroup
	var failures atomic.Int64
	for range senders {
		all.Go(func() {
			if _, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil {
				failures.Add(1)
			}
		})
	}
	all.Wait()
	return failures.Load()
}

func TestToken_IsKeptAndRenewedOnceBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		var kept []client.Token
		n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", n.issued()) {
				problem(w, http.StatusUnauthorized, "Another token.")
				return
			}
			stored(w, r)
		}))
		c := newClient(t, n, client.Options{Keep: func(one client.Token) { kept = append(kept, one) }}, "a")
		for _, step := range []struct {
			wait  time.Duration
			want  int
			calls int
		}{
			{0, 1, 50},
			{54 * time.Minute, 1, 50}, // of an hour, of which the last five minutes are left
			{time.Minute, 2, 50},
			{54 * time.Minute, 2, 50},
		} {
			time.Sleep(step.wait)
			if failed := sendAll(t, c, step.calls); failed != 0 || n.issued() != step.want {
				t.Fatalf("after %v: %d calls failed, %d tokens were got, want %d", step.wait, failed, n.issued(), step.want)
			}
		}
		if len(kept) != 2 || kept[1].Value != "token-2" || !kept[1].ExpiresAt.Equal(time.Now().Add(6*time.Minute)) {
			t.Errorf("what was to be kept: %v", kept)
		}
	})
}

// TestToken_StaysInUseWhereNoOtherComes holds that a user pool that does not answer stops nobody whose token is still good.
func TestToken_StaysInUseWhereNoOtherComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("a", n.service(stored))
		c := newClient(t, n, client.Options{}, "a")
		if failed := sendAll(t, c, 1); failed != 0 {
			t.Fatal("the first call failed")
		}
		n.set("a", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				answer(w, http.StatusBadRequest, `{"error":"invalid_client"}`)
				return
			}
			stored(w, r)
		})
		time.Sleep(56 * time.Minute)
		if failed := sendAll(t, c, 20); failed != 0 {
			t.Errorf("%d calls failed with a token that is good for minutes", failed)
		}
		time.Sleep(4 * time.Minute)
		_, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
		if err == nil || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("with a token that has expired: %v", err)
		}
	})
}

// TestToken_ThatIsRefusedIsRenewedOnce: an old one may have been revoked; a new one that is refused is not the token's fault, and each
// is billed.
func TestToken_ThatIsRefusedIsRenewedOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		age    time.Duration
		takes  string // the token that the service takes
		tokens int
		fails  bool
	}{
		{"an old one", time.Hour / 2, "token-2", 2, false},
		{"rejects an old one, and its successor as well", time.Hour / 2, "none", 2, true},
		{"rejects a young one", time.Second, "none", 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				takes := "token-1"
				n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "Bearer "+takes {
						problem(w, http.StatusUnauthorized, "Sign in.")
						return
					}
					stored(w, r)
				}))
				c := newClient(t, n, client.Options{}, "a")
				if failed := sendAll(t, c, 1); failed != 0 {
					t.Fatal("the first call failed")
				}
				time.Sleep(test.age)
				takes = test.takes
				failed := sendAll(t, c, 20)
				if (failed > 0) != test.fails || failed != 0 && failed != 20 || n.issued() != test.tokens {
					t.Errorf("%d calls failed, %d tokens were got, want %d", failed, n.issued(), test.tokens)
				}
			})
		})
	}
}

// TestToken_IsGotForThoseWhoStay holds that others do not suffer where the one who was getting a token leaves.
func TestToken_IsGotForThoseWhoStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		slow := n.service(stored)
		n.set("a", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(3 * time.Second):
				}
			}
			slow(w, r)
		})
		c := newClient(t, n, client.Options{}, "a")
		leaving, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := c.Send(leaving, one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the one who leaves: %v", err)
			}
		})
		synctest.Wait()
		both.Go(func() {
			if _, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil {
				t.Errorf("the one who stays: %v", err)
			}
		})
		both.Wait()
	})
}

func TestPerson_SignsInWithACookie(t *testing.T) {
	n := &network{}
	n.set("a", func(w http.ResponseWriter, r *http.Request) {
		switch username, password, _ := r.BasicAuth(); {
		case r.URL.Path == "/auth/login" && username == "ada" && password == "pass:wörd":
			http.SetCookie(w, &http.Cookie{Name: "Authentication", Value: "hers", MaxAge: 3600})
			answer(w, http.StatusOK, `{"message":"Login successful"}`)
		case r.URL.Path == "/auth/login":
			problem(w, http.StatusTooManyRequests, "Too many failed attempts to sign in.")
		case r.Header.Get("Authorization") == "Bearer hers":
			answer(w, http.StatusOK, `{"username":"ada","scopes":["sensor-flow/read"]}`)
		default:
			problem(w, http.StatusUnauthorized, "Sign in.")
		}
	})
	o := client.Options{HTTP: &http.Client{Transport: n}}
	c, err := client.New(client.Person{Username: "ada", Password: "pass:wörd"}, []client.Region{{URL: "https://a"}}, o)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.SignIn(t.Context())
	if err != nil || token.Value != "hers" || time.Until(token.ExpiresAt) < 59*time.Minute {
		t.Fatalf("signed in with %q until %v: %v", token.Value, token.ExpiresAt, err)
	}
	if who, err := c.Me(t.Context()); err != nil || who.Username != "ada" || len(who.Scopes) != 1 {
		t.Errorf("who: %+v, %v", who, err)
	}
	wrong, err := client.New(client.Person{Username: "ada", Password: "x"}, []client.Region{{URL: "https://a"}}, o)
	if err != nil {
		t.Fatal(err)
	}
	before := len(n.made("a"))
	if _, err := wrong.SignIn(t.Context()); err == nil || len(n.made("a")) != before+1 {
		t.Errorf("a refused sign-in was tried %d times: %v", len(n.made("a"))-before, err)
	}
	kept, err := client.New(client.Signed{}, []client.Region{{URL: "https://a"}}, client.Options{HTTP: o.HTTP, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Me(t.Context()); err != nil {
		t.Errorf("with the token of before: %v", err)
	}
	gone := client.Token{Value: "gone", ExpiresAt: time.Now().Add(time.Hour)}
	kept, err = client.New(client.Signed{}, []client.Region{{URL: "https://a"}}, client.Options{HTTP: o.HTTP, Token: gone})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Me(t.Context()); !errors.Is(err, client.ErrSignIn) {
		t.Errorf("with a token that is refused: %v", err)
	}
}

func TestSecrets_AreNotPrinted(t *testing.T) {
	for _, secret := range []any{
		client.Machine{ID: "id", Secret: "hidden"}, &client.Machine{ID: "id", Secret: "hidden"}, client.Person{Username: "ada", Password: "hidden"},
		client.Token{Value: "hidden"}, client.Options{Token: client.Token{Value: "hidden"}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, secret); strings.Contains(text, "hidden") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}
