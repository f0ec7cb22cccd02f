package replicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// tracker follows the stream of one table in one region. It knows when each item was last written there, as far as anybody may
// still ask, and which writes replication made. It is safe for concurrent use.
type tracker struct {
	table *table
	delay time.Duration
	log   *slog.Logger
	// latest is the highest sequence number that any tracker has read: nothing that is written from now on has a lower one.
	latest func() uint64

	reading turn
	pages   pages
	// writing is had by the link that brings something here.
	writing turn

	mu sync.Mutex
	// journal keeps what entries change: the fields down to shard. Apply alone changes these.
	journal *journal
	// stamps are the times of items' last writes. That of a replicated one is when it was made in its own region.
	stamps map[digest]stamp
	// replicated are the sequence numbers here of writes that replication made, rising.
	replicated []uint64
	// expected are writes that replication is making, until they are acknowledged and the stream has shown them. The region's own
	// writes may look the same, if rarely: two removals of one item do. Then the acknowledgement tells, and what was met before
	// it is open until it comes.
	expected map[digest][]*expectation
	byID     map[uint64]*expectation
	ids      uint64 // the highest one so far
	open     map[uint64]bool
	last     uint64 // read
	shard    string // where last was read

	// through is a time such that every write here up to it was read.
	through uint64
	// marks tell how far the stream was when, in rising order.
	marks []mark
	round time.Time // when the last whole reading began
}

// stamp is the time of a write, and whether the region itself made it, so that others are to get it.
type stamp struct {
	at  uint64
	own bool
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
	ID    uint64 `json:"id"`
	Key   digest `json:"key"`
	From  digest `json:"from"`
	To    digest `json:"to"`
	Stamp uint64 `json:"stamp"`
	Made  bool   `json:"made,omitempty"` // it was acknowledged
	Met   uint64 `json:"met,omitempty"`  // sequence number of the record that looks like it, 0 where there is none yet
}

type mark struct {
	at   time.Time
	last uint64
}

func newTracker(t *table, o Options, latest func() uint64) *tracker {
	return &tracker{
		table: t, delay: o.Delay, log: o.Log, latest: latest, reading: make(turn, 1), writing: make(turn, 1),
		pages:  pages{client: o.Streams, arn: t.stream},
		stamps: map[digest]stamp{}, expected: map[digest][]*expectation{}, byID: map[uint64]*expectation{}, open: map[uint64]bool{},
	}
}

// load takes up what a journal has kept, and goes on with it. It tells whether there was one.
func (t *tracker) load(path string, above int64, now time.Time) (found bool, err error) {
	if found, err = readJournal(path, t.apply); err != nil {
		return false, err
	}
	t.journal = &journal{path: path, above: above}
	t.pages.goTo(t.last)
	t.marks = []mark{{now, t.last}}
	return found, t.journal.rewrite(t.entries())
}

// entries give the state of a tracker.
func (t *tracker) entries() []entry {
	all := []entry{{State: &trackerState{t.last, t.shard, t.replicated}}}
	for key, s := range t.stamps {
		all = append(all, entry{Key: key, Stamp: s.at, Own: s.own})
	}
	for _, e := range t.byID {
		all = append(all, entry{Expect: e})
	}
	return all
}

// do keeps an entry and applies it.
func (t *tracker) do(e entry) error {
	if err := t.journal.append(e); err != nil {
		return err
	}
	t.apply(e)
	return nil
}

// apply does what an entry says.
func (t *tracker) apply(e entry) {
	switch {
	case e.State != nil:
		t.last, t.shard, t.replicated = e.State.Last, e.State.Shard, e.State.Replicated
	case e.Expect != nil:
		of := *e.Expect
		t.ids = max(t.ids, of.ID)
		t.byID[of.ID] = &of
		t.expected[of.Key] = append(t.expected[of.Key], &of)
		if of.Met != 0 {
			t.open[of.Met] = true
		}
	case e.Made != 0:
		t.byID[e.Made].Made = true
		t.settle(t.byID[e.Made])
	case e.Dropped != 0:
		t.withdraw(t.byID[e.Dropped])
	case e.Met != 0:
		t.last = e.Read
		t.replicated = append(t.replicated, e.Read)
		t.byID[e.Met].Met, t.open[e.Read] = e.Read, true
		t.settle(t.byID[e.Met])
	case e.Read != 0:
		t.last = e.Read
		t.set(e.Key, stamp{e.Read, true})
	default:
		t.set(e.Key, stamp{e.Stamp, e.Own})
	}
}

func (t *tracker) set(key digest, s stamp) {
	if s.at > t.stamps[key].at {
		t.stamps[key] = s
	}
}

