package simulation_test

import (
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// Names of the tables in every region, and sizes that are small so that things meet.
const (
	readingsTable   = "readings"
	aggregatesTable = "aggregates"
	uploadsTable    = "uploads"
	indexShards     = 2
	fleetBuckets    = 2
)

// world is a history: a few regions and everything that happens in them, in an order that one seed decides.
type world struct {
	ledger
	seed    uint64
	random  *rand.Rand
	trace   io.Writer
	without safeguard

	on     [faultCount]bool
	rarity [faultCount]int
	struck [faultCount]int
	counts map[string]int
	quiet  bool // no fault at all
	wide   bool // many equipments, few readings of each
	narrow bool // one or two readings of few values, by many requests of one region
	files  bool // long files, over which workers die all the time

	now, began  time.Time
	steps       int
	events      int // what registers order by
	operations  int
	requests    int
	invocations int
	left        int // operations of this part of the history
	parts       int
	calmIn      int // steps until the faults end, once nothing is left to do
	troubleMax  int // the step after which they end in any part: some histories would not rest otherwise

	regions    []*region
	links      []*link
	processes  []*process
	running    *process
	operator   bool // somebody writes past the service
	departure  *departure
	late       []lateEffect
	uploads    []*upload
	identities []reading.Reading
	sent       []reading.Reading
	expired    map[dynamodel.Key]bool
	retention  time.Duration
	batchMax   int
	values     []reading.Decimal
	failure    error
}

// region is one region with its tables, its stream, its bucket and its queue.
type region struct {
	name        string
	clock       func() time.Time
	db          *dynamodel.Database
	out         []*link
	cutUntil    time.Time
	refuseUntil time.Time // no write of readings before
	shards      []*shard
	laneCount   int
	sequence    int64
	used        map[int64]bool
	invocations int
	workers     int
	// gone tells that it has left for good, adopted are those that have and whose rows it keeps. While rolling, the deployment that
	// says so is on its way.
	gone    bool
	adopted []string
	rolling bool

	objects map[string][]byte
	queue   []*message
	own     own
}

var regionNames = []string{"eu-west-1", "us-east-1", "ap-south-1", "sa-east-1", "ca-central-1"}

// firstHour is the hour of the first readings; the next one belongs to another day.
var firstHour = time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)

func newWorld(seed uint64, without safeguard, trace io.Writer) *world {
	w := &world{
		seed: seed, random: rand.New(rand.NewPCG(seed, 20)), trace: trace, without: without, counts: map[string]int{},
		ledger: ledger{truth: map[dynamodel.Key]dynamodel.Write{}, numbers: map[string]*big.Int{}, loose: map[string]bool{}},
		now:    firstHour.Add(2*time.Hour + 30*time.Minute), expired: map[dynamodel.Key]bool{},
	}
	w.drawFaults()
	if w.on[expiry] {
		w.retention = contract.RetentionMin
	}
	w.drawFiles()
	w.batchMax = 1 + w.random.IntN(8)
	w.values = values[:4+w.random.IntN(2)*(len(values)-4)] // few values meet each other as extremes
	if !w.narrow && w.random.IntN(150) == 0 {              // more rows than a transaction takes
		w.wide, w.batchMax = true, 250
		w.count(countWide, 1)
	}
	for _, n := range regionNames[:2+min(w.random.IntN(4), w.random.IntN(4))] {
		w.regions = append(w.regions, w.newRegion(n))
	}
	for _, from := range w.regions {
		for _, to := range w.regions {
			if from != to {
				l := &link{from: from, to: to}
				from.out = append(from.out, l)
				w.links = append(w.links, l)
			}
		}
	}
	w.traceFaults()
	w.begin(firstHour, 12+w.random.IntN(12))
	return w
}

