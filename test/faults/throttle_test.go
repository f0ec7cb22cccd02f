package faults_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/standin/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

const (
	throttleLoadLasts = 10 * time.Second
	throttlePerMille  = 50
)

func TestThrottling_LosesNothingAndAnswersNothingBut201And503(t *testing.T) {
	seed := seed(t)
	t.Logf("repeat with SEED=%d", seed)
	table := &unreliable{dice: newDice(seed, 1), perMille: 0}
	s := startSystem(t, stack.Options{CSVTimeout: 10 * time.Second, AggregatorTimeout: 15 * time.Second, DynamoDBProxy: table.wrap})
	table.perMille = throttlePerMille // from here on
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	l := &load{client: s.client, dice: newDice(seed, 3), ledger: newLedger(), workers: 16, hours: 30, pause: 5 * time.Millisecond}
	var work sync.WaitGroup
	work.Go(func() { sendFile(ctx, s, l, makeFile(newDice(seed, 10), "csv-a", 10_000)) })
	work.Go(func() { l.run(ctx, throttleLoadLasts) })
	work.Go(func() { queryMeanwhile(ctx, l, throttleLoadLasts) })
	work.Go(func() {
		// For a second nearly nothing gets through, so that callers do hear 503.
		time.Sleep(throttleLoadLasts * 7 / 10)
		table.brownOut.Store(true)
		time.Sleep(time.Second)
		table.brownOut.Store(false)
	})
	work.Wait()
	s.quiet(90 * time.Second)

	for _, fault := range l.faults {
		t.Error(fault)
	}
	stored := s.readings()
	for i, difference := range l.ledger.differences(stored) {
		if i < 20 {
			t.Error(difference)
		}
	}
	s.nothingGivenUp()
	table.dice.mu.Lock() // the checks themselves ask a table that works
	table.perMille = 0
	table.dice.mu.Unlock()
	s.aggregatesEqual(stored)
	t.Logf("%d requests, %d answered 503; of the calls to the table %d were throttled, %d failed undone and %d done, %d transactions cancelled, %d batches cut",
		l.sent.Load(), l.unavailable.Load(), table.throttled.Load(), table.failed.Load(), table.failedAfter.Load(), table.cancelled.Load(), table.cut.Load())
	if table.throttled.Load() == 0 || table.failedAfter.Load() == 0 || table.cut.Load() == 0 || table.cancelled.Load() == 0 {
		t.Error("a kind of fault was never made")
	}
}

// queryMeanwhile reads, which must be answered with 200 or 503 too.
func queryMeanwhile(ctx context.Context, l *load, lasts time.Duration) {
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, path := range []string{"/sensor-data/aggregated?interval=1w", "/sensor-data?equipmentId=" + hot, "/sensor-data/uploads", "/auth/me"} {
			got, err := l.client.Do(ctx, probe.Call{Path: path})
			if err != nil {
				l.fault("%s: %v", path, err)
				continue
			}
			if got.Status != http.StatusOK && (got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "") {
				l.fault("%s is answered with %d: %.300s", path, got.Status, got.Body)
			}
		}
	}
}
