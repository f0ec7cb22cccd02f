package replicator

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// tracker follows the stream of one table in one region. It knows when each item was last written there, as far as anybody may
// still ask, and which writes replication made. It is safe for concurrent use.
type tracker struct {
	table *table
	delay time.Duration
	// latest is the highest sequence number that any tracker has read: nothing that is written from now on has a lower one.
	latest func() uint64

	reading turn
	pages   pages
	// writing is had by the link that brings something here.
	writing turn

	mu sync.Mutex
	// stamps are the times of items' last writes. That of a replicated one is when it was made in its own region.
	stamps map[digest]uint64
	// replicated are the sequence numbers here of writes that replication made, rising.
	replicated []uint64
	// expected are writes that replication is making, until they are acknowledged and the stream has shown them. The region's own
	// writes may look the same, if rarely: two removals of one item do. Then the acknowledgement tells, and what was met before
	// it is open until it comes.
	expected map[digest][]*expectation
	open     map[uint64]bool
	last     uint64 // read
	// through is a time such that every write here up to it was read.
	through uint64
	// marks tell how far the stream was when, in rising order.
	marks []mark
	round time.Time // when the last whole reading began
}

// turn is had by one at a time. Unlike a mutex's it is had for as long as calls take, and who waits for it may give up.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn: %w", ctx.Err())
	}
}

func (t turn) give() { <-t }

// expectation is a write that replication makes: the record of it goes from the one image to the other.
type expectation struct {
	from, to digest
	stamp    uint64
	made     bool   // it was acknowledged
	met      uint64 // sequence number of the record that looks like it, 0 where there is none yet
}

type mark struct {
	at   time.Time
	last uint64
}

func newTracker(t *table, delay time.Duration, client StreamClient, latest func() uint64) *tracker {
	return &tracker{
		table: t, delay: delay, latest: latest, reading: make(turn, 1), writing: make(turn, 1), pages: pages{client: client, arn: t.stream},
		stamps: map[digest]uint64{}, expected: map[digest][]*expectation{}, open: map[uint64]bool{},
	}
}

// catchUp reads the stream to its end: when it returns, everything written before the call is known.
func (t *tracker) catchUp(ctx context.Context) error {
	called := time.Now()
	if err := t.reading.take(ctx); err != nil {
		return err
	}
	defer t.reading.give()
	if t.readSince(called) {
		return nil // another caller has read it meanwhile
	}
	began, latest := time.Now(), t.latest()
	for {
		changes, err := t.pages.next(ctx)
		if err != nil {
			return err
		}
		t.note(changes, time.Now())
		if len(changes) == 0 {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.round, t.through = began, max(t.through, latest, t.last)
			return nil
		}
	}
}

// readSince tells whether a whole reading began after a moment.
func (t *tracker) readSince(moment time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.round.After(moment)
}

// note takes changes in.
func (t *tracker) note(changes []change, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range changes {
		t.last = c.sequence
		e := t.meet(c)
		if e == nil {
			t.set(c.key, c.sequence)
			continue
		}
		t.replicated = append(t.replicated, c.sequence)
		e.met, t.open[c.sequence] = c.sequence, true
		if e.made {
			t.settle(c.key, e)
		}
	}
	if len(changes) > 0 {
		t.marks = append(t.marks, mark{now, t.last})
		t.age(now)
	}
}

func (t *tracker) set(key digest, stamp uint64) { t.stamps[key] = max(t.stamps[key], stamp) }

// meet finds the write of replication that a change looks like.
func (t *tracker) meet(c change) *expectation {
	waiting := t.expected[c.key]
	if len(waiting) == 0 {
		return nil
	}
	from, to := digestOf(c.old), digestOf(c.new)
	for _, e := range waiting {
		if e.from == from && e.to == to && e.met == 0 {
			return e
		}
	}
	return nil
}

// settle ends the waiting for a write that was met: it was replication's.
func (t *tracker) settle(key digest, e *expectation) {
	t.set(key, e.stamp)
	delete(t.open, e.met)
	t.drop(key, e)
}

func (t *tracker) drop(key digest, e *expectation) {
	left := slices.DeleteFunc(t.expected[key], func(other *expectation) bool { return other == e })
	if len(left) == 0 {
		delete(t.expected, key)
		return
	}
	t.expected[key] = left
}

// expect announces a write that replication is about to make.
func (t *tracker) expect(key digest, e *expectation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected[key] = append(t.expected[key], e)
}

// acknowledge tells that an announced write took place.
func (t *tracker) acknowledge(key digest, e *expectation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.made = true; e.met != 0 {
		t.settle(key, e)
	}
}

// withdraw tells that an announced write did not take place: what looked like it was the region's own.
func (t *tracker) withdraw(key digest, e *expectation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(key, e)
	if e.met != 0 {
		t.replicated = slices.DeleteFunc(t.replicated, func(sequence uint64) bool { return sequence == e.met })
		t.set(key, e.met)
		delete(t.open, e.met)
	}
}

// resume clears up writes whose answers were lost: they took place if something like them was met. Nobody writes meanwhile.
func (t *tracker) resume(key digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range slices.Clone(t.expected[key]) {
		switch {
		case e.made:
		case e.met != 0:
			t.settle(key, e)
		default:
			t.drop(key, e)
		}
	}
}

// stamp is the time of an item's last write, 0 where it lies before everything that may still arrive.
func (t *tracker) stamp(key digest) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stamps[key]
}

// raise notes a write that changed nothing, of which the stream has no record.
func (t *tracker) raise(key digest, stamp uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(key, stamp)
}

// due is the highest sequence number that had been read a delay ago, below what is open.
func (t *tracker) due(now time.Time) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.age(now)
	if len(t.marks) == 0 || t.marks[0].at.After(now.Add(-t.delay)) {
		return 0
	}
	due := t.marks[0].last
	for sequence := range t.open {
		due = min(due, sequence-1)
	}
	return due
}

// age leaves one mark that is as old as the delay, and those after it.
func (t *tracker) age(now time.Time) {
	young := 0
	for young < len(t.marks) && !t.marks[young].at.After(now.Add(-t.delay)) {
		young++
	}
	if young > 1 {
		t.marks = slices.Delete(t.marks, 0, young-1)
	}
}

// isReplicated tells whether replication made the change with a sequence number.
func (t *tracker) isReplicated(sequence uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, found := slices.BinarySearch(t.replicated, sequence)
	return found
}

// read is how far the stream was read, and a time up to which nothing here is unknown.
func (t *tracker) read() (last, through uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.through
}

// prune forgets the times of items that nothing older can arrive for, and the replicated changes that every link has passed.
func (t *tracker) prune(arrived, passed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, stamp := range t.stamps {
		if stamp <= arrived {
			delete(t.stamps, key)
		}
	}
	at, _ := slices.BinarySearch(t.replicated, passed+1)
	t.replicated = slices.Clone(t.replicated[at:])
}
