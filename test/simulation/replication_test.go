package simulation_test

import (
	"time"

	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// link carries the writes of one region to another.
type link struct {
	from, to *region
	pending  []inFlight
}

type inFlight struct {
	write dynamodel.Write
	due   time.Time
	group int // writes of one transaction
}

// noteWrite is told every write of a region's tables.
func (w *world) noteWrite(r *region, write dynamodel.Write) {
	if r.gone { // it sends nothing any more
		return
	}
	switch write.Table {
	case readingsTable:
		w.noteReading(r, write)
		w.emit(r, write)
	case aggregatesTable:
		w.noteRow(r, write)
	default:
		w.notePlan(r, write)
		return // uploads are regional
	}
	if write.Origin == dynamodel.Replicated {
		return
	}
	for _, l := range r.out {
		l.pending = append(l.pending, inFlight{write, w.now.Add(w.replicationDelay()), w.steps})
	}
}

// replicationDelay is usually below a second.
func (w *world) replicationDelay() time.Duration {
	if w.random.IntN(10) == 0 {
		return time.Duration(w.random.Int64N(int64(20 * time.Second)))
	}
	return time.Duration(w.random.Int64N(int64(800 * time.Millisecond)))
}

// cutOff tells whether nothing passes between the regions of the link.
func (l *link) cutOff(now time.Time) bool {
	return l.from.cutUntil.After(now) || l.to.cutUntil.After(now)
}

// replicateSome brings a few writes of one region to another.
func (w *world) replicateSome() bool {
	if len(w.links) == 0 {
		return false
	}
	first := w.random.IntN(len(w.links))
	for i := range w.links {
		l := w.links[(first+i)%len(w.links)]
		if len(l.pending) == 0 || l.cutOff(w.now) {
			continue
		}
		brought, most := false, 4
		if w.wide {
			most = 100
		}
		for range 1 + w.random.IntN(most) {
			brought = w.replicate(l) || brought
		}
		if brought {
			return true
		}
	}
	return false
}

// replicate brings one write that is due: items replicate singly and in any order, those of one item in theirs. Where changes
// are merged, the item arrives as its last write left it.
func (w *world) replicate(l *link) bool {
	if len(l.pending) == 0 {
		return false
	}
	at := w.random.IntN(len(l.pending))
	if l.pending[at].due.After(w.now) {
		return false
	}
	chosen := l.pending[at]
	for i := range l.pending { // the first of the item
		if l.pending[i].write.Key == chosen.write.Key && l.pending[i].write.Table == chosen.write.Table {
			at = i
			break
		}
	}
	chosen = l.pending[at]
	l.pending = append(l.pending[:at], l.pending[at+1:]...)
	if w.on[merges] {
		for i := 0; i < len(l.pending); {
			other := l.pending[i]
			if other.write.Key != chosen.write.Key || other.write.Table != chosen.write.Table || other.due.After(w.now) {
				i++
				continue
			}
			w.strike(merges)
			chosen = other
			l.pending = append(l.pending[:i], l.pending[i+1:]...)
		}
	}
	for _, other := range l.pending {
		if other.group == chosen.group && chosen.write.Table == aggregatesTable {
			w.count(countPartly, 1)
			break
		}
	}
	if l.to.db.Replicate(chosen.write) {
		w.count(countReplicated, 1)
	} else {
		w.count(countOutvoted, 1)
	}
	return true
}

// cut cuts a region off, for a moment or for hours, in which the clock goes faster.
func (w *world) cut() bool {
	r := w.regions[w.random.IntN(len(w.regions))]
	if r.cutUntil.After(w.now) || !w.chance(cuts, 4) {
		return false
	}
	d := time.Duration(w.random.Int64N(int64(5 * time.Second)))
	if w.random.IntN(3) == 0 {
		d = time.Duration(1+w.random.IntN(4))*time.Hour + d
		w.count(countHours, 1)
	}
	if w.now.Add(d).After(w.began.Add(cutsMax)) { // streams keep their records for a day
		return false
	}
	r.cutUntil = w.now.Add(d)
	w.tracef("%s is cut off until %s", r.name, clock(r.cutUntil))
	return true
}

// outageMax exceeds what a writer of readings tries.
const outageMax = 30 * time.Second

// refuse lets a region's readings take no writes for a while.
func (w *world) refuse() bool {
	r := w.someRegion()
	if r.refuseUntil.After(w.now) || !w.chance(outages, 2) {
		return false
	}
	r.refuseUntil = w.now.Add(time.Duration(w.random.Int64N(int64(outageMax))))
	w.tracef("%s takes no readings until %s", r.name, clock(r.refuseUntil))
	return true
}

// cutsMax bounds how long a part of a history lasts in virtual time.
const cutsMax = 9 * time.Hour

// leap lets a part of the hours go by in which a region is cut off.
func (w *world) leap() bool {
	for _, r := range w.regions {
		if left := r.cutUntil.Sub(w.now); left > time.Minute && w.random.IntN(3) == 0 {
			w.advance(time.Duration(w.random.Int64N(int64(left))))
			return true
		}
	}
	return false
}

// expire lets time to live remove an item in one region, a while after it was due.
func (w *world) expire() bool {
	r := w.regions[w.random.IntN(len(w.regions))]
	removed := false
	for _, item := range r.db.Items(readingsTable) {
		due := expiryOf(item)
		if due.IsZero() || due.Add(expiryDelayMin).After(w.now) || w.random.IntN(3) > 0 {
			continue
		}
		key := keyOf(item)
		if r.db.Expire(readingsTable, key) {
			w.strike(expiry)
			w.tracef("%s: %v expires", r.name, key)
			removed = true
		}
	}
	return removed
}

// expiryDelayMin is how long after its time an item is removed at the earliest; it exceeds what clocks differ by.
const expiryDelayMin = time.Minute
