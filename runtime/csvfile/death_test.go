package csvfile_test

import (
	"context"
	"iter"
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
	for name, rangeBytes := range map[string]int64{"one range": wholeFile, "several ranges": 70} {
		t.Run(name, func(t *testing.T) {
			for n, died := 0, true; died; n++ {
				f := newFixture(file)
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
