package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

const (
	demoEquipments = 50
	// demoHours is the longest window of the aggregates, the current hour included.
	demoHours = 720
	// demoEvery is the time between two readings of an equipment.
	demoEvery = 15 * time.Minute
)

// month is what the demonstration sends: the last day's readings by batches, the older ones by files.
type month struct {
	recent []client.Reading
	files  [][]client.Reading
}

func (m month) total() int {
	total := len(m.recent)
	for _, f := range m.files {
		total += len(f)
	}
	return total
}

// planMonth makes the readings up to now. What it makes for a moment is always the same, so that a second demonstration
// repeats the first one's readings instead of adding others.
func planMonth(now time.Time) month {
	const recentHours = 24
	first := now.UTC().Truncate(time.Hour).Add(-(demoHours - 1) * time.Hour)
	recent := now.UTC().Truncate(time.Hour).Add(-(recentHours - 1) * time.Hour)
	part := (recent.Sub(first)/demoFiles + time.Hour - 1).Truncate(time.Hour)
	m := month{recent: samples(recent, now)}
	for from := first; from.Before(recent); from = from.Add(part) {
		to := from.Add(part)
		if to.After(recent) {
			to = recent
		}
		m.files = append(m.files, samples(from, to.Add(-time.Nanosecond)))
	}
	return m
}

// samples are the readings of all equipments from one moment to another, both included, an equipment after the other.
func samples(from, to time.Time) []client.Reading {
	var all []client.Reading
	for i := range demoEquipments {
		equipment := fmt.Sprintf("EQ-%05d", 12001+i)
		for at := from; !at.After(to); at = at.Add(demoEvery) {
			all = append(all, client.Reading{EquipmentID: client.EquipmentID(equipment), Timestamp: at, Value: decimal(valueAt(equipment, at))})
		}
	}
	return all
}

// valueAt is a temperature of a machine: each has its own level, warmer in the afternoon, cooler when work rests at the
// weekend, with some noise. It is a whole number of hundredths, written without a float's rounding.
func valueAt(equipment string, at time.Time) string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(equipment)) // never fails
	own := rand.New(rand.NewPCG(hash.Sum64(), 0))
	level, swing := 55+30*own.Float64(), 4+6*own.Float64()
	hour := float64(at.Hour()) + float64(at.Minute())/60
	shape := level + swing*math.Sin((hour-9)/24*2*math.Pi)
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		shape -= swing
	}
	noise := rand.New(rand.NewPCG(hash.Sum64(), uint64(at.Unix()))) //nolint:gosec // likewise
	hundredths := int64(math.Round(100 * (shape + noise.NormFloat64())))
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}

// decimal is the number of a text that is one.
func decimal(text string) client.Decimal {
	value, err := client.ParseValue(text)
	if err != nil {
		panic(fmt.Sprintf("local: the value %s %v", text, err)) // unreachable: it was written by this program
	}
	return value
}

// csvOf writes a file of readings.
func csvOf(readings []client.Reading) []byte {
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	for _, r := range readings {
		fmt.Fprintf(&b, "%s,%s,%s\n", r.EquipmentID, r.Timestamp.Format(time.RFC3339Nano), r.Value)
	}
	return b.Bytes()
}
