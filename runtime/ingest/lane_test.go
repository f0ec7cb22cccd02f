package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// partition takes so many readings a second of one equipment, and everything of others, each call in 4 ms.
type partition struct {
	noisy     reading.EquipmentID
	perSecond int

	mu       sync.Mutex
	second   time.Time
	taken    int
	attempts int // of the noisy equipment
}

func (p *partition) answer(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
	callsTake(4*time.Millisecond)(ctx, call, attempts)
	p.mu.Lock()
	defer p.mu.Unlock()
	fates := make([]ingesttest.Fate, len(attempts))
	for i, a := range attempts {
		if a.EquipmentID != p.noisy {
			continue
		}
		p.attempts++
		if now := time.Now().Truncate(time.Second); now != p.second {
			p.second, p.taken = now, 0
		}
		if p.taken++; p.taken > p.perSecond {
			fates[i] = ingesttest.Busy
		}
	}
	return fates
}

// outcome is what became of the readings of one sender.
type outcome struct {
	mu              sync.Mutex
	stored, refused int
	took            []time.Duration
}

func (o *outcome) percentile(p int) time.Duration {
	slices.Sort(o.took)
	return o.took[(len(o.took)-1)*p/100]
}

// sendAt sends readings at a rate for some time and waits for the answers.
func (l *line) sendAt(perSecond int, lasts time.Duration, equipment func(n int) string) *outcome {
	o := &outcome{}
	var all sync.WaitGroup
	for n := range int(lasts.Seconds() * float64(perSecond)) {
		w := writeAt(equipment(n), n, 0)
		w.Timestamp = testNow.Add(time.Duration(n) * time.Millisecond)
		all.Go(func() {
			began := time.Now()
			err := l.Save(l.Context(), w)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.took = append(o.took, time.Since(began))
			switch {
			case err == nil:
				o.stored++
			case fault.KindOf(err) == fault.Unavailable:
				o.refused++
			default:
				l.Error(err)
			}
		})
		time.Sleep(time.Second / time.Duration(perSecond))
	}
	all.Wait()
	return o
}

// An equipment of which the table takes nothing costs the others nothing, at whatever rate it comes.
func TestSave_AThrottledEquipmentCostsTheOthersNothing(t *testing.T) {
	p := &partition{noisy: "noisy"}
	inBubble(t, ingest.Options{}, &ingesttest.Table{Answer: p.answer}, func(t *testing.T, l *line) {
		const lasts = 20 * time.Second
		var noisy, others *outcome
		var senders sync.WaitGroup
		senders.Go(func() { noisy = l.sendAt(1000, lasts, func(int) string { return "noisy" }) })
		senders.Go(func() { others = l.sendAt(1000, lasts, func(n int) string { return fmt.Sprint("EQ-", n%500) }) })
		senders.Wait()
		if others.refused > 0 || others.percentile(99) > 20*time.Millisecond {
			t.Errorf("of the others %d are stored and %d refused, 99 of 100 within %s", others.stored, others.refused, others.percentile(99))
		}
		if noisy.stored > 0 || p.attempts > 500 {
			t.Errorf("of the throttled equipment %d are stored, in %d attempts", noisy.stored, p.attempts)
		}
	})
}

// What an equipment's partition takes is used, and no more than that is tried.
func TestSave_AnEquipmentBeyondItsPartitionGetsWhatThatTakes(t *testing.T) {
	p := &partition{noisy: "noisy", perSecond: 500}
	inBubble(t, ingest.Options{}, &ingesttest.Table{Answer: p.answer}, func(t *testing.T, l *line) {
		const seconds = 20
		noisy := l.sendAt(1000, seconds*time.Second, func(int) string { return "noisy" })
		if noisy.stored < seconds*500*8/10 || p.attempts > seconds*500*12/10 {
			t.Errorf("%d are stored and %d refused, in %d attempts; the table takes %d", noisy.stored, noisy.refused, p.attempts, seconds*500)
		}
	})
}

