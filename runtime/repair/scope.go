package repair

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Finder finds rows and readings. All reads are consistent. Errors of kind fault.Unavailable may pass.
type Finder interface {
	// NextWithReadings returns the equipment that follows another one among those that have readings, in an order that stays the
	// same and spreads equipments evenly. Before the first one stands "", and there need not be an equipment of the given id.
	NextWithReadings(ctx context.Context, after reading.EquipmentID) (id reading.EquipmentID, found bool, err error)
	// NextWithRows is the same of the equipments that have rows of any region.
	NextWithRows(ctx context.Context, after reading.EquipmentID) (id reading.EquipmentID, found bool, err error)
	// NextReading returns the first hour of a range, both ends included, in which an equipment has readings of any region.
	NextReading(ctx context.Context, id reading.EquipmentID, from, through time.Time) (hour time.Time, found bool, err error)
	// NextRow returns the first hour of a range, both ends included, of which an equipment has a row of the region.
	NextRow(ctx context.Context, id reading.EquipmentID, region string, from, through time.Time) (hour time.Time, found bool, err error)
	// FleetDays returns the days of a range, both ends included, of which the fleet has a row of the region.
	FleetDays(ctx context.Context, buckets int, region string, from, through time.Time) ([]time.Time, error)
	// PutEquipment adds an equipment to the list of those that have rows of a region. It does nothing where it is there.
	PutEquipment(ctx context.Context, id reading.EquipmentID, region string) error
}

// Rows restates and compares a row; see aggregate.Aggregator.
type Rows interface {
	Restate(ctx context.Context, key aggregate.RowKey) (aggregate.Restated, error)
	Compare(ctx context.Context, key aggregate.RowKey) (aggregate.Restated, error)
}

// Fleet restates and compares a day of the fleet; see aggregate.FleetRestater.
type Fleet interface {
	Restate(ctx context.Context, region string, day time.Time) (aggregate.FleetRestated, error)
	Compare(ctx context.Context, region string, day time.Time) (aggregate.FleetRestated, error)
}

// Scope says what a Sweep looks at.
type Scope struct {
	// Region is the region whose rows are looked at: this one, or one that has left for good and whose rows this one has adopted.
	Region string `json:"region"`
	// EquipmentID is empty for all equipments.
	EquipmentID reading.EquipmentID `json:"equipmentId,omitempty"`
	// From and Through are full hours, both included.
	From    time.Time `json:"from"`
	Through time.Time `json:"through"`
	// Fleet asks for the fleet's rows of the days among these hours as well, which are compared with those of all equipments.
	Fleet bool `json:"fleet"`
}

// The hours of everything.
var (
	firstHour = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastHour  = time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
)

// Everything is the scope of all rows of a region, the fleet's included.
func Everything(region string) Scope {
	return Scope{Region: region, From: firstHour, Through: lastHour, Fleet: true}
}

// phase is a part of a sweep.
type phase string

// The parts, in their order. Rows that are missing show in the readings alone, and rows of which nothing is left to be read in the
// rows alone. The fleet is compared with rows, which must be right by then.
const (
	ofRows     phase = "rows"
	ofReadings phase = "readings"
	ofFleet    phase = "fleet"
	done       phase = "done"
)

// Place is how far a sweep has come; encoded as JSON, it can be taken up again by another process.
type Place struct {
	Scope
	Phase phase `json:"phase"`
	// After is the equipment that was done last in this phase.
	After reading.EquipmentID `json:"after,omitempty"`
	// Next is the hour, or in the fleet's phase the day, with which to go on. Of all equipments' hours it is not kept.
	Next time.Time `json:"next"`
	// Days are those of the rows that were seen, which the fleet's phase looks at.
	Days Days `json:"days"`
	Tally
}

// Begin is the place of a sweep that has not begun.
func Begin(s Scope) Place {
	return Place{Scope: s, Phase: ofRows, Next: s.From, Days: Days{}}
}

// Done tells whether nothing is left to do.
func (p Place) Done() bool { return p.Phase == done }

// Tally counts what a sweep has met.
type Tally struct {
	// Equipments counts those that were looked at, in both of the phases that go through them.
	Equipments int `json:"equipments"`
	// Rows are the rows that were counted, missing ones included; FleetDays the days of the fleet.
	Rows      int `json:"rows"`
	FleetDays int `json:"fleetDays"`
	// Closed are rows whose readings have begun to expire, so that nothing can be said of them.
	Closed int `json:"closed"`
	// Different are rows and fleet rows that were not what they must be, Mended those of them that are now.
	Different int `json:"different"`
	Mended    int `json:"mended"`
	// Moving are rows and fleet rows that were being written each time, so that nothing can be said of them yet.
	Moving int `json:"moving"`
	// Failed are rows and days that could not be looked at or mended, and never will be without a person's help.
	Failed int `json:"failed"`
}

// Days is a set of UTC days, by their names.
type Days map[string]bool

func (d Days) add(t time.Time) { d[reading.FormatDay(t)] = true }

// from returns the days from a day on, in their order.
func (d Days) from(first time.Time) (days []time.Time) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if day, err := time.Parse(time.DateOnly, name); err == nil && !day.Before(reading.Day(first)) {
			days = append(days, day)
		}
	}
	return days
}
