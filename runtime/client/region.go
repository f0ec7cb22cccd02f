package client

import (
	"sync"
	"time"
)

// regions are the addresses of the service in the order in which they are wanted.
type regions struct {
	all         []*region
	returnAfter time.Duration
	now         func() time.Time

	mu sync.Mutex
}

// region is one address. While it is down, others are called; from until on one call tries it.
type region struct {
	Region
	down  bool
	until time.Time
}

// pick returns the region that a call goes to: the first that is not down. One that has been down for long enough gets this one call,
// whose outcome decides about the others.
func (r *regions) pick() *region {
	r.mu.Lock()
	defer r.mu.Unlock()
	soonest := r.all[0]
	for _, one := range r.all {
		if !one.down {
			return one
		}
		if now := r.now(); !now.Before(one.until) {
			one.until = now.Add(r.returnAfter)
			return one
		}
		if one.until.Before(soonest.until) {
			soonest = one
		}
	}
	return soonest
}

// other tells whether there is a region that answers as far as is known, besides one.
func (r *regions) other(than *region) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		if one != than && !one.down {
			return true
		}
	}
	return false
}

// answered notes that a region answers.
func (r *regions) answered(at *region) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at.down = false
}

// silent notes that a region does not answer.
func (r *regions) silent(at *region) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at.down, at.until = true, r.now().Add(r.returnAfter)
}
