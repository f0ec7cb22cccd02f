package simulation_test

import "testing"

// floors are the least that histories must reach on average, so that a run shows what it claims to.
var floors = map[string]float64{
	countCalls: 100, countWrites: 25, countAcknowledged: 20, countInvocations: 25, countSliceWrites: 25, countReplicated: 150,
	countApplied: 15, countRecounted: 10, countRaced: 1, countBuckets: 0.7, countAdjusted: 0.02, countRetries: 3, countFailed: 0.5,
	countOutvoted: 10, countPartly: 50, countMoved: 10, countIdentified: 0.2, countAnonymous: 0.2, countDestination: 0.2,
	countQueriesCut: 10, countWindows: 0.7, countFiles: 0.3, countPackedFiles: 0.05, countRanges: 1.2, countRangesAgain: 0.4,
	countRangesTwice: 0.03, countTimeouts: 0.1, countCrashUnanswer: 0.3, countHours: 0.08, countQuiet: 0.03, countWide: 0.003, countLongFiles: 0.02,
	countRangeSteps: 1, countRangesMet: 0.1, countNarrow: 0.15, countLooks: 3,
	countQuietApplied: 0.5, countQuietOne: 0.3,
	countLostWrites: 0.5, countAdopted: 0.05,
	countRestated: 0.1, countFleetMended: 0.02, countFleetMoving: 0.1,
}

// checkFloors fails where something happened too rarely, or a path through the code was taken too rarely.
func (t *totals) checkFloors(tb testing.TB) {
	tb.Helper()
	for name, floor := range floors {
		if got := float64(t.counts[name]) / float64(t.histories); got < floor {
			tb.Errorf("%s: %.3f a history, must be at least %.3f", name, got, floor)
		}
	}
}

// checkFaults fails where a kind of fault struck in less than this share of the histories.
func (t *totals) checkFaults(tb testing.TB, least float64) {
	tb.Helper()
	for f, n := range t.reached {
		if share := float64(n) / float64(t.histories); share < least {
			tb.Errorf("%s: struck in %.1f%% of the histories only", faultNames[f], 100*share)
		}
	}
}
