package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// capacity is a table that takes so many readings a second of all equipments together, each call in 4 ms. It saves a tenth of a second's
// at most.
type capacity struct {
	perSecond float64

	mu   sync.Mutex
	left float64
	at   time.Time
}

func (c *capacity) answer(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
	callsTake(4*time.Millisecond)(ctx, call, attempts)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = min(c.perSecond/10, c.left+time.Since(c.at).Seconds()*c.perSecond)
	c.at = time.Now()
	fates := make([]ingesttest.Fate, len(attempts))
	for i := range attempts {
		if c.left < 1 {
			fates[i] = ingesttest.Busy
			continue
		}
		c.left--
	}
	return fates
}

// inRealPauses runs a line whose pauses are random ones: pauses of equal length would let the same readings be unlucky each time.
func inRealPauses(t *testing.T, table *ingesttest.Table, run func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		run(t, &line{T: t, Coalescer: ingest.NewCoalescer(table, ingest.Options{}, pacing.Pacer{}), table: table, began: time.Now()})
		sizes(t, table)
	})
}

// At twice what the table takes, that much is stored, soon, the rest hears so at once, and nobody notices anything any more five
// seconds later.
func TestSave_OverloadKeepsWhatIsAcceptedFastAndRefusesTheRestAtOnce(t *testing.T) {
	const lasts = 20 * time.Second
	for _, perSecond := range []int{200, 500} {
		for name, equipment := range map[string]func(int) string{
			"an equipment for each": func(n int) string { return fmt.Sprint("EQ-", n) },
			"a hundred equipments":  func(n int) string { return fmt.Sprint("EQ-", n%100) },
		} {
			t.Run(fmt.Sprintf("%d a second, %s", perSecond, name), func(t *testing.T) {
				c := &capacity{perSecond: float64(perSecond)}
				inRealPauses(t, &ingesttest.Table{Answer: c.answer}, func(t *testing.T, l *line) {
					stored, refused := l.offer(2*perSecond, lasts, equipment)
					l.wantGoodOverload(stored, refused, perSecond*int(lasts.Seconds()))
					l.offer(perSecond/2, 5*time.Second, equipment)
					if stored, refused = l.offer(perSecond/2, 5*time.Second, equipment); len(refused.took) > 0 || stored.percentile(99) > 20*time.Millisecond {
						t.Errorf("afterwards %d are refused, and 99 of 100 take %v", len(refused.took), stored.percentile(99))
					}
				})
			})
		}
	}
}

// wantGoodOverload holds what became of readings under overload to what the service promises. The table takes most.
func (l *line) wantGoodOverload(stored, refused *outcome, most int) {
	l.Helper()
	l.Logf("stored %d p50 %v p99 %v max %v; refused %d p50 %v p99 %v max %v", len(stored.took), stored.percentile(50), stored.percentile(99),
		stored.percentile(100), len(refused.took), refused.percentile(50), refused.percentile(99), refused.percentile(100))
	if len(stored.took) < most*95/100 {
		l.Errorf("%d are stored, the table takes %d", len(stored.took), most)
	}
	if stored.percentile(99) > 500*time.Millisecond {
		l.Errorf("99 of 100 are stored within %v", stored.percentile(99))
	}
	if refused.percentile(99) > 50*time.Millisecond {
		l.Errorf("99 of 100 that are refused hear so within %v", refused.percentile(99))
	}
}

// A table that works on four calls at a time, and lets all others wait, holds nothing back.
func TestSave_ASlowTableIsOverloadToo(t *testing.T) {
	const callsAtOnce, latency, seconds = 4, 16 * time.Millisecond, 3
	const perSecond = callsAtOnce * 25 * int(time.Second/latency)
	lanes := make(chan struct{}, callsAtOnce)
	inRealPauses(t, &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		lanes <- struct{}{}
		defer func() { <-lanes }()
		return callsTake(latency)(ctx, call, attempts)
	}}, func(t *testing.T, l *line) {
		lanes = make(chan struct{}, callsAtOnce) // of the bubble
		const fills = 2 * time.Second            // the queue, which is not held against it
		stored, refused := l.offerAfter(fills, 2*perSecond, fills+seconds*time.Second, func(n int) string { return fmt.Sprint("EQ-", n) })
		l.wantGoodOverload(stored, refused, perSecond*seconds)
		stored, refused = l.offer(perSecond/2, time.Second, func(n int) string { return fmt.Sprint("later-", n) })
		if len(refused.took) > 0 {
			t.Errorf("afterwards %d are refused, %d stored", len(refused.took), len(stored.took))
		}
	})
}

