package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
)

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (f *fixture) wantAsked(want int) {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked != want {
		f.Errorf("the store of revocations was asked %d times, want %d", f.asked, want)
	}
}

// revokeElsewhere is a logout at another process.
func (f *fixture) revokeElsewhere(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked[hashOf(token)] = f.now.Add(time.Hour)
}

func (f *fixture) breakStore(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.storeErr = err
}

func TestLogout_RefusesTheTokenHereAtOnceAndForGood(t *testing.T) {
	f := newFixture(t)
	text, other := token(f.idClaims()), token(f.idClaims().with(object{"jti": "another sign-in"}))
	f.accepts("before", text)
	for range 2 {
		if err := f.Logout(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	f.refuses("at once", text)
	f.accepts("another token of the same person", other)
	if until := f.revoked[hashOf(text)]; len(f.revoked) != 1 || !until.Equal(f.clock().Add(time.Hour)) {
		t.Errorf("recorded %v, want the token's hash until the token expires", f.revoked)
	}
	f.breakStore(errors.New("the store is gone"))
	f.advance(30 * time.Minute)
	f.refuses("without the store", text)
	f.advance(30 * time.Minute)
	f.refuses("after its end", text)
}

func TestLogout_FailsWhereItIsNotRecorded(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	f.breakStore(errors.New("the store is gone"))
	f.wantUnavailable("logout", f.Logout(t.Context(), text))
	f.breakStore(nil)
	f.accepts("a token that was not logged out", text)
	if err := f.Logout(t.Context(), text); err != nil {
		t.Error(err)
	}
	f.refuses("after the second try", text)
}

func TestLogout_RejectsWhatIsNoToken(t *testing.T) {
	f := newFixture(t)
	for _, text := range []string{"", "x", token(f.idClaims().with(object{"iss": "other"})), token(f.idClaims().with(object{"exp": 1}))} {
		if err := f.Logout(t.Context(), text); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%.20q: error %v", text, err)
		}
	}
	if len(f.revoked) > 0 {
		t.Errorf("strangers fill the table: %v", f.revoked)
	}
}

// The contract allows 5 s until a logout elsewhere in the region counts here.
func TestAuthenticate_LearnsOfALogoutElsewhereWithinFiveSeconds(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	f.accepts("before", text)
	f.revokeElsewhere(text)
	f.advance(auth.RevocationFreshFor - time.Millisecond)
	f.accepts("a fresh answer", text)
	f.wantAsked(1)
	f.advance(time.Millisecond)
	f.refuses("2 s later", text)
	f.wantAsked(2)
	f.refuses("for good", text)
	f.wantAsked(2)
}

// With the store out of reach the last answer counts for 4 s, which keeps the 5 s of the contract, and no longer.
func TestAuthenticate_WithTheStoreDownRefusesWhatItDoesNotKnow(t *testing.T) {
	f := newFixture(t)
	known, unknown := token(f.idClaims()), token(f.machineClaims())
	f.accepts("before", known)
	f.breakStore(errors.New("the store is gone"))
	_, err := f.Authenticate(t.Context(), unknown)
	f.wantUnavailable("a token never asked for", err)
	f.advance(4*time.Second - time.Millisecond)
	f.accepts("an answer of almost 4 s ago", known)
	f.advance(time.Millisecond)
	_, err = f.Authenticate(t.Context(), known)
	f.wantUnavailable("an answer of 4 s ago", err)
	f.breakStore(nil)
	f.accepts("the store is back", known)
}

// The age of an answer counts from when it was asked for: a slow answer does not know of what happened meanwhile.
func TestAuthenticate_ASlowAnswerIsAsOldAsItsQuestion(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	f.ask = func(context.Context) { f.revokeElsewhere(text); f.advance(1900 * time.Millisecond) }
	f.accepts("the answer of a question asked before the logout", text)
	f.ask = nil
	f.advance(100 * time.Millisecond)
	f.refuses("2 s after the question", text)
}

// A question that was on its way when this process logged the token out must not bring it back.
func TestLogout_IsNotUndoneByAnEarlierQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		text := token(f.idClaims())
		release := make(chan struct{})
		f.ask = func(context.Context) { <-release }
		asking := make(chan error, 1)
		go func() {
			_, err := f.Authenticate(t.Context(), text)
			asking <- err
		}()
		synctest.Wait()
		if err := f.Logout(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		close(release)
		if err := <-asking; !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("the request that asked: error %v", err)
		}
		f.refuses("afterwards", text)
	})
}

func TestAuthenticate_ConcurrentRequestsShareAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		text := token(f.idClaims())
		f.ask = func(context.Context) { time.Sleep(100 * time.Millisecond) }
		leaving, leave := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := f.Authenticate(leaving, text)
			first <- err
		}()
		synctest.Wait()
		var others sync.WaitGroup
		for range 20 {
			others.Go(func() { f.accepts("who waits for the same question", text) })
		}
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: error %v", err)
		}
		others.Wait()
		f.wantAsked(1)
	})
}

func TestAuthenticate_DoesNotWaitForAHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.ask = func(ctx context.Context) { <-ctx.Done() }
		began := time.Now()
		_, err := f.Authenticate(t.Context(), token(f.idClaims()))
		f.wantUnavailable("a hanging store", err)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
