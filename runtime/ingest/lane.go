package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// lanes are the queues of equipments that the table holds back. DynamoDB throttles a partition by itself, and one equipment can
// be more than its partition takes: its readings wait here, and those of all others go their way.
type lanes struct {
	of map[reading.EquipmentID]*lane
	// due are those that may send something now; inLanes counts the entries in all of them.
	due     []*lane
	inLanes int
	rests   sync.WaitGroup // of the lanes that let time go by
}

// lane is the queue of one equipment. It feels its way: after a refusal it rests, longer with each in a row, and then sends a
// single reading; with each success it may have twice as many under way. It ends when nothing is left in it.
type lane struct {
	equipment reading.EquipmentID
	ready     []*slot  // which were held back, or are to go again for another reason
	waiting   []*entry // which have not been tried
	size      int      // the entries of both, and of those under way
	allowed   int      // how many slots may be under way
	underWay  int
	refusals  int // in a row
	resting   bool
	wake      context.CancelFunc // ends a rest when nobody is left
	isDue     bool
}

// restsMax is from how many refusals in a row on a lane's rests grow no longer: it sends one reading after each, which costs
// little, and what its equipment may write again should not be left unused for long.
const restsMax = 6

var errHeldBack = errors.New("the table held the equipment back for too long")

// passed takes note that the table took, or judged, an attempt of a slot; c.mu is held.
func (c *Coalescer) passed(s *slot) {
	if l := s.lane; l != nil {
		l.underWay--
		l.refusals, l.allowed = 0, min(2*l.allowed, contract.BatchStatementsMax)
		c.check(l)
	} else if s.attempts == 1 {
		c.firstAttempt(false)
	}
}

// heldBack takes note that the table held an attempt of a slot back, which comes into its equipment's lane; c.mu is held. It returns
// false where that has no room for the slot.
func (c *Coalescer) heldBack(s *slot) bool {
	if s.lane != nil {
		s.lane.underWay--
	} else {
		id := s.key.EquipmentID
		if c.of[id] == nil {
			c.firstAttempt(true)
		}
		if c.tooMany(c.inLanes) {
			return false
		}
		if c.of[id] == nil {
			c.of[id] = &lane{equipment: id}
		}
		s.lane = c.of[id]
		s.lane.size += len(s.entries)
		c.inLanes += len(s.entries)
	}
	s.lane.allowed = 1
	if s.lane.refusals++; s.lane.resting {
		return true
	}
	ctx, wake := context.WithCancel(context.Background())
	s.lane.resting, s.lane.wake = true, wake
	c.rests.Go(func() {
		defer wake()
		c.rest(ctx, s.lane)
	})
	return true
}

// queue adds an entry to a lane; c.mu is held.
func (c *Coalescer) queue(l *lane, e *entry) {
	l.waiting = append(l.waiting, e)
	l.size++
	c.inLanes++
	c.check(l)
}

// again has a slot go first when its lane may send; c.mu is held.
func (c *Coalescer) again(s *slot) {
	s.lane.ready = append([]*slot{s}, s.lane.ready...)
	c.check(s.lane)
}

// leaves no longer counts entries of a lane, which ends with the last of them; c.mu is held.
func (c *Coalescer) leaves(l *lane, entries int) {
	l.size -= entries
	if c.inLanes -= entries; l.size == 0 {
		delete(c.of, l.equipment)
		l.wake()
	}
}

// free is how many more slots a lane may have under way.
func (l *lane) free() int {
	if l.resting {
		return 0
	}
	return max(l.allowed-l.underWay, 0)
}

// check puts a lane among those that are due, if it is; c.mu is held.
func (c *Coalescer) check(l *lane) {
	if !l.isDue && l.free() > 0 && len(l.ready)+len(l.waiting) > 0 {
		l.isDue = true
		c.due = append(c.due, l)
	}
}

// dueSlots is how many slots lanes would send now; c.mu is held.
func (c *Coalescer) dueSlots() (n int) {
	for _, l := range c.due {
		n += min(l.free(), len(l.ready)+len(l.waiting))
	}
	return n
}

// takeDue removes what lanes send with the next call; c.mu is held.
func (c *Coalescer) takeDue() (batch []*slot) {
	due := c.due
	c.due = nil
	for _, l := range due {
		l.isDue = false
		for l.free() > 0 && len(batch) < contract.BatchStatementsMax {
			s := c.nextOf(l)
			if s == nil {
				break
			}
			l.underWay++
			batch = append(batch, s)
		}
		if len(batch) == contract.BatchStatementsMax {
			c.check(l)
		}
	}
	return batch
}

// nextOf takes the next slot of a lane, nil where each that waits is behind one of its identity that is under way.
func (c *Coalescer) nextOf(l *lane) *slot {
	if len(l.ready) > 0 {
		s := l.ready[0]
		l.ready = l.ready[1:]
		return s
	}
	var s *slot
	left := l.waiting[:0]
	for _, e := range l.waiting {
		key := e.Key()
		if s == nil && !c.writing[key] {
			s = &slot{key: key, lane: l}
			c.writing[key] = true
		}
		if s == nil || s.key != key {
			left = append(left, e)
			continue
		}
		s.entries, s.deadline = append(s.entries, e), e.until
	}
	clear(l.waiting[len(left):])
	if l.waiting = left; s != nil {
		s.choose()
	}
	return s
}

// rest lets time go by before a lane sends again: as long as its refusals ask for, but not past the moment at which somebody in
// it is to be told.
func (c *Coalescer) rest(ctx context.Context, l *lane) {
	c.mu.Lock()
	refusals, until := min(l.refusals, c.refusalsMax()), c.earliest(l)
	c.mu.Unlock()
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	_ = c.pacer.Pause(ctx, refusals) // that of ctx: who is to be told then is looked for below
	c.mu.Lock()
	defer c.mu.Unlock()
	l.resting = false
	c.giveUp(l)
	c.check(l)
	c.dispatch(false) //nolint:contextcheck // a call carries the readings of others, too
}

// earliest is when the first in a lane must be told; c.mu is held.
func (c *Coalescer) earliest(l *lane) time.Time {
	until := time.Now().Add(c.options.WriteTimeout)
	for _, s := range l.ready {
		if s.deadline.Before(until) {
			until = s.deadline
		}
	}
	if len(l.waiting) > 0 && l.waiting[0].until.Before(until) {
		until = l.waiting[0].until
	}
	return until
}

// giveUp tells those in a lane whose time is over; c.mu is held.
func (c *Coalescer) giveUp(l *lane) {
	now := time.Now()
	var ready []*slot
	for _, s := range l.ready {
		if now.Before(s.deadline) {
			ready = append(ready, s)
		} else {
			c.decide(s, unavailable(errors.Join(errHeldBack, lastReason([]*effort{&s.effort}))))
		}
	}
	l.ready = ready
	var waiting []*entry
	for _, e := range l.waiting {
		if now.Before(e.until) {
			waiting = append(waiting, e)
			continue
		}
		c.leaves(l, 1)
		c.answered(e, unavailable(errHeldBack))
	}
	l.waiting = waiting
}
