package memory_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/memory"
)

func TestCushion_MakesTheCollectorWaitForItsPartOfGarbage(t *testing.T) {
	const part = memory.CushionBytes * memory.GarbagePercent / 100
	defer debug.SetGCPercent(debug.SetGCPercent(memory.GarbagePercent))
	release := memory.Cushion(memory.CushionBytes)
	runtime.GC()
	before := collections()
	for range part * 3 / 4 >> 10 {
		garbage = make([]byte, 1<<10)
	}
	if n := collections() - before; n > 0 {
		t.Errorf("three quarters of what may gather were collected in %d turns", n)
	}
	release()
	runtime.GC()
	before = collections()
	for range part * 3 / 4 >> 10 {
		garbage = make([]byte, 1<<10)
	}
	if n := collections() - before; n == 0 {
		t.Error("the cushion is still there once it is released")
	}
}

// garbage is where what is allocated goes, so that it is.
var garbage []byte

func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}
