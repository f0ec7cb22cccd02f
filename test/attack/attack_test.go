package attack_test

import "testing"

// memoryLimit is what a task has at least: apiservice.TaskMemoryMiBMin.
const memoryLimit = 1024 << 20

func TestAttacks(t *testing.T) {
	s := startTarget(t)
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *target)
	}{
		{"batches with nothing but faults", faultyBatches},
		{"clients that do not read", deafClients},
		{"batches that trickle", tricklingBatches},
		{"one throttled equipment", throttledEquipment},
		{"large batches at once", largeBatches},
		{"sign-ins under long names", longNames},
		{"bucket away", bucketAway},
	} {
		t.Run(attack.name, func(t *testing.T) {
			s.fresh(t)
			attack.run(t, s)
		})
	}
}

// staysBelowTheLimit holds the API's memory at its highest to the limit.
func staysBelowTheLimit(t *testing.T, s *target) {
	t.Helper()
	now, most := s.memory(t)
	t.Logf("memory: %.0f MiB at most, %.0f MiB now", mebibytes(most), mebibytes(now))
	if most >= memoryLimit {
		t.Errorf("the API held %.0f MiB, its limit is %.0f MiB", mebibytes(most), mebibytes(memoryLimit))
	}
}
