package csvfile_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// worker is an invocation that can be stopped before and after the effect of each of its calls.
type worker struct {
	next func() (struct{}, bool)
	stop func()
	err  error
}

type died struct{}

// start makes a worker that moves to its next step each time that next is called.
func (f *fixture) start(body string, rangeBytes int64) *worker {
	var w worker
	w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != (died{}) {
				panic(r)
			}
		}()
		w.err = f.processor(rangeBytes, func() error {
			if !yield(struct{}{}) {
				panic(died{})
			}
			return nil
		}).Process(context.Background(), body)
	})
	return &w
}

// TestProcessor_SurvivesADeathAtEachStep lets the first worker that comes to its nth step die there, for every n, and later
// ones do the rest.
func TestProcessor_SurvivesADeathAtEachStep(t *testing.T) {
	file := append(fileOf(5), "bad\n2026-03-01T08:00:01Z,99,E1\nbad\n"...)
	for name, c := range map[string]struct {
		rangeBytes int64
		pieces     bool
	}{
		"one range": {rangeBytes: wholeFile}, "several ranges": {rangeBytes: 70},
		"one range in pieces": {rangeBytes: wholeFile, pieces: true}, "several ranges in pieces": {rangeBytes: 110, pieces: true},
	} {
		rangeBytes := c.rangeBytes
		t.Run(name, func(t *testing.T) {
			for n, died := 0, true; died; n++ {
				f := newFixture(file)
				f.pieces = c.pieces
				f.queue = append(f.queue, f.queue[0]) // so that somebody comes by after the last call, too
				died = f.dieAt(t, n, rangeBytes)
				f.check(t, file)
				if f.begun != 1 {
					t.Errorf("step %d: planned %d times", n, f.begun)
				}
				parts := len(f.keysOf("rejects/")) - 1
				if parts > 0 && f.upload.Status != csvfile.CompletedWithRejects {
					t.Errorf("step %d: %d parts stay behind", n, parts)
				}
				if n > 500 {
					t.Fatal("no end")
				}
			}
		})
	}
}

// TestProcessor_AnEarlySecondWorkerCountsNothingTwice lets two workers, and a third one that comes later, work on one message at the
// same time, step by step in any order.
func TestProcessor_AnEarlySecondWorkerCountsNothingTwice(t *testing.T) {
	const seeds = 300
	met := 0
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			file := randomFile(rng)
			f := newFixture(file)
			f.pieces = true
			var all []*worker
			working := []*worker{}
			for range 3 {
				w := f.start(f.queue[0], wholeFile)
				all, working = append(all, w), append(working, w)
			}
			for len(working) > 0 {
				i := rng.IntN(len(working))
				if _, running := working[i].next(); !running {
					working = slices.Delete(working, i, i+1)
				}
			}
			for _, w := range all {
				if w.err != nil {
					t.Error(w.err)
				}
			}
			f.queue = nil
			f.check(t, file)
			if f.refused > 0 {
				met++
			}
		})
	}
	if met < seeds/4 {
		t.Errorf("only in %d histories the workers met", met)
	}
}

// TestProcessor_GoesOnWhereADeadWorkerCommitted holds that what was committed is not done again.
func TestProcessor_GoesOnWhereADeadWorkerCommitted(t *testing.T) {
	file := fileOf(50)
	f := newFixture(file)
	f.pieces = true
	first := f.start(f.queue[0], wholeFile)
	for f.upload.RowsAccepted < 30 {
		if _, running := first.next(); !running {
			t.Fatal("it ended")
		}
	}
	first.stop()
	if u := f.upload; u.Status != csvfile.Processing || u.RangesDone != 0 || u.BytesProcessed < 30 {
		t.Fatalf("half done: %+v", u)
	}
	before := f.tried
	if err := f.process(t, f.queue[0], wholeFile); err != nil {
		t.Fatal(err)
	}
	f.queue = nil
	f.check(t, file)
	if tried := f.tried - before; tried > 21 {
		t.Errorf("the second worker wrote %d readings where 20 were left", tried)
	}
}

// TestProcessor_CommitsSoonAtFirst holds that who has just sent a file sees it move, and that a long one is not committed more often for
// that.
func TestProcessor_CommitsSoonAtFirst(t *testing.T) {
	const tick = 50 * time.Millisecond // that a row takes
	f := newFixture(fileOf(1200))
	f.pieces, f.tick, f.commitEvery = true, tick, 10*time.Second
	began := f.now
	if err := f.process(t, f.queue[0], wholeFile); err != nil {
		t.Fatal(err)
	}
	var after []time.Duration
	for _, at := range f.commits {
		after = append(after, at.Sub(began).Round(500*time.Millisecond))
		began = at
	}
	want := []float64{1, 2, 4, 8, 10, 10, 10, 10}
	for i, seconds := range want {
		if i >= len(after) || after[i].Seconds() != seconds {
			t.Fatalf("it was committed after %v, want %v", after, want)
		}
	}
}

// dieAt works through the queue, one worker at a time. The one that comes to the nth step dies, and its message comes back
// when it is visible again. It tells whether there was such a step.
func (f *fixture) dieAt(t *testing.T, n int, rangeBytes int64) (died bool) {
	t.Helper()
	for steps := 0; len(f.queue) > 0; {
		body := f.queue[0]
		f.queue = slices.Delete(f.queue, 0, 1)
		worker := f.start(body, rangeBytes)
		for _, running := worker.next(); running; _, running = worker.next() {
			if steps++; steps == n+1 {
				worker.stop()
				died = true
				f.queue = append(f.queue, body)
				f.now = f.now.Add(16 * time.Minute)
				break
			}
		}
		if worker.err != nil {
			t.Fatalf("step %d: %v", n, worker.err)
		}
	}
	return died
}
