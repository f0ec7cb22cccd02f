package auth

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// limit says how many failures are allowed before attempts must wait, and how the wait grows.
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
	// addressLimit holds for one client address over all user names, against one guess for each of many users. It does not hold
	// for a user who signed in from there lately: others may share the address.
	addressLimit = limit{
		failuresMax: 100, window: 15 * time.Minute, waitMin: 30 * time.Second, waitMax: 15 * time.Minute, forgetAfter: 15 * time.Minute,
	}
)

const (
	// limitedMax bounds the remembered names, addresses and pairs of each of the kinds that memory tells apart, about 250
	// bytes each.
	limitedMax = 10_000
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

// record is what is remembered about one name, address or pair.
type record struct {
	key         mark
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
	records *memory
}

func newLimiter(now func() time.Time) (*limiter, error) {
	records, err := newMemory(limitedMax)
	if err != nil {
		return nil, fmt.Errorf("make the memory of attempts: %w", err)
	}
	return &limiter{now: now, records: records}, nil
}

// hold is a record that an attempt has entered.
type hold struct {
	r  *record
	by limit
	// forgiving tells that a success here makes good what failed before.
	forgiving bool
}

// admit waits until an attempt may run and returns what to call when it has ended. The error is a TooManyAttempts, or
// ctx's. Names that differ in case only count as one, since user pools may take them as one.
//
// The address comes first: while it must wait, its attempts leave no trace of the names that they are for, and so push no
// other record out.
func (l *limiter) admit(ctx context.Context, username, clientAddress string) (end func(outcome), err error) {
	name, address := strings.ToLower(username), network(clientAddress)
	pairText := name + "\x00" + address
	var held []hold
	if !l.familiar(pairText) {
		if held, err = l.join(ctx, held, hold{r: l.record("\x00" + address), by: addressLimit}); err != nil {
			return nil, err
		}
	}
	pair := l.record(pairText)
	if held, err = l.join(ctx, held, hold{pair, pairLimit, true}); err != nil {
		return nil, err
	}
	familiar, clean := l.standing(pair)
	whole := hold{r: l.record(name), by: nameLimit}
	switch {
	case familiar: // another address's guesses are not this user's
	case clean:
		l.enterFreely(whole.r)
		held = append(held, whole)
	default:
		if held, err = l.join(ctx, held, whole); err != nil {
			return nil, err
		}
	}
	return func(o outcome) { l.leaveAll(held, o) }, nil
}

// admitNobody is admit for a name or a password that nobody can have: its failure is the address's alone.
func (l *limiter) admitNobody(ctx context.Context, clientAddress string) (end func(outcome), err error) {
	held, err := l.join(ctx, nil, hold{r: l.record("\x00" + network(clientAddress)), by: addressLimit})
	if err != nil {
		return nil, err
	}
	return func(o outcome) { l.leaveAll(held, o) }, nil
}

// join enters one more record, and where that is refused leaves those entered before.
func (l *limiter) join(ctx context.Context, held []hold, next hold) ([]hold, error) {
	if err := l.enter(ctx, next.r, next.by); err != nil {
		l.leaveAll(held, undecided)
		return nil, err
	}
	return append(held, next), nil
}

func (l *limiter) leaveAll(held []hold, o outcome) {
	for _, h := range held {
		of := o
		if o == succeeded && !h.forgiving {
			of = undecided
		}
		l.leave(h.r, h.by, of)
	}
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

// record finds or makes the record of what text names.
func (l *limiter) record(text string) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records.get(text)
}

// familiar tells whether the user signed in from a pair's address lately. It leaves no record.
func (l *limiter) familiar(pairText string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records.peek(pairText)
	return r != nil && within(l.now(), r.succeededAt, familiarFor)
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
		l.records.sort(r)
	case succeeded:
		*r = record{key: r.key, succeededAt: now, inFlight: r.inFlight, changed: r.changed}
		l.records.sort(r)
	case undecided:
	}
}

// allowance is how many more failures are allowed, at least 1.
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
