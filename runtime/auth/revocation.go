package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"
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
// that some questions may fail; replication between regions, usually under a second, comes on top.
const (
	// RevocationsEvery is the time from one question for new logouts to the next.
	RevocationsEvery = time.Second
	// revocationsStandFor is how long an answer is good enough, counted from its question. Without a newer one no token is
	// accepted: one that is refused elsewhere must not work here. It is as much of the contract's 5 s as can be: a logout that an
	// answer does not hold was recorded after its question, so that the 5 s began later than this does.
	revocationsStandFor = 4900 * time.Millisecond
	// questionsMax is how many questions may wait for their answers: one a second, for as long as an answer is of use.
	questionsMax = int((revocationsStandFor + RevocationsEvery - 1) / RevocationsEvery)
	// questionAgain is how soon a question that failed is asked again, until it is time for the next one.
	questionAgain = RevocationsEvery / 5
	// revocationTimeout bounds the record of one logout, and reading one hour whole.
	revocationTimeout = 2 * time.Second
	// lookBack is how far each question goes back behind the last one that was answered. It covers what replication and the clocks
	// of others are late by in the usual case; what is later still, after a region was cut off, is found by reading the hours
	// whole, one with each question.
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
	over    map[time.Time]bool        // until then, the hours that have been read after their end
	next    int                       // the hour to be read whole next, counted back from the current one; of reread alone
}

func newDenyList(store Revocations, now func() time.Time) *denyList {
	return &denyList{store: store, now: now, until: map[fingerprint]time.Time{}, over: map[time.Time]bool{}}
}

// refresh asks for what is new since the last answer, and the first time for everything. What it has read of the first time is kept
// where it fails.
func (d *denyList) refresh(ctx context.Context) error {
	askedAt := d.now()
	from, over := d.unknown(askedAt)
	ctx, cancel := context.WithTimeout(ctx, revocationsStandFor)
	defer cancel()
	var hours errgroup.Group
	// Processes whose clock is ahead have begun the next hour.
	for hour := from.UTC().Truncate(time.Hour); !hour.After(askedAt.Add(lookBack)); hour = hour.Add(time.Hour) {
		if !over[hour] {
			hours.Go(func() error { return d.readNew(ctx, hour, from, askedAt) })
		}
	}
	if err := hours.Wait(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loaded, d.over = true, nil
	if askedAt.After(d.askedAt) {
		d.askedAt = askedAt
	}
	return nil
}

// unknown tells since when logouts may not be in the list, and which hours since then are in it none the less.
func (d *denyList) unknown(now time.Time) (from time.Time, over map[time.Time]bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if oldest := now.Add(-hoursBack * time.Hour); !d.loaded || d.askedAt.Before(oldest) {
		return oldest, maps.Clone(d.over)
	}
	return d.askedAt.Add(-lookBack), nil
}

// readNew reads what was logged out in an hour at or after from, for a question of askedAt, and notes the hour where nothing more is
// to come in it but what is late.
func (d *denyList) readNew(ctx context.Context, hour, from, askedAt time.Time) error {
	if err := d.read(ctx, hour, from); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.loaded && !hour.Add(time.Hour+lookBack).After(askedAt) {
		d.over[hour] = true
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
