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

const (
	// coalescerSeeds is how many histories of the coalescer a test runs, coalescerSeedsMax how many may pass without one of its
	// safeguards.
	coalescerSeeds, coalescerSeedsMax = 1500, 4000
	// savingTasks are the tasks of a region, each with a coalescer and a clock of its own.
	savingTasks = 2
)

// TestCoalescer_KeepsItsPromises runs the coalescer, which starts goroutines of its own and therefore has no place among the
// coroutines of the other histories, in virtual time: each call takes a time that follows from the seed and from what it writes,
// so that one seed is one history here as well.
func TestCoalescer_KeepsItsPromises(t *testing.T) {
	first, n := uint64(1), uint64(coalescerSeeds)
	if testing.Short() {
		n /= 5
	}
	if seed, one := numberFrom(t, "SEED"); one {
		first, n = seed, 1
	}
	var saved, refused, left, held int
	for seed := first; seed < first+n; seed++ {
		h := runSaving(t, seed, nothing)
		if saved, refused, left, held = saved+h.saved, refused+h.refused, left+h.left, held+h.held; h.err != nil {
			t.Fatalf("seed %d: %v", seed, h.err)
		}
	}
	if n > 100 && (saved < 12*int(n) || refused < int(n) || left < int(n) || held < int(n)) {
		t.Errorf("only %d readings were saved, %d refused, %d clients left, %d calls landed late", saved, refused, left, held)
	}
	t.Logf("%d histories: %d readings saved, %d refused, %d clients left, %d calls landed late", n, saved, refused, left, held)
}

// TestCoalescer_MissesEverySafeguard switches off, one at a time, the safeguards that singles need.
func TestCoalescer_MissesEverySafeguard(t *testing.T) {
	for _, s := range []safeguard{unknownOutcomes, leaving, afterWait} {
		found := false
		for seed := uint64(1); seed <= coalescerSeedsMax && !found; seed++ {
			if h := runSaving(t, seed, s); h.err != nil {
				found = true
				t.Logf("%-45s seed %4d  %.150v", s, seed, h.err)
			}
		}
		if !found {
			t.Errorf("without %q, %d histories ended well", s, coalescerSeedsMax)
		}
	}
}

func runSaving(t *testing.T, seed uint64, without safeguard) *saving {
	t.Helper()
	var h *saving
	synctest.Test(t, func(*testing.T) {
		h = newSaving(seed, without)
		h.run()
	})
	return h
}

// saving is a history of a few tasks and one table.
type saving struct {
	seed    uint64
	without safeguard
	random  *rand.Rand
	calm    int           // a call fails four times in so many
	outage  time.Duration // for so long from the beginning, none succeeds
	began   time.Time
	offsets [savingTasks]time.Duration // of the tasks' clocks

	randomMu sync.Mutex // of calls
	calls    map[string]int

	mu        sync.Mutex
	db        *dynamodel.Database
	registers map[dynamodel.Key]*register
	events    int
	late      sync.WaitGroup // calls that have been given up and are on their way

	saved, refused, left, held int
	err                        error
}

func newSaving(seed uint64, without safeguard) *saving {
	h := &saving{
		seed: seed, without: without, random: rand.New(rand.NewPCG(seed, 21)), db: dynamodel.NewDatabase("eu-west-1", time.Now),
		calls: map[string]int{}, registers: map[dynamodel.Key]*register{}, began: time.Now(),
	}
	h.calm = []int{4, 5, 12}[h.random.IntN(3)]
	if h.random.IntN(4) == 0 {
		h.outage = 2 * time.Second // longer than a reading is tried
	}
	for i := range h.offsets {
		h.offsets[i] = time.Duration(h.random.IntN(2)) * time.Duration(h.random.IntN(300)) * time.Millisecond
	}
	h.db.Create(readingsTable, contract.ReadingsTable())
	h.db.OnWrite = func(w dynamodel.Write) {
		value := ""
		if isReading(w.New) {
			value = numberOf(w.New, contract.AttrValue)
		}
		h.events++
		h.register(w.Key).set(h.events, value, false)
	}
	return h
}

