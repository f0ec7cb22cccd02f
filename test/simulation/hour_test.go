package simulation_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// Limits of the real table and function
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html), and what calls take.
const (
	partitionWrites = 1000 // a second
	partitionReads  = 3000 // units a second, of 4 KB where reads are consistent
	readingBytes    = 162  // an ordinary reading as it is stored
	pageBytes       = 1 << 20
	callTime        = 5 * time.Millisecond
	transactionTime = 20 * time.Millisecond
	invokeTime      = 10 * time.Millisecond
	pollTime        = 250 * time.Millisecond
	functionTime    = time.Minute // the aggregator's timeout
	batchRecords    = 5000        // the construct's default
)

// busyHour is an hour of one equipment at the highest rate that a partition takes, in virtual time. Readings are stored one
// after the other, at the moment that they are of.
type busyHour struct {
	*aggregatetest.Memory
	rate   int // readings a second
	began  time.Time
	values func(i int) int64 // thousandths

	mu    sync.Mutex // the partition serves one read after the other
	reads int        // of slices
}

var busyKey = aggregate.RowKey{EquipmentID: "BUSY", Hour: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Region: "eu-west-1"}

// at is when reading i is stored, since the hour began.
func (b *busyHour) at(i int) time.Duration {
	return time.Duration(i) * time.Second / time.Duration(b.rate)
}

// stored is how many readings are stored by now.
func (b *busyHour) stored() int {
	since := min(time.Since(b.began), time.Hour-1)
	return int(since*time.Duration(b.rate)/time.Second) + 1
}

func (b *busyHour) image(i int) *aggregate.Image {
	return &aggregate.Image{Region: busyKey.Region, Reading: reading.Reading{
		EquipmentID: busyKey.EquipmentID, Timestamp: busyKey.Hour.Add(b.at(i)), Value: thousandths(b.values(i)),
	}}
}

func thousandths(n int64) reading.Decimal {
	d, err := reading.ParseDecimal(fmt.Sprintf("%de-3", n))
	if err != nil {
		panic(err) // it is a number
	}
	return d
}

func (b *busyHour) Commit(ctx context.Context, tx aggregate.Transaction) error {
	if err := unavailable(pacing.Sleep(ctx, transactionTime)); err != nil {
		return err
	}
	return b.Memory.Commit(ctx, tx)
}

func (b *busyHour) ReadRows(ctx context.Context, keys []aggregate.RowKey) (map[aggregate.RowKey]aggregate.Row, error) {
	if err := unavailable(pacing.Sleep(ctx, callTime)); err != nil {
		return nil, err
	}
	return b.Memory.ReadRows(ctx, keys)
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Unavailable, Message: "no answer", Cause: err}
}

// ReadSlices reads page after page, each with what is stored by then, at the pace that a partition gives.
func (b *busyHour) ReadSlices(ctx context.Context, key aggregate.RowKey, first, last int) ([]aggregate.Figures, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	pageReadings := pageBytes / readingBytes * b.rate / partitionWrites
	slice := b.rate * int(contract.SliceLength/time.Second)
	var t tally
	for i, end := first*slice, (first+1)*slice; ; {
		n := max(min(pageReadings, end-i, b.stored()-i), 0)
		if err := unavailable(pacing.Sleep(ctx, callTime+b.reading(n))); err != nil {
			return nil, err
		}
		for range n {
			t.add(b.values(i))
			i++
		}
		if n < pageReadings {
			break
		}
	}
	_, _ = key, last // of one equipment; the first slice is enough
	return []aggregate.Figures{t.figures()}, nil
}

// reading is how long a partition takes to give so many readings, of which it has a share that goes with the rate.
func (b *busyHour) reading(n int) time.Duration {
	const unitBytes = 4 << 10
	units := time.Duration(n*readingBytes)*time.Second/unitBytes + 1
	return units / time.Duration(partitionReads*b.rate/partitionWrites)
}

// tally adds up thousandths.
type tally struct{ count, integer, fraction, least, largest int64 }

func (t *tally) add(v int64) {
	if t.count == 0 {
		t.least, t.largest = v, v
	}
	t.count, t.integer, t.fraction = t.count+1, t.integer+v/1000, t.fraction+v%1000
	t.least, t.largest = min(t.least, v), max(t.largest, v)
}

func (t *tally) figures() aggregate.Figures {
	if t.count == 0 {
		return aggregate.Figures{}
	}
	return aggregate.Figures{
		Sum:      aggregate.Sum{Count: t.count, Total: reading.Total{Integer: thousandths(1000 * t.integer), Fraction: thousandths(t.fraction)}},
		Extremes: aggregate.Extremes{aggregate.ExtremeOf(thousandths(t.least)), aggregate.ExtremeOf(thousandths(t.largest))},
	}
}

// follower reads the hour's stream with one lane, as the event source does.
type follower struct {
	*busyHour
	*aggregate.Aggregator
	next    int // everything before was processed
	lagMax  time.Duration
	longest time.Duration // of an invocation
	failed  int           // invocations of which records came back
	total   aggregate.Result
	batch   int
}

