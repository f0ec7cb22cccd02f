package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// callsTakeAbout makes calls last so long, give or take a tenth, as no table answers in step.
func callsTakeAbout(d time.Duration) func(context.Context, int, []ingest.Attempt) []ingesttest.Fate {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	return func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		mu.Lock()
		jitter := 0.9 + 0.2*random.Float64()
		mu.Unlock()
		return callsTake(time.Duration(jitter*float64(d)))(ctx, call, attempts)
	}
}

// clients send readings for some time, each the next one as soon as it has its answer.
func (l *line) clients(n int, lasts time.Duration) (took []time.Duration) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for client := range n {
		all.Go(func() {
			for i := 0; time.Since(l.began) < lasts; i++ {
				began := time.Now()
				w := write(fmt.Sprint("EQ-", client), i)
				w.Timestamp = testNow.Add(time.Duration(i))
				if err := l.Save(l.Context(), w); err != nil {
					l.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return took
}

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }

// However many clients send one reading after the other, their readings wait for the table and not for each other: as many calls
// travel as it takes to carry them, and not more.
func TestSave_ClientsShareAsManyCallsAsTheirDemandFills(t *testing.T) {
	const lasts = 2 * time.Second
	for _, c := range []struct {
		clients, inFlight, p50, p99 int // the times in tenths of a millisecond, of calls of 4 ms
		readingsACall               float64
	}{
		{clients: 1, inFlight: 1, readingsACall: 1, p50: 41, p99: 44},
		{clients: 9, inFlight: 5, readingsACall: 2.8, p50: 46, p99: 60},
		{clients: 64, inFlight: 12, readingsACall: 18, p50: 46, p99: 66},
		{clients: 250, inFlight: 20, readingsACall: 23, p50: 46, p99: 60},
	} {
		t.Run(fmt.Sprint(c.clients), func(t *testing.T) {
			table := &ingesttest.Table{Answer: callsTakeAbout(4 * time.Millisecond)}
			inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
				took := l.clients(c.clients, lasts)
				calls := sizes(t, table)
				if got := table.InFlightMax(); got > c.inFlight {
					t.Errorf("%d calls in flight, want at most %d", got, c.inFlight)
				}
				if got := float64(len(took)) / float64(len(calls)); got < c.readingsACall {
					t.Errorf("%.1f readings a call, want %.1f", got, c.readingsACall)
				}
				if got := percentile(took, 50); got > time.Duration(c.p50)*time.Millisecond/10 {
					t.Errorf("half of the answers took more than %s", got)
				}
				if got := percentile(took, 99); got > time.Duration(c.p99)*time.Millisecond/10 {
					t.Errorf("one of a hundred answers took more than %s", got)
				}
			})
		})
	}
}

// At a rate that does not depend on the answers, calls have as much company as comes within half of what a call takes, and nobody
// waits for longer than that, whether the table is fast or slow.
func TestSave_WaitsForCompanyAPartOfWhatACallTakes(t *testing.T) {
	for _, c := range []struct {
		perSecond     int
		callTakes     time.Duration
		readingsACall float64
		longest       time.Duration
	}{
		{perSecond: 100, callTakes: 4 * time.Millisecond, readingsACall: 1, longest: 4400 * time.Microsecond},
		{perSecond: 5000, callTakes: 4 * time.Millisecond, readingsACall: 7.5, longest: 6700 * time.Microsecond},
		{perSecond: 5000, callTakes: 16 * time.Millisecond, readingsACall: 20, longest: 22700 * time.Microsecond},
		{perSecond: 20000, callTakes: 4 * time.Millisecond, readingsACall: 22, longest: 6700 * time.Microsecond},
	} {
		t.Run(fmt.Sprintf("rate=%d/call=%s", c.perSecond, c.callTakes), func(t *testing.T) {
			table := &ingesttest.Table{Answer: callsTakeAbout(c.callTakes)}
			inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
				random := rand.New(rand.NewPCG(3, 4))
				var mu sync.Mutex
				var took []time.Duration
				var all sync.WaitGroup
				for i := 0; time.Since(l.began) < time.Second; i++ {
					w := write(fmt.Sprint("EQ-", i), i)
					all.Go(func() {
						began := time.Now()
						if err := l.Save(l.Context(), w); err != nil {
							l.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						took = append(took, time.Since(began))
					})
					letPass(time.Duration(random.ExpFloat64() * float64(time.Second) / float64(c.perSecond)))
				}
				all.Wait()
				slices.Sort(took)
				calls := sizes(t, table)
				got := float64(len(took)) / float64(len(calls))
				if got < c.readingsACall {
					t.Errorf("%.1f readings a call, want %.1f", got, c.readingsACall)
				}
				if got := percentile(took, 100); got > c.longest {
					t.Errorf("an answer took %s, want at most %s", got, c.longest)
				}
			})
		})
	}
}

// A few readings that come while a full call is under way wait for company in vain.
func TestSave_WhatWaitsForCompanyInVainGoesAfterHalfACall(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct{ usual, full, waits time.Duration }{
		"a call takes 4ms":                     {usual: 4 * ms, full: 4 * ms, waits: 2 * ms},
		"a call takes 1s":                      {usual: time.Second, full: time.Second, waits: 5 * ms},
		"a call takes 4ms, and this one hangs": {usual: 4 * ms, full: 7 * time.Second, waits: 2 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
				switch {
				case attempts[0].EquipmentID == "last":
					return nil
				case len(attempts) == contract.BatchStatementsMax:
					return callsTake(c.full)(ctx, call, attempts)
				default:
					return callsTake(c.usual)(ctx, call, attempts)
				}
			}}
			inBubble(t, ingest.Options{BatchesInFlightMax: 2}, table, func(_ *testing.T, l *line) {
				first, second := l.save(write("first", 1)), l.save(write("second", 1))
				for _, w := range many(contract.BatchStatementsMax) {
					l.save(w) // goes when a call may
				}
				l.want("first", first, c.usual)
				l.want("second", second, c.usual)
				l.want("last", l.save(write("last", 1)), c.usual+c.waits)
			})
		})
	}
}
