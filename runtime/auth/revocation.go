package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Revocations keep the tokens that were logged out, for all processes in all regions, by the SHA-256 of their text in hex.
type Revocations interface {
	// Revoke records that a token was logged out at a moment by this process's clock. The record may vanish after expiresAt.
	// Repeating it is a success.
	Revoke(ctx context.Context, tokenHash string, revokedAt, expiresAt time.Time) error
	// RevokedIn passes on what was logged out within the UTC hour that begins at hour, at or after from. It sees every logout
	// that was recorded in this region before the call.
	RevokedIn(ctx context.Context, hour, from time.Time, take func(tokenHash string, expiresAt time.Time)) error
}

// A token that was logged out elsewhere is refused within 5 s in its region and within 10 s in the others (API contract,
// section Authentication). The table is asked every RevocationsEvery, and what it said counts for revocationsStandFor, so
// that one question may fail; replication between regions, usually under a second, comes on top.
const (
	// RevocationsEvery is the time from one question for new logouts to the next.
	RevocationsEvery = time.Second
	// revocationsStandFor is how long an answer is good enough, counted from its question. Without a newer one no token is
	// accepted: one that is refused elsewhere must not work here.
	revocationsStandFor = 4 * time.Second
	// questionsMax is how many questions may wait for their answers: one a second, for as long as an answer is of use.
	questionsMax = int(revocationsStandFor / RevocationsEvery)
	// revocationTimeout bounds the record of one logout, and reading one hour whole.
	revocationTimeout = 2 * time.Second
	// lookBack is how far each question goes back. It covers what replication and the clocks of others are late by in the usual
	// case; what is later still, after a region was cut off, is found by reading the hours whole, one with each question.
	lookBack = time.Minute
	// hoursBack is how many hours before the current one can hold logouts of tokens that are still valid. A user pool's tokens
	// live for a day at most.
	hoursBack = 25
	// denyListMax bounds the list, about 100 bytes an entry. Beyond it no logout is taken: every process holds every entry.
	denyListMax = 100_000
)

// denyList is this process's copy of the tokens that were logged out and have not expired.
type denyList struct {
	store Revocations
	now   func() time.Time

	mu      sync.RWMutex
	until   map[fingerprint]time.Time // by when the token expires
	askedAt time.Time                 // when the last question that was answered began, since what happened later is not in it
	loaded  bool                      // all hours have been read
	next    int                       // the hour to be read whole next, counted back from the current one; of reread alone
}

func newDenyList(store Revocations, now func() time.Time) *denyList {
	return &denyList{store: store, now: now, until: map[fingerprint]time.Time{}}
}

