package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// world is a global table of readings in a few regions, each with its stream and the aggregator that follows it. One seed is
// one history: whatever happens, happens between two calls of the table and in an order that random decides.
type world struct {
	random  *rand.Rand
	faults  faults
	regions []*region
	clock   int64 // rises with every write of a client
	last    int   // of the sequence numbers that are in use
	used    map[int]bool
	now     time.Time
}

// faults are what a history may run into; some histories have some of them switched off.
type faults struct {
	repeats   bool // finished batches come again, cut in another way
	overlaps  bool // a batch comes again while it is being worked on
	crashes   bool // an invocation ends between two calls
	lost      bool // a commit takes place and its answer is lost
	throttles bool // calls are refused for the moment
	splits    bool // the items of an hour are spread over several shards, whose sequence numbers are unrelated
	deletes   bool
}

type region struct {
	name   string
	table  *aggregatetest.Memory // the region's replica of both tables
	stamps map[reading.Key]stamp
	inbox  []replicated
	shards []*shard
	items  map[reading.Key]int // the item's highest sequence number
	lives  []*invocation
}

// stamp orders writes of one item, in all regions alike: the last writer wins.
type stamp struct {
	clock  int64
	region string
}

func (s stamp) below(t stamp) bool {
	return s.clock < t.clock || s.clock == t.clock && s.region < t.region
}

type replicated struct {
	key   reading.Key
	image *aggregate.Image // nil for a deletion
	stamp stamp
}

// shard is a part of a region's stream together with its reader's checkpoint.
type shard struct {
	records []aggregate.Change
	next    int
	busy    bool
}

// invocation is one call of Process that stops before each of its calls of the table.
type invocation struct {
	resume func() (struct{}, bool)
	cancel func()
	shard  *shard
	first  int // of the shard's records
	n      int
	batch  []aggregate.Change
	result aggregate.Result
	err    error
	// extra invocations work on what another one has or had: they do not move the checkpoint.
	extra bool
}

// errCrashed unwinds an invocation that ends between two calls.
var errCrashed = errors.New("crashed")

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 0)), used: map[int]bool{}, now: modelHour.Add(2 * time.Hour)}
	coin := func() bool { return w.random.IntN(3) > 0 }
	w.faults = faults{coin(), coin(), coin(), coin(), coin(), coin(), coin()}
	shards := 1
	if w.faults.splits {
		shards = 3
	}
	for i := range 1 + w.random.IntN(3) {
		r := &region{
			name: []string{"eu-west-1", "us-east-1", "ap-south-1"}[i], table: aggregatetest.NewMemory(2),
			stamps: map[reading.Key]stamp{}, items: map[reading.Key]int{},
		}
		for range shards {
			r.shards = append(r.shards, &shard{})
		}
		w.regions = append(w.regions, r)
	}
	return w
}

var modelHour = time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)

// modelKeys is what clients write: few readings, so that their writes meet. Two equipments, two hours on either side of
// midnight.
var modelKeys = func() (keys []reading.Reading) {
	for _, id := range []reading.EquipmentID{"A", "B"} {
		for h := range 2 {
			for minute := range 3 {
				keys = append(keys, reading.Reading{
					EquipmentID: id, Timestamp: modelHour.Add(time.Duration(h)*time.Hour + time.Duration(minute*20)*time.Minute),
				})
			}
		}
	}
	return keys
}()

var modelValues = func() (values []reading.Decimal) {
	for _, text := range []string{
		"1", "2.5", "-0.1", "0.3", "999999999999999999999999999", "0.000000000000000000000000001", "-99999999999.5", "0", "7e-7",
	} {
		v, err := reading.ParseValue(text)
		if err != nil {
			panic(err)
		}
		values = append(values, v)
	}
	return values
}()

