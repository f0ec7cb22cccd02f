package simulation_test

import (
	"fmt"
	"strings"
	"testing"
)

// foundWithin is by which seed, counted from 1, each safeguard that is switched off must be missed. Where it takes longer, the
// simulation has become worse at finding faults.
const foundWithin = 3000

// TestSimulation_MissesEverySafeguard switches the safeguards off, one at a time.
func TestSimulation_MissesEverySafeguard(t *testing.T) {
	if testing.Short() {
		t.Skip("runs some thousands of histories, which the race detector has seen the like of")
	}
	var table strings.Builder
	for s := nothing + 1; s < afterWait; s++ {
		_, seed, err := runSeeds(1, foundWithin, s, func(uint64, *totals) {})
		if err == nil {
			t.Errorf("without %q, %d histories ended well", s, foundWithin)
			continue
		}
		fmt.Fprintf(&table, "  %-45s seed %4d  %.110v\n", s, seed, err)
	}
	t.Logf("what is missing, and the first history that shows it\n%s", table.String())
}
