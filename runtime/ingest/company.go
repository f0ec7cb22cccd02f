package ingest

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// company decides how long readings wait for others that share their call. It goes by demand: a call is due when as many wait as
// are in half of the statements under way. By Little's law what is under way is the rate times the latency, so that neither has
// to be known: about three calls travel at a time, evenly spaced, for as long as each can hold a third of the demand, and more
// of them, full, beyond that. With nothing under way nobody waits.
//
// Demand that ends leaves a few readings behind that wait for company in vain. They go after half a call.
type company struct {
	calls      int           // in flight
	statements int           // in those calls
	latency    time.Duration // of the last calls, on average; 0 before the first
	timer      *time.Timer
	lingering  bool // the timer is set
}

const (
	// companyPart of the statements under way is what a call waits for. It makes the calls in flight one more than that.
	companyPart = 2
	// latencyPart is the weight of the last call in the average, as a divisor.
	latencyPart = 8
	// lingerPart of a call's latency is the longest wait for company.
	lingerPart = 2
)

// enough tells whether n that wait make a call.
func (c *company) enough(n int) bool {
	return n >= contract.BatchStatementsMax || companyPart*n >= c.statements
}

// begins takes note that a call begins, which nobody waits for any longer.
func (c *company) begins(statements int) {
	c.calls++
	c.statements += statements
	if c.lingering {
		c.timer.Stop() // if it fires nevertheless, the next call is sent a little early
		c.lingering = false
	}
}

// ends takes note that a call has ended.
func (c *company) ends(statements int, took time.Duration) {
	c.calls--
	c.statements -= statements
	if c.latency == 0 {
		c.latency = took
	}
	c.latency += (took - c.latency) / latencyPart
}

// linger has over called when the time for company is over, unless a call begins before.
func (c *company) linger(most time.Duration, over func()) {
	if c.lingering {
		return
	}
	c.lingering = true
	if c.latency > 0 {
		most = min(most, c.latency/lingerPart)
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(most, over)
	} else {
		c.timer.Reset(most)
	}
}

// dispatch starts as many calls as are due; c.mu is held. When lingering is over, what waits is due.
func (c *Coalescer) dispatch(lingered bool) {
	for c.calls < c.options.BatchesInFlightMax {
		n := c.dueSlots() + len(c.ready) + len(c.waiting)
		if n == 0 {
			return
		}
		if !lingered && !c.closed && !c.enough(n) {
			c.linger(c.options.LingerMax, c.lingerOver)
			return
		}
		batch := c.take()
		if len(batch) == 0 {
			return // all that waits is behind an identity that has a slot, whose decision dispatches again
		}
		c.begins(len(batch))
		go c.call(batch)
	}
}

func (c *Coalescer) lingerOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = false
	c.dispatch(true)
}
