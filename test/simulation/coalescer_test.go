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

	randomMu       sync.Mutex // of calls
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

// BatchExecuteStatement, BatchGetItem and Query make saving the client of the readings' adapter.
func (h *saving) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput, _ ...option) (*dynamodb.BatchExecuteStatementOutput, error) {
	random := h.randomOf(in.Statements)
	time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
	h.mu.Lock()
	defer h.mu.Unlock()
	choice := random.IntN(h.calm)
	if choice == 0 || time.Since(h.began) < h.outage {
		return nil, errThrottled
	}
	// A call holds its statements in the order in which its readings came, which goroutines decide: what becomes of each follows
	// from what it says.
	out := &dynamodb.BatchExecuteStatementOutput{Responses: make([]types.BatchStatementResponse, len(in.Statements))}
	var taken []types.BatchStatementRequest
	var at []int
	for i, statement := range in.Statements {
		if choice == 1 && h.randomOf([]types.BatchStatementRequest{statement}).IntN(2) == 0 {
			out.Responses[i].Error = &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumThrottlingError}
			continue
		}
		taken, at = append(taken, statement), append(at, i)
	}
	if len(taken) > 0 {
		done, err := h.db.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: taken})
		if err != nil {
			return nil, err
		}
		for i, response := range done.Responses {
			out.Responses[at[i]] = response
		}
	}
	if choice == 2 {
		return nil, errTimeout
	}
	return out, nil
}

// BatchGetItem reads what is stored.
func (h *saving) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...option) (*dynamodb.BatchGetItemOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.db.BatchGetItem(ctx, in)
}

// Query is not called.
func (h *saving) Query(context.Context, *dynamodb.QueryInput, ...option) (*dynamodb.QueryOutput, error) {
	return nil, errTimeout
}

// randomOf decides about a call by what it writes and how often that was tried, whatever else is called at the same time.
func (h *saving) randomOf(statements []types.BatchStatementRequest) *rand.Rand {
	var texts []string
	for _, one := range statements {
		text := *one.Statement
		for _, value := range one.Parameters {
			switch v := value.(type) {
			case *types.AttributeValueMemberS:
				text += v.Value + ","
			case *types.AttributeValueMemberN:
				text += v.Value + ","
			}
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	content := strings.Join(texts, ";")
	h.randomMu.Lock()
	defer h.randomMu.Unlock()
	h.calls[content]++
	hash := fnv.New64a()
	fmt.Fprint(hash, content, h.calls[content])
	return rand.New(rand.NewPCG(h.seed, hash.Sum64()))
}

// run lets clients save readings of few identities at nearly the same time.
func (h *saving) run(t *testing.T) {
	store := dynamo.NewReadings(h, readingsTable, "eu-west-1", 0)
	c := ingest.NewCoalescer(store, ingest.Options{
		BatchesInFlightMax: 1 + h.random.IntN(3), QueueMax: 20 + h.random.IntN(60), WriteTimeout: time.Second,
	}, pacing.Pacer{Jitter: func() float64 { return 0.5 }})
	identities, spread := 1+h.random.IntN(12), time.Duration(1+h.random.IntN(120))*time.Millisecond
	equipments := 1 + h.random.IntN(6) // each has a lane of its own while the table holds it back
	var clients sync.WaitGroup
	for range 40 + h.random.IntN(60) {
		which := h.random.IntN(identities)
		one := reading.Reading{
			EquipmentID: reading.EquipmentID(fmt.Sprint("EQ-", which%equipments)), Timestamp: firstHour.Add(time.Duration(which) * time.Minute),
		}
		one.Value = values[h.random.IntN(len(values))]
		at := time.Duration(h.random.Int64N(int64(spread)))
		clients.Go(func() {
			time.Sleep(at)
			h.save(t, c, reading.Write{Reading: one, Version: reading.VersionAt(time.Now())})
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
func (h *saving) save(t *testing.T, c *ingest.Coalescer, one reading.Write) {
	err := c.Save(context.Background(), one)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if h.refused++; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("seed %d: %v", h.seed, err)
		}
		return
	}
	h.saved++
	key, registered := dynamodel.Key{Partition: string(one.EquipmentID), Sort: reading.FormatTimestamp(one.Timestamp)}, string(one.Version)
	if !slices.ContainsFunc(h.versions[key], func(version string) bool { return version >= registered }) {
		t.Errorf("seed %d: %v of %s was acknowledged and is not stored", h.seed, key, registered)
	}
	h.acknowledged[key] = max(h.acknowledged[key], registered)
}
