package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// Revocations keep the fingerprints of tokens that were logged out, for all processes in all regions.
type Revocations interface {
	// Revoke records a token as logged out; the record may vanish after expiresAt. Repeating it is a success.
	Revoke(ctx context.Context, tokenHash string, expiresAt time.Time) error
	// Revoked tells whether a token was logged out, in this region at any time before the call.
	Revoked(ctx context.Context, tokenHash string) (bool, error)
}

// A token that was logged out elsewhere is refused within 5 s in its region and within 10 s in the others (API contract,
// section Authentication). An answer is at most RevocationFreshFor old in the usual case and revocationStandsFor where
// the table does not answer; replication between regions, usually under a second, comes on top.
const (
	// RevocationFreshFor is how long the answer that a token is not logged out is reused, counted from when it was asked for.
	RevocationFreshFor = 2 * time.Second
	// revocationStandsFor is how long such an answer is still good enough when a newer one cannot be had.
	revocationStandsFor = 4 * time.Second
	// revocationTimeout bounds one look into the table, however many requests wait for it.
	revocationTimeout = 2 * time.Second
	// revocationsRemembered bounds the remembered answers, about 100 bytes each.
	revocationsRemembered = 20_000
)

// standing is what is known about one token.
type standing struct {
	revoked bool      // for good: nothing undoes a logout
	askedAt time.Time // when the question began, since what happened later is not in its answer
}

// revocationCheck remembers answers and lets concurrent requests with one token share a question.
type revocationCheck struct {
	store  Revocations
	now    func() time.Time
	flight singleflight.Group

	mu    sync.Mutex // makes comparing and replacing an answer one step
	known *lru.Cache[fingerprint, standing]
}

func newRevocationCheck(store Revocations, now func() time.Time) (*revocationCheck, error) {
	known, err := lru.New[fingerprint, standing](revocationsRemembered)
	if err != nil {
		return nil, fmt.Errorf("make the memory of revocations: %w", err)
	}
	return &revocationCheck{store: store, now: now, known: known}, nil
}

// revoked tells whether the token was logged out; an error means that this is not known and the token must be refused.
func (r *revocationCheck) revoked(ctx context.Context, mark fingerprint) (bool, error) {
	if revoked, good := r.remembered(mark, RevocationFreshFor); good {
		return revoked, nil
	}
	// The question has a deadline of its own: others may wait for it after this request has given up.
	done := r.flight.DoChan(string(mark[:]), func() (any, error) { return r.ask(context.WithoutCancel(ctx), mark) })
	select {
	case got := <-done:
		if got.Err == nil {
			return got.Val.(bool), nil
		}
		if revoked, good := r.remembered(mark, revocationStandsFor); good {
			return revoked, nil
		}
		return false, unavailable("it cannot be checked now whether the token was logged out; try again shortly", got.Err)
	case <-ctx.Done():
		return false, fmt.Errorf("ask whether the token was logged out: %w", ctx.Err())
	}
}

// remembered returns what is known about a token if it was asked for within age.
func (r *revocationCheck) remembered(mark fingerprint, age time.Duration) (revoked, good bool) {
	s, found := r.known.Get(mark)
	return s.revoked, found && (s.revoked || r.now().Before(s.askedAt.Add(age)))
}

func (r *revocationCheck) ask(ctx context.Context, mark fingerprint) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
	askedAt := r.now()
	revoked, err := r.store.Revoked(ctx, mark.String())
	if err != nil {
		return false, fmt.Errorf("look for a revocation: %w", err)
	}
	return r.learn(mark, standing{revoked, askedAt}), nil
}

// revoke logs the token out everywhere, and in this process at once.
func (r *revocationCheck) revoke(ctx context.Context, mark fingerprint, expiresAt time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
	if err := r.store.Revoke(ctx, mark.String(), expiresAt); err != nil {
		// Nothing is remembered here: the client learns that it must try again, and can do so only while its token is good.
		return unavailable("the token could not be logged out now; try again shortly", fmt.Errorf("revoke a token: %w", err))
	}
	r.learn(mark, standing{revoked: true, askedAt: r.now()})
	return nil
}

// learn remembers s unless the token is known to be logged out, which a question asked before the logout does not know,
// and returns whether it is.
func (r *revocationCheck) learn(mark fingerprint, s standing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, found := r.known.Peek(mark); found && before.revoked {
		return true
	}
	r.known.Add(mark, s)
	return s.revoked
}
