package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/auth"
)

// login signs in and returns the wait that is asked for, 0 where the attempt ran.
func (f *fixture) login(username, password, address string) time.Duration {
	f.Helper()
	_, _, err := f.Login(f.Context(), username, password, address)
	var refused auth.TooManyAttempts
	switch {
	case errors.As(err, &refused):
		if refused.RetryAfter <= 0 {
			f.Errorf("a wait of %s", refused.RetryAfter)
		}
		return refused.RetryAfter
	case err != nil && !errors.Is(err, auth.ErrWrongCredentials):
		f.Errorf("login: %v", err)
	case err == nil && f.passwords[username] != password:
		f.Errorf("%s signed in with %q", username, password)
	}
	return 0
}

func (f *fixture) wantWait(what string, got, want time.Duration) {
	f.Helper()
	if got != want {
		f.Errorf("%s: must wait %s, want %s", what, got, want)
	}
}

const address = "203.0.113.1"

func TestLogin_WaitsLongerWithEachFailureAfterFive(t *testing.T) {
	f := newFixture(t)
	for range 5 {
		f.wantWait("one of five", f.login("ada", "wrong", address), 0)
	}
	wait := 10 * time.Second
	for range 9 {
		f.wantWait("a right password too early", f.login("ada", "right", address), wait)
		f.advance(wait - time.Millisecond)
		f.wantWait("a millisecond too early", f.login("ada", "right", address), time.Millisecond)
		f.advance(time.Millisecond)
		f.wantWait("in time, wrong again", f.login("ada", "wrong", address), 0)
		wait = min(2*wait, 15*time.Minute)
	}
	if reached := len(f.attempts); reached != 14 {
		t.Errorf("%d attempts reached the pool, want 14", reached)
	}
	f.advance(wait)
	f.wantWait("a right password", f.login("ada", "right", address), 0)
	for range 5 {
		f.wantWait("one of the next five", f.login("ada", "wrong", address), 0)
	}
	f.wantWait("and then", f.login("ada", "wrong", address), 10*time.Second)
}

func TestLogin_ForgetsFailuresInTime(t *testing.T) {
	f := newFixture(t)
	for range 10 {
		for range 4 {
			f.wantWait("four in a quarter of an hour", f.login("ada", "wrong", address), 0)
		}
		f.advance(15 * time.Minute)
	}
	for range 5 {
		f.login("ada", "wrong", address)
	}
	f.advance(10*time.Second + 15*time.Minute)
	for range 5 {
		f.wantWait("a quarter of an hour after the wait", f.login("ada", "wrong", address), 0)
	}
	f.wantWait("the wait starts anew", f.login("ada", "wrong", address), 10*time.Second)
}

// The keys of the limits: failures of one name at one address are nobody else's.
func TestLogin_FailuresOfOneAreNotOfAnother(t *testing.T) {
	f := newFixture(t)
	f.passwords["bob"] = "right"
	for range 6 {
		f.login("ada", "wrong", "2001:db8:1:2::1")
	}
	for name, test := range map[string]struct {
		username, address string
		wait              time.Duration
	}{
		"the same again":                 {"ada", "2001:db8:1:2::1", 10 * time.Second},
		"another spelling of the name":   {"ADA", "2001:db8:1:2::1", 10 * time.Second},
		"another address of the network": {"ada", "2001:db8:1:2:ffff::9", 10 * time.Second},
		"the same with a zone":           {"ada", "2001:db8:1:2::1%eth0", 10 * time.Second},
		"another network":                {"ada", "2001:db8:1:3::1", 0},
		"IPv4":                           {"ada", "203.0.113.1", 0},
		"somebody else there":            {"bob", "2001:db8:1:2::1", 0},
		"no address":                     {"ada", "", 0},
	} {
		f.wantWait(name, f.login(test.username, f.passwords["ada"], test.address), test.wait)
	}
	for range 5 {
		f.login("bob", "wrong", "::ffff:203.0.113.7")
	}
	f.wantWait("IPv4 written as IPv6", f.login("bob", "right", "203.0.113.7"), 10*time.Second)
	f.wantWait("its neighbour", f.login("bob", "right", "203.0.113.8"), 0)
}

func TestLogin_AGuessFromManyAddressesMustWait(t *testing.T) {
	f := newFixture(t)
	f.wantWait("at home", f.login("ada", "right", "198.51.100.1"), 0)
	for i := range 30 {
		f.wantWait("a guess", f.login("ada", "wrong", fmt.Sprint("203.0.113.", i)), 0)
	}
	f.wantWait("a second guess from one of them", f.login("ada", "wrong", "203.0.113.7"), time.Minute)
	f.wantWait("at home", f.login("ada", "right", "198.51.100.1"), 0)
	f.wantWait("another name from one of them", f.login("eve", "wrong", "203.0.113.7"), 0)
	f.advance(familiarFor)
	f.wantWait("a day later, from one of them", f.login("ada", "wrong", "203.0.113.7"), 0)
}

const familiarFor = 24 * time.Hour

