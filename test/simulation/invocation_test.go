package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// invocation is one call of the aggregator's function.
type invocation struct {
	*process
	batch []*record
	// adopted are the regions that its configuration names.
	adopted []string
	failed  map[string]bool
	result  aggregate.Result
	slices  map[writtenSlice]int // how often it wrote each slice of a row
	whole   bool                 // it came to its end
	reads   int                  // of rows
	waited  int                  // steps, where a safeguard is missing
}

// writtenSlice names a slice of a stored row.
type writtenSlice struct {
	row   dynamodel.Key
	slice int
}

// invocationTime is the function's timeout.
const invocationTime = time.Minute

// invoke begins an invocation with records of a lane. Extra ones do not move the checkpoint.
func (w *world) invoke(r *region, l *lane, first, n int, extra bool) {
	i := &invocation{batch: slices.Clone(l.records[first : first+n]), slices: map[writtenSlice]int{}, failed: map[string]bool{}, adopted: w.configuration(r)}
	w.invocations++
	i.process = &process{name: fmt.Sprintf("%s/aggregator %d", r.name, w.invocations), region: r, deadline: w.now.Add(invocationTime), invocation: i}
	fresh := i.batch
	if w.chance(repeats, 8) { // also within a batch
		i.batch = append(slices.Clone(i.batch), i.batch[w.random.IntN(n)])
	}
	if !extra {
		l.busy = true
	}
	r.invocations++
	w.count(countInvocations, 1)
	if w.trace != nil {
		w.tracef("%s begins: records %s, repeated %t", i.name, sequences(i.batch), extra)
	}
	i.ended = func(dead bool) {
		r.invocations--
		w.finishInvocation(i)
		if extra {
			return
		}
		l.busy = false
		if !dead {
			w.checkpoint(r, l, first, fresh, i.failed)
		}
	}
	w.spawn(i.process, func() { w.process(i) })
}

func sequences(batch []*record) []string {
	var all []string
	for _, rec := range batch {
		all = append(all, rec.sequence)
	}
	return all
}

// process does what runtime/cmd/aggregator does with a batch, except that it decodes no JSON.
func (w *world) process(i *invocation) {
	r := i.region
	changes := w.decode(i)
	table := &guardedRows{RowTable: dynamo.NewAggregates(&client{w, i.process, lateRows}, readingsTable, aggregatesTable, indexShards), w: w, i: i}
	o := aggregate.AggregatorOptions{
		FleetBuckets: fleetBuckets, Retention: w.retention, Adopted: i.adopted, Concurrency: 1, AttemptsMax: 2 + int(w.seed%3),
		Now: r.clock, Random: w.random.Uint64,
		Pacer: pacing.Pacer{Sleep: i.sleep(w, aggregate.MarginDefault), Jitter: w.random.Float64},
	}
	var err error
	if w.without == adoptedByRecount {
		err = w.processAsOwn(i, table, o, changes)
	} else {
		i.result, err = aggregate.NewAggregator(table, r.name, o).Process(context.Background(), changes)
	}
	if (err == nil) != (len(i.result.Failed) == 0) {
		w.violate("%s: error %v with failures %v", i.name, err, i.result.Failed)
	}
	if w.trace != nil {
		w.tracef("%s ends: %+v %v", i.name, i.result, err)
	}
	for _, sequence := range i.result.Failed {
		i.failed[sequence] = true
	}
	if w.without == returnFailed {
		clear(i.failed)
	}
	i.whole = true
}

// processAsOwn takes an adopted region's changes in as the region's own: by the sequence numbers of a stream that is not the one of
// which its rows tell.
func (w *world) processAsOwn(i *invocation, table aggregate.RowTable, o aggregate.AggregatorOptions, changes []aggregate.Change) error {
	regions := append([]string{i.region.name}, o.Adopted...)
	o.Adopted = nil
	var all error
	for _, name := range regions {
		result, err := aggregate.NewAggregator(table, name, o).Process(context.Background(), changes)
		all = errors.Join(all, err)
		i.result.Rows += result.Rows
		i.result.Failed = append(i.result.Failed, result.Failed...)
	}
	return all
}

// decode decodes the records and notes those that cannot be. What overwrote a reading counts for nothing, but that reading
// counts no more.
func (w *world) decode(i *invocation) (changes []aggregate.Change) {
	seen := map[string]bool{}
	for _, rec := range i.batch {
		c, err := dynamo.ChangeFromEvent(rec.event)
		if (err != nil) != rec.poison {
			w.violate("%s: record %s: poison %t, decoded with %v", i.name, rec.sequence, rec.poison, err)
		}
		if err != nil {
			if i.failed[c.Sequence] = true; c.Old == nil {
				continue
			}
		}
		switch w.without {
		case regionRule:
			c = withoutRegion(c, i.region.name)
		case takeBack:
			if c.New != nil && c.New.Region != i.region.name {
				c.Old = nil
			}
		case expiryRule:
			c = withoutExpiry(c)
		case batchDedup:
			if n, _ := strconv.Atoi(c.Sequence); seen[c.Sequence] {
				c.Sequence = strconv.Itoa(n + 1)
			}
		default:
		}
		seen[c.Sequence] = true
		changes = append(changes, c)
	}
	return changes
}

// finishInvocation counts what an invocation did and holds it to its bounds.
func (w *world) finishInvocation(i *invocation) {
	res := i.result
	w.count(countApplied, res.Applied)
	w.count(countRecounted, res.Recounted)
	w.count(countRaced, res.Raced)
	w.count(countBuckets, res.BucketChanges)
	w.count(countAdjusted, res.Adjusted)
	w.count(countRetries, res.Retries)
	w.count(countFailed, len(res.Failed))
	switch {
	case w.quiet && i.region.laneCount > 1:
		w.count(countQuietApplied, res.Applied)
		w.count(countQuietRecounts, res.Recounted)
	case w.quiet:
		if w.count(countQuietOne, res.Applied); res.Raced > 0 {
			w.violate("%s: %d writes came too late and nothing had gone wrong", i.name, res.Raced)
		}
	}
	rows := map[dynamodel.Key]bool{}
	for at, n := range i.slices {
		rows[at.row] = true
		w.count(countSliceWrites, n)
		// A slice is written once for a batch, however many of its records fall on it; once more for each call whose outcome
		// was not known, since that may have taken place.
		if n > 1+i.unknown && w.without == nothing {
			w.violate("%s: wrote slice %d of row %v %d times, with %d calls of unknown outcome", i.name, at.slice, at.row, n, i.unknown)
		}
	}
	if i.whole && len(rows) > res.Rows {
		w.violate("%s: wrote %d rows for a batch that falls on %d", i.name, len(rows), res.Rows)
	}
}