// refresh asks for what is new, and the first time for everything.
func (d *denyList) refresh(ctx context.Context) error {
	d.mu.RLock()
	loaded := d.loaded
	d.mu.RUnlock()
	askedAt := d.now()
	from := askedAt.Add(-lookBack)
	if !loaded {
		from = askedAt.Add(-hoursBack * time.Hour)
	}
	ctx, cancel := context.WithTimeout(ctx, revocationsStandFor)
	defer cancel()
	var hours errgroup.Group
	// Processes whose clock is ahead have begun the next hour.
	for hour := from.UTC().Truncate(time.Hour); !hour.After(askedAt.Add(lookBack)); hour = hour.Add(time.Hour) {
		hours.Go(func() error { return d.read(ctx, hour, from) })
	}
	if err := hours.Wait(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loaded = true
	if askedAt.After(d.askedAt) {
		d.askedAt = askedAt
	}
	return nil
}

// reread reads one hour whole, another one each time.
func (d *denyList) reread(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
	now := d.now()
	hour := now.UTC().Truncate(time.Hour).Add(-time.Duration(d.next) * time.Hour)
	if d.next++; d.next > hoursBack {
		d.next = 0
		d.forget(now)
	}
	return d.read(ctx, hour, hour)
}

func (d *denyList) read(ctx context.Context, hour, from time.Time) error {
	if err := d.store.RevokedIn(ctx, hour, from, d.learn); err != nil {
		return fmt.Errorf("read the logouts of %s: %w", hour.Format(time.RFC3339), err)
	}
	return nil
}

func (d *denyList) learn(tokenHash string, expiresAt time.Time) {
	raw, err := hex.DecodeString(tokenHash)
	if err != nil || len(raw) != len(fingerprint{}) || !d.now().Before(expiresAt) {
		return // not an entry of this service, or of no use any longer
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until[fingerprint(raw)] = expiresAt
}

// forget drops what has expired: such tokens are refused without the list.
func (d *denyList) forget(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for mark, until := range d.until {
		if !now.Before(until) {
			delete(d.until, mark)
		}
	}
}

// revoked tells whether the token was logged out; an error means that this is not known and the token must be refused.
func (d *denyList) revoked(mark fingerprint) (bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if _, found := d.until[mark]; found {
		return true, nil
	}
	return false, d.upToDate()
}

// upToDate tells whether what is not in the list is not logged out; d.mu is held.
func (d *denyList) upToDate() error {
	if !d.loaded || !d.now().Before(d.askedAt.Add(revocationsStandFor)) {
		return unavailable("it cannot be checked now whether the token was logged out; try again shortly", errListOld)
	}
	return nil
}

var (
	errListOld  = errors.New("the list of logouts is not up to date")
	errListFull = errors.New("the list of logouts is full")
)

// revoke logs the token out everywhere, and in this process at once.
func (d *denyList) revoke(ctx context.Context, mark fingerprint, expiresAt time.Time) error {
	const message = "the token could not be logged out now; try again shortly"
	d.mu.RLock()
	_, repeated := d.until[mark]
	entries := len(d.until)
	d.mu.RUnlock()
	switch {
	case repeated:
		return nil
	case entries >= denyListMax:
		return unavailable(message, errListFull)
	}
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
	if err := d.store.Revoke(ctx, mark.String(), d.now().UTC(), expiresAt); err != nil {
		// Nothing is remembered here: the client learns that it must try again, and can do so only while its token is good.
		return unavailable(message, fmt.Errorf("revoke a token: %w", err))
	}
	d.learn(mark.String(), expiresAt)
	return nil
}

// RefreshLogouts asks once for the tokens that were logged out lately. Until it has succeeded, and whenever it has not for
// 4 s, Authenticate refuses every token with an error of kind fault.Unavailable.
func (s *Service) RefreshLogouts(ctx context.Context) error { return s.revocations.refresh(ctx) }

// RereadLogouts reads one hour of the table of logouts whole, another one each time, for what was late. It is called by one
// goroutine at a time.
func (s *Service) RereadLogouts(ctx context.Context) error { return s.revocations.reread(ctx) }

// FollowLogouts asks every RevocationsEvery for new logouts, whether or not the questions before are answered: a table that
// takes seconds to answer is no reason to refuse everybody. Beside that it reads hour after hour again. It returns when ctx has
// ended and nothing of it is left.
func (s *Service) FollowLogouts(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() {
		for s.options.Sleep(ctx, RevocationsEvery) == nil {
			_ = s.RereadLogouts(ctx) // the hour comes round again; whether the table answers at all, the questions below tell
		}
	})
	asking := make(chan struct{}, questionsMax)
	var failing atomic.Bool
	for ctx.Err() == nil {
		select {
		case asking <- struct{}{}:
			following.Go(func() {
				defer func() { <-asking }()
				err := s.RefreshLogouts(ctx)
				switch {
				case err != nil && ctx.Err() == nil && !failing.Swap(true):
					s.options.Logger.WarnContext(ctx, "logouts cannot be followed", "error", err.Error())
				case err == nil && failing.Swap(false):
					s.options.Logger.InfoContext(ctx, "logouts are followed again")
				}
			})
		default: // enough of them wait
		}
		_ = s.options.Sleep(ctx, RevocationsEvery) // ctx is looked at above
	}
	following.Wait()
}

// LogoutsKnown returns nil while the list of logouts is up to date, which is what Authenticate needs.
func (s *Service) LogoutsKnown(context.Context) error {
	s.revocations.mu.RLock()
	defer s.revocations.mu.RUnlock()
	return s.revocations.upToDate()
}
