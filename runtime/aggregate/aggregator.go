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
	// Concurrency is how many transactions one call of Process has in flight; 1 starts no goroutine.
	// Default: AggregatorConcurrencyDefault.
	Concurrency int
	// AttemptsMax bounds how often a transaction, or the recount of a row, is tried in one call of Process.
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
}

// NewAggregator returns an Aggregator that writes the rows of the region and no others.
func NewAggregator(table RowTable, region string, o AggregatorOptions) *Aggregator {
	return &Aggregator{table, region, o.withDefaults()}
}

// Result tells what became of a batch.
type Result struct {
	// Records is the size of the batch, Ignored how many of them change nothing in this region, Rows how many rows the
	// others fall on.
	Records, Ignored, Rows int
	// Applied and Recounted are rows; Adjusted are rows of closed hours, changed by what is surely new.
	Applied, Recounted, Adjusted int
	// Repeats are records of closed hours that are not above what their row has taken in: repeats, or latecomers that
	// nothing can tell from repeats any more. They change nothing.
	Repeats int
	// Raced counts replacements of a row that somebody else had changed meanwhile, BucketChanges the fleet buckets given up
	// for another, Retries the calls made again after an error that may pass.
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
	stale  []*fold // their apply condition did not hold
	failed []failure
}

func (o *outcome) fail(folds []*fold, err error) {
	var sequences []string
	for _, f := range folds {
		sequences = append(sequences, f.sequences()...)
	}
	o.failed = append(o.failed, failure{sequences, err})
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
func (a *Aggregator) Process(ctx context.Context, changes []Change) (Result, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-a.o.Margin))
		defer cancel()
	}
	batch := foldAll(changes, a.region, a.o.Now())
	all := outcome{failed: batch.failed}
	all.Records, all.Ignored, all.Rows = len(changes), batch.ignored, len(batch.folds)

	a.eachGroup(grouped(batch.folds, contract.TransactionItemsMax), &all, func(lane int, folds []*fold) outcome {
		return a.apply(ctx, lane, folds)
	})
	stale := all.stale
	a.eachGroup(grouped(stale, recountRowsMax), &all, func(lane int, folds []*fold) outcome {
		return a.recount(ctx, lane, folds)
	})
	return all.result()
}

// eachGroup runs do over the groups and adds up what became of them.
func (a *Aggregator) eachGroup(groups [][]*fold, sum *outcome, do func(lane int, folds []*fold) outcome) {
	outcomes := make([]outcome, len(groups))
	first := int(a.o.Random() % uint64(a.o.FleetBuckets)) //nolint:gosec // below FleetBuckets
	each(len(groups), a.o.Concurrency, func(i int) { outcomes[i] = do(first+i, groups[i]) })
	sum.stale = nil
	for _, o := range outcomes {
		sum.add(o)
	}
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
