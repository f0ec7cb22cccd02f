package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
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
	// revocationTimeout bounds one question, and the record of one logout.
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
	next    int                       // the hour to be read whole next, counted back from the current one
}

func newDenyList(store Revocations, now func() time.Time) *denyList {
	return &denyList{store: store, now: now, until: map[fingerprint]time.Time{}}
}

// refresh asks for what is new, and reads one hour whole; the first time all hours.
func (d *denyList) refresh(ctx context.Context) error {
	askedAt := d.now()
	if !d.loaded {
		if err := d.loadAll(ctx, askedAt); err != nil {
			return err
		}
	} else if err := d.readSince(ctx, askedAt.Add(-lookBack), askedAt); err != nil {
		return err
	}
	d.mu.Lock()
	d.askedAt, d.loaded = askedAt, true
	d.mu.Unlock()

	hour := askedAt.UTC().Truncate(time.Hour).Add(-time.Duration(d.next) * time.Hour)
	if d.next++; d.next > hoursBack {
		d.next = 0
		d.forget(askedAt)
	}
	return d.read(ctx, hour, hour)
}

// loadAll reads every hour that may matter.
func (d *denyList) loadAll(ctx context.Context, now time.Time) error {
	return d.readSince(ctx, now.Add(-hoursBack*time.Hour), now)
}

// readSince reads what was logged out from a moment on, also by processes whose clock is ahead.
func (d *denyList) readSince(ctx context.Context, from, now time.Time) error {
	for hour := from.UTC().Truncate(time.Hour); !hour.After(now.Add(lookBack)); hour = hour.Add(time.Hour) {
		if err := d.read(ctx, hour, from); err != nil {
			return err
		}
	}
	return nil
}

func (d *denyList) read(ctx context.Context, hour, from time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
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
// 4 s, Authenticate refuses every token with an error of kind fault.Unavailable. It is called by one goroutine at a time.
func (s *Service) RefreshLogouts(ctx context.Context) error { return s.revocations.refresh(ctx) }

// FollowLogouts calls RefreshLogouts every RevocationsEvery until ctx ends.
func (s *Service) FollowLogouts(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		began := s.options.Now()
		err := s.RefreshLogouts(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			s.options.Logger.WarnContext(ctx, "logouts cannot be followed", "error", err.Error())
		case err == nil && failing:
			s.options.Logger.InfoContext(ctx, "logouts are followed again")
		}
		failing = err != nil
		if rest := RevocationsEvery - s.options.Now().Sub(began); rest > 0 {
			_ = s.options.Sleep(ctx, rest) // ctx is looked at above
		}
	}
}

// LogoutsKnown returns nil while the list of logouts is up to date, which is what Authenticate needs.
func (s *Service) LogoutsKnown(context.Context) error {
	s.revocations.mu.RLock()
	defer s.revocations.mu.RUnlock()
	return s.revocations.upToDate()
}
