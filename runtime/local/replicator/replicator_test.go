package replicator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// history is writes in several regions while regions are cut off and calls fail, and the simulation's model of the same writes.
type history struct {
	*database
	*replicator.Replicator
	process *process
	delay   time.Duration
	regions []string
	// model is a region's table as the simulation's model of global tables has it.
	models map[string]*dynamodel.Database
	writes []dynamodel.Write // of clients, in their order
}

const (
	tableName = "readings"
	// rare is the equipment whose readings are removed: not within the moment in which the replicator looks and writes, since
	// nothing tells it then from one that was never there. What the service writes differs each time.
	rare = "EQ-RARE"
)

func physical(region string) string { return tableName + "-" + region }

func newHistory(t *testing.T, random *rand.Rand, regions int, delay time.Duration) *history {
	t.Helper()
	h := &history{database: newDatabase(random), models: map[string]*dynamodel.Database{}, delay: delay}
	for _, region := range []string{"r1", "r2", "r3", "r4"}[:regions] {
		h.regions = append(h.regions, region)
		h.model.Create(physical(region), contract.ReadingsTable())
		// The model's clock is the number of the write that was just made.
		m := dynamodel.NewDatabase(region, func() time.Time { return time.Unix(0, h.last) })
		m.Create(tableName, contract.ReadingsTable())
		m.OnWrite = func(w dynamodel.Write) {
			if w.Origin == dynamodel.Local {
				h.writes = append(h.writes, w)
			}
		}
		h.models[region] = m
	}
	h.live(t, "")
	return h
}

// live begins a life of the program that replicates, with what an earlier one has kept in a folder.
func (h *history) live(t *testing.T, dir string) {
	t.Helper()
	h.process = &process{database: h.database}
	o := replicator.Options{Tables: h.process, Streams: h.process, Delay: h.delay, Log: slog.New(h.handler()), Dir: dir, JournalBytes: 4 << 10}
	for _, region := range h.regions {
		o.Replicas = append(o.Replicas, replicator.Replica{
			Region: region, Definition: contract.ReadingsTable(), Name: physical(region), StreamARN: physical(region),
		})
	}
	var err error
	if h.Replicator, err = replicator.New(o); err != nil {
		t.Fatal(err)
	}
}

// handler prints what the replicator logs where one history is replayed.
func (h *history) handler() slog.Handler {
	if os.Getenv("SEED") == "" {
		return slog.DiscardHandler
	}
	return slog.NewTextHandler(os.Stderr, nil)
}

var errFault = errors.New("a call failed")

// call makes a call in its time, with its faults.
func call[T any](ctx context.Context, p *process, do func() (T, error)) (T, error) {
	var none T
	d := p.database
	d.mu.Lock()
	pause, before, after := time.Duration(0), d.random.IntN(1000) < d.perMille, d.random.IntN(1000) < d.perMille
	if d.slow > 0 {
		pause = time.Duration(d.random.Int64N(int64(d.slow)))
	}
	d.mu.Unlock()
	if before {
		return none, errFault
	}
	time.Sleep(pause)
	if p.killed.Load() {
		return none, errFault
	}
	d.mu.Lock()
	out, err := do()
	d.mu.Unlock()
	time.Sleep(pause)
	if after || p.killed.Load() {
		return none, errFault
	}
	return out, errors.Join(err, ctx.Err())
}

// write is a client's: a reading, a tombstone, or a removal.
func (h *history) write(region, equipment string, number int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := dynamodel.Item{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: equipment},
		contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: "2026-03-01T08:00:00.000000000Z"},
	}
	item := maps.Clone(key)
	item[contract.AttrRegion] = &types.AttributeValueMemberS{Value: region}
	item[contract.AttrRegisterTime] = &types.AttributeValueMemberS{Value: strconv.FormatInt(number, 10)} // no two are equal
	switch {
	case equipment == rare && number%2 == 0:
		item = nil
	case number%5 == 0:
		item[contract.AttrDeleted] = &types.AttributeValueMemberBOOL{Value: true}
	default:
		item[contract.AttrValue] = &types.AttributeValueMemberN{Value: strconv.FormatInt(number, 10)}
	}
	before := h.last
	store(h.model, physical(region), key, item)
	if h.last == before { // no stream has a record of it
		return
	}
	store(h.models[region], tableName, key, item)
}

func store(d *dynamodel.Database, name string, key, item dynamodel.Item) {
	var err error
	if item == nil {
		_, err = d.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: &name, Key: key})
	} else {
		_, err = d.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &name, Item: item})
	}
	if err != nil {
		panic(err)
	}
}

// settle brings all writes to all models, in any order, and returns the table that the simulation's rules give.
func (h *history) settle(t *testing.T) []dynamodel.Item {
	t.Helper()
	order := h.random.Perm(len(h.writes))
	var want []dynamodel.Item
	for i, region := range h.regions {
		for _, at := range order {
			if h.writes[at].Stamp.Region != region {
				h.models[region].Replicate(h.writes[at])
			}
		}
		items := h.models[region].Items(tableName)
		if i > 0 && !reflect.DeepEqual(items, want) {
			t.Fatal("the model's regions differ")
		}
		want = items
	}
	return want
}

