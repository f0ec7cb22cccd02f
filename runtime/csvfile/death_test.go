package csvfile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// TestProcessor_SurvivesADeathAtEachStep lets the first worker that comes to its nth step die there, for every n, and later
// ones do the rest.
func TestProcessor_SurvivesADeathAtEachStep(t *testing.T) {
	file := append(fileOf(5), "bad\n2026-03-01T08:00:01Z,99,E1\nbad\n"...)
	for name, rangeBytes := range map[string]int64{"one range": wholeFile, "several ranges": 70} {
		t.Run(name, func(t *testing.T) {
			for n, died := 0, true; died; n++ {
				w := newWorld(1, file)
				w.queue = append(w.queue, w.queue[0]) // so that somebody comes by after the last call, too
				died = w.dieAt(t, n, rangeBytes)
				w.check(t, file, rangeBytes)
				if w.begun != 1 {
					t.Errorf("step %d: planned %d times", n, w.begun)
				}
				parts := len(w.keysOf("rejects/")) - 1
				if parts > 0 && w.upload.Status != csvfile.CompletedWithRejects {
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
// when its claim has run out. It tells whether there was such a step.
func (w *world) dieAt(t *testing.T, n int, rangeBytes int64) (died bool) {
	t.Helper()
	for steps := 0; len(w.queue) > 0; {
		body := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		worker := w.start(body, rangeBytes)
		for _, running := worker.next(); running; _, running = worker.next() {
			if steps++; steps == n+1 {
				worker.stop()
				died = true
				w.queue = append(w.queue, body)
				w.advance(16 * time.Minute)
				break
			}
		}
		if worker.err != nil {
			t.Fatalf("step %d: %v", n, worker.err)
		}
	}
	return died
}