func (w *world) newRegion(name string) *region {
	r := &region{name: name, used: map[int64]bool{}, objects: map[string][]byte{}, own: newOwn(), sequence: 990 + w.random.Int64N(9000)}
	offset := time.Duration(0)
	if w.on[skew] {
		offset = time.Duration(w.random.Int64N(int64(4*time.Second))) - 2*time.Second
		w.strike(skew)
	}
	r.clock = func() time.Time { return w.now.Add(offset) }
	r.db = dynamodel.NewDatabase(name, r.clock)
	r.db.Create(readingsTable, contract.ReadingsTable())
	r.db.Create(aggregatesTable, contract.AggregatesTable())
	r.db.Create(uploadsTable, contract.UploadsTable())
	r.db.OnWrite = func(write dynamodel.Write) { w.noteWrite(r, write) }
	r.db.Lag = func(written time.Time) bool {
		lags := r.clock().Sub(written) < lagMax && w.random.IntN(2) == 0
		if lags {
			w.count(countStaleReads, 1)
		}
		return lags
	}
	w.openStream(r)
	return r
}

// lagMax is how far a read that is not consistent may lag behind.
const lagMax = time.Second

// begin begins a part of the history, with readings of two hours.
func (w *world) begin(hour time.Time, operations int) {
	w.parts++
	w.began, w.left, w.sent = w.now, operations, nil
	w.calmIn, w.troubleMax = 1+w.random.IntN(400), w.steps+8000
	w.identities = nil
	if w.narrow {
		w.beginNarrow(hour)
		return
	}
	// Ids of which one begins like another, in an order that composed keys must keep.
	equipments := []reading.EquipmentID{"A", "A-1", "A.b:c_2"}[:1+w.random.IntN(3)]
	// Minutes of one slice, of several, at their ends and next to each other.
	minutes := [][]int{{0, 20, 40}, {0, 2, 4}, {0, 3, 25}, {4, 5, 59}, {10, 11, 14}}[w.random.IntN(5)]
	if w.wide {
		for i := range 70 {
			equipments = append(equipments, reading.EquipmentID(fmt.Sprintf("E%d", i)))
		}
		minutes = minutes[:1]
	}
	for _, id := range equipments {
		for h := range 2 {
			for _, minute := range minutes {
				w.identities = append(w.identities, reading.Reading{
					EquipmentID: id, Timestamp: hour.Add(time.Duration(h)*time.Hour + time.Duration(minute)*time.Minute),
				})
			}
		}
	}
	if w.files || w.random.IntN(2) == 0 {
		w.uploadFile()
	}
}

// run lets the history happen and checks it.
func (w *world) run() error {
	const stepsMax, idleMax = 200_000, 10 // most histories take 2,000, those of many equipments 15,000
	idle := 0
	for ; w.failure == nil; w.steps++ {
		if w.steps > stepsMax {
			return fmt.Errorf("does not settle: %s", w.unsettled())
		}
		w.advance(time.Duration(1 + w.random.Int64N(int64(15*time.Millisecond))))
		if w.act() {
			idle = 0
		} else if idle++; idle > idleMax {
			idle = 0
			if !w.jump() && w.left == 0 && w.resting() && !w.adopt() && !w.mendPlanted() && !w.goOn() {
				break
			}
		}
		w.checkFleet()
	}
	if w.failure == nil {
		w.checkAll()
	}
	w.count(countSteps, w.steps)
	for _, p := range w.processes { // after a violation
		p.stop()
	}
	return w.failure
}

// act lets one thing happen, and tells whether it did.
func (w *world) act() bool {
	if w.left == 0 && (w.parts == w.partsPlanned() || w.steps > w.troubleMax) {
		if w.calmIn--; w.calmIn == 0 {
			w.calm()
		}
	}
	switch choice := w.random.IntN(24); {
	case choice == 0 && w.left > 0:
		w.operate()
		return true
	case choice <= 4:
		return w.replicateSome()
	case choice <= 8:
		return w.deliver(w.someRegion())
	case choice == 9:
		return w.receive()
	case choice == 10:
		return w.disturb()
	default:
		return w.resumeOne()
	}
}

