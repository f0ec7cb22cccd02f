package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// The reasons for which a Gate lets nobody in.
var (
	// ErrFull means that too much is in use, or that too many wait already.
	ErrFull = errors.New("no more fits in")
	// ErrShare means that the caller has as much as one caller may have while others have the rest.
	ErrShare = errors.New("the caller has its share")
)

// sharePart of a Gate is what one caller may hold, in quarters.
const sharePart = 3

// Gate gives out parts of a limited whole. It is safe for concurrent use.
//
// Of the whole, one caller holds at most three quarters, so that there is always room for another, or, where idle parts are to
// be used, more for as long as nobody else waits.
type Gate struct {
	size, share int64
	waitingMax  int
	idle        bool

	mu      sync.Mutex
	used    int64
	holders map[string]int64
	waiting []*waiter
}

// waiter is one who waits; entered has room for the answer, so that nobody blocks on one that has left.
type waiter struct {
	caller  string
	n       int64
	entered chan struct{}
}

// NewGate returns a Gate of a size above 0, at which at most waitingMax may wait.
func NewGate(size int64, waitingMax int) *Gate {
	return &Gate{size: size, share: max(size*sharePart/4, 1), waitingMax: waitingMax, holders: map[string]int64{}}
}

// UsingIdle lets a caller have more than its share while nobody else waits. It suits what is given back soon, and no memory
// that a slow client keeps. It returns the gate and is called before the first use.
func (g *Gate) UsingIdle() *Gate {
	g.idle = true
	return g
}

// CallerKey is under which a context has the name of the one whose work it is, for CallerOf.
type CallerKey struct{}

// WithCaller tells those who work on a request whose it is.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, CallerKey{}, caller)
}

// CallerOf is whom a context's work is for, empty where nobody has told.
func CallerOf(ctx context.Context) string {
	caller, _ := ctx.Value(CallerKey{}).(string)
	return caller
}

// Hold is a part of a Gate in use. It belongs to one goroutine at a time.
type Hold struct {
	gate   *Gate
	caller string
	n      int64
}

// Try takes n at once, or returns ErrFull or ErrShare. An empty caller has no share to keep to.
func (g *Gate) Try(caller string, n int64) (*Hold, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		return nil, ErrFull // those who wait come first
	}
	if err := g.take(caller, n); err != nil {
		return nil, err
	}
	return &Hold{g, caller, n}, nil
}

// Enter takes n, of which more than the whole counts as the whole, and waits for it behind those who came before. The error is
// ErrFull where too many wait, or ctx's.
func (g *Gate) Enter(ctx context.Context, caller string, n int64) (*Hold, error) {
	n = min(n, g.size)
	if !g.idle {
		n = min(n, g.share)
	}
	g.mu.Lock()
	if len(g.waiting) == 0 && g.take(caller, n) == nil {
		g.mu.Unlock()
		return &Hold{g, caller, n}, nil
	}
	if len(g.waiting) >= g.waitingMax {
		g.mu.Unlock()
		return nil, ErrFull
	}
	w := &waiter{caller, n, make(chan struct{}, 1)}
	g.waiting = append(g.waiting, w)
	g.admit()
	g.mu.Unlock()
	select {
	case <-w.entered:
		return &Hold{g, caller, n}, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else {
		g.put(caller, n) // it was let in just now
	}
	g.admit()
	return nil, fmt.Errorf("wait to be let in: %w", ctx.Err())
}

// take takes n if it is free and within the caller's share; g.mu is held.
func (g *Gate) take(caller string, n int64) error {
	switch {
	case g.used+n > g.size:
		return ErrFull
	case caller != "" && !g.idle && g.holders[caller]+n > g.share:
		return ErrShare
	}
	g.used += n
	if caller != "" {
		g.holders[caller] += n
	}
	return nil
}

// put gives n back; g.mu is held.
func (g *Gate) put(caller string, n int64) {
	g.used -= n
	if caller == "" {
		return
	}
	if g.holders[caller] -= n; g.holders[caller] <= 0 {
		delete(g.holders, caller) // the map is as large as the callers of the moment
	}
}

// admit lets in who is next, for as long as there is room; g.mu is held.
func (g *Gate) admit() {
	for {
		i := g.next()
		if i < 0 || g.take(g.waiting[i].caller, g.waiting[i].n) != nil {
			return // one that is too large for now is waited for, or it would wait for ever
		}
		g.waiting[i].entered <- struct{}{}
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// next is the first in line whose caller keeps to its share with it, and where idle parts are to be used the first at all when
// there is no such; -1 where nobody may be let in.
func (g *Gate) next() int {
	for i, w := range g.waiting {
		if w.caller == "" || g.holders[w.caller]+w.n <= g.share || g.idle && g.holders[w.caller] == 0 {
			return i
		}
	}
	if g.idle && len(g.waiting) > 0 {
		return 0
	}
	return -1
}

// Grow takes n more at once, or returns ErrFull or ErrShare and takes nothing.
func (h *Hold) Grow(n int64) error {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	if err := h.gate.take(h.caller, n); err != nil {
		return err
	}
	h.n += n
	return nil
}

// Shrink gives back all but n.
func (h *Hold) Shrink(n int64) {
	if n >= h.n {
		return
	}
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.gate.put(h.caller, h.n-n)
	h.n = n
	h.gate.admit()
}

// Leave gives everything back. It may be called again.
func (h *Hold) Leave() { h.Shrink(0) }

// Used is how much is in use now.
func (g *Gate) Used() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used
}
