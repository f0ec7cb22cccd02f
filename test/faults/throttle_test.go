package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

const (
	throttleLoadLasts = 10 * time.Second
	throttlePerMille  = 50
	// messageComesBack is what the log says of a message whose file could not be worked on.
	messageComesBack = "message comes back"
	// unreadyWithin is how long the service may take to tell that a table is gone.
	unreadyWithin = 5 * time.Second
)

func TestThrottling_LosesNothingAndAnswersNothingBut201And503(t *testing.T) {
	seed := seed(t)
	t.Logf("repeat with SEED=%d", seed)
	table := &unreliable{dice: newDice(seed, 1)}
	s := startSystem(t, stack.Options{CSVTimeout: 10 * time.Second, AggregatorTimeout: 15 * time.Second, DynamoDBProxy: table.wrap})
	table.perMille.Store(throttlePerMille)
	table.starving.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()

	l := &load{client: s.Client, dice: newDice(seed, 3), ledger: newLedger(), workers: 16, hours: 30, pause: 5 * time.Millisecond}
	var work sync.WaitGroup
	// The table refuses a row of this file for longer than the CSV processor tries: its message must come back.
	refused := makeFile(newDice(seed, 11), "csv-b", 500)
	refused.add(identity{starved, time.Now().UTC().Truncate(time.Hour).Add(-time.Second).Format(time.RFC3339Nano)}, "7.5")
	work.Go(func() { sendFile(ctx, s, l, refused) })
	work.Go(func() { l.run(ctx, throttleLoadLasts) })
	work.Go(func() { queryMeanwhile(ctx, l, throttleLoadLasts) })
	work.Go(func() {
		// One equipment is refused for longer than the service tries, so that its client hears 503; then no call gets through
		// for a moment, and the service tries again.
		if err := await.Until(ctx, func() error {
			if l.unavailable.Load() == 0 || !strings.Contains(s.Log.String(), messageComesBack) {
				return errors.New("no client has heard 503, or no message came back")
			}
			return nil
		}); err != nil {
			l.fault("one equipment is starved: %v", err)
		}
		table.starving.Store(false)
		table.brownOut.Store(true)
		unreadyMeanwhile(ctx, l)
		table.brownOut.Store(false)
		sendFile(ctx, s, l, makeFile(newDice(seed, 10), "csv-a", 4000))
	})
	work.Wait()
	s.quiet()

	table.perMille.Store(0) // the checks themselves ask a table that works
	s.exact(l)
	t.Logf("%d requests, %d answered 503; of the calls to the table %d were throttled, %d failed undone and %d done, %d transactions cancelled, %d batches cut",
		l.sent.Load(), l.unavailable.Load(), table.throttled.Load(), table.failed.Load(), table.failedAfter.Load(), table.cancelled.Load(), table.cut.Load())
	if table.throttled.Load() == 0 || table.failedAfter.Load() == 0 || table.cut.Load() == 0 || table.cancelled.Load() == 0 || l.unavailable.Load() == 0 {
		t.Error("a kind of fault was never made, or no client heard of any")
	}
}

// unreadyMeanwhile waits until the service says that it is not ready, and why. It must still say that it lives.
func unreadyMeanwhile(ctx context.Context, l *load) {
	within, cancel := context.WithTimeout(ctx, unreadyWithin)
	defer cancel()
	var got probe.Answer
	if err := await.Until(within, func() (err error) {
		if got, err = l.client.Do(ctx, probe.Call{Path: "/readyz"}); err == nil && got.Status != http.StatusServiceUnavailable {
			err = fmt.Errorf("status %d", got.Status)
		}
		return err
	}); err != nil {
		l.fault("no call to the tables passes, and the service does not say that it is not ready: %v", err)
	} else {
		var told struct {
			Status string
			Parts  map[string]string
		}
		if err := got.Decode(&told); err != nil || told.Status != "unready" || told.Parts["tables"] != "unready" || got.Header.Get("Retry-After") == "" {
			l.fault("not ready, but: %q %s", got.Header, got.Body)
		}
	}
	if got, err := l.client.Do(ctx, probe.Call{Path: "/healthz"}); err != nil || got.Status != http.StatusOK {
		l.fault("the service does not live while its tables are gone: %v %d", err, got.Status)
	}
}

// queryMeanwhile reads, which must be answered with 200 or 503 too.
func queryMeanwhile(ctx context.Context, l *load, lasts time.Duration) {
	for end := time.Now().Add(lasts); time.Now().Before(end); pause(ctx, 100*time.Millisecond) {
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
