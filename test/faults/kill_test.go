package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

const (
	// killCSVTimeout is short, so that files also run out of time. One whose worker was killed comes back 30 s later.
	killCSVTimeout        = 12 * time.Second
	killAggregatorTimeout = 15 * time.Second
	killLoadLasts         = 7 * time.Second
	// killFiles of killRows rows each are worked on while the workers are killed.
	killFiles, killRows = 6, 1500
)

func TestKills_LoseNothingAndCountNothingTwice(t *testing.T) {
	runs := 1
	if text := os.Getenv("KILL_RUNS"); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil {
			t.Fatalf("KILL_RUNS must be a whole number, got %q", text)
		}
	}
	first := seed(t)
	for n := range runs {
		s := first + uint64(n)
		t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) { killRun(t, s) })
	}
}

func killRun(t *testing.T, seed uint64) {
	t.Logf("repeat with SEED=%d", seed)
	records, killer := newDelivery(newDice(seed, 1)), newKiller(newDice(seed, 2))
	s := startSystem(t, stack.Options{
		CSVTimeout: killCSVTimeout, AggregatorTimeout: killAggregatorTimeout, Deliver: records.deliver, DynamoDBProxy: killer.wrap,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()

	l := &load{
		client: s.Client, dice: newDice(seed, 3), ledger: newLedger(), workers: 6, hours: 30, crashes: true, pause: 10 * time.Millisecond,
	}
	var work sync.WaitGroup
	for n := range killFiles {
		f := makeFile(newDice(seed, uint64(10+n)), fmt.Sprintf("csv-%c", 'a'+n), killRows)
		work.Go(func() { sendFile(ctx, s, l, f) })
	}
	killer.arm(s.Stack)
	work.Go(func() { killer.randomly(ctx, killLoadLasts) })
	work.Go(func() { l.run(ctx, killLoadLasts) })
	work.Wait()
	killer.disarm()
	settle(ctx, s, records)

	s.exact(l)
	t.Logf("%d requests, %d answered 503, %d not answered; aggregator killed %d times, %d of them around a transaction; CSV processor %d, %d; API %d",
		l.sent.Load(), l.unavailable.Load(), l.unanswered.Load(), killer.aggregator.Load(), killer.aggregatorAimed.Load(),
		killer.csv.Load(), killer.csvAimed.Load(), killer.api.Load())
	s.logApplied()
	t.Logf("%d batches delivered twice, %d again in other cuts, %d records held back", records.repeated, records.recut, records.heldBack)
}

// sendFile uploads a file, retrying what a killed API leaves without an answer, and checks that its rows are counted exactly.
func sendFile(ctx context.Context, s *running, l *load, f file) {
	var id string
	err := await.Until(ctx, func() (err error) {
		id, err = s.Client.UploadFile(ctx, "readings.csv", f.content)
		return err
	})
	var u probe.Upload
	if err == nil {
		u, err = s.Client.WaitForUpload(ctx, id)
	}
	if !u.Ended() || u.RowsAccepted != f.accepted || u.RowsRejected != f.rejected || u.BytesProcessed != int64(len(f.content)) {
		l.fault("a file of %d good and %d bad rows and %d bytes ended as %+v (%v)", f.accepted, f.rejected, len(f.content), u, err)
		return
	}
	l.ledger.acknowledge(f.readings)
}

// settle sends readings until no record is held back and all work is done.
func settle(ctx context.Context, s *running, records *delivery) {
	s.t.Helper()
	s.quiet()
	at := time.Now().UTC().Truncate(time.Hour)
	for n := 0; records.waiting() && ctx.Err() == nil; n++ {
		body := fmt.Sprintf(`{"equipmentId":"last","timestamp":%q,"value":1}`, at.Add(time.Duration(-n)*time.Second).Format(time.RFC3339Nano))
		if _, err := s.Client.Do(ctx, probe.Call{Path: "/sensor-data", Body: []byte(body)}); err != nil {
			s.t.Fatal(err)
		}
		s.quiet()
	}
}

// killer ends processes: at random moments, and aimed, just before or just after DynamoDB has done a transaction of theirs, when
// they do not know whether it was done.
type killer struct {
	dice  *dice
	stack atomic.Pointer[stack.Stack]

	aggregator, aggregatorAimed, csv, csvAimed, api atomic.Int64
}

// Bounds on the kills of one run. A file's message becomes a dead letter after five receives, and a record of the stream
// after ten attempts; fewer kills than that must not cost anything.
const (
	aggregatorKillsMax = 8
	csvKillsMax        = 3
)

func newKiller(d *dice) *killer { return &killer{dice: d} }

func (k *killer) arm(s *stack.Stack) { k.stack.Store(s) }
func (k *killer) disarm()            { k.stack.Store(nil) }

// aggregatorNow kills the aggregator and tells whether it did.
func (k *killer) aggregatorNow() bool {
	s := k.stack.Load()
	if s == nil || k.aggregator.Load() >= aggregatorKillsMax || len(s.Aggregator.PIDs()) == 0 {
		return false
	}
	k.aggregator.Add(1)
	s.Aggregator.Kill()
	return true
}

// csvNow kills the CSV processor and tells whether it did.
func (k *killer) csvNow() bool {
	s := k.stack.Load()
	if s == nil || k.csv.Load() >= csvKillsMax || len(s.CSVProcessor.PIDs()) == 0 {
		return false
	}
	k.csv.Add(1)
	s.CSVProcessor.Kill()
	return true
}

// wrap is stack.Options.DynamoDBProxy.
func (k *killer) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operation(r) != opTransaction || k.stack.Load() == nil {
			forward.ServeHTTP(w, r)
			return
		}
		kill, aimed, perMille := k.csvNow, &k.csvAimed, 150
		if bytes.Contains(readBody(r), []byte("-Aggregates")) {
			kill, aimed, perMille = k.aggregatorNow, &k.aggregatorAimed, 40
		}
		switch {
		case !k.dice.happens(perMille):
			forward.ServeHTTP(w, r)
		case k.dice.happens(500) && kill():
			aimed.Add(1) // before DynamoDB does it, which it does all the same: the request is on its way
			forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		default:
			answer := httptest.NewRecorder()
			forward.ServeHTTP(answer, r)
			if kill() {
				aimed.Add(1)
			}
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}
	})
}

// randomly kills until the time is over.
func (k *killer) randomly(ctx context.Context, lasts time.Duration) {
	end := time.Now().Add(lasts)
	apiAt := time.Now().Add(k.dice.between(lasts/4, lasts/2))
	csvAt := time.Now().Add(k.dice.between(100*time.Millisecond, lasts/4))
	for time.Now().Before(end) && ctx.Err() == nil {
		pause(ctx, k.dice.between(50*time.Millisecond, 700*time.Millisecond))
		s := k.stack.Load()
		switch now := time.Now(); {
		case now.After(csvAt):
			k.csvNow()
			csvAt = end
		case now.After(apiAt):
			k.api.Add(1)
			s.KillAPI()
			_ = s.RestartAPI(ctx) // where it fails, the clients get no answers
			apiAt = end
		default:
			k.aggregatorNow()
		}
	}
}
