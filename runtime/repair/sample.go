package repair

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// SampleOptions adapt a Sample. The zero value of a field selects its default.
type SampleOptions struct {
	// Rows is how many rows are compared, Days how many days of the fleet. No rows and no days are compared by default.
	Rows, Days int
	// Until is when to begin with no other one. Default: there is no such time.
	Until time.Time
	// Random yields uniform random bits. Default: math/rand/v2's generator.
	Random func() uint64
}

// FleetUnits compares the fleet's rows with each other; see aggregate.FleetRestater.
type FleetUnits interface {
	CompareUnits(ctx context.Context, region string, day time.Time) (aggregate.FleetRestated, error)
}

// Sample compares rows that are drawn by chance from the hours of a scope, and writes nothing. Half of them are drawn from the
// readings, which also finds rows that are missing, and half from the rows. Of the fleet's days, the day is compared with its hours
// and those with their slices, which costs the same for any number of equipments.
func (s *Sweep) Sample(ctx context.Context, of Scope, units FleetUnits, o SampleOptions) (Tally, error) {
	if o.Random == nil {
		o.Random = rand.Uint64
	}
	w := s.newWalk(Begin(of), false)
	over := func() bool { return !o.Until.IsZero() && !w.o.Now().Before(o.Until) }
	for i := 0; i < o.Rows && !over(); i++ {
		key, found, err := w.draw(ctx, i%2 == 0, o.Random)
		if err != nil {
			return w.place.Tally, err
		}
		if !found {
			continue
		}
		w.place.Equipments++
		if err := w.look(ctx, key); err != nil {
			return w.place.Tally, err
		}
	}
	if err := w.settle(ctx); err != nil {
		return w.place.Tally, err
	}
	for i := 0; i < o.Days && !over(); i++ {
		if err := w.day(ctx, reading.Day(w.anyHour(o.Random)), units.CompareUnits); err != nil {
			return w.place.Tally, err
		}
	}
	return w.place.Tally, nil
}

// anyHour draws an hour of the scope.
func (w *walk) anyHour(random func() uint64) time.Time {
	from := w.openFrom()
	hours := uint64(max(0, w.place.Through.Sub(from)/time.Hour)) + 1
	return from.Add(time.Duration(random()%hours) * time.Hour) //nolint:gosec // below the hours of the scope
}

// openFrom is the first hour of the scope that can be counted.
func (w *walk) openFrom() time.Time {
	if open := w.o.OpenFrom(); open.After(w.place.From) {
		return open
	}
	return w.place.From
}

// draw draws a row: an equipment, then of it the hour that follows a random one.
func (w *walk) draw(ctx context.Context, fromReadings bool, random func() uint64) (key aggregate.RowKey, found bool, err error) {
	equipment := w.find.NextWithRows
	hour := func(id reading.EquipmentID, from, through time.Time) (time.Time, bool, error) {
		return w.find.NextRow(ctx, id, w.place.Region, from, through)
	}
	if fromReadings {
		equipment = w.find.NextWithReadings
		hour = func(id reading.EquipmentID, from, through time.Time) (time.Time, bool, error) {
			return w.find.NextReading(ctx, id, from, through)
		}
	}
	id, at := w.place.EquipmentID, w.anyHour(random)
	for _, after := range []reading.EquipmentID{reading.EquipmentID(fmt.Sprintf("%016x", random())), ""} {
		if id != "" {
			break
		}
		if id, _, err = retried2(ctx, w, func() (reading.EquipmentID, bool, error) { return equipment(ctx, after) }); err != nil {
			return key, false, fmt.Errorf("draw an equipment: %w", err)
		}
	}
	if id == "" || at.After(w.place.Through) {
		return key, false, nil
	}
	for _, span := range [][2]time.Time{{at, w.place.Through}, {w.openFrom(), at}} {
		start, has, err := retried2(ctx, w, func() (time.Time, bool, error) { return hour(id, span[0], span[1]) })
		if err != nil {
			return key, false, fmt.Errorf("draw an hour of %s: %w", id, err)
		}
		if has {
			return aggregate.RowKey{EquipmentID: id, Hour: start, Region: w.place.Region}, true, nil
		}
	}
	return key, false, nil
}