// settle ends the waiting for a write once it was acknowledged and met: it was replication's.
func (t *tracker) settle(e *expectation) {
	if !e.Made || e.Met == 0 {
		return
	}
	t.set(e.Key, stamp{at: e.Stamp})
	delete(t.open, e.Met)
	t.drop(e)
}

// withdraw ends the waiting for a write that did not take place: what looked like it was the region's own.
func (t *tracker) withdraw(e *expectation) {
	t.drop(e)
	if e.Met != 0 {
		t.replicated = slices.DeleteFunc(t.replicated, func(sequence uint64) bool { return sequence == e.Met })
		t.set(e.Key, stamp{e.Met, true})
		delete(t.open, e.Met)
	}
}

func (t *tracker) drop(e *expectation) {
	delete(t.byID, e.ID)
	left := slices.DeleteFunc(t.expected[e.Key], func(other *expectation) bool { return other == e })
	if len(left) == 0 {
		delete(t.expected, e.Key)
		return
	}
	t.expected[e.Key] = left
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
		if t.pages.missed {
			t.pages.missed = false
			t.log.Warn("records of the stream are gone that nobody may have read", "table", t.table.name)
		}
		if err := t.note(changes, time.Now()); err != nil {
			t.pages.goTo(t.last)
			return err
		}
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
func (t *tracker) note(changes []change, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	if t.shard != t.pages.shard {
		// A restart asks where the last change was read: the numbers of another shard may have begun anew.
		if err := t.do(entry{State: &trackerState{t.last, t.pages.shard, t.replicated}}); err != nil {
			return err
		}
	}
	for _, c := range changes {
		e := entry{Read: c.sequence, Key: c.key}
		if of := t.meet(c); of != nil {
			e = entry{Read: c.sequence, Met: of.ID}
		}
		if err := t.do(e); err != nil {
			return err
		}
	}
	t.marks = append(t.marks, mark{now, t.last})
	t.age(now)
	return nil
}

// meet finds the write of replication that a change looks like.
func (t *tracker) meet(c change) *expectation {
	waiting := t.expected[c.key]
	if len(waiting) == 0 {
		return nil
	}
	from, to := digestOf(c.old), digestOf(c.new)
	for _, e := range waiting {
		if e.From == from && e.To == to && e.Met == 0 {
			return e
		}
	}
	return nil
}

// expect announces a write that replication is about to make, and returns its id.
func (t *tracker) expect(e expectation) (id uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.ID = t.ids + 1
	return e.ID, t.do(entry{Expect: &e})
}

// ended tells whether an announced write took place.
func (t *tracker) ended(id uint64, made bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if made {
		return t.do(entry{Made: id})
	}
	return t.do(entry{Dropped: id})
}

// resume clears up writes whose answers were lost: they took place if something like them was met. Nobody writes meanwhile.
func (t *tracker) resume(key digest) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range slices.Clone(t.expected[key]) {
		var err error
		switch {
		case e.Made:
		case e.Met != 0:
			err = t.do(entry{Made: e.ID})
		default:
			err = t.do(entry{Dropped: e.ID})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resumeAll clears up what an earlier process has left, once the stream was read to its end.
func (t *tracker) resumeAll() error {
	t.mu.Lock()
	left := slices.Collect(maps.Values(t.byID))
	t.mu.Unlock()
	for _, e := range left {
		if e.Made && e.Met == 0 { // the stream has it no more
			if err := errors.Join(t.raise(e.Key, e.Stamp), t.ended(e.ID, false)); err != nil {
				return err
			}
			continue
		}
		if err := t.resume(e.Key); err != nil {
			return err
		}
	}
	return nil
}

// stamp is the time of an item's last write, 0 where it lies before everything that may still arrive.
func (t *tracker) stamp(key digest) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stamps[key].at
}

// raise notes a write that changed nothing, of which the stream has no record.
func (t *tracker) raise(key digest, at uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.do(entry{Key: key, Stamp: at})
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

// own are the times of the region's own last writes of items within (after, through].
func (t *tracker) own(after, through uint64) map[digest]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := map[digest]uint64{}
	for key, s := range t.stamps {
		if s.own && s.at > after && s.at <= through {
			of[key] = s.at
		}
	}
	return of
}

// prune forgets the times of items that nothing older can arrive for and that nobody waits for, and the replicated changes that every
// link has passed.
func (t *tracker) prune(arrived, passed uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, s := range t.stamps {
		if s.at <= arrived && (!s.own || s.at <= passed) {
			delete(t.stamps, key)
		}
	}
	at, _ := slices.BinarySearch(t.replicated, passed+1)
	t.replicated = slices.Clone(t.replicated[at:])
	if t.journal.isLong() {
		return t.journal.rewrite(t.entries())
	}
	return nil
}
