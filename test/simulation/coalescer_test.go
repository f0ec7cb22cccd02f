package simulation_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// coalescerSeeds is how many histories of the coalescer a test runs.
const coalescerSeeds = 300

// TestCoalescer_AcknowledgesWhatIsStored runs the coalescer, which starts goroutines of its own and therefore has no place
// among the coroutines of the other histories, in virtual time: each call takes a time that follows from the seed and from
// what it writes, so that one seed is one history here as well.
func TestCoalescer_AcknowledgesWhatIsStored(t *testing.T) {
	first, n := uint64(1), uint64(coalescerSeeds)
	if seed, one := numberFrom(t, "SEED"); one {
		first, n = seed, 1
	}
	var saved, refused int
	for seed := first; seed < first+n; seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := newSaving(seed)
			h.run(t)
			saved, refused = saved+h.saved, refused+h.refused
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
	if n > 100 && (saved < 20*int(n) || refused == 0) {
		t.Errorf("only %d readings were saved, %d refused", saved, refused)
	}
	t.Logf("%d histories, %d readings saved, %d refused", n, saved, refused)
}

// saving is a history of one coalescer.
type saving struct {
	seed   uint64
	random *rand.Rand
	calm   int           // a call fails three times in so many
	outage time.Duration // for so long from the beginning, none succeeds
	began  time.Time

	mu             sync.Mutex
	db             *dynamodel.Database
	calls          map[string]int
	versions       map[dynamodel.Key][]string // register times, in the order of the writes
	acknowledged   map[dynamodel.Key]string   // the latest
	saved, refused int
}

func newSaving(seed uint64) *saving {
	h := &saving{
		seed: seed, random: rand.New(rand.NewPCG(seed, 21)), db: dynamodel.NewDatabase("eu-west-1", time.Now), calls: map[string]int{},
		versions: map[dynamodel.Key][]string{}, acknowledged: map[dynamodel.Key]string{},
	}
	h.calm, h.began = []int{3, 4, 10}[h.random.IntN(3)], time.Now()
	if h.random.IntN(4) == 0 {
		h.outage = 2 * time.Second // longer than a batch is tried
	}
	h.db.Create(readingsTable, contract.ReadingsTable())
	h.db.OnWrite = func(w dynamodel.Write) {
		h.versions[w.Key] = append(h.versions[w.Key], textOf(w.New, contract.AttrRegisterTime))
	}
	return h
}

// BatchWriteItem and Query make saving the client of the readings' adapter.
func (h *saving) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, _ ...option) (*dynamodb.BatchWriteItemOutput, error) {
	requests := slices.Clone(in.RequestItems[readingsTable])
	slices.SortFunc(requests, func(a, b types.WriteRequest) int {
		return strings.Compare(fmt.Sprint(keyOf(a.PutRequest.Item)), fmt.Sprint(keyOf(b.PutRequest.Item)))
	})
	random := h.randomOf(requests)
	time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
	h.mu.Lock()
	defer h.mu.Unlock()
	choice := random.IntN(h.calm)
	if choice == 0 || time.Since(h.began) < h.outage {
		return nil, errThrottled
	}
	out := &dynamodb.BatchWriteItemOutput{}
	if choice == 1 && len(requests) > 1 {
		left := 1 + random.IntN(len(requests)-1)
		out.UnprocessedItems = map[string][]types.WriteRequest{readingsTable: requests[:left]}
		requests = requests[left:]
	}
	if _, err := h.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{readingsTable: requests}}); err != nil {
		return nil, err
	}
	if choice == 2 {
		return nil, errTimeout
	}
	return out, nil
}

// Query is not called.
func (h *saving) Query(context.Context, *dynamodb.QueryInput, ...option) (*dynamodb.QueryOutput, error) {
	return nil, errTimeout
}

// randomOf decides about a call by what it writes and how often that was tried, whatever else is called at the same time.
func (h *saving) randomOf(requests []types.WriteRequest) *rand.Rand {
	var content strings.Builder
	for _, r := range requests {
		fmt.Fprint(&content, describe(r.PutRequest.Item), textOf(r.PutRequest.Item, contract.AttrRegisterTime), ";")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[content.String()]++
	hash := fnv.New64a()
	fmt.Fprint(hash, content.String(), h.calls[content.String()])
	return rand.New(rand.NewPCG(h.seed, hash.Sum64()))
}

// run lets clients save readings of few identities at nearly the same time.
func (h *saving) run(t *testing.T) {
	store := dynamo.NewReadings(h, readingsTable, "eu-west-1", 0)
	c := ingest.NewCoalescer(store, ingest.Options{
		BatchesInFlightMax: 1 + h.random.IntN(3), QueueMax: 20 + h.random.IntN(60), WriteTimeout: time.Second,
	}, pacing.Pacer{Jitter: func() float64 { return 0.5 }})
	identities, spread := 1+h.random.IntN(12), time.Duration(1+h.random.IntN(120))*time.Millisecond
	var clients sync.WaitGroup
	for range 40 + h.random.IntN(60) {
		one := reading.Reading{EquipmentID: "A", Timestamp: firstHour.Add(time.Duration(h.random.IntN(identities)) * time.Minute)}
		one.Value = values[h.random.IntN(len(values))]
		at := time.Duration(h.random.Int64N(int64(spread)))
		clients.Go(func() {
			time.Sleep(at)
			h.save(t, c, reading.Stored{Reading: one, RegisterTime: time.Now().UTC()})
		})
	}
	clients.Wait()
	if err := c.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, latest := range h.acknowledged {
		if versions := h.versions[key]; len(versions) == 0 || versions[len(versions)-1] < latest {
			t.Errorf("seed %d: %v of %s was acknowledged, and what was written is %s", h.seed, key, latest, versions)
		}
	}
}

// save saves one reading. When that is acknowledged, it is stored, or a later one of its identity.
func (h *saving) save(t *testing.T, c *ingest.Coalescer, r reading.Stored) {
	err := c.Save(context.Background(), r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if h.refused++; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("seed %d: %v", h.seed, err)
		}
		return
	}
	h.saved++
	key, registered := dynamodel.Key{Partition: string(r.EquipmentID), Sort: reading.FormatTimestamp(r.Timestamp)}, reading.FormatTimestamp(r.RegisterTime)
	if !slices.ContainsFunc(h.versions[key], func(version string) bool { return version >= registered }) {
		t.Errorf("seed %d: %v of %s was acknowledged and is not stored", h.seed, key, registered)
	}
	h.acknowledged[key] = max(h.acknowledged[key], registered)
}
