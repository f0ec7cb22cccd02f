package simulation_test

import (
	"fmt"
	"strings"
	"testing"
)

// foundWithin is by which history each safeguard that is switched off must be missed. Where it takes longer, the simulation has become
// worse at finding faults.
const foundWithin = 3000

// seedsWithin is how many seeds that takes. A region leaves in two of five histories (drawFaults), and the others are left out where
// they cannot show anything.
func (s safeguard) seedsWithin() uint64 {
	if s.ofDepartures() {
		return foundWithin * 5 / 2
	}
	return foundWithin
}

// ofDepartures tells whether the safeguard matters only where a region leaves.
func (s safeguard) ofDepartures() bool { return writersStopped <= s && s <= adoptedByRecount }

// TestSimulation_MissesEverySafeguard switches the safeguards off, one at a time.
func TestSimulation_MissesEverySafeguard(t *testing.T) {
	if testing.Short() {
		t.Skip("runs some thousands of histories, which the race detector has seen the like of")
	}
	var table strings.Builder
	for s := nothing + 1; s < afterWait; s++ {
		_, seed, err := runSeeds(1, s.seedsWithin(), s, func(uint64, *totals) {})
		if err == nil {
			t.Errorf("without %q, the histories of %d seeds ended well", s, s.seedsWithin())
			continue
		}
		fmt.Fprintf(&table, "  %-45s seed %4d  %.110v\n", s, seed, err)
	}
	t.Logf("what is missing, and the first history that shows it\n%s", table.String())
}
