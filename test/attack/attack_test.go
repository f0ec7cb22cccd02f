package attack_test

import (
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/system"
)

// memoryLimit is what a task has at least, and what the API takes for its limit where nothing tells it one.
const memoryLimit = contract.TaskMemoryMiBMin << 20

func TestAttacks(t *testing.T) {
	s := startTarget(t)
	const long = true
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *target)
		long bool
	}{
		{"batches with nothing but faults", faultyBatches, false},
		{"clients that do not read", deafClients, long},
		{"batches that trickle", tricklingBatches, false},
		{"one throttled equipment", throttledEquipment, long},
		{"large batches at once", largeBatches, long},
		{"sign-ins under long names", longNames, false},
		{"bucket away", bucketAway, false},
		{"everything at once", everythingAtOnce, long},
	} {
		t.Run(attack.name, func(t *testing.T) {
			if attack.long && !fullSize() {
				t.Skip("at full size alone; package httpapi has the same in virtual time")
			}
			s.fresh(t)
			attack.run(t, s)
		})
	}
}

// staysBelowTheLimit holds the API's memory at its highest to the limit.
func staysBelowTheLimit(t *testing.T, s *target) {
	t.Helper()
	now, most := s.memory(t)
	t.Logf("memory: %.0f MiB at most, %.0f MiB now", system.Mebibytes(most), system.Mebibytes(now))
	if most >= memoryLimit {
		t.Errorf("the API held %.0f MiB, its limit is %.0f MiB", system.Mebibytes(most), system.Mebibytes(memoryLimit))
	}
}
