package repair_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

var (
	theHour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	errBusy = &fault.Error{Kind: fault.Unavailable, Message: "busy"}
)

// finder knows equipments A, B and so on, with readings or rows in these hours.
type finder struct {
	readings, rows map[reading.EquipmentID][]time.Time
	days           []time.Time
	listed         []reading.EquipmentID
	asked          func() // is told of each call; may be nil
}

func (f *finder) ask() {
	if f.asked != nil {
		f.asked()
	}
}

func following(of map[reading.EquipmentID][]time.Time, after reading.EquipmentID) (reading.EquipmentID, bool, error) {
	var ids []reading.EquipmentID
	for id := range of {
		if id > after {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", false, nil
	}
	return slices.Min(ids), true, nil
}

func firstOf(hours []time.Time, from, through time.Time) (time.Time, bool, error) {
	for _, h := range hours {
		if !h.Before(from) && !h.After(through) {
			return h, true, nil
		}
	}
	return time.Time{}, false, nil
}

func (f *finder) NextWithReadings(_ context.Context, after reading.EquipmentID) (reading.EquipmentID, bool, error) {
	f.ask()
	return following(f.readings, after)
}

func (f *finder) NextWithRows(_ context.Context, after reading.EquipmentID) (reading.EquipmentID, bool, error) {
	f.ask()
	return following(f.rows, after)
}

func (f *finder) NextReading(_ context.Context, id reading.EquipmentID, from, through time.Time) (time.Time, bool, error) {
	f.ask()
	return firstOf(f.readings[id], from, through)
}

func (f *finder) NextRow(_ context.Context, id reading.EquipmentID, _ string, from, through time.Time) (time.Time, bool, error) {
	f.ask()
	return firstOf(f.rows[id], from, through)
}

func (f *finder) FleetDays(context.Context, int, string, time.Time, time.Time) ([]time.Time, error) {
	return f.days, nil
}

func (f *finder) PutEquipment(_ context.Context, id reading.EquipmentID, _ string) error {
	f.listed = append(f.listed, id)
	return nil
}

// rows answers with what its script says at each look at a row: how many readings the row holds and how many there are.
type rows struct {
	looks  map[string]int
	script func(key aggregate.RowKey, look int) (stored, found int64, err error)
	order  []string
}

func (r *rows) Compare(_ context.Context, key aggregate.RowKey) (out aggregate.Restated, err error) {
	name := fmt.Sprintf("%s %s", key.EquipmentID, reading.FormatHour(key.Hour))
	r.looks[name]++
	r.order = append(r.order, name)
	stored, found, err := r.script(key, r.looks[name])
	if err == nil && stored != found {
		out.Differences = []aggregate.Difference{{Slice: 3, Stored: count(stored), Found: count(found)}}
	}
	return out, err
}

func (r *rows) Restate(ctx context.Context, key aggregate.RowKey) (aggregate.Restated, error) {
	return r.Compare(ctx, key)
}

func count(n int64) (f aggregate.Figures) {
	f.Count = n
	return f
}

type noFleet struct{ asked []string }

func (n *noFleet) Compare(_ context.Context, _ string, day time.Time) (aggregate.FleetRestated, error) {
	n.asked = append(n.asked, reading.FormatDay(day))
	return aggregate.FleetRestated{}, nil
}

func (n *noFleet) Restate(ctx context.Context, region string, day time.Time) (aggregate.FleetRestated, error) {
	return n.Compare(ctx, region, day)
}

// bench is a sweep whose time passes only where it waits.
type bench struct {
	*repair.Sweep
	find    *finder
	rows    *rows
	fleet   *noFleet
	waited  time.Duration
	found   []string
	places  []repair.Place
	options repair.Options
}

func newBench(script func(key aggregate.RowKey, look int) (stored, found int64, err error)) *bench {
	b := &bench{
		find:  &finder{rows: map[reading.EquipmentID][]time.Time{"A": {theHour, theHour.Add(time.Hour)}, "B": {theHour}}},
		rows:  &rows{looks: map[string]int{}, script: script},
		fleet: &noFleet{},
	}
	b.options = repair.Options{
		Concurrency: 1, Settle: time.Minute,
		Now:    func() time.Time { return theHour.Add(b.waited) },
		Pacer:  pacing.Pacer{Sleep: func(_ context.Context, d time.Duration) error { b.waited += d; return nil }},
		Report: func(f repair.Finding) { b.found = append(b.found, f.String()) },
		Keep:   func(p repair.Place) error { b.places = append(b.places, p); return nil },
	}
	b.Sweep = repair.NewSweep(b.find, b.rows, b.fleet, b.options)
	return b
}

// TestAudit_CountsADifferenceThatStays holds what makes a difference one: a record that is still to come makes one for a while.
func TestAudit_CountsADifferenceThatStays(t *testing.T) {
	for name, c := range map[string]struct {
		script            func(look int) (stored, found int64)
		different, moving int
		looks             int
	}{
		"right":                         {func(int) (int64, int64) { return 5, 5 }, 0, 0, 1},
		"stays":                         {func(int) (int64, int64) { return 6, 5 }, 1, 0, 2},
		"a record came":                 {func(look int) (int64, int64) { return int64(3 + look), 5 }, 0, 0, 2},
		"written all the time":          {func(look int) (int64, int64) { return int64(look), int64(look + 1) }, 0, 1, 3},
		"written first, and then stays": {func(look int) (int64, int64) { return 9, int64(min(look, 2)) }, 1, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(func(key aggregate.RowKey, look int) (int64, int64, error) {
				if key.EquipmentID != "B" {
					return 1, 1, nil
				}
				stored, found := c.script(look)
				return stored, found, nil
			})
			place, err := b.Audit(t.Context(), repair.Begin(repair.Everything("eu-west-1")))
			if err != nil || !place.Done() || place.Rows != 3 || place.Equipments != 2 {
				t.Fatalf("%+v, %v", place, err)
			}
			if looks := b.rows.looks["B 2026-03-01T08"]; place.Different != c.different || place.Moving != c.moving || looks != c.looks {
				t.Errorf("different %d, moving %d, after %d looks; want %d, %d, %d", place.Different, place.Moving, looks, c.different, c.moving, c.looks)
			}
			if want := time.Duration(c.looks-1) * time.Minute; b.waited != want {
				t.Errorf("it waited %v, want %v", b.waited, want)
			}
			if len(b.find.listed) > 0 {
				t.Error("an audit has listed an equipment")
			}
		})
	}
}

