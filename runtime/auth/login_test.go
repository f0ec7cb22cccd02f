package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

func TestLogin_GivesOutATokenThatHolds(t *testing.T) {
	f := newFixture(t)
	text, id, err := f.Login(t.Context(), "ada", "right", "203.0.113.1")
	if err != nil || id.Username != "ada" || !id.Person {
		t.Fatalf("identity %+v, error %v", id, err)
	}
	if again := f.accepts("the token", text); again.Subject != id.Subject {
		t.Errorf("the token is %s's, want %s's", again.Subject, id.Subject)
	}
	if len(f.slept) > 0 {
		t.Errorf("a good sign-in waited %v", f.slept)
	}
}

// Neither the answer nor its time may tell whether the user exists.
func TestLogin_AnswersAllWrongCredentialsAlikeAndAfterTheSameTime(t *testing.T) {
	f := newFixture(t)
	took := map[string]time.Duration{"ada": 120 * time.Millisecond, "mallory": 3 * time.Millisecond}
	for _, test := range []struct{ name, username, password string }{
		{"a wrong password", "ada", "wrong"},
		{"an unknown user", "mallory", "right"},
		{"a user name that nobody can have", strings.Repeat("u", 129), "right"},
		{"a password that nobody can have", "ada", strings.Repeat("p", 257)},
		{"a control character", "ada", "ri\u0085ght"},
		{"no UTF-8", "ada", "\xff"},
	} {
		reached, before := len(f.attempts), f.clock()
		f.signIn = func() { f.advance(took[test.username]) }
		text, id, err := f.Login(t.Context(), test.username, test.password, "203.0.113."+fmt.Sprint(len(f.slept)))
		if text != "" || id.Subject != "" || err != auth.ErrWrongCredentials { // without any addition
			t.Errorf("%s: token %q, error %v", test.name, text, err)
		}
		if total := f.clock().Sub(before) + f.slept[len(f.slept)-1]; total != auth.FailureTimeMin {
			t.Errorf("%s: took %s, want %s", test.name, total, auth.FailureTimeMin)
		}
		if asked := len(f.attempts) > reached; asked != (test.name == "a wrong password" || test.name == "an unknown user") {
			t.Errorf("%s: the pool was asked: %t", test.name, asked)
		}
	}
	if log := f.log.String(); strings.Contains(log, "ada") || strings.Contains(log, "mallory") || strings.Contains(log, "right") || !strings.Contains(log, "203.0.113.1") {
		t.Errorf("the log holds a user name or a password, or lacks the address:\n%s", log)
	}
}

func TestLogin_PassesTheFaultsOfThePoolOn(t *testing.T) {
	f := newFixture(t)
	f.signInErr = &fault.Error{Kind: fault.Unavailable, Message: "signing in is not possible now"}
	for range 20 { // none of which counts as a failure
		_, _, err := f.Login(t.Context(), "ada", "right", "203.0.113.1")
		f.wantUnavailable("a pool out of reach", err)
	}
	f.signInErr = auth.TooManyAttempts{RetryAfter: time.Minute}
	var refused auth.TooManyAttempts
	if _, _, err := f.Login(t.Context(), "ada", "right", "203.0.113.1"); !errors.As(err, &refused) || refused.RetryAfter != time.Minute {
		t.Errorf("the pool's own lockout: %v", err)
	}
	f.signInErr = nil
	if _, _, err := f.Login(t.Context(), "ada", "right", "203.0.113.1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A token that does not hold although the pool has just made it means that the service is set up wrongly, not the client.
func TestLogin_FailsWhenThePoolsTokenDoesNotHold(t *testing.T) {
	f := newFixture(t)
	for name, text := range map[string]string{
		"of another pool":  token(f.idClaims().with(object{"iss": "https://issuer.example/other"})),
		"of a machine":     token(f.machineClaims()),
		"that is no token": "nonsense\n",
	} {
		f.signInText = text
		got, _, err := f.Login(t.Context(), "ada", "right", "203.0.113.1")
		if got != "" || err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, auth.ErrUnauthenticated) || errors.Is(err, auth.ErrWrongCredentials) {
			t.Errorf("a token %s: %q, %v", name, got, err)
		}
	}
	f.signInText = ""
	f.keysErr = &fault.Error{Kind: fault.Unavailable, Message: "tokens cannot be checked now"}
	_, _, err := f.Login(t.Context(), "ada", "right", "203.0.113.1")
	f.wantUnavailable("keys out of reach", err)
}
