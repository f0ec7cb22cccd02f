package users

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Result is what a crowd saw in the measured time: of the readings that were to be sent then, however late they were sent.
type Result struct {
	Pace  Pace
	Began time.Time
	// Total is of all, and Seconds of each second of the measured time by the moments at which readings were to be sent.
	Total   Count
	Seconds []Count
	// Ramp is of the readings that were to be sent in the ramp, which count nowhere else.
	Ramp Count
	// Stored are the readings that were answered with 201, of the ramp too, where they were to be remembered.
	Stored []Stored
}

// Count is what became of some readings.
type Count struct {
	// Offered is how many were to be sent.
	Offered int
	// Answered is how many were answered, with whatever status.
	Answered int
	// Accepted is how long those took that were answered with 201, Refused those that were answered with 503.
	Accepted, Refused Histogram
	// Failed counts all others by their reasons, and those that were refused too.
	Failed map[string]int
	// RefusedBare counts the 503 without a Retry-After.
	RefusedBare int
}

// Failures is how many were not stored.
func (c *Count) Failures() (n int) {
	for _, of := range c.Failed {
		n += of
	}
	return n
}

// Rate is how many readings a second were stored.
func (r *Result) Rate() float64 { return float64(r.Total.Accepted.Count()) / r.Pace.Measured.Seconds() }

// Offered is how many readings a second were to be sent.
func (r *Result) Offered() float64 { return float64(r.Total.Offered) / r.Pace.Measured.Seconds() }

// Progress tells how it goes.
type Progress struct {
	Elapsed   time.Duration
	Connected int
	// Recent is of what came to an end since the last time, answered or not.
	Recent Count
	// RampFailures is how many failed of those that were to be sent in the ramp, Failures of those in the measured time.
	RampFailures, Failures int
}

// outcome is what became of one reading.
type outcome struct {
	second   int
	measured bool
	answer   answer
	reason   string // empty where there is an answer
	took     time.Duration
}

// tally is the outcomes so far. It is safe for concurrent use.
type tally struct {
	mu      sync.Mutex
	seconds []Count
	ramp    Count
	recent  Count
	failed  int // in the measured time
}

func newTally(p Pace) *tally {
	return &tally{seconds: make([]Count, int((p.Measured+time.Second-1)/time.Second))}
}

func (t *tally) add(o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent.add(o)
	if !o.measured {
		t.ramp.add(o)
		return
	}
	t.seconds[min(o.second, len(t.seconds)-1)].add(o)
	if o.reason != "" || o.answer.status != http.StatusCreated {
		t.failed++
	}
}

func (c *Count) add(o outcome) {
	c.Offered++
	reason := o.reason
	if reason == "" {
		c.Answered++
	}
	switch {
	case reason != "":
	case o.answer.status == http.StatusCreated:
		c.Accepted.Add(o.took)
		return
	default:
		reason = reasonOfStatus(o.answer.status)
		if o.answer.status == http.StatusServiceUnavailable {
			c.Refused.Add(o.took)
			if !o.answer.retryAfter {
				c.RefusedBare++
			}
		}
	}
	if c.Failed == nil {
		c.Failed = map[string]int{}
	}
	c.Failed[reason]++
}

func (t *tally) progress() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := Progress{Recent: t.recent, RampFailures: t.ramp.Failures(), Failures: t.failed}
	t.recent = Count{}
	return p
}

func (t *tally) result(p Pace, began time.Time) *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Result{Pace: p, Began: began, Seconds: t.seconds, Ramp: t.ramp}
	for i := range t.seconds {
		r.Total.Merge(&t.seconds[i])
	}
	return r
}

// Merge adds what another one has counted.
func (c *Count) Merge(other *Count) {
	c.Offered += other.Offered
	c.Answered += other.Answered
	c.Accepted.Merge(&other.Accepted)
	c.Refused.Merge(&other.Refused)
	c.RefusedBare += other.RefusedBare
	for reason, n := range other.Failed {
		if c.Failed == nil {
			c.Failed = map[string]int{}
		}
		c.Failed[reason] += n
	}
}

// isEnd tells whether an error is the end of a connection.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errAnswerCut)
}
