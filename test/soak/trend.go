package soak

import (
	"math"
	"time"
)

// Trend is the straight line through what was measured over time.
type Trend struct {
	// PerHour is by how much it rises in an hour, as a share of the mean: 0.01 is 1 %.
	PerHour float64
	// Uncertain is the standard error of PerHour: the noise of what was measured makes a line through a flat row rise or fall by so much.
	Uncertain float64
}

// Rises tells whether it rises by more than a share in an hour beyond what the noise explains: by two standard errors, as one of forty
// flat rows does.
func (t Trend) Rises(perHour float64) bool { return t.PerHour-2*t.Uncertain > perHour }

// TrendOf fits the line. With less than three values there is none.
func TrendOf(at []time.Duration, values []float64) Trend {
	n := float64(len(values))
	if len(values) < 3 || len(at) != len(values) {
		return Trend{}
	}
	var meanX, meanY float64
	for i, v := range values {
		meanX += at[i].Hours() / n
		meanY += v / n
	}
	var xx, xy float64
	for i, v := range values {
		dx := at[i].Hours() - meanX
		xx += dx * dx
		xy += dx * (v - meanY)
	}
	if xx == 0 || meanY == 0 {
		return Trend{}
	}
	slope := xy / xx
	var rest float64
	for i, v := range values {
		off := v - meanY - slope*(at[i].Hours()-meanX)
		rest += off * off
	}
	return Trend{PerHour: slope / meanY, Uncertain: math.Sqrt(rest/(n-2)/xx) / meanY}
}