// write is a client's write or deletion in one region.
func (w *world) write() {
	r := w.regions[w.random.IntN(len(w.regions))]
	one := modelKeys[w.random.IntN(len(modelKeys))]
	// Clocks differ between regions: what is written later may still lose.
	w.clock++
	at := stamp{w.clock + int64(w.random.IntN(3)), r.name}
	if known, has := r.stamps[one.Key()]; has && !known.below(at) {
		at.clock = known.clock + 1 // within a region writes of one item are ordered
	}
	c := replicated{key: one.Key(), stamp: at}
	if !w.faults.deletes || w.random.IntN(5) > 0 {
		one.Value = modelValues[w.random.IntN(len(modelValues))]
		c.image = &aggregate.Image{Reading: one, Region: r.name}
	}
	w.store(r, c)
	for _, other := range w.regions {
		if other != r {
			other.inbox = append(other.inbox, c)
		}
	}
}

// replicate brings one write of another region, in any order among items: a later write of the same item wins anyhow.
func (w *world) replicate(r *region) {
	i := w.random.IntN(len(r.inbox))
	c := r.inbox[i]
	r.inbox = slices.Delete(r.inbox, i, i+1)
	if known, has := r.stamps[c.key]; !has || known.below(c.stamp) {
		w.store(r, c)
	}
}

// store puts an item into a region's replica and its change into the region's stream.
func (w *world) store(r *region, c replicated) {
	var old *aggregate.Image
	if c.image == nil {
		old = r.table.Delete(c.key)
	} else {
		old = r.table.Put(*c.image)
	}
	r.stamps[c.key] = c.stamp
	ofHere := old != nil && old.Region == r.name || c.image != nil && c.image.Region == r.name
	if !ofHere { // the event source filter
		return
	}
	if old != nil && c.image != nil && *old == *c.image {
		return // an identical write is no change
	}
	change := aggregate.Change{Sequence: fmt.Sprint(w.sequence(r, c.key)), At: w.now.Add(time.Second), Old: old, New: c.image}
	s := r.shards[0]
	if len(r.shards) > 1 { // an item keeps its shard
		s = r.shards[slices.IndexFunc(modelKeys, func(one reading.Reading) bool { return one.Key() == c.key })%len(r.shards)]
	}
	s.records = append(s.records, change)
}

// sequence returns a number that no other record has and that is above the item's earlier ones. Nothing else is promised
// across shards.
func (w *world) sequence(r *region, key reading.Key) int {
	n := w.last + 1
	if w.faults.splits {
		n = max(r.items[key], w.last-20, 0) + 1 + w.random.IntN(30)
	}
	for w.used[n] {
		n++
	}
	w.used[n], r.items[key] = true, n
	w.last = max(w.last, n)
	return n
}

// invoke begins an invocation with records of a shard.
func (w *world) invoke(r *region, s *shard, first, n int, extra bool) {
	i := &invocation{shard: s, first: first, n: n, batch: slices.Clone(s.records[first : first+n]), extra: extra}
	if w.faults.repeats && w.random.IntN(5) == 0 { // also within a batch
		i.batch = append(i.batch, i.batch[w.random.IntN(n)])
	}
	if !extra {
		s.busy = true
	}
	i.resume, i.cancel = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if p := recover(); p != nil && p != any(errCrashed) {
				panic(p)
			}
		}()
		t := &steppedTable{world: w, region: r, step: func() {
			if !yield(struct{}{}) {
				panic(errCrashed)
			}
		}}
		a := aggregate.NewAggregator(t, r.name, aggregate.AggregatorOptions{
			FleetBuckets: 2, Concurrency: 1, AttemptsMax: 4, Random: w.random.Uint64,
			Now: func() time.Time { return w.now }, Sleep: func(context.Context, time.Duration) error { t.step(); return nil },
		})
		i.result, i.err = a.Process(context.Background(), i.batch)
	})
	r.lives = append(r.lives, i)
}

// advance lets a region's invocation make its next call, or ends it.
func (w *world) advance(r *region) {
	n := w.random.IntN(len(r.lives))
	i := r.lives[n]
	crashed := w.faults.crashes && w.random.IntN(25) == 0
	if crashed {
		i.cancel()
	} else if _, alive := i.resume(); alive {
		return
	}
	r.lives = slices.Delete(r.lives, n, n+1)
	if i.extra {
		return
	}
	i.shard.busy = false
	if crashed {
		return // the batch comes again as a whole
	}
	i.shard.next = i.first + i.n
	if len(i.result.Failed) > 0 {
		i.shard.next = i.first + slices.IndexFunc(i.batch, func(c aggregate.Change) bool { return slices.Contains(i.result.Failed, c.Sequence) })
	}
}