// Once the table takes the equipment again, all that waits is stored at once, the newest of each identity.
func TestSave_ALaneEndsWhenTheTableTakesItsEquipmentAgain(t *testing.T) {
	var mu sync.Mutex
	held := true
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		callsTake(4*time.Millisecond)(ctx, call, attempts)
		mu.Lock()
		defer mu.Unlock()
		fates := make([]ingesttest.Fate, len(attempts))
		for i, a := range attempts {
			if held && a.EquipmentID == "noisy" {
				fates[i] = ingesttest.Busy
			}
		}
		return fates
	}}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		var done []<-chan answered
		for n := range 100 {
			w := writeAt("noisy", n, time.Duration(n))
			w.Timestamp = testNow.Add(time.Duration(n/2) * time.Millisecond) // each twice
			done = append(done, l.save(w))
		}
		time.Sleep(time.Second)
		mu.Lock()
		held = false
		mu.Unlock()
		for _, one := range done {
			if got := <-one; got.err != nil || got.took > 3*time.Second {
				t.Errorf("answered %v after %s", got.err, got.took)
			}
		}
		for n := range 50 {
			w := write("noisy", 0)
			w.Timestamp = testNow.Add(time.Duration(n) * time.Millisecond)
			if got := table.Value(w.Key()); got != fmt.Sprint(2*n+1) {
				t.Errorf("reading %d is %s, want %d", n, got, 2*n+1)
			}
		}
		began := time.Since(l.began)
		l.want("afterwards", l.save(write("noisy", 1)), began+4*time.Millisecond)
	})
}

// What waits in a lane for an identity that is under way outside of it goes on when that is decided.
func TestSave_ALaneWaitsForWhatIsUnderWayOutsideOfIt(t *testing.T) {
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		fates := make([]ingesttest.Fate, len(attempts))
		if call == 0 { // the first reading is under way for long
			callsTake(time.Second)(ctx, call, attempts)
			return fates
		}
		callsTake(4*time.Millisecond)(ctx, call, attempts)
		for i := range attempts {
			if call == 1 {
				fates[i] = ingesttest.Busy
			}
		}
		return fates
	}}
	inBubble(t, ingest.Options{}, table, func(_ *testing.T, l *line) {
		other := write("A", 1)
		other.Timestamp = testNow
		slow := l.save(write("A", 1))
		held := l.save(other)
		time.Sleep(10 * time.Millisecond) // the lane of A begins
		behind := l.save(writeAt("A", 2, 1))
		l.want("the one that was held back", held, 28*time.Millisecond) // 4 ms, a rest of 20 ms, and 4 ms again
		l.want("the slow one", slow, time.Second)
		l.want("the one behind it", behind, time.Second+8*time.Millisecond) // refused as an insertion, then made
	})
}

// A lane is bounded, and so are all lanes together: the others keep a quarter of the queue.
func TestSave_LanesAreBounded(t *testing.T) {
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		callsTake(4*time.Millisecond)(ctx, call, attempts)
		fates := make([]ingesttest.Fate, len(attempts))
		for i, a := range attempts {
			if len(a.EquipmentID) == 1 {
				fates[i] = ingesttest.Busy
			}
		}
		return fates
	}}
	inBubble(t, ingest.Options{QueueMax: 28, LaneMax: 10}, table, func(t *testing.T, l *line) {
		var done []<-chan answered
		send := func(equipment string, n int) {
			for i := range n {
				w := write(equipment, i)
				w.Timestamp = testNow.Add(time.Duration(i) * time.Millisecond)
				done = append(done, l.save(w))
			}
		}
		for _, equipment := range []string{"A", "B", "C"} {
			send(equipment, 1)
		}
		time.Sleep(10 * time.Millisecond) // their lanes begin
		for _, equipment := range []string{"A", "B", "C"} {
			send(equipment, 12)
		}
		refused := 0
		for _, one := range done {
			select {
			case got := <-one:
				refused++
				wantKind(t, "beyond the lane", got.err, fault.Unavailable)
			default:
			}
		}
		if refused != 3*13-21 { // 10 of A, 10 of B, and one of C that came before
			t.Errorf("%d were refused at once", refused)
		}
		for i := range 7 {
			began := time.Now()
			if got := <-l.save(write(fmt.Sprint("EQ-", i), i)); got.err != nil || time.Since(began) > 10*time.Millisecond {
				t.Errorf("another: answered %v after %s", got.err, time.Since(began))
			}
		}
		synctest.Wait()
	})
}

// Whoever waits in a lane hears within the time that a write may take.
func TestSave_WhoWaitsInALaneIsToldInTime(t *testing.T) {
	p := &partition{noisy: "noisy"}
	inBubble(t, ingest.Options{WriteTimeout: 3 * time.Second}, &ingesttest.Table{Answer: p.answer}, func(t *testing.T, l *line) {
		o := l.sendAt(20, 5*time.Second, func(int) string { return "noisy" })
		if o.stored > 0 || o.percentile(100) > 3*time.Second+10*time.Millisecond {
			t.Errorf("%d are stored, the last was told after %s", o.stored, o.percentile(100))
		}
	})
}
