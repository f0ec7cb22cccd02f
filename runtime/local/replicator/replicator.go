package replicator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// DelayDefault is about what a global table takes.
	DelayDefault = 500 * time.Millisecond
	// DelayMax bounds the places that are remembered of a stream.
	DelayMax = 10 * time.Minute

	// pollInterval is how often a stream is looked at, and how exact the delay is.
	pollInterval = 100 * time.Millisecond
	// pauseMax bounds the pause after a call that failed.
	pauseMax = 5 * time.Second
	// pruneEvery is how often what nobody needs any more is forgotten.
	pruneEvery = 5 * time.Second
)

// TableClient is the part of the DynamoDB API that is used.
type TableClient interface {
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Replica is a table of one region.
type Replica struct {
	Region string
	// Definition is the table's; replicas with the same Definition.Name are one global table.
	Definition contract.Table
	// Name is the physical name, StreamARN that of its stream with new and old images.
	Name, StreamARN string
}

// Options configure a Replicator.
type Options struct {
	Tables   TableClient  // required
	Streams  StreamClient // required
	Replicas []Replica    // required: the tables are empty, or equal, when Run begins for the first time
	Log      *slog.Logger // required
	// Delay is how old a write is at least when it arrives, up to DelayMax.
	Delay time.Duration
	// Dir is a folder that keeps what a restart must know, made if it is missing. Default: nothing is kept.
	Dir string
	// JournalBytes is how large each table's journal in Dir becomes at least before it is written anew. Default: JournalBytesDefault.
	JournalBytes int64
}

// Replicator keeps the replicas equal. It is safe for concurrent use.
type Replicator struct {
	log      *slog.Logger
	regions  []string
	trackers []*tracker
	links    []*link
	counts   counters
	// dir is empty where nothing is kept. What an earlier process has kept was found there if resumed is set.
	dir     string
	resumed bool
	// ready is closed once the replicator has taken up what was kept.
	ready chan struct{}

	mu   sync.Mutex
	cut  map[string]bool
	lost map[string]bool
	base uint64
}

// table is a replica as the parts of this package know it.
type table struct {
	region, name, stream string
	definition           contract.Table
}

// New returns a Replicator; Run makes it work. It fails where what was kept in Options.Dir cannot be read.
func New(o Options) (*Replicator, error) {
	r := &Replicator{log: o.Log, dir: o.Dir, ready: make(chan struct{}), cut: map[string]bool{}, lost: map[string]bool{}}
	for _, replica := range o.Replicas {
		if !slices.Contains(r.regions, replica.Region) {
			r.regions = append(r.regions, replica.Region)
		}
		t := &table{replica.Region, replica.Name, replica.StreamARN, replica.Definition}
		r.trackers = append(r.trackers, newTracker(t, o, r.latest))
	}
	for _, from := range r.trackers {
		for _, to := range r.trackers {
			if from == to || from.table.definition.Name != to.table.definition.Name {
				continue
			}
			l := &link{
				from: from, to: to, client: o.Tables, counts: &r.counts, working: make(turn, 1),
				pages: pages{client: o.Streams, arn: from.table.stream},
			}
			l.cut = func() bool { return r.parted(from.table.region, to.table.region) }
			r.links = append(r.links, l)
		}
	}
	if r.dir != "" {
		if err := r.load(cmp.Or(o.JournalBytes, JournalBytesDefault)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// latest is the highest sequence number that is known of.
func (r *Replicator) latest() uint64 {
	var highest uint64
	for _, t := range r.trackers {
		last, _ := t.read()
		highest = max(highest, last)
	}
	return highest
}

// Run replicates until ctx ends. It then reads the streams once more, so that a restart knows all that was written.
func (r *Replicator) Run(ctx context.Context) {
	resumed := r.resume(ctx)
	defer func() { r.finish(context.WithoutCancel(ctx), resumed) }()
	if !resumed {
		return
	}
	close(r.ready)
	var work sync.WaitGroup
	for _, t := range r.trackers {
		work.Go(func() {
			r.repeat(ctx, t.table, func() (bool, error) { return false, r.follow(ctx, t) })
		})
	}
	for _, l := range r.links {
		work.Go(func() {
			r.repeat(ctx, l.to.table, func() (bool, error) { return l.step(ctx) })
		})
	}
	work.Go(func() {
		for pacing.Sleep(ctx, pruneEvery) == nil {
			if err := r.prune(); err != nil {
				r.log.Warn("could not keep what a restart must know; trying again", "error", err)
			}
		}
	})
	work.Wait()
}

// follow reads a stream, that of a region that is lost no more.
func (r *Replicator) follow(ctx context.Context, t *tracker) error {
	if r.isLost(t.table.region) {
		return nil
	}
	return t.catchUp(ctx)
}

// repeat makes a step again and again: at once while there is more to do, after a longer pause each time that it fails.
func (r *Replicator) repeat(ctx context.Context, t *table, step func() (more bool, err error)) {
	pause := pollInterval
	for ctx.Err() == nil {
		more, err := step()
		switch {
		case err != nil && ctx.Err() == nil:
			r.log.Warn("could not replicate; trying again", "table", t.name, "error", err)
			_ = pacing.Sleep(ctx, pause) // the loop looks at ctx itself
			pause = min(2*pause, pauseMax)
		case more:
			pause = pollInterval
		default:
			pause = pollInterval
			_ = pacing.Sleep(ctx, pause) // likewise
		}
	}
}

// prune keeps the places of the links and lets each tracker forget what nobody needs who begins there.
func (r *Replicator) prune() error {
	places, err := r.keep()
	if err != nil {
		return err
	}
	for _, t := range r.trackers {
		arrived, passed := t.bounds(r.links, places, r.isLost)
		if err := t.prune(arrived, passed); err != nil {
			return err
		}
	}
	return nil
}

// bounds are the time up to which everything has arrived here, and the place up to which everything has left.
func (t *tracker) bounds(links []*link, places map[string]place, lost func(region string) bool) (arrived, passed uint64) {
	last, through := t.read()
	arrived, passed = through, last
	for _, l := range links {
		switch {
		case l.to == t && !lost(l.from.table.region):
			arrived = min(arrived, places[l.name()].Floor)
		case l.from == t && !lost(l.to.table.region):
			passed = min(passed, places[l.name()].Position)
		}
	}
	return arrived, passed
}

// ErrUnknownRegion names no region that runs.
var ErrUnknownRegion = errors.New("there is no such region")

func (r *Replicator) known(region string) error {
	if slices.Contains(r.regions, region) && !r.isLost(region) {
		return nil
	}
	return fmt.Errorf("%w: %q; there are %s", ErrUnknownRegion, region, strings.Join(r.regions, ", "))
}

// Cut lets nothing pass to and from a region from now on. When it returns, nothing is on its way any more.
func (r *Replicator) Cut(ctx context.Context, region string) error { return r.part(ctx, region, true) }

// Heal brings what has waited since Cut, and all that follows.
func (r *Replicator) Heal(ctx context.Context, region string) error {
	return r.part(ctx, region, false)
}

func (r *Replicator) part(ctx context.Context, region string, cut bool) error {
	if err := r.known(region); err != nil {
		return err
	}
	r.mu.Lock()
	r.cut[region] = cut
	r.mu.Unlock()
	if _, err := r.keep(); err != nil {
		return err
	}
	return r.await(ctx, region)
}

// Lose gives a region up: what it has not replicated stays where it is, and nothing reaches it any more.
func (r *Replicator) Lose(ctx context.Context, region string) error {
	if err := r.known(region); err != nil {
		return err
	}
	r.mu.Lock()
	r.lost[region] = true
	r.mu.Unlock()
	return r.await(ctx, region)
}

// await returns once no step of a region's links has an older view of what is cut.
func (r *Replicator) await(ctx context.Context, region string) error {
	for _, l := range r.links {
		if l.from.table.region != region && l.to.table.region != region {
			continue
		}
		if err := l.working.take(ctx); err != nil {
			return err
		}
		l.working.give()
	}
	return nil
}

func (r *Replicator) parted(a, b string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut[a] || r.cut[b] || r.lost[a] || r.lost[b]
}

func (r *Replicator) isLost(region string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost[region]
}

// CutOff are the regions that are cut off.
func (r *Replicator) CutOff() []string {
	return slices.DeleteFunc(slices.Clone(r.regions), func(region string) bool { return !r.IsCut(region) })
}

// IsCut tells whether a region is cut off.
func (r *Replicator) IsCut(region string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut[region]
}

// awaitReady returns once Run has taken up what an earlier life has left.
func (r *Replicator) awaitReady(ctx context.Context) error {
	select {
	case <-r.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the replication: %w", ctx.Err())
	}
}

// Settled returns once every write made before the call has arrived in the regions that are not cut off from where it was made.
func (r *Replicator) Settled(ctx context.Context) error {
	if err := r.awaitReady(ctx); err != nil {
		return err
	}
	for _, t := range r.trackers {
		if err := t.catchUp(ctx); err != nil {
			return fmt.Errorf("wait for the replication: %w", err)
		}
	}
	for _, l := range r.links {
		target, _ := l.from.read()
		for l.position.Load() < target && !l.cut() {
			if err := pacing.Sleep(ctx, pollInterval/4); err != nil {
				return fmt.Errorf("wait for the replication: %w", err)
			}
		}
	}
	return nil
}

// Backlog is what had been written at a moment in a region, or for it, and had not arrived then.
type Backlog struct {
	region  string
	targets map[*link]uint64
}

// Waiting is what is still to travel between the region of a Backlog and another one.
type Waiting struct {
	Region string // the other one
	Items  int
	// Parted tells that nothing passes between the two now.
	Parted bool
}

// Backlog returns what waits now.
func (r *Replicator) Backlog(ctx context.Context, region string) (*Backlog, error) {
	if err := r.known(region); err != nil {
		return nil, err
	}
	if err := r.awaitReady(ctx); err != nil {
		return nil, err
	}
	b := &Backlog{region: region, targets: map[*link]uint64{}}
	for _, l := range r.links {
		if l.from.table.region != region && l.to.table.region != region || r.isLost(l.from.table.region) || r.isLost(l.to.table.region) {
			continue
		}
		if err := l.from.catchUp(ctx); err != nil {
			return nil, fmt.Errorf("look what waits: %w", err)
		}
		b.targets[l], _ = l.from.read()
	}
	return b, nil
}

// Waiting tells what of it has not arrived yet, for each region that waits or is waited for.
func (b *Backlog) Waiting() []Waiting {
	of := map[string]Waiting{}
	for l, target := range b.targets {
		other := l.from.table.region
		if other == b.region {
			other = l.to.table.region
		}
		items := len(l.from.own(l.position.Load(), target))
		if items > 0 {
			of[other] = Waiting{other, of[other].Items + items, l.cut()}
		}
	}
	var all []Waiting
	for _, other := range slices.Sorted(maps.Keys(of)) {
		all = append(all, of[other])
	}
	return all
}

// Counts tell what was done since the start.
type Counts struct {
	Written   int64 // items that were brought
	Outvoted  int64 // changes that met a later write
	Merged    int64 // changes that were followed by another one of their item
	Unchanged int64 // changes whose item was like that already
	Stamps    int   // items whose time is remembered
}

// Counts returns them.
func (r *Replicator) Counts() Counts {
	c := Counts{
		Written: r.counts.written.Load(), Outvoted: r.counts.outvoted.Load(),
		Merged: r.counts.merged.Load(), Unchanged: r.counts.unchanged.Load(),
	}
	for _, t := range r.trackers {
		t.mu.Lock()
		c.Stamps += len(t.stamps)
		t.mu.Unlock()
	}
	return c
}