func TestLogin_OneAddressMayNotTryEverybody(t *testing.T) {
	f := newFixture(t)
	f.passwords["bob"] = "right"
	f.wantWait("somebody of the same office", f.login("bob", "right", address), 0)
	for i := range 100 {
		f.wantWait("a guess for each of many users", f.login(fmt.Sprint("user", i), "wrong", address), 0)
	}
	f.wantWait("one more", f.login("user100", "wrong", address), 30*time.Second)
	f.wantWait("one more that is right", f.login("ada", "right", address), 30*time.Second)
	f.wantWait("a name that nobody can have", f.login(strings.Repeat("n", 140), "wrong", address), 30*time.Second)
	f.wantWait("who signed in from there lately", f.login("bob", "right", address), 0)
	f.wantWait("another address", f.login("ada", "right", "198.51.100.1"), 0)
	f.advance(30 * time.Second)
	f.wantWait("in time, wrong again", f.login("user101", "wrong", address), 0)
	f.wantWait("twice as long", f.login("user102", "wrong", address), time.Minute)
	if reached := len(f.attempts); reached != 104 {
		t.Errorf("%d attempts reached the pool, want 104", reached)
	}
}

// A right sign-in does not make good the address's guesses for others: an attacker may have an account too.
func TestLogin_AnAddressIsNotForgivenForASignIn(t *testing.T) {
	f := newFixture(t)
	for i := range 100 {
		f.login(fmt.Sprint("user", i), "wrong", address)
		if i%10 == 0 && i < 90 {
			f.login("ada", "right", address)
		}
	}
	f.wantWait("after a hundred guesses", f.login("user100", "wrong", address), 30*time.Second)
}

// However many names and addresses fail, who must wait goes on waiting, and whose address is known stays known.
func TestLogin_TheLimiterCannotBeEmptied(t *testing.T) {
	for name, flood := range map[string]func(n int) (username, from string){
		"long names from one address": func(n int) (string, string) { return fmt.Sprint(n, strings.Repeat("n", 140)), "198.51.100.1" },
		"names from one address":      func(n int) (string, string) { return fmt.Sprint("user", n), "198.51.100.1" },
		"names from many addresses": func(n int) (string, string) {
			return fmt.Sprint("user", n), fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.passwords["bob"] = "right"
			for range 5 {
				f.login("ada", "wrong", address)
			}
			f.login("bob", "right", "198.51.100.1")
			for n := range 11_000 {
				username, from := flood(n)
				f.login(username, "wrong", from)
			}
			f.wantWait("who had to wait", f.login("ada", "right", address), 10*time.Second)
			f.wantWait("who signed in from there", f.login("bob", "right", "198.51.100.1"), 0)
		})
	}
}

// However one address spaces its failures, it makes nobody else wait, not even who mistypes the password once.
func TestLogin_OneAttackerMakesNobodyElseWait(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, 16 * time.Second, time.Minute, 3*time.Minute + 1} {
		f := newFixture(t)
		for until := f.clock().Add(6 * time.Hour); f.clock().Before(until); f.advance(pause) {
			f.login("ada", "wrong", address)
		}
		f.wantWait("a typing error elsewhere", f.login("ada", "wrong", "198.51.100.1"), 0)
		f.wantWait("the right password elsewhere", f.login("ada", "right", "198.51.100.1"), 0)
	}
}

// Strangers who go on failing, from a few addresses, for days, never keep a user from signing in somewhere new, and get only
// so many guesses.
func TestLogin_ALastingAttackDoesNotLockTheUserOut(t *testing.T) {
	f := newFixture(t)
	until := f.clock().Add(48 * time.Hour)
	for minute := 0; f.clock().Before(until); minute++ {
		for attacker := range 8 {
			f.login("ada", "wrong", fmt.Sprint("203.0.113.", attacker))
		}
		if minute%60 == 59 {
			if wait := f.login("ada", "right", fmt.Sprint("198.51.100.", minute/60)); wait > 0 {
				t.Fatalf("after %d minutes the user must wait %s at an address of nobody else", minute, wait)
			}
		}
		f.advance(time.Minute)
	}
	if guesses := len(f.attempts) - 48; guesses > 300 {
		t.Errorf("the attackers had %d guesses in two days", guesses)
	}
}

// One address has one attempt beyond the limit of a name, not as many as it sends at the same time.
func TestLogin_AFreeAttemptIsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		for i := range 30 {
			f.login("ada", "wrong", fmt.Sprint("203.0.113.", i))
		}
		before := len(f.attempts)
		f.signIn = func() { time.Sleep(100 * time.Millisecond) }
		var burst sync.WaitGroup
		for range 5 {
			burst.Go(func() { f.login("ada", "wrong", "198.51.100.1") })
		}
		burst.Wait()
		if guesses := len(f.attempts) - before; guesses != 1 {
			t.Errorf("%d guesses", guesses)
		}
	})
}

// Guesses sent at the same time get no further than guesses sent one after the other; right passwords are all let in.
func TestLogin_ABurstGetsNoFurtherThanARow(t *testing.T) {
	for password, want := range map[string]int64{"wrong": 5, "right": 50} {
		t.Run(password, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				var ran, waits atomic.Int64
				f.signIn = func() { ran.Add(1); time.Sleep(100 * time.Millisecond) }
				var burst sync.WaitGroup
				for range 50 {
					burst.Go(func() {
						if f.login("ada", password, address) > 0 {
							waits.Add(1)
						}
					})
				}
				burst.Wait()
				if ran.Load() != want || waits.Load() != 50-want {
					t.Errorf("%d attempts ran and %d must wait, want %d to run", ran.Load(), waits.Load(), want)
				}
			})
		})
	}
}

func TestLogin_WhoLeavesWhileWaitingForOthersIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		release := make(chan struct{})
		f.signIn = func() { <-release }
		var slow sync.WaitGroup
		for range 5 {
			slow.Go(func() { f.login("ada", "right", address) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := f.Login(ctx, "ada", "right", address); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(release)
		slow.Wait()
		f.wantWait("afterwards", f.login("ada", "right", address), 0)
	})
}