// run lets clients write for some virtual minutes while regions are cut off and come back.
func (h *history) run(t *testing.T, seed uint64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var replication, clients sync.WaitGroup
	replication.Go(func() { h.Run(ctx) })
	defer replication.Wait()
	defer stop()
	for n, region := range h.regions {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			for i := range int64(150) {
				h.write(region, fmt.Sprint("EQ-", random.IntN(6)), 1000*i+100*int64(n)+random.Int64N(10))
				if i%50 == 0 {
					h.write(region, rare, 1000*i+100*int64(n)+random.Int64N(2))
					time.Sleep(5 * time.Second)
				}
				if random.IntN(3) == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(seed, 99))
	for range random.IntN(6) {
		region := h.regions[random.IntN(len(h.regions))]
		time.Sleep(time.Duration(random.Int64N(int64(5 * time.Second))))
		if random.IntN(2) == 0 {
			_ = h.Cut(ctx, region)
		} else {
			_ = h.Heal(ctx, region)
		}
	}
	clients.Wait()
	for _, region := range h.regions {
		if err := h.Heal(ctx, region); err != nil {
			t.Fatal(err)
		}
	}
	h.mu.Lock()
	h.perMille = 0
	h.mu.Unlock()
	settling, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := h.Settled(settling); err != nil {
		t.Fatal(err)
	}
}

// seeds are the histories to run, or the one that the environment names.
func seeds(t *testing.T, many uint64) (first, count uint64) {
	t.Helper()
	text := os.Getenv("SEED")
	switch {
	case text == "" && testing.Short(): // as under the race detector
		return 1, many / 5
	case text == "":
		return 1, many
	}
	one, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return one, 1
}

// TestReplicator_GivesWhatTheSimulationGives runs histories of writes, removals and tombstones of few items in two to four regions,
// with cuts, with and without failing calls. All replicas end as the simulation's model of a global table has them.
func TestReplicator_GivesWhatTheSimulationGives(t *testing.T) {
	first, count := seeds(t, 50)
	var sum replicator.Counts
	for seed := first; seed < first+count; seed++ {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			h := newHistory(t, random, 2+random.IntN(3), time.Duration(1+random.Int64N(int64(3*time.Second))))
			faults := random.IntN(2) == 0
			if faults {
				h.perMille = 30
			}
			h.slow = time.Duration(random.Int64N(int64(40 * time.Millisecond)))
			h.run(t, seed)
			want := h.settle(t)
			for _, region := range h.regions {
				if got := h.model.Items(physical(region)); !reflect.DeepEqual(got, want) {
					t.Errorf("seed %d: %s has\n%s\nwant\n%s", seed, region, text(got), text(want))
				}
			}
			// Every write goes to each other region once, and from there nowhere.
			c := h.Counts()
			met := c.Written + c.Outvoted + c.Merged + c.Unchanged
			if sent := int64(len(h.writes) * (len(h.regions) - 1)); met != sent && !faults {
				t.Errorf("seed %d: %d writes of clients to others were met by %d decisions: %+v", seed, sent, met, c)
			}
			sum.Written, sum.Outvoted, sum.Merged = sum.Written+c.Written, sum.Outvoted+c.Outvoted, sum.Merged+c.Merged
		})
		if t.Failed() {
			t.Fatalf("SEED=%d go test ./runtime/local/replicator -run Simulation replays it", seed)
		}
	}
	t.Logf("%d histories: %+v", count, sum)
	if count > 1 && (sum.Written == 0 || sum.Outvoted == 0 || sum.Merged == 0) {
		t.Error("a rule was never put to use")
	}
}

func text(items []dynamodel.Item) string {
	var b strings.Builder
	for _, item := range items {
		for _, name := range slices.Sorted(maps.Keys(item)) {
			fmt.Fprintf(&b, "%s=%v ", name, reflect.ValueOf(item[name]).Elem().Field(0))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// begin runs a replicator of two regions until the test ends.
func begin(t *testing.T, delay time.Duration) *history {
	t.Helper()
	h := newHistory(t, rand.New(rand.NewPCG(1, 1)), 2, delay)
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { stop(); work.Wait() })
	return h
}

func (h *history) has(region string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.model.Items(physical(region)))
}

func TestReplicator_BringsAWriteOnceTheDelayIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 2 * time.Second
		h := begin(t, delay)
		time.Sleep(time.Minute)
		h.write("r1", "EQ-1", 1)
		time.Sleep(delay - time.Millisecond)
		if h.has("r2") != 0 {
			t.Error("it arrived before its time")
		}
		time.Sleep(time.Second)
		if h.has("r2") != 1 {
			t.Error("it has not arrived a second after its time")
		}
	})
}

// TestReplicator_RemembersItemsAndNotChanges holds what is kept in memory: nothing once all has arrived, and during a cut one time for
// each item that was written, however often.
func TestReplicator_RemembersItemsAndNotChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := begin(t, time.Second)
		if err := h.Cut(t.Context(), "r2"); err != nil {
			t.Fatal(err)
		}
		for i := range int64(1000) {
			h.write("r1", fmt.Sprint("EQ-", i%10), 10*i+1)
			time.Sleep(10 * time.Millisecond)
		}
		if c := h.Counts(); c.Stamps != 10 || h.has("r2") != 0 {
			t.Errorf("during the cut: %+v, and %d items have passed", c, h.has("r2"))
		}
		if err := h.Heal(t.Context(), "r2"); err != nil {
			t.Fatal(err)
		}
		if err := h.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if c := h.Counts(); c.Stamps != 0 || c.Merged < 800 || // those of the last second wait one by one
			h.has("r2") != 10 {
			t.Errorf("after it: %+v, and %d items have passed", c, h.has("r2"))
		}
	})
}