// disturb lets something happen that no client asked for: a split, a region that is cut off, an expiry.
func (w *world) disturb() bool {
	switch w.random.IntN(8) {
	case 7:
		return w.depart()
	case 6:
		if w.left > 0 && w.random.IntN(2) == 0 {
			return w.plant()
		}
		if !w.quiet && w.random.IntN(8) == 0 { // a slice that is restated is recounted from then on
			w.restateSome()
		}
		return true
	case 0:
		return w.chance(splits, 3) && w.split(w.someRegion())
	case 1:
		if w.random.IntN(4) == 0 {
			return w.refuse()
		}
		return w.cut()
	case 2:
		return w.leap()
	case 3:
		if w.random.IntN(8) == 0 {
			w.ask()
		}
		return true
	case 4:
		return w.retention > 0 && w.expire()
	default:
		w.look()
		return true
	}
}

// partsPlanned is how many parts the history has: where readings expire, a second one comes days later.
func (w *world) partsPlanned() int {
	if w.retention > 0 {
		return 2
	}
	return 1
}

// jump moves the clock to when something is due next, and tells whether there is such a thing.
func (w *world) jump() bool {
	var next time.Time
	consider := func(t time.Time) {
		if t.After(w.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, p := range w.processes {
		consider(p.wake)
	}
	for _, l := range w.late {
		consider(l.at)
	}
	for _, r := range w.regions {
		for _, m := range r.queue {
			consider(m.visible)
		}
		consider(r.cutUntil)
	}
	for _, l := range w.links {
		consider(l.from.cutUntil) // also of a region that has left
		for _, f := range l.pending {
			consider(f.due)
		}
	}
	if next.IsZero() {
		return false
	}
	w.advance(next.Sub(w.now))
	return true
}

// resting tells whether nothing is left to happen.
func (w *world) resting() bool { return w.unsettled() == "" }

// unsettled says what is left to happen.
func (w *world) unsettled() string {
	if len(w.processes)+len(w.late) > 0 {
		return fmt.Sprintf("%d processes and %d late calls", len(w.processes), len(w.late))
	}
	for _, l := range w.links {
		if len(l.pending) > 0 {
			return fmt.Sprintf("%d writes from %s to %s", len(l.pending), l.from.name, l.to.name)
		}
	}
	for _, r := range w.regions {
		if len(r.queue) > 0 {
			return fmt.Sprintf("%d messages in %s", len(r.queue), r.name)
		}
		for _, s := range r.shards {
			for _, l := range s.lanes {
				if l.busy || l.next < len(l.records) {
					return fmt.Sprintf("%d records in %s", len(l.records)-l.next, r.name)
				}
			}
		}
	}
	return ""
}

// goOn begins the next part of the history, if there is one. The streams have forgotten the first one by then, and its
// readings expire, some hours of them only in part.
func (w *world) goOn() bool {
	if w.parts == w.partsPlanned() {
		return false
	}
	w.checkAll()
	for _, r := range w.regions {
		for _, s := range r.shards {
			for _, l := range s.lanes {
				l.records, l.next = nil, 0
			}
		}
	}
	past := 1 + w.random.IntN([]int{25, 150}[w.random.IntN(2)]) // minutes, since the first reading was due
	w.advance(firstHour.Add(w.retention + contract.ExpiryMargin + time.Duration(past)*time.Minute).Sub(w.now))
	w.tracef("days later: %s", w.now.Format(time.RFC3339))
	w.begin(reading.Hour(w.now).Add(-2*time.Hour), 8+w.random.IntN(6))
	return true
}

// violate notes that something is not as it must be. The first violation counts.
func (w *world) violate(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("step %d: "+format, append([]any{w.steps}, args...)...)
		w.tracef("VIOLATED: %v", w.failure)
	}
}

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%6d %s  %s\n", w.steps, clock(w.now), fmt.Sprintf(format, args...))
	}
}

// traceFaults says what the history is made of.
func (w *world) traceFaults() {
	if w.trace == nil {
		return
	}
	for f, on := range w.on {
		if on {
			w.tracef("may happen: %s", faultNames[f])
		}
	}
	for _, r := range w.regions {
		w.tracef("%s: its clock is %s ahead; %d shards of %d lanes", r.name, r.clock().Sub(w.now), len(r.shards), r.laneCount)
	}
}

func clock(t time.Time) string { return t.Format("02 15:04:05.000") }
