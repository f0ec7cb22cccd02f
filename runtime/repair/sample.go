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
	// Rows is how many different rows are compared, Days how many different days of the fleet. Where there are fewer, all are. No
	// rows and no days are compared by default.
	Rows, Days int
	// Exhaust goes through the scope for the rows that draws do not find, which can cost two reads for each equipment without rows
	// in these hours. Default: a sample then has fewer rows.
	Exhaust bool
	// Until is when to begin with no other one. Default: there is no such time.
	Until time.Time
	// Random yields uniform random bits. Default: math/rand/v2's generator.
	Random func() uint64
}

// drawsPerRow bounds the draws, those in vain included: of an equipment without rows in these hours, or of a row again.
const drawsPerRow = 2

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
	p := &sample{walk: s.newWalk(Begin(of), false), o: o, seen: map[aggregate.RowKey]bool{}, latest: map[reading.EquipmentID]time.Time{}}
	if err := p.drawRows(ctx); err != nil {
		return p.place.Tally, err
	}
	if o.Exhaust {
		if err := p.goThrough(ctx); err != nil {
			return p.place.Tally, err
		}
	}
	if err := p.settle(ctx); err != nil {
		return p.place.Tally, err
	}
	return p.place.Tally, p.drawDays(ctx, units)
}

// sample is one run of Sample.
type sample struct {
	*walk
	o    SampleOptions
	seen map[aggregate.RowKey]bool
	// latest is the hour of each equipment that was come across last.
	latest map[reading.EquipmentID]time.Time
}

// over tells whether no other row or day is to be begun with.
func (p *sample) over() bool { return !p.o.Until.IsZero() && !p.walk.o.Now().Before(p.o.Until) }

func (p *sample) wantsRows() bool { return len(p.seen) < p.o.Rows && !p.over() }

// take compares a row that has not been compared yet.
func (p *sample) take(ctx context.Context, key aggregate.RowKey) error {
	if p.seen[key] {
		return nil
	}
	p.seen[key], p.latest[key.EquipmentID] = true, key.Hour
	if !p.visited[key.EquipmentID] {
		p.visited[key.EquipmentID] = true
		p.place.Equipments++
	}
	return p.look(ctx, key)
}

