package deployment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/test/capture"
)

func TestDeployment(t *testing.T) {
	progress := stopwatch(t)
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	stacks, err := synthesize(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	progress("%d stacks are synthesized", len(stacks))
	var log capture.Buffer
	e, err := startEmulator(t.Context(), root, &log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			t.Logf("the emulator printed:\n%s", log.String())
		}
	})
	progress("the emulator answers")
	d, err := deploy(t.Context(), e, stacks, progress)
	if err != nil {
		t.Fatal(err)
	}
	d.holdTable(t)
}

// stopwatch returns what tells the progress of a test, with the seconds since the start.
func stopwatch(t *testing.T) func(format string, args ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		t.Helper()
		t.Logf("%5.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
}
