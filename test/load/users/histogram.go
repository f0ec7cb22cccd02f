package users

import (
	"math/bits"
	"time"
)

const (
	// stepBits is how fine a Histogram is: it keeps a duration to one part in 2^stepBits, under 1 %.
	stepBits = 7
	steps    = 1 << stepBits
	// longest is what longer durations count as.
	longest  = 1<<36 - 1 // ns, 68 s
	binCount = (36-stepBits)*steps + steps
)

// Histogram counts durations, to under 1 % each, in a fixed amount of memory. The zero value is empty. It is not safe for concurrent
// use.
type Histogram struct {
	bins  []uint32
	count int
	sum   time.Duration
	max   time.Duration
}

// Add counts a duration; a negative one counts as none.
func (h *Histogram) Add(d time.Duration) {
	d = min(max(d, 0), longest)
	if h.bins == nil {
		h.bins = make([]uint32, binCount)
	}
	h.bins[binOf(d)]++
	h.count++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds what another one has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.count == 0 {
		return
	}
	if h.bins == nil {
		h.bins = make([]uint32, binCount)
	}
	for i, n := range other.bins {
		h.bins[i] += n
	}
	h.count += other.count
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Count is how many durations were counted.
func (h *Histogram) Count() int { return h.count }

// Max is the longest, exactly; 0 where there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the average, exactly; 0 where there is none.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return h.sum / time.Duration(h.count)
}

// Percentile is the duration that p percent of all do not exceed, rounded up by less than 1 %; 0 where there is none. p is 0 to 100.
func (h *Histogram) Percentile(p float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := max(ceil(p/100*float64(h.count)), 1)
	for i, n := range h.bins {
		if rank -= int(n); rank <= 0 {
			return min(endOf(i), h.max)
		}
	}
	return h.max
}

// ceil rounds up, but for what floats add to a whole number.
func ceil(x float64) int {
	n := int(x)
	if x-float64(n) > 1e-6 {
		n++
	}
	return n
}

// binOf is where a duration is counted: the first bins are 1 ns wide each, and each further block of them is twice as wide as the
// one before.
func binOf(d time.Duration) int {
	v := uint64(d) //nolint:gosec // it is not negative
	if v < 2*steps {
		return int(v) //nolint:gosec // it is small
	}
	shift := bits.Len64(v) - stepBits - 1
	return shift*steps + int(v>>shift) //nolint:gosec // it is below the number of bins
}

// endOf is the longest duration of a bin.
func endOf(bin int) time.Duration {
	if bin < 2*steps {
		return time.Duration(bin)
	}
	shift := bin/steps - 1
	return time.Duration(bin-shift*steps+1)<<shift - 1
}
