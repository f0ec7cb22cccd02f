package aggregate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// Defaults of AggregatorOptions.
const (
	AggregatorConcurrencyDefault = 4
	AttemptsMaxDefault           = 12
	MarginDefault                = 2 * time.Second
)

// AggregatorOptions adapt an Aggregator. The zero value of a field selects its default.
type AggregatorOptions struct {
	// FleetBuckets is the number of partitions that share the fleet totals, the same as that of every reader. It may be
	// raised and never lowered, since readers look at no bucket beyond it. Default: contract.FleetBucketsDefault.
	FleetBuckets int
	// Retention is how long raw readings are kept; 0 keeps them forever.
	Retention time.Duration
	// Adopted are regions that have left for good and whose rows this one keeps. Default: none.
	Adopted []string
	// Concurrency is how many transactions one call of Process has in flight; 1 starts no goroutine.
	// Default: AggregatorConcurrencyDefault.
	Concurrency int
	// AttemptsMax bounds how often a transaction, or the recount of a slice, is tried in one call.
	// Default: AttemptsMaxDefault.
	AttemptsMax int
	// Pacer makes the pauses between attempts.
	Pacer pacing.Pacer
	// Margin is how long before the context's deadline work ends, so that the answer still gets out. Default: MarginDefault.
	Margin time.Duration
	// Now tells the time. Default: time.Now.
	Now func() time.Time
	// Random yields uniform random bits for buckets and tokens. It is called by several goroutines at once unless
	// Concurrency is 1, and two processes must not yield the same bits. Default: math/rand/v2's generator.
	Random func() uint64
}

func (o AggregatorOptions) withDefaults() AggregatorOptions {
	o.FleetBuckets = cmp.Or(o.FleetBuckets, contract.FleetBucketsDefault)
	o.Concurrency = cmp.Or(o.Concurrency, AggregatorConcurrencyDefault)
	o.AttemptsMax = cmp.Or(o.AttemptsMax, AttemptsMaxDefault)
	o.Margin = cmp.Or(o.Margin, MarginDefault)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Uint64
	}
	return o
}

// Aggregator brings one region's aggregate rows up to the readings. It is safe for concurrent use, also by other processes.
type Aggregator struct {
	table  RowTable
	region string
	o      AggregatorOptions
	listed listed
}

// NewAggregator returns an Aggregator that writes the rows of the region, and of those that it has adopted, and no others.
func NewAggregator(table RowTable, region string, o AggregatorOptions) *Aggregator {
	return &Aggregator{table: table, region: region, o: o.withDefaults()}
}

// Result tells what became of a batch.
type Result struct {
	// Records is the size of the batch, Ignored how many of them change nothing in this region's rows, Rows how many rows the
	// others fall on.
	Records, Ignored, Rows int
	// Applied are rows, Recounted are slices of rows; Adjusted are rows of closed hours, changed by what is surely new.
	Applied, Recounted, Adjusted int
	// Repeats are records of closed hours that are not above what their row has taken in: repeats, or latecomers that
	// nothing can tell from repeats any more. They change nothing.
	Repeats int
	// Raced counts writes that came too late since somebody else had changed the row meanwhile, BucketChanges the fleet
	// buckets given up for another, Retries the calls made again after an error that may pass.
	Raced, BucketChanges, Retries int
	// Failed are the sequence numbers of the records to deliver again, the smallest first.
	Failed []string
}

// failure is why records are to be delivered again.
type failure struct {
	sequences []string
	err       error
}

// outcome is what became of some of a batch's folds.
type outcome struct {
	Result
	stale  []task // their condition did not hold
	failed []failure
}

func (o *outcome) fail(folds []*fold, err error) {
	var sequences []string
	for _, f := range folds {
		sequences = append(sequences, f.sequences()...)
		f.pending = nil
	}
	o.failed = append(o.failed, failure{sequences, err})
}

// done counts tasks whose write took place.
func (o *outcome) done(tasks []task) {
	for _, t := range tasks {
		switch t.kind {
		case applying:
			o.Applied++
		case recounting:
			o.Recounted++
		case adjusting:
			o.Adjusted++
			o.Repeats += t.repeats
		}
		t.fold.done(t.slices)
	}
}

func (o *outcome) add(p outcome) {
	o.Applied += p.Applied
	o.Recounted += p.Recounted
	o.Adjusted += p.Adjusted
	o.Repeats += p.Repeats
	o.Raced += p.Raced
	o.BucketChanges += p.BucketChanges
	o.Retries += p.Retries
	o.stale = append(o.stale, p.stale...)
	o.failed = append(o.failed, p.failed...)
}