func (h *saving) register(key dynamodel.Key) *register {
	if h.registers[key] == nil {
		h.registers[key] = &register{}
	}
	return h.registers[key]
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
	if choice == 3 {
		h.held++
		h.late.Add(1)
		time.AfterFunc(time.Duration(random.Int64N(int64(300*time.Millisecond))), func() {
			defer h.late.Done()
			h.mu.Lock()
			defer h.mu.Unlock()
			_, _ = h.db.BatchExecuteStatement(ctx, in) // nobody hears of an error
		})
		return nil, errTimeout
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

// run lets clients save and delete readings of few identities at nearly the same time.
func (h *saving) run() {
	var tasks [savingTasks]*ingest.Coalescer
	for i := range tasks {
		tasks[i] = ingest.NewCoalescer(h.store(i), ingest.Options{
			BatchesInFlightMax: 1 + h.random.IntN(3), QueueMax: 20 + h.random.IntN(60), WriteTimeout: time.Second,
		}, pacing.Pacer{Jitter: func() float64 { return 0.5 }})
	}
	identities, spread := 1+h.random.IntN(6), time.Duration(1+h.random.IntN(400))*time.Millisecond
	if h.random.IntN(2) == 0 {
		identities = 1
	}
	equipments := 1 + h.random.IntN(3) // each has a lane of its own while the table holds it back
	few := values[:2+h.random.IntN(4)]
	var clients sync.WaitGroup
	for n := range 40 + h.random.IntN(60) {
		which := h.random.IntN(identities)
		w := reading.Write{Reading: reading.Reading{
			EquipmentID: reading.EquipmentID(fmt.Sprint("EQ-", which%equipments)), Timestamp: firstHour.Add(time.Duration(which) * time.Minute),
		}}
		w.Value, w.Deleted = few[h.random.IntN(len(few))], h.random.IntN(8) == 0
		at, task, patience := time.Duration(h.random.Int64N(int64(spread))), h.random.IntN(savingTasks), time.Hour
		if h.random.IntN(3) == 0 {
			patience = time.Duration(h.random.Int64N(int64(60 * time.Millisecond)))
		}
		clients.Go(func() {
			time.Sleep(at)
			h.save(fmt.Sprintf("client %d of task %d", n, task), tasks[task], w, h.offsets[task], patience)
		})
	}
	clients.Wait()
	for _, c := range tasks {
		if err := c.Close(context.Background()); err != nil {
			h.fail(fmt.Errorf("close: %w", err))
		}
	}
	h.late.Wait()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range sortedKeys(h.registers) {
		if err := h.registers[key].check(); err != nil && h.err == nil {
			h.err = fmt.Errorf("%v: %w", key, err)
		}
	}
}

func (h *saving) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
}

// save makes one write, whose client leaves when its patience is over.
func (h *saving) save(what string, c *ingest.Coalescer, w reading.Write, offset, patience time.Duration) {
	w.Version = reading.VersionAt(time.Now().Add(offset))
	h.mu.Lock()
	h.events++
	q := &request{what: what, version: w.Version, start: h.events}
	if !w.Deleted {
		q.value = w.Value.String()
	}
	of := h.register(keyOfReading(w.Reading))
	of.requests = append(of.requests, q)
	h.mu.Unlock()
	over := func(acknowledged bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.events++; q.over == 0 {
			q.over, q.acknowledged = h.events, acknowledged
		}
	}
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	answer := make(chan error, 1)
	go func() { answer <- c.Save(ctx, w) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-answer:
		over(err == nil)
		h.mu.Lock()
		defer h.mu.Unlock()
		if err == nil {
			h.saved++
		} else if h.refused++; fault.KindOf(err) != fault.Unavailable && h.err == nil {
			h.err = err
		}
	case <-timer.C:
		over(false)
		h.mu.Lock()
		h.left++
		h.mu.Unlock()
		if h.without == leaving {
			<-answer // nobody tells the service
		}
	}
}

// store is the readings as a task writes them.
func (h *saving) store(task int) ingest.Store {
	store := dynamo.NewReadings(h, readingsTable, "eu-west-1", 0)
	switch h.without {
	case unknownOutcomes, afterWait:
		return &hasty{Store: store, h: h, task: task, versions: map[reading.Version]reading.Version{}}
	default:
		return store
	}
}

// hasty is a table that is written without one of the coalescer's safeguards.
type hasty struct {
	ingest.Store
	h        *saving
	task     int
	mu       sync.Mutex
	versions map[reading.Version]reading.Version // that writes were given, by those that they came with
}

func (s *hasty) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	attempts = slices.Clone(attempts)
	if s.h.without == afterWait {
		for i := range attempts {
			attempts[i].Version = s.given(attempts[i].Version, reading.VersionAt(time.Now().Add(s.h.offsets[s.task])))
		}
	}
	outcomes := s.Store.Try(ctx, attempts)
	for i := range outcomes {
		if s.h.without == unknownOutcomes && outcomes[i].Result == ingest.Unknown {
			outcomes[i].Result = ingest.Busy
		}
	}
	return outcomes
}

// given is the version that a write is given at its first attempt, instead of the one that it came with.
func (s *hasty) given(came, now reading.Version) reading.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.versions[came] == "" {
		s.versions[came] = now
	}
	return s.versions[came]
}
