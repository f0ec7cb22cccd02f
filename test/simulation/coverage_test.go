package simulation_test

import "testing"

// floors are the least that histories must reach on average, so that a run shows what it claims to.
var floors = map[string]float64{}

// checkFloors fails where a fault hardly struck, or a way was hardly gone.
func (t *totals) checkFloors(tb testing.TB) {
	tb.Helper()
	for name, floor := range floors {
		if got := float64(t.counts[name]) / float64(t.histories); got < floor {
			tb.Errorf("%s: %.3f a history, must be at least %.3f", name, got, floor)
		}
	}
	for f, n := range t.reached {
		if share := float64(n) / float64(t.histories); share < 0.05 {
			tb.Errorf("%s: struck in %.1f%% of the histories only", faultNames[f], 100*share)
		}
	}
}
