package aggregate_test

import (
	"flag"
	"testing"
)

var (
	seed      = flag.Uint64("seed", 0, "replay one history of the model instead of many")
	histories = flag.Int("histories", historiesDefault, "how many histories of the model to run")
)

// TestModel_EveryHistoryEndsExact runs the aggregator through histories of several regions in which batches are repeated in
// other cuts, overlap, crash, lose answers and are throttled. Whatever happened, rows and totals equal the readings in the end.
func TestModel_EveryHistoryEndsExact(t *testing.T) {
	first, n := uint64(1), uint64(*histories)
	if *seed != 0 {
		first, n = *seed, 1
	}
	var recounted, rows int
	for s := first; s < first+n; s++ {
		w := newWorld(s)
		if err := w.history(); err != nil {
			t.Fatalf("seed %d: %v\nreplay it with: go test ./runtime/aggregate -run TestModel -seed %d", s, err, s)
		}
		for _, r := range w.regions {
			for _, row := range r.table.Rows() {
				if rows++; row.Recounted {
					recounted++
				}
			}
		}
	}
	// A model in which nothing goes wrong, or everything is recounted, would show little.
	if n > 100 && (recounted*10 < rows || recounted*10 > rows*9) {
		t.Errorf("%d of %d rows were recounted", recounted, rows)
	}
	t.Logf("%d histories, %d rows, %d of them recounted", n, rows, recounted)
}