// drawRows draws rows. One that was drawn before is followed by the next ones of its equipment: where its rows lie close together
// behind a long pause, nearly all draws meet the first of them.
func (p *sample) drawRows(ctx context.Context) error {
	most := drawsPerRow * p.o.Rows
	for i := 0; i < most && p.wantsRows(); i++ {
		of := p.source(i%2 == 0)
		key, found, err := p.draw(ctx, of)
		for ; err == nil && found && p.seen[key] && i < most; i++ {
			key.Hour, found, err = p.nextHour(ctx, of, key.EquipmentID, p.latest[key.EquipmentID].Add(time.Hour), p.place.Through)
			if found && p.seen[key] {
				p.latest[key.EquipmentID] = key.Hour
			}
		}
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := p.take(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// drawDays compares days that differ: after one that was compared before, the next one is taken.
func (p *sample) drawDays(ctx context.Context, units FleetUnits) error {
	first, last := reading.Day(p.openFrom()), reading.Day(p.place.Through)
	left := max(1, int(last.Sub(first)/(24*time.Hour))+1)
	seen := map[time.Time]bool{}
	for ; len(seen) < p.o.Days && left > 0 && !p.over(); left-- {
		day := reading.Day(p.anyHour())
		for seen[day] {
			if day = day.AddDate(0, 0, 1); day.After(last) {
				day = first
			}
		}
		seen[day] = true
		if err := p.day(ctx, day, units.CompareUnits); err != nil {
			return err
		}
	}
	return nil
}

// anyHour draws an hour of the scope.
func (p *sample) anyHour() time.Time {
	from := p.openFrom()
	hours := uint64(max(0, p.place.Through.Sub(from)/time.Hour)) + 1
	return from.Add(time.Duration(p.o.Random()%hours) * time.Hour) //nolint:gosec // below the hours of the scope
}

// openFrom is the first hour of the scope that can be counted.
func (w *walk) openFrom() time.Time {
	if open := w.o.OpenFrom(); open.After(w.place.From) {
		return open
	}
	return w.place.From
}

// source is where rows are found: the rows themselves, or the readings that they are made of.
type source struct {
	next func(ctx context.Context, after reading.EquipmentID) (reading.EquipmentID, bool, error)
	hour func(ctx context.Context, id reading.EquipmentID, from, through time.Time) (time.Time, bool, error)
}

func (p *sample) source(readings bool) source {
	if readings {
		return source{p.find.NextWithReadings, p.find.NextReading}
	}
	return source{p.find.NextWithRows, func(ctx context.Context, id reading.EquipmentID, from, through time.Time) (time.Time, bool, error) {
		return p.find.NextRow(ctx, id, p.place.Region, from, through)
	}}
}

// anyEquipment is a key anywhere in the order in which equipments are found.
func (p *sample) anyEquipment() reading.EquipmentID {
	return reading.EquipmentID(fmt.Sprintf("%016x", p.o.Random()))
}

func (p *sample) nextEquipment(ctx context.Context, of source, after reading.EquipmentID) (reading.EquipmentID, bool, error) {
	id, found, err := retried2(ctx, p.walk, func() (reading.EquipmentID, bool, error) { return of.next(ctx, after) })
	if err != nil {
		return "", false, fmt.Errorf("draw an equipment: %w", err)
	}
	return id, found, nil
}

func (p *sample) nextHour(ctx context.Context, of source, id reading.EquipmentID, from, through time.Time) (time.Time, bool, error) {
	hour, found, err := retried2(ctx, p.walk, func() (time.Time, bool, error) { return of.hour(ctx, id, from, through) })
	if err != nil {
		return hour, false, fmt.Errorf("draw an hour of %s: %w", id, err)
	}
	return hour, found, nil
}

// draw draws a row: an equipment, then of it the hour that follows a random one.
func (p *sample) draw(ctx context.Context, of source) (key aggregate.RowKey, found bool, err error) {
	id, at := p.place.EquipmentID, p.anyHour()
	for _, after := range []reading.EquipmentID{p.anyEquipment(), ""} {
		if id != "" {
			break
		}
		if id, _, err = p.nextEquipment(ctx, of, after); err != nil {
			return key, false, err
		}
	}
	if id == "" || at.After(p.place.Through) {
		return key, false, nil
	}
	for _, span := range [][2]time.Time{{at, p.place.Through}, {p.openFrom(), at}} {
		start, has, err := p.nextHour(ctx, of, id, span[0], span[1])
		if err != nil {
			return key, false, err
		}
		if has {
			return p.row(id, start), true, nil
		}
	}
	return key, false, nil
}

func (p *sample) row(id reading.EquipmentID, hour time.Time) aggregate.RowKey {
	return aggregate.RowKey{EquipmentID: id, Hour: hour, Region: p.place.Region}
}

// goThrough takes rows in their order, until the sample has enough or no row is left.
func (p *sample) goThrough(ctx context.Context) error {
	for _, readings := range []bool{true, false} {
		of := p.source(readings)
		if p.place.EquipmentID != "" {
			if err := p.takeHours(ctx, of, p.place.EquipmentID); err != nil {
				return err
			}
			continue
		}
		if err := p.takeEquipments(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

// takeEquipments goes once around all equipments, from anywhere on.
func (p *sample) takeEquipments(ctx context.Context, of source) error {
	first, after, again := reading.EquipmentID(""), p.anyEquipment(), false
	for p.wantsRows() {
		id, found, err := p.nextEquipment(ctx, of, after)
		switch {
		case err != nil:
			return err
		case !found && again, found && id == first:
			return nil
		case !found:
			after, again = "", true
			continue
		}
		if first == "" {
			first = id
		}
		if err := p.takeHours(ctx, of, id); err != nil {
			return err
		}
		after = id
	}
	return nil
}

func (p *sample) takeHours(ctx context.Context, of source, id reading.EquipmentID) error {
	for from := p.openFrom(); p.wantsRows() && !from.After(p.place.Through); {
		hour, found, err := p.nextHour(ctx, of, id, from, p.place.Through)
		if err != nil || !found {
			return err
		}
		if err := p.take(ctx, p.row(id, hour)); err != nil {
			return err
		}
		from = hour.Add(time.Hour)
	}
	return nil
}