// Process takes in the changes of one stream batch, in any order and however often they were delivered before. It looks at
// every change although others fail. The error is nil exactly when Result.Failed is empty; it holds the reasons, of which
// those of kind fault.Invalid will not pass.
//
// What is surely new goes in first, many rows to a transaction. What is left is worked off row by row, the lowest sequence
// number first and each write for itself: whatever an invocation has time for, the next one need not begin with it again.
func (a *Aggregator) Process(ctx context.Context, changes []Change) (Result, error) {
	ctx, cancel := a.inTime(ctx)
	defer cancel()
	batch := foldAll(changes, a.region, a.o.Adopted, a.o.Now())
	all := outcome{failed: batch.failed}
	all.Records, all.Ignored, all.Rows = len(changes), batch.ignored, len(batch.folds)

	tasks := a.planAll(ctx, batch.folds, &all)
	a.each(grouped(tasks), &all, func(lane int, group []task) outcome { return a.commit(ctx, lane, group) })
	all.Raced, all.stale = len(all.stale), nil

	left := slices.DeleteFunc(batch.folds, func(f *fold) bool { return len(f.pending) == 0 })
	slices.SortFunc(left, func(a, b *fold) int { return cmp.Compare(a.lowest(), b.lowest()) })
	settling := make([][]task, len(left))
	for i, f := range left {
		settling[i] = []task{{fold: f}}
	}
	a.each(settling, &all, func(lane int, one []task) outcome { return a.settle(ctx, lane, one[0].fold) })
	return all.result()
}

// inTime ends the context early enough for the answer to get out.
func (a *Aggregator) inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-a.o.Margin))
}

// each runs do over the groups and adds up what became of them.
func (a *Aggregator) each(groups [][]task, sum *outcome, do func(lane int, group []task) outcome) {
	outcomes := make([]outcome, len(groups))
	first := int(a.o.Random() % uint64(a.o.FleetBuckets)) //nolint:gosec // below FleetBuckets
	each(len(groups), a.o.Concurrency, func(i int) { outcomes[i] = do(first+i, groups[i]) })
	for _, o := range outcomes {
		sum.add(o)
	}
}

// planAll reads the rows, many to a call, and prepares the writes of those to which something is surely new. A row that cannot
// be read now is left for later.
func (a *Aggregator) planAll(ctx context.Context, folds []*fold, out *outcome) (tasks []task) {
	groups := slices.Collect(slices.Chunk(folds, contract.BatchGetItemsMax))
	rows := make([]map[RowKey]Row, len(groups))
	each(len(groups), a.o.Concurrency, func(i int) {
		keys := make([]RowKey, len(groups[i]))
		for k, f := range groups[i] {
			keys[k] = f.key
		}
		rows[i], _ = a.table.ReadRows(ctx, keys) // settle reads them again and looks at the error
	})
	for i, group := range groups {
		for _, f := range group {
			row, known := rows[i][f.key]
			if !known {
				continue
			}
			if t := a.plan(f, row); len(t.write.Slices) > 0 {
				t.isNew = !row.Exists
				tasks = append(tasks, t)
			} else if len(t.slices) > 0 { // nothing but repeats
				out.Repeats += t.repeats
				f.done(t.slices)
			}
		}
	}
	return a.listNew(ctx, tasks)
}

// listNew puts the equipments of rows that do not exist yet into the list of equipments. The tasks of which that was not
// possible now are left out.
func (a *Aggregator) listNew(ctx context.Context, tasks []task) []task {
	listed := make([]bool, len(tasks))
	each(len(tasks), a.o.Concurrency, func(i int) {
		listed[i] = !tasks[i].isNew || a.list(ctx, tasks[i].write.Key) == nil
	})
	var rest []task
	for i, t := range tasks {
		if listed[i] {
			rest = append(rest, t)
		}
	}
	return rest
}

func (o *outcome) result() (Result, error) {
	const reasonsMax = 10
	var reasons []error
	for i, f := range o.failed {
		o.Failed = append(o.Failed, f.sequences...)
		if i < reasonsMax {
			reasons = append(reasons, fmt.Errorf("records %s and %d more: %w", f.sequences[0], len(f.sequences)-1, f.err))
		}
	}
	slices.SortFunc(o.Failed, CompareSequences)
	o.Failed = slices.Compact(o.Failed)
	return o.Result, errors.Join(reasons...)
}

// CompareSequences orders sequence numbers by their value; what is no number comes first.
func CompareSequences(a, b string) int {
	x, _ := SequenceKey(a)
	y, _ := SequenceKey(b)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
}

// pause waits after an attempt, the first of which is 1.
func (a *Aggregator) pause(ctx context.Context, attempt int) error {
	if err := a.o.Pacer.Pause(ctx, attempt); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Message: "the invocation ended before the rows could be written", Cause: err}
	}
	return nil
}