// invoke hands records to the function and sets the checkpoint, unless they came again.
func (f *follower) invoke(t *testing.T, first, n int, again bool) aggregate.Result {
	t.Helper()
	changes := make([]aggregate.Change, n)
	for i := range changes {
		changes[i] = aggregate.Change{Sequence: fmt.Sprint(1_000_000 + first + i), New: f.image(first + i)}
	}
	time.Sleep(invokeTime)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), functionTime)
	defer cancel()
	got, err := f.Process(ctx, changes)
	f.longest = max(f.longest, time.Since(began))
	if err != nil {
		f.failed++
	}
	f.total.Applied += got.Applied
	f.total.Recounted += got.Recounted
	f.total.Raced += got.Raced
	if again {
		return got
	}
	f.next = first + n
	if len(got.Failed) > 0 {
		if _, err := fmt.Sscan(got.Failed[0], &f.next); err != nil {
			t.Fatal(err)
		}
		f.next -= 1_000_000
	}
	return got
}

// follow processes what is stored until everything of the hour up to a moment is.
func (f *follower) follow(t *testing.T, until time.Duration) {
	t.Helper()
	for end := int(until * time.Duration(f.rate) / time.Second); f.next < end; {
		n := min(f.stored()-f.next, f.batch)
		if n <= 0 {
			time.Sleep(pollTime)
			continue
		}
		f.invoke(t, f.next, n, false)
		if f.lagMax = max(f.lagMax, f.lag()); n < f.batch {
			time.Sleep(pollTime)
		}
	}
}

// skip takes in what was stored up to a moment in few large batches.
func (f *follower) skip(t *testing.T, until time.Duration) {
	t.Helper()
	time.Sleep(until)
	for end := int(until * time.Duration(f.rate) / time.Second); f.next < end; {
		f.invoke(t, f.next, min(end-f.next, 10*f.batch), false)
	}
}

// lag is how far the aggregates are behind the readings.
func (f *follower) lag() time.Duration { return time.Since(f.began) - f.at(f.next) }

// wantExact compares the row with what was stored, slice by slice.
func (f *follower) wantExact(t *testing.T) {
	t.Helper()
	row := f.Rows()[busyKey]
	var hour aggregate.Figures
	slice := f.rate * int(contract.SliceLength/time.Second)
	for i, s := range row.Slices {
		var want tally
		for at := i * slice; at < min((i+1)*slice, f.next); at++ {
			want.add(f.values(at))
		}
		if s.Figures != want.figures() {
			t.Errorf("slice %d has %v, want %v", i, s.Figures, want.figures())
		}
		hour = hour.Join(s.Figures)
	}
	if row.Figures != hour {
		t.Errorf("the hour has %v, its slices %v", row.Figures, hour)
	}
	fleet := map[aggregate.Unit]aggregate.Sum{}
	for key, share := range f.Fleet() {
		fleet[key.Unit] = fleet[key.Unit].Add(share.Sum)
	}
	for unit, sum := range fleet {
		if sum != hour.Sum {
			t.Errorf("the fleet has %v by unit %d, want %v", sum, unit, hour.Sum)
		}
	}
}

// newFollower begins a busy hour, at a thousand readings a second where BUSY_HOUR is "full" and otherwise at a share of that, with the
// partition's reads in proportion. What takes time takes as long either way.
func newFollower(batch int, values func(i, rate int) int64) *follower {
	rate := partitionWrites / 100
	if os.Getenv("BUSY_HOUR") == "full" {
		rate = partitionWrites
	}
	b := &busyHour{Memory: aggregatetest.NewMemory(1), rate: rate, began: time.Now(), values: func(i int) int64 { return values(i, rate) }}
	return &follower{busyHour: b, batch: max(batch*rate/partitionWrites, 1), Aggregator: aggregate.NewAggregator(b, busyKey.Region, aggregate.AggregatorOptions{
		Now: func() time.Time { return busyKey.Hour.Add(time.Since(b.began)) },
	})}
}

// steady, rising and scattered are the values of readings.
var hourValues = map[string]func(i, rate int) int64{
	"steady":    func(i, _ int) int64 { return 21_500 + int64(i%7) },
	"rising":    func(i, rate int) int64 { return int64(i) * 1000 / int64(rate) },
	"scattered": func(i, _ int) int64 { return int64(hashOf(fmt.Sprint(i)) % 2_000_000) },
}

