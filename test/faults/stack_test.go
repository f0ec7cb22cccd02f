package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/permission"
	"github.com/sensorflow/sensorflow/test/system"
)

// running is a system and the test that runs it.
type running struct {
	*system.System
	t *testing.T
}

// called is what the systems of the tests call.
var called = permission.NewWatch("faults")

func TestMain(m *testing.M) { os.Exit(called.Judge(m.Run(), os.Stderr)) }

// startSystem starts a system that the test ends.
func startSystem(t *testing.T, o stack.Options) *running {
	t.Helper()
	o.Observe = called.Observe
	return &running{system.Start(t, o), t}
}

// readings scans the table past all faults.
func (s *running) readings() []probe.Stored {
	s.t.Helper()
	all, err := probe.Readings(s.t.Context(), probe.NewDynamoDB(s.Region, s.DynamoDBEndpoint), s.Tables[contract.ReadingsTable().Name])
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// quietWithin is generous: a function that a busy machine lets run out of time begins again only after a pause.
const quietWithin = 5 * time.Minute

// quiet waits until the queue and the stream have been worked off.
func (s *running) quiet() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), quietWithin)
	defer cancel()
	if err := s.Idle(ctx); err != nil {
		s.t.Errorf("after %v there is still work: %v", quietWithin, err)
	}
}

// exact checks, once all is quiet, that a load was answered rightly, that what was acknowledged is stored, and that it is
// aggregated as it is stored.
func (s *running) exact(l *load) {
	s.t.Helper()
	for _, fault := range l.faults {
		s.t.Error(fault)
	}
	stored := s.readings()
	for i, difference := range l.ledger.differences(stored) {
		if i < 20 {
			s.t.Error(difference)
		}
	}
	s.nothingGivenUp()
	s.aggregatesEqual(stored)
}

// nothingGivenUp checks that no record and no message was put aside.
func (s *running) nothingGivenUp() {
	s.t.Helper()
	for name, q := range map[string]*sqslocal.Queue{"stream records": s.StreamFailures, "stream records for good": s.StreamDeadLetters, "messages of files": s.DeadLetters} {
		if depth := q.Depth(); depth != (sqslocal.Depth{}) {
			s.t.Errorf("%s were given up: %+v", name, depth)
		}
	}
	if strings.Contains(s.Log.String(), "gave up records of the stream") { // also if they were repaired since
		s.t.Error("records of the stream were given up")
	}
}

// aggregatesEqual holds the aggregates, of the fleet and of each equipment, against the table.
func (s *running) aggregatesEqual(readings []probe.Stored) {
	s.t.Helper()
	const interval, hours = "1w", 168
	// No answer is older than what the API may keep one for; the rest is for a busy machine.
	ctx, cancel := context.WithTimeout(s.t.Context(), contract.AggregateCacheTTLMax+time.Minute)
	defer cancel()
	now := time.Now()
	within := probe.Within(readings, now, hours)
	byEquipment := map[string][]probe.Stored{"": within}
	for _, r := range within {
		byEquipment[r.EquipmentID] = append(byEquipment[r.EquipmentID], r)
	}
	for id, stored := range byEquipment {
		var found []string
		if err := await.Until(ctx, func() error {
			pages, err := s.Client.Aggregates(s.t.Context(), interval, id, 50)
			if err != nil {
				return err
			}
			if found = probe.Differences(stored, pages); len(found) > 0 {
				return errors.New(found[0])
			}
			return nil
		}); err != nil && len(found) == 0 {
			s.t.Fatal(err)
		}
		if time.Now().Truncate(time.Hour) != now.Truncate(time.Hour) {
			s.t.Skip("the hour ended meanwhile")
		}
		for i, difference := range found {
			if i == 10 {
				s.t.Errorf("%q: and %d more", id, len(found)-i)
				break
			}
			s.t.Errorf("%q: %s", id, difference)
		}
	}
	s.t.Logf("%d readings of %d equipments are aggregated exactly", len(within), len(byEquipment)-1)
}

// logApplied tells by which way the aggregator took in what it was given; a run without one of them tests less than it should.
func (s *running) logApplied() {
	s.t.Helper()
	var sum struct{ Rows, Applied, Recounted, Raced, Retries int }
	for line := range strings.Lines(s.Log.String()) {
		var one struct {
			Msg                                      string
			Rows, Applied, Recounted, Raced, Retries int
		}
		if json.Unmarshal([]byte(line), &one) == nil && one.Msg == "batch processed" {
			sum.Rows, sum.Applied, sum.Recounted = sum.Rows+one.Rows, sum.Applied+one.Applied, sum.Recounted+one.Recounted
			sum.Raced, sum.Retries = sum.Raced+one.Raced, sum.Retries+one.Retries
		}
	}
	s.t.Logf("aggregator: %+v", sum)
	if sum.Applied == 0 || sum.Recounted == 0 {
		s.t.Error("rows were applied or recounted only")
	}
}

// seed returns the seed of a run: SEED, or a random one.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64() >> 32
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED must be a whole number, got %q", text)
		}
	}
	return n
}

// dice is a generator that several goroutines may use.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed, stream uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, stream))} }

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// happens is true with the given chance of 1,000.
func (d *dice) happens(perMille int) bool { return d.below(1000) < perMille }

// between picks a duration.
func (d *dice) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.below(int(to-from)))
}

// value makes a decimal, now and then of the largest and the smallest that there are.
func (d *dice) value() string {
	switch d.below(10) {
	case 0:
		return fmt.Sprintf("-%d.%d", d.below(1000), 1+d.below(9))
	case 1:
		return fmt.Sprintf("%d99999999999999999999%05d", 1+d.below(99), d.below(100_000))
	case 2:
		return fmt.Sprintf("0.0000000000000000000000%04d1", d.below(10_000))
	case 3:
		return "0"
	default:
		return fmt.Sprintf("%d.%02d", d.below(500), d.below(100))
	}
}