// deliver begins an invocation of a shard of the region, if there is one to begin.
func (w *world) deliver(r *region) {
	s := r.shards[w.random.IntN(len(r.shards))]
	if rest := len(s.records) - s.next; rest > 0 && !s.busy {
		w.invoke(r, s, s.next, 1+w.random.IntN(min(rest, 6)), false)
		return
	}
	repeat := w.faults.repeats && !s.busy || w.faults.overlaps && s.busy
	reached := s.next
	if s.busy {
		reached = len(s.records)
	}
	if repeat && reached > 0 && len(r.lives) < 4 && w.random.IntN(4) == 0 {
		first := w.random.IntN(reached)
		w.invoke(r, s, first, 1+w.random.IntN(min(reached-first, 6)), true)
	}
}

// history lets clients write and everything else happen in between, then lets the regions come to rest without faults. It
// returns an error where they do not.
func (w *world) history() error {
	const writes, stepsMax = 14, 20_000
	left := writes
	for step := 0; ; step++ {
		if step > stepsMax {
			return errors.New("does not settle")
		}
		r := w.regions[w.random.IntN(len(w.regions))]
		switch choice := w.random.IntN(10); {
		case choice == 0 && left > 0:
			if left--; left == 0 {
				w.faults = faults{splits: w.faults.splits} // what has begun goes on
			}
			w.write()
		case choice <= 2 && len(r.inbox) > 0:
			w.replicate(r)
		case choice <= 4:
			w.deliver(r)
		case len(r.lives) > 0:
			w.advance(r)
		case left == 0 && w.resting():
			return w.check()
		}
	}
}

func (w *world) resting() bool {
	for _, r := range w.regions {
		if len(r.inbox)+len(r.lives) > 0 {
			return false
		}
		for _, s := range r.shards {
			if s.next < len(s.records) {
				return false
			}
		}
	}
	return true
}

// check compares rows and fleet totals with a scan: over all regions, which is what readers see, and row by row.
func (w *world) check() error {
	type hourKey struct {
		id   reading.EquipmentID
		hour time.Time
	}
	want, got := map[hourKey]aggregate.Sum{}, map[hourKey]aggregate.Sum{}
	hours, days := map[time.Time]aggregate.Sum{}, map[time.Time]aggregate.Sum{}
	for _, i := range w.regions[len(w.regions)-1].table.Scan() {
		key := hourKey{i.EquipmentID, reading.Hour(i.Timestamp)}
		want[key] = want[key].Add(aggregate.SumOf(i.Value))
		hours[key.hour] = hours[key.hour].Add(aggregate.SumOf(i.Value))
		days[reading.Day(key.hour)] = days[reading.Day(key.hour)].Add(aggregate.SumOf(i.Value))
	}
	for _, r := range w.regions {
		for key, row := range r.table.Rows() {
			if key.Region != r.name {
				return fmt.Errorf("%s wrote the row %v", r.name, key)
			}
			got[hourKey{key.EquipmentID, key.Hour}] = got[hourKey{key.EquipmentID, key.Hour}].Add(row.Sum)
		}
		for key, share := range r.table.Fleet() {
			totals := hours
			if key.Unit == aggregate.Day {
				totals = days
			}
			totals[key.Start] = totals[key.Start].Sub(share)
		}
	}
	for key := range got {
		want[key] = want[key].Sub(got[key])
	}
	for key, difference := range want {
		if difference != (aggregate.Sum{}) {
			return fmt.Errorf("the rows of %v differ by %v", key, difference)
		}
	}
	for _, totals := range []map[time.Time]aggregate.Sum{hours, days} {
		for start, difference := range totals {
			if difference != (aggregate.Sum{}) {
				return fmt.Errorf("the fleet's total of %v differs by %v", start, difference)
			}
		}
	}
	return nil
}
