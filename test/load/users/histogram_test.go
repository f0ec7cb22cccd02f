package users_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/load/users"
)

// Whatever is counted, a percentile lies at most 1 % above the one that a sorted list has.
func TestHistogram_IsWithinOnePercentOfASortedList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"nanoseconds": func() time.Duration { return time.Duration(random.Int64N(300)) },
		"milliseconds": func() time.Duration {
			return 4*time.Millisecond + time.Duration(random.ExpFloat64()*float64(time.Millisecond))
		},
		"all sizes":     func() time.Duration { return time.Duration(math.Exp(random.Float64() * math.Log(60e9))) },
		"two far apart": func() time.Duration { return []time.Duration{time.Millisecond, 30 * time.Second}[random.IntN(2)] },
	} {
		t.Run(name, func(t *testing.T) {
			var halves [2]users.Histogram
			var sorted []time.Duration
			var sum time.Duration
			for i := range 20001 {
				d := draw()
				halves[i%2].Add(d)
				sorted = append(sorted, d)
				sum += d
			}
			slices.Sort(sorted)
			var h users.Histogram
			h.Merge(&halves[0])
			h.Merge(&halves[1])
			if h.Count() != len(sorted) || h.Max() != sorted[len(sorted)-1] || h.Mean() != sum/time.Duration(len(sorted)) {
				t.Errorf("%d counted, longest %v, mean %v; want %d, %v, %v", h.Count(), h.Max(), h.Mean(), len(sorted), sorted[len(sorted)-1],
					sum/time.Duration(len(sorted)))
			}
			for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 99.99, 100} {
				rank := max(int(math.Ceil(math.Round(p*float64(len(sorted))*1e6)/1e8)), 1)
				exact, got := sorted[rank-1], h.Percentile(p)
				if got < exact || float64(got) > float64(exact)*1.01 {
					t.Errorf("p%v is %v, want %v or at most 1 %% more", p, got, exact)
				}
			}
		})
	}
}

func TestHistogram_TakesWhatLiesBeyondItsEnds(t *testing.T) {
	var h users.Histogram
	if h.Percentile(99) != 0 || h.Mean() != 0 || h.Max() != 0 {
		t.Error("an empty one is not empty")
	}
	h.Add(-time.Second)
	if h.Percentile(100) != 0 {
		t.Errorf("a negative duration counts as %v", h.Percentile(100))
	}
	h.Add(time.Hour)
	if got := h.Percentile(100); got < time.Minute || h.Count() != 2 {
		t.Errorf("an hour counts as %v, of %d", got, h.Count())
	}
}
