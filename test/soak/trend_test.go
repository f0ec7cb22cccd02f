package soak_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/test/soak"
)

// row is a measure every 10 s that begins at 100, rises by a share an hour, and is off by up to noise.
func row(lasts time.Duration, perHour, noise float64) (at []time.Duration, values []float64) {
	random := rand.New(rand.NewPCG(1, 2))
	for t := time.Duration(0); t < lasts; t += 10 * time.Second {
		at = append(at, t)
		values = append(values, 100*(1+perHour*t.Hours())+noise*(2*random.Float64()-1))
	}
	return at, values
}

func TestTrendOf_FindsTheRise(t *testing.T) {
	for _, test := range []struct {
		name           string
		lasts          time.Duration
		perHour, noise float64
		rises          bool
	}{
		{"flat", time.Hour, 0, 2, false},
		{"falling", time.Hour, -0.1, 2, false},
		{"a little", time.Hour, 0.005, 0.5, false},
		{"too much", time.Hour, 0.05, 2, true},
		{"flat, for a short time", 10 * time.Minute, 0, 5, false},
		{"much, for a short time", 10 * time.Minute, 0.5, 2, true},
		{"just above, without noise", time.Hour, 0.011, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			trend := soak.TrendOf(row(test.lasts, test.perHour, test.noise))
			if trend.Rises(0.01) != test.rises {
				t.Errorf("%+v rises by more than 1 %% an hour: %v, want %v", trend, trend.Rises(0.01), test.rises)
			}
			if off := math.Abs(trend.PerHour - test.perHour); off > 3*trend.Uncertain+0.003 {
				t.Errorf("%+v, want a rise of %v", trend, test.perHour)
			}
		})
	}
}

// Of a program that uses 20 MiB beside its cushion, a rise of 3 % of what it uses is found, which is little of both together.
func TestTrendOf_FindsTheRiseBesideACushion(t *testing.T) {
	const used, instances = 20 << 20, 2
	at, percent := row(time.Hour, 0.03, 0)
	values := make([]float64, len(percent))
	for i, p := range percent {
		seen := soak.Inspection{Heap: instances * (memory.CushionBytes + int64(p*used/100)), Instances: instances}
		values[i] = seen.Live(memory.CushionBytes)
	}
	if math.Abs(values[0]-used) > 1 {
		t.Errorf("%.0f bytes are used, want %d", values[0], used)
	}
	if trend := soak.TrendOf(at, values); !trend.Rises(0.01) {
		t.Errorf("%+v does not rise", trend)
	}
}

func TestTrendOf_NeedsThreeMoments(t *testing.T) {
	if got := soak.TrendOf([]time.Duration{0, time.Hour}, []float64{1, 2}); got != (soak.Trend{}) {
		t.Errorf("of two values: %+v", got)
	}
	if got := soak.TrendOf([]time.Duration{0, 0, 0}, []float64{1, 2, 3}); got != (soak.Trend{}) {
		t.Errorf("of one moment: %+v", got)
	}
}