// TestHour_StaysExactAndCatchesUpAfterABatchThatCameTwice is an hour of 3.6 million readings of one equipment, of which one batch
// comes again in the middle of the hour and of its slice. What is left of the slice must be recounted batch by batch; after it
// things are as before.
func TestHour_StaysExactAndCatchesUpAfterABatchThatCameTwice(t *testing.T) {
	for _, batch := range []int{1000, batchRecords} {
		for name, values := range hourValues {
			t.Run(fmt.Sprintf("%s by %d", name, batch), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFollower(batch, values)
					f.follow(t, 32*time.Minute+30*time.Second)
					before, calm := f.total, f.lagMax
					again := f.invoke(t, f.next-f.batch, f.batch, true)
					if again.Recounted != 1 || before.Recounted > 0 || calm > 2*time.Second {
						t.Errorf("a batch came again: %d recounts, %d before, at most %v behind", again.Recounted, before.Recounted, calm)
					}
					var caughtUp time.Duration
					for f.next < 3600*f.rate {
						f.follow(t, min(f.at(f.next)+time.Second, time.Hour))
						if behind := f.lag(); behind > 2*time.Second {
							caughtUp = 0
						} else if caughtUp == 0 {
							caughtUp = time.Since(f.began)
						}
					}
					f.wantExact(t)
					took := caughtUp - (32*time.Minute + 30*time.Second)
					if f.failed > 0 || f.longest > 10*time.Second || caughtUp == 0 || took > 15*time.Minute || f.total.Raced > 0 {
						t.Errorf("it does not catch up")
					}
					t.Logf("%d readings: at most %v behind before the repeat and %v after it, caught up %v after it; %d batches applied, "+
						"%d recounts, the longest invocation took %v, %d invocations failed", 3600*f.rate, calm.Round(10*time.Millisecond),
						f.lagMax.Round(time.Second), took.Round(time.Second), f.total.Applied, f.total.Recounted, f.longest.Round(10*time.Millisecond), f.failed)
				})
			})
		}
	}
}

// TestHour_AnOldSliceIsRecountedBesideLiveTraffic recounts the first slice, which takes seconds, while batches of the last one go
// on raising the hour's largest value: neither waits for the other.
func TestHour_AnOldSliceIsRecountedBesideLiveTraffic(t *testing.T) {
	for name, values := range hourValues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFollower(batchRecords, values)
				f.skip(t, 56*time.Minute)
				f.follow(t, 57*time.Minute)
				repeats := 0
				var live sync.WaitGroup
				live.Go(func() {
					for n := range 5 {
						other := &follower{busyHour: f.busyHour, Aggregator: f.Aggregator, batch: f.batch}
						got := other.invoke(t, n*f.batch, f.batch, true)
						if got.Recounted != 1 || got.Raced > 0 || len(got.Failed) > 0 {
							t.Errorf("the old slice: %+v", got)
						}
						repeats++
					}
				})
				applied := f.total.Applied
				f.follow(t, 58*time.Minute)
				live.Wait()
				if f.total.Raced > 0 || f.total.Recounted > 0 || f.failed > 0 || repeats != 5 || f.total.Applied-applied < 50 {
					t.Errorf("live batches: %+v, %d failed; %d repeats", f.total, f.failed, repeats)
				}
				f.wantExact(t)
			})
		})
	}
}

// TestHour_TwentySlowRowsMakeProgressInEveryInvocation is a batch that falls on twenty rows, each of which takes three seconds to
// count and was counted before.
func TestHour_TwentySlowRowsMakeProgressInEveryInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rows, records, slow, time20 = 20, 3, 3 * time.Second, 15 * time.Second
		table := &slowRows{Memory: aggregatetest.NewMemory(1), takes: slow}
		a := aggregate.NewAggregator(table, busyKey.Region, aggregate.AggregatorOptions{Concurrency: 1})
		var batch []aggregate.Change
		for i := range rows * records {
			image := aggregate.Image{Region: busyKey.Region, Reading: reading.Reading{
				EquipmentID: reading.EquipmentID(fmt.Sprintf("E-%d", i%rows)), Timestamp: busyKey.Hour.Add(time.Duration(i) * time.Second), Value: thousandths(int64(i)),
			}}
			table.Put(image)
			batch = append(batch, aggregate.Change{Sequence: fmt.Sprint(1000 + i), New: &image})
		}
		if _, err := a.Process(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		invocations := 0
		for left := batch; len(left) > 0; invocations++ {
			ctx, cancel := context.WithTimeout(t.Context(), time20)
			got, _ := a.Process(ctx, left)
			cancel()
			if got.Recounted == 0 {
				t.Fatalf("invocation %d recounted nothing: %+v", invocations, got)
			}
			next := len(left)
			if len(got.Failed) > 0 {
				next = slices.IndexFunc(left, func(c aggregate.Change) bool { return c.Sequence == got.Failed[0] })
			}
			if next == 0 {
				t.Fatalf("invocation %d did not move the checkpoint: %+v", invocations, got)
			}
			left = left[next:]
		}
		t.Logf("%d rows of %v each took %d invocations of %v", rows, slow, invocations, time20)
	})
}

// slowRows takes its time to count.
type slowRows struct {
	*aggregatetest.Memory
	takes time.Duration
}

func (s *slowRows) ReadSlices(ctx context.Context, key aggregate.RowKey, first, last int) ([]aggregate.Figures, error) {
	if err := unavailable(pacing.Sleep(ctx, s.takes)); err != nil {
		return nil, err
	}
	return s.Memory.ReadSlices(ctx, key, first, last)
}