// A moment in which the table answers nobody, or takes nothing, is no overload: what comes meanwhile waits.
func TestSave_AMomentOfTroubleRefusesNobody(t *testing.T) {
	for _, test := range []struct {
		name    string
		lasts   time.Duration
		trouble func(left time.Duration, fates []ingesttest.Fate)
	}{
		{"standing still", 600 * time.Millisecond, func(left time.Duration, _ []ingesttest.Fate) { time.Sleep(left) }},
		{"taking nothing", 150 * time.Millisecond, func(_ time.Duration, fates []ingesttest.Fate) {
			for i := range fates {
				fates[i] = ingesttest.Busy
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			const from = time.Second
			until := from + test.lasts
			var began time.Time
			inRealPauses(t, &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
				callsTake(4*time.Millisecond)(ctx, call, attempts)
				fates := make([]ingesttest.Fate, len(attempts))
				if since := time.Since(began); since > from && since < until {
					test.trouble(until-since, fates)
				}
				return fates
			}}, func(t *testing.T, l *line) {
				began = time.Now()
				stored, refused := l.offer(5000, 2*time.Second, func(n int) string { return fmt.Sprint("EQ-", n) })
				if len(refused.took) > 0 || stored.percentile(100) > 2*test.lasts+500*time.Millisecond {
					t.Errorf("%d are refused, the last is stored after %v", len(refused.took), stored.percentile(100))
				}
			})
		})
	}
}

// A table that takes nothing of a third of the equipments is not beyond its capacity for the others.
func TestSave_OverloadOfSomeIsNoneOfTheOthers(t *testing.T) {
	inRealPauses(t, &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		callsTake(4*time.Millisecond)(ctx, call, attempts)
		fates := make([]ingesttest.Fate, len(attempts))
		for i, a := range attempts {
			if a.EquipmentID[0] == 'h' {
				fates[i] = ingesttest.Busy
			}
		}
		return fates
	}}, func(t *testing.T, l *line) {
		var held, others *outcome
		var senders sync.WaitGroup
		senders.Go(func() { held = l.sendAt(1000, 20*time.Second, func(n int) string { return fmt.Sprint("held-", n) }) })
		senders.Go(func() { others = l.sendAt(2000, 20*time.Second, func(n int) string { return fmt.Sprint("EQ-", n) }) })
		senders.Wait()
		if others.refused > 0 || others.percentile(99) > 20*time.Millisecond {
			t.Errorf("of the others %d are stored and %d refused, 99 of 100 within %v", others.stored, others.refused, others.percentile(99))
		}
		if held.stored > 0 || held.percentile(75) > 50*time.Millisecond {
			t.Errorf("of those that are held back %d are stored, and 75 of 100 hear within %v", held.stored, held.percentile(75))
		}
	})
}

// offer sends readings at a rate for some time and tells apart how long those took that were stored and those that were refused.
func (l *line) offer(perSecond int, lasts time.Duration, equipment func(n int) string) (stored, refused *outcome) {
	return l.offerAfter(0, perSecond, lasts, equipment)
}

// offerAfter is offer that does not tell of those that are sent at first.
func (l *line) offerAfter(first time.Duration, perSecond int, lasts time.Duration, equipment func(n int) string) (stored, refused *outcome) {
	opened := time.Now()
	stored, refused = &outcome{}, &outcome{}
	var all sync.WaitGroup
	for n := range int(lasts.Seconds() * float64(perSecond)) {
		w := writeAt(equipment(n), n, 0)
		w.Timestamp = testNow.Add(time.Duration(n) * time.Millisecond)
		all.Go(func() {
			began, into := time.Now(), stored
			if l.Save(l.Context(), w) != nil {
				into = refused
			}
			if began.Sub(opened) < first {
				return
			}
			into.mu.Lock()
			defer into.mu.Unlock()
			into.took = append(into.took, time.Since(began))
		})
		time.Sleep(time.Second / time.Duration(perSecond))
	}
	all.Wait()
	return stored, refused
}
