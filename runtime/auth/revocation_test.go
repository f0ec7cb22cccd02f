package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
)

// standsFor is how long the list counts after the last question that was answered.
const standsFor = 4900 * time.Millisecond

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// revokeElsewhere is a logout at another process, whose clock is late by so much.
func (f *fixture) revokeElsewhere(token string, late time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked[hashOf(token)] = logout{f.now.Add(-late), f.now.Add(time.Hour)}
}

func (f *fixture) refresh() {
	f.Helper()
	if err := errors.Join(f.RefreshLogouts(f.Context()), f.RereadLogouts(f.Context())); err != nil {
		f.Error(err)
	}
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
	if l := f.revoked[hashOf(text)]; len(f.revoked) != 1 || !l.expiresAt.Equal(f.clock().Add(time.Hour)) || !l.at.Equal(f.clock()) {
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
func TestAuthenticate_LearnsOfALogoutElsewhereWithTheNextQuestion(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	f.accepts("before", text)
	f.revokeElsewhere(text, 0)
	f.accepts("before the next question", text)
	f.advance(auth.RevocationsEvery)
	f.refresh()
	f.refuses("a second later", text)
	f.advance(time.Hour - 2*auth.RevocationsEvery)
	f.refresh()
	f.refuses("for good", text)
}

// A request asks nothing, however many tokens come: the list is in memory.
func TestAuthenticate_AsksTheTableNothing(t *testing.T) {
	f := newFixture(t)
	before := f.asked
	for n := range 20 {
		f.accepts("a token", token(f.idClaims().with(object{"jti": strconv.Itoa(n)})))
	}
	if f.asked != before {
		t.Errorf("%d tokens asked the table %d times", 20, f.asked-before)
	}
}

// Questions go back a minute, for clocks and replication that are late, over the end of an hour too; what comes later still, as
// after a region was cut off, is found when its hour is read again.
func TestAuthenticate_LearnsOfLogoutsThatArriveLate(t *testing.T) {
	for name, c := range map[string]struct {
		late      time.Duration
		questions int
	}{
		"by half a minute":                 {30 * time.Second, 1},
		"by half a minute, of an hour ago": {50 * time.Second, 1},
		"from a clock that is ahead":       {-40 * time.Second, 1},
		"by a few minutes, after a cut":    {5 * time.Minute, 26},
		"by two hours":                     {2 * time.Hour, 26},
		"by almost a day":                  {23*time.Hour + 59*time.Minute, 26},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.advance(29*time.Minute + 20*time.Second) // 08:59:20
			if name == "by half a minute, of an hour ago" {
				f.advance(time.Minute) // 09:00:20
			}
			f.refresh()
			text := token(f.idClaims())
			f.revokeElsewhere(text, c.late)
			for range c.questions {
				f.advance(time.Second)
				f.refresh()
			}
			f.refuses("afterwards", text)
		})
	}
}