// TestSweep_GoesOnFromWhereItWas: an audit that is interrupted before the second look at a difference must find it again.
func TestSweep_GoesOnFromWhereItWas(t *testing.T) {
	failed := false
	b := newBench(func(key aggregate.RowKey, _ int) (int64, int64, error) {
		switch {
		case key.EquipmentID == "B" && !failed:
			return 0, 0, errBusy
		case key.EquipmentID == "A":
			return 1, 2, nil
		}
		return 1, 1, nil
	})
	place, err := b.Audit(t.Context(), repair.Begin(repair.Everything("eu-west-1")))
	if !errors.Is(err, errBusy) || place.After != "" || place.Rows != 0 {
		t.Fatalf("it has forgotten the difference of A: %+v, %v", place, err)
	}
	failed = true
	if place, err = b.Audit(t.Context(), place); err != nil || place.Different != 2 || place.Rows != 3 {
		t.Errorf("%+v, %v: %v", place, err, b.found)
	}

	failed = false
	b.rows.order = nil
	place, err = b.Repair(t.Context(), repair.Begin(repair.Everything("eu-west-1")))
	if !errors.Is(err, errBusy) || place.After != "A" || place.Mended != 2 {
		t.Fatalf("%+v, %v", place, err)
	}
	failed = true
	b.rows.order = nil
	if place, err = b.Repair(t.Context(), place); err != nil || place.Mended != 2 || !slices.Equal(b.rows.order, []string{"B 2026-03-01T08"}) {
		t.Errorf("%+v, %v: it looked at %v", place, err, b.rows.order)
	}
	if !slices.Equal(b.fleet.asked[len(b.fleet.asked)-1:], []string{"2026-03-01"}) {
		t.Errorf("the fleet's days were %v", b.fleet.asked)
	}
}

// TestSweep_LooksAtRowsAndReadingsOnce: a row without readings, readings without a row, and both.
func TestSweep_LooksAtRowsAndReadingsOnce(t *testing.T) {
	b := newBench(func(aggregate.RowKey, int) (int64, int64, error) { return 1, 1, nil })
	b.find.readings = map[reading.EquipmentID][]time.Time{"A": {theHour, theHour.Add(5 * time.Hour)}, "C": {theHour.Add(-time.Hour)}}
	b.find.days = []time.Time{theHour.Add(-48 * time.Hour).Truncate(24 * time.Hour)}
	place, err := b.Repair(t.Context(), repair.Begin(repair.Everything("eu-west-1")))
	want := []string{"A 2026-03-01T08", "A 2026-03-01T09", "A 2026-03-01T13", "B 2026-03-01T08", "C 2026-03-01T07"}
	if err != nil || !slices.Equal(b.rows.order, want) || place.Rows != len(want) {
		t.Errorf("%v, %v: %+v", b.rows.order, err, place)
	}
	if !slices.Equal(b.find.listed, []reading.EquipmentID{"A", "B"}) {
		t.Errorf("listed %v", b.find.listed)
	}
	if !slices.Equal(b.fleet.asked, []string{"2026-02-27", "2026-03-01"}) {
		t.Errorf("the fleet's days were %v", b.fleet.asked)
	}
}

func TestSweep_TellsOfWhatItCannotLookAt(t *testing.T) {
	b := newBench(func(key aggregate.RowKey, _ int) (int64, int64, error) {
		if key.EquipmentID == "A" {
			return 0, 0, errors.New("the row cannot be read")
		}
		return 0, 0, aggregate.ErrClosed
	})
	place, err := b.Audit(t.Context(), repair.Begin(repair.Everything("eu-west-1")))
	if err != nil || place.Failed != 2 || place.Closed != 1 || !strings.Contains(strings.Join(b.found, "\n"), "failed: row of A, hour 2026-03-01T08 in eu-west-1: the row cannot be read") {
		t.Errorf("%+v, %v: %v", place, err, b.found)
	}
}
