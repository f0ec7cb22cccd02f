package ingest

import (
	"slices"
	"sync/atomic"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// desk is where the writes of one call of Write lie while attempts of them are made. It is used again for the next call: a batch
// would else leave a quarter of a kilobyte a reading to the garbage collector.
type desk struct {
	all []effort
	// pending are those of all that are not done.
	pending []*effort
	// attempts is the room for those of a pass, beside pending.
	attempts []Attempt
	// taken is how many calls of the pass have been taken.
	taken atomic.Int64
}

// lay puts the writes of one sender on an empty desk.
func (d *desk) lay(ws []reading.Write, senderWaits func() bool) {
	d.all = slices.Grow(d.all, len(ws))[:len(ws)]
	d.pending = slices.Grow(d.pending, len(ws))[:len(ws)]
	d.attempts = slices.Grow(d.attempts, len(ws))[:len(ws)]
	for i := range ws {
		// What is deleted is usually there, and a first attempt that is refused costs as much as one that is made.
		d.all[i] = effort{Write: ws[i], over: ws[i].Deleted, waits: senderWaits}
		d.pending[i] = &d.all[i]
	}
}

// calls is how many calls a pass takes.
func (d *desk) calls() int {
	return (len(d.pending) + contract.BatchStatementsMax - 1) / contract.BatchStatementsMax
}

// take takes the efforts of the pass's next call, with room for their attempts. There are none once all calls are taken. It is safe for
// concurrent use.
func (d *desk) take() ([]*effort, []Attempt) {
	from := min(int(d.taken.Add(1)-1)*contract.BatchStatementsMax, len(d.pending))
	to := min(from+contract.BatchStatementsMax, len(d.pending))
	return d.pending[from:to], d.attempts[from:to]
}

// sweep ends a pass: it leaves what is not done for the next one, and returns that.
func (d *desk) sweep() []*effort {
	d.pending = slices.DeleteFunc(d.pending, func(e *effort) bool { return e.done })
	d.taken.Store(0)
	return d.pending
}

// clear takes everything off the desk, so that it holds nothing in memory but its own room.
func (d *desk) clear() {
	clear(d.all)
	clear(d.pending)
	clear(d.attempts)
	d.all, d.pending, d.attempts = d.all[:0], d.pending[:0], d.attempts[:0]
	d.taken.Store(0)
}