// A process that starts knows of all logouts before it accepts the first token.
func TestAuthenticate_BeforeTheListIsReadNoTokenIsAccepted(t *testing.T) {
	f := newFixture(t)
	old := token(f.idClaims().with(object{"exp": f.clock().Add(10 * time.Hour).Unix()}))
	f.revokeElsewhere(old, 20*time.Hour)
	fresh, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{Issuer: testIssuer, ClientID: browserClient, Now: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	f.Service = fresh
	_, err = f.Authenticate(t.Context(), token(f.idClaims()))
	f.wantUnavailable("before the list is there", err)
	f.wantUnavailable("the state of the list", f.LogoutsKnown(t.Context()))
	f.refresh()
	f.accepts("a good token", token(f.idClaims()))
	f.refuses("a token logged out long ago", old)
	if err := f.LogoutsKnown(t.Context()); err != nil {
		t.Error(err)
	}
}

// With the table out of reach the list counts for 4.9 s, which keeps the 5 s of the contract, and no longer.
func TestAuthenticate_WithTheTableDownRefusesWhatItDoesNotKnow(t *testing.T) {
	f := newFixture(t)
	known := token(f.idClaims())
	f.breakStore(errors.New("the table is gone"))
	if err := f.RefreshLogouts(t.Context()); err == nil {
		t.Error("no error although the table is gone")
	}
	f.advance(standsFor - time.Millisecond)
	f.accepts("with a list of almost 4.9 s ago", known)
	f.advance(time.Millisecond)
	_, err := f.Authenticate(t.Context(), known)
	f.wantUnavailable("with a list of 4.9 s ago", err)
	f.breakStore(nil)
	f.refresh()
	f.accepts("the table is back", known)
}

// The age of the list counts from the question: a slow answer does not know of what happened meanwhile.
func TestAuthenticate_ASlowAnswerIsAsOldAsItsQuestion(t *testing.T) {
	f := newFixture(t)
	text := token(f.idClaims())
	first := true
	f.ask = func(context.Context) {
		if first {
			first = false
			f.advance(1900 * time.Millisecond)
		}
	}
	f.refresh()
	f.ask = nil
	f.breakStore(errors.New("the table is gone"))
	f.advance(standsFor - 1900*time.Millisecond - 1)
	f.accepts("almost 4.9 s after the question", text)
	f.advance(1)
	_, err := f.Authenticate(t.Context(), text)
	f.wantUnavailable("4.9 s after the question", err)
}

// What was logged out elsewhere while this process could not reach the table counts from the first answer on, and not only once its
// hour is read again: the contract's 5 s are long over.
func TestAuthenticate_LearnsOfALogoutDuringAnOutageWithTheFirstAnswer(t *testing.T) {
	for _, outage := range []time.Duration{2 * time.Minute, 59 * time.Minute, 3 * time.Hour, 23 * time.Hour} {
		f := newFixture(t)
		text := token(f.idClaims().with(object{"exp": f.clock().Add(24 * time.Hour).Unix()}))
		f.advance(5 * time.Second) // of it
		f.revoked[hashOf(text)] = logout{f.clock(), f.clock().Add(24 * time.Hour)}
		f.advance(outage)
		if err := f.RefreshLogouts(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.refuses("after "+outage.String(), text)
	}
}

// A table that is slow when a process starts is read all the same: each question goes on where the ones before have come to.
func TestRefreshLogouts_KeepsWhatItHasReadOfTheFirstTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.now = time.Now()
		service, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{Issuer: testIssuer, ClientID: browserClient})
		if err != nil {
			t.Fatal(err)
		}
		old := token(f.idClaims().with(object{"exp": f.clock().Add(10 * time.Hour).Unix()}))
		f.revokeElsewhere(old, 20*time.Hour)
		const atATime = 5 // of 27 hours
		var asked atomic.Int64
		f.ask = func(ctx context.Context) {
			if asked.Add(1) > atATime {
				<-ctx.Done()
			}
		}
		questions := 1
		for ; service.RefreshLogouts(t.Context()) != nil; questions++ {
			if questions > 27/atATime+1 {
				t.Fatal("the list is not there, although each of its hours could be read")
			}
			asked.Store(0)
		}
		if _, err := service.Authenticate(t.Context(), old); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("a token logged out long ago: %v", err)
		}
	})
}

