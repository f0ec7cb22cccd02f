package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// limit says how many failures are borne before attempts must wait, and how the wait grows.
type limit struct {
	failuresMax int           // within window
	window      time.Duration // from the first of them
	waitMin     time.Duration // the first wait; it doubles with each failure after a wait
	waitMax     time.Duration
	forgetAfter time.Duration // a wait no longer grows once nothing has failed for so long after the last one
}

// Limits of failed sign-ins. They hold per process, so that a fleet of n processes bears n times as many; the user pool's
// own lockout stands behind them.
var (
	// pairLimit holds for one user name from one client address. Its window is as long as nameLimit's, so that one address
	// alone never reaches that.
	pairLimit = limit{
		failuresMax: 5, window: 15 * time.Minute, waitMin: 10 * time.Second, waitMax: 15 * time.Minute, forgetAfter: 15 * time.Minute,
	}
	// nameLimit holds for one user name from all addresses, against a guess that comes from many. It does not hold for an
	// address from which that user signed in lately, nor for the first attempt from an address that has not failed lately, so
	// that strangers cannot lock a user out: they need an address of their own for every guess beyond the limit.
	nameLimit = limit{
		failuresMax: 30, window: 15 * time.Minute, waitMin: time.Minute, waitMax: 15 * time.Minute, forgetAfter: 15 * time.Minute,
	}
)

const (
	// limitedMax bounds the remembered names and pairs, about 200 bytes each. Whoever would push a pair out by failing under
	// other names has to fail that many times, each of which takes FailureTimeMin and a call to the user pool.
	limitedMax = 20_000
	// familiarFor is how long an address counts as the user's own after a sign-in.
	familiarFor = 24 * time.Hour
	// suspectFor is how long an address has no free attempt after a failure.
	suspectFor = 24 * time.Hour
)

// outcome is how an attempt ended.
type outcome int

const (
	undecided outcome = iota // the password was not judged
	failed
	succeeded
)

// record is what is remembered about one name or pair.
type record struct {
	failures    int       // in the current window
	windowStart time.Time // of the first of them
	waits       int       // how often attempts have had to wait in a row
	waitUntil   time.Time
	succeededAt time.Time
	failedAt    time.Time
	inFlight    int
	changed     chan struct{} // closed when an attempt in flight ends
}

// limiter refuses sign-ins after repeated failures. Attempts beyond those that may still fail do not run at the same time
// but one after the other, so that a burst of parallel guesses gets no further than a row of them, while a burst of right
// ones is not refused.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	records *lru.Cache[[sha256.Size]byte, *record]
}

func newLimiter(now func() time.Time) (*limiter, error) {
	records, err := lru.New[[sha256.Size]byte, *record](limitedMax)
	if err != nil {
		return nil, fmt.Errorf("make the memory of attempts: %w", err)
	}
	return &limiter{now: now, records: records}, nil
}

// admit waits until an attempt may run and returns what to call when it has ended. The error is a TooManyAttempts, or
// ctx's. Names that differ in case only count as one, since user pools may take them as one.
func (l *limiter) admit(ctx context.Context, username, clientAddress string) (end func(outcome), err error) {
	name := strings.ToLower(username)
	pair := l.record(name + "\x00" + network(clientAddress))
	if err := l.enter(ctx, pair, pairLimit); err != nil {
		return nil, err
	}
	familiar, clean := l.standing(pair)
	if familiar {
		return func(o outcome) { l.leave(pair, pairLimit, o) }, nil
	}
	whole := l.record(name)
	if clean {
		l.enterFreely(whole)
	} else if err := l.enter(ctx, whole, nameLimit); err != nil {
		l.leave(pair, pairLimit, undecided)
		return nil, err
	}
	return func(o outcome) {
		l.leave(pair, pairLimit, o)
		if o == succeeded {
			o = undecided // another address's guesses are not made good by the user's own sign-in
		}
		l.leave(whole, nameLimit, o)
	}, nil
}

// network is what one client can be told by: its IPv4 address, or the 64-bit prefix of IPv6, of which a client usually has
// all addresses.
func network(clientAddress string) string {
	address, err := netip.ParseAddr(clientAddress)
	if err != nil {
		return clientAddress
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address.WithZone(""), 64).Masked().String()
}

// record finds or makes the record of what text names, of which only a hash is kept: it is as long as a client likes. One
// that is pushed out while an attempt is in flight is finished by that attempt alone.
func (l *limiter) record(text string) *record {
	key := sha256.Sum256([]byte(text))
	l.mu.Lock()
	defer l.mu.Unlock()
	r, found := l.records.Get(key)
	if !found {
		r = &record{changed: make(chan struct{})}
		l.records.Add(key, r)
	}
	return r
}

// standing tells whether the user signed in from a pair's address lately, and whether this is the pair's only attempt and
// none has failed lately.
func (l *limiter) standing(r *record) (familiar, clean bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return within(now, r.succeededAt, familiarFor), r.inFlight == 1 && !within(now, r.failedAt, suspectFor)
}

// within tells whether then, which may be never, lies less than d ago.
func within(now, then time.Time, d time.Duration) bool {
	return !then.IsZero() && now.Before(then.Add(d))
}

// enterFreely lets an attempt run whatever has failed before; its own failure counts.
func (l *limiter) enterFreely(r *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.inFlight++
}

func (l *limiter) enter(ctx context.Context, r *record, by limit) error {
	for {
		l.mu.Lock()
		now := l.now()
		if wait := r.waitUntil.Sub(now); wait > 0 {
			l.mu.Unlock()
			return TooManyAttempts{RetryAfter: wait}
		}
		if r.inFlight < r.allowance(now, by) {
			r.inFlight++
			l.mu.Unlock()
			return nil
		}
		changed := r.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for other attempts to sign in: %w", ctx.Err())
		}
	}
}

func (l *limiter) leave(r *record, by limit, o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.inFlight--
	close(r.changed)
	r.changed = make(chan struct{})
	switch now := l.now(); o {
	case failed:
		r.fail(now, by)
	case succeeded:
		*r = record{succeededAt: now, inFlight: r.inFlight, changed: r.changed}
	case undecided:
	}
}

// allowance is how many more failures are borne, at least 1.
func (r *record) allowance(now time.Time, by limit) int {
	r.forget(now, by)
	if r.waits > 0 {
		return 1
	}
	return by.failuresMax - r.failures
}

func (r *record) fail(now time.Time, by limit) {
	r.forget(now, by)
	if r.failures == 0 {
		r.windowStart = now
	}
	r.failures, r.failedAt = r.failures+1, now
	if r.waits == 0 && r.failures < by.failuresMax {
		return
	}
	wait := by.waitMax
	if r.waits < 16 { // beyond that the doubled wait exceeds every maximum, and in the end an int64
		wait = min(by.waitMin<<r.waits, by.waitMax)
	}
	r.failures, r.waits, r.waitUntil = 0, r.waits+1, now.Add(wait)
}

// forget drops what lies too far back to count.
func (r *record) forget(now time.Time, by limit) {
	if r.failures > 0 && !now.Before(r.windowStart.Add(by.window)) {
		r.failures = 0
	}
	if r.waits > 0 && !now.Before(r.waitUntil.Add(by.forgetAfter)) {
		r.waits = 0
	}
}
