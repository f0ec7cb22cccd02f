package simulation_test

// disruption is something that can happen to a history. Each history has a random part of them switched off.
type disruption int

const (
	crashes     disruption = iota // a process dies between two calls, or while one is on its way
	lost                          // the answer of a call does not come; whether it took place is not known
	late                          // a call takes place after its caller has given it up
	throttles                     // a call is refused for the moment
	unprocessed                   // a batch leaves items unprocessed
	conflicts                     // a transaction is cancelled because of others
	repeats                       // what was delivered comes again, cut in another way, also within a batch
	overlaps                      // a batch comes again while it is being worked on
	shards                        // an hour is spread over several shards, whose sequence numbers are unrelated
	splits                        // shards close under load and go on in two others
	lanes                         // several batches of one shard at a time
	skew                          // the regions' clocks differ
	merges                        // several changes of an item reach other regions as one
	cuts                          // a region is cut off, for seconds or for hours
	twice                         // a reading goes to two regions at once
	corrections                   // a reading gets another value, anywhere
	deletions                     // a reading is deleted, anywhere
	expiry                        // readings expire
	poison                        // somebody else puts items into the table that are no readings
	messages                      // queue messages come twice, also at the same time
	planted                       // somebody damages aggregates directly in the table
	leaves                        // a client leaves while its request is worked on
	tasks                         // the clocks of a region's tasks differ
	departs                       // a region leaves for good and is adopted
	outages                       // a region's readings take no writes, for longer than a caller tries
	faultCount
)

// faultNames are those of the report.
var faultNames = [faultCount]string{
	"crash", "answer lost", "late effect", "throttle", "unprocessed items", "transaction conflict", "batch repeated", "batch overlapping",
	"several shards", "shard split", "several lanes", "clock skew", "changes merged", "region cut off", "sent to two regions",
	"correction", "deletion", "expiry", "poison item", "message twice", "error planted",
	"client left", "tasks' clocks differ", "region leaves for good", "outage",
}

// Counts of the report that are no faults, and what each is.
const (
	countCalls         = "calls"
	countSteps         = "steps"
	countWrites        = "readings written"
	countAcknowledged  = "readings acknowledged"
	countInvocations   = "aggregator invocations"
	countApplied       = "rows applied"
	countRecounted     = "slices recounted"
	countRaced         = "row writes that came too late"
	countBuckets       = "fleet buckets changed"
	countAdjusted      = "rows of closed hours adjusted"
	countRetries       = "aggregator retries"
	countFailed        = "records that failed and came back"
	countSliceWrites   = "slice writes"
	countReplicated    = "changes replicated"
	countOutvoted      = "changes that lost to a later one"
	countPartly        = "transactions seen in part elsewhere"
	countAnonymous     = "expiries without service identity"
	countIdentified    = "expiries with service identity"
	countDestination   = "records to the failure destination"
	countMoved         = "readings overwritten by another region"
	countQueriesCut    = "queries that were no snapshot"
	countStaleReads    = "reads that lagged"
	countWindows       = "windows asked"
	countFiles         = "CSV files"
	countPackedFiles   = "compressed CSV files"
	countRanges        = "CSV ranges worked on"
	countRangesTwice   = "CSV ranges worked on at the same time"
	countRangeSteps    = "CSV ranges moved on behind what was committed"
	countRangesMet     = "CSV ranges that another worker had moved on"
	countRangesAgain   = "CSV ranges worked on again"
	countTimeouts      = "processes out of time"
	countCrashUnanswer = "crashes with a write on its way"
	countHours         = "hours cut off"
	countRestated      = "parts of rows restated"
	countFleetMended   = "fleet rows mended"
	countFleetMoving   = "fleet rows that moved while they were compared"
	countLostWrites    = "writes lost with their region"
	countAdopted       = "regions adopted"
	countQuiet         = "histories without a fault"
	countWide          = "histories of many equipments"
	countNarrow        = "histories of one or two readings"
	countLooks         = "readings listed"
	countLongFiles     = "histories of long files"
	countQuietOne      = "rows applied without a fault, one lane"
	countQuietApplied  = "rows applied without a fault, several lanes"
	countQuietRecounts = "slices recounted without a fault, several lanes"
)

// chance draws whether a fault happens: while it is switched on, one time in n, or more rarely in some histories.
func (w *world) chance(f disruption, n int) bool {
	if !w.on[f] || w.random.IntN(n*w.rarity[f]) != 0 {
		return false
	}
	w.strike(f)
	return true
}

func (w *world) strike(f disruption) { w.struck[f]++ }

func (w *world) count(name string, n int) {
	if n != 0 {
		w.counts[name] += n
	}
}

// drawFaults switches a random part of the faults on; in one history of twenty there is none.
func (w *world) drawFaults() {
	if w.random.IntN(20) == 0 {
		w.count(countQuiet, 1)
		w.quiet = true
		w.on[lanes] = w.random.IntN(2) == 0 // a setting rather than a fault
		return
	}
	for f := range w.on {
		w.on[f] = w.random.IntN(3) > 0
		w.rarity[f] = []int{1, 1, 2, 5}[w.random.IntN(4)]
	}
	w.on[expiry] = w.random.IntN(4) == 0
	w.on[poison] = w.random.IntN(4) == 0
	w.drawNarrow()
	w.on[planted] = w.random.IntN(5) == 0
	w.on[departs] = w.random.IntN(5) < 2
	if w.on[expiry] && w.random.IntN(2) == 0 { // what deletions in closed hours need
		w.on[shards], w.on[lanes], w.on[splits], w.on[deletions] = false, false, false, true
	}
}

// calm switches off what makes things go wrong. What has begun goes on, and what shapes the history stays.
func (w *world) calm() {
	for f := range w.on {
		switch disruption(f) {
		case shards, lanes, skew, expiry, tasks:
		default:
			w.on[f] = false
		}
	}
	w.tracef("all faults off")
}