// In an outage the last moment in which a token is accepted that may be logged out is before the contract's 5 s are over, and it is
// accepted again a fifth of a second after the outage. Shorter outages are not noticed.
func TestFollowLogouts_BearsAnOutageForAsLongAsTheContractAllows(t *testing.T) {
	const began = 10*time.Second + 500*time.Millisecond // between two questions
	for outage, want := range map[time.Duration]struct{ last, again time.Duration }{
		4200 * time.Millisecond: {},
		// The last answer is half a second old when the outage begins.
		7 * time.Second: {standsFor - 500*time.Millisecond, 7*time.Second + 200*time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.now = time.Now()
			service, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{Issuer: testIssuer, ClientID: browserClient})
			if err != nil {
				t.Fatal(err)
			}
			text, out := token(f.idClaims()), token(f.idClaims().with(object{"jti": "another sign-in"}))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				service.FollowLogouts(ctx)
			}()
			time.Sleep(began)
			f.breakStore(errors.New("the table is gone"))
			f.mu.Lock()
			f.revoked[hashOf(out)] = logout{time.Now(), time.Now().Add(time.Hour)} // by a process that reaches it
			f.mu.Unlock()
			var last, again, logged time.Duration // since the outage began
			for at := time.Duration(0); at < 20*time.Second; at += 10 * time.Millisecond {
				if at == outage {
					f.breakStore(nil)
				}
				_, err := service.Authenticate(ctx, text)
				switch {
				case err != nil && last == 0:
					last = at
				case err == nil && last != 0 && again == 0:
					again = at
				}
				if _, err := service.Authenticate(ctx, out); err == nil {
					logged = at
				}
				time.Sleep(10 * time.Millisecond)
			}
			if last != want.last || again < min(want.again, outage) || again > want.again {
				t.Errorf("an outage of %s: refused from %s on and accepted again after %s; want %s and %s", outage, last, again, want.last, want.again)
			}
			if logged >= 5*time.Second {
				t.Errorf("an outage of %s: a token was accepted %s after it had been logged out", outage, logged)
			}
			t.Logf("outage of %s: refused from %s to %s; a token that was logged out was accepted up to %s", outage, last, again, logged)
			cancel()
			<-ended
		})
	}
}

func TestFollowLogouts_AsksEverySecondAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		service, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{Issuer: testIssuer, ClientID: browserClient})
		if err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.asked = 0
		f.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			service.FollowLogouts(ctx)
		}()
		time.Sleep(10*time.Second + time.Millisecond)
		f.mu.Lock()
		asked := f.asked
		f.mu.Unlock()
		// 26 hours at first and then the current one, now and then with the one before or after; and each second one hour whole.
		if asked < 26+10*2 || asked > 27+10*3+2 {
			t.Errorf("the table was asked %d times in 10 s", asked)
		}
		if err := service.LogoutsKnown(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	})
}

// A table that answers after two and a half seconds keeps nobody out: each answer is good for 4.9 s from its question, and the
// questions do not wait for each other.
func TestFollowLogouts_BearsASlowTable(t *testing.T) {
	for delay, good := range map[time.Duration]bool{2500 * time.Millisecond: true, 5 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			service, err := auth.NewService(f.directory(), revocations{f}, keys{f}, auth.Options{Issuer: testIssuer, ClientID: browserClient})
			if err != nil {
				t.Fatal(err)
			}
			if err := service.RefreshLogouts(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			f.ask = func(ctx context.Context) {
				select {
				case <-time.After(delay):
				case <-ctx.Done():
				}
			}
			f.mu.Unlock()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				service.FollowLogouts(ctx)
			}()
			refused := 0
			for range 300 {
				time.Sleep(100 * time.Millisecond)
				if service.LogoutsKnown(ctx) != nil {
					refused++
				}
			}
			if good != (refused == 0) {
				t.Errorf("with answers after %s the list was out of date %d times of 300", delay, refused)
			}
			cancel()
			<-ended
		})
	}
}

// A hanging table fails one question after 4.9 s, when its answer would be of no use any longer.
func TestRefreshLogouts_DoesNotWaitForAHangingTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.ask = func(ctx context.Context) { <-ctx.Done() }
		began := time.Now()
		if err := f.RefreshLogouts(t.Context()); err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took != standsFor {
			t.Errorf("took %s", took)
		}
	})
}

// The list is bounded: beyond that no logout is taken, since every process would have to hold it.
func TestLogout_IsRefusedWhereTheListIsFull(t *testing.T) {
	f := newFixture(t)
	for n := range 100_000 {
		f.revoked[hashOf(strconv.Itoa(n))] = logout{f.now, f.now.Add(time.Minute)}
	}
	f.refresh()
	text := token(f.idClaims())
	f.wantUnavailable("a logout", f.Logout(t.Context(), text))
	f.accepts("the token", text)
	f.advance(time.Minute)
	for range 26 {
		f.refresh()
	}
	if err := f.Logout(t.Context(), text); err != nil {
		t.Errorf("once the others have expired: %v", err)
	}
	f.refuses("afterwards", text)
}
