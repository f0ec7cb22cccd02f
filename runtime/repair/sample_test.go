package repair_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

func (n *noFleet) CompareUnits(ctx context.Context, region string, day time.Time) (aggregate.FleetRestated, error) {
	return n.Compare(ctx, region, day)
}

// sampling is a bench that draws by a seed, over 30 days that end with theHour.
type sampling struct {
	*bench
	of      repair.Scope
	options repair.SampleOptions
}

func newSampling(seed uint64, script func(key aggregate.RowKey, look int) (stored, found int64, err error)) *sampling {
	s := &sampling{bench: newBench(script)}
	s.find.rows, s.find.readings = map[reading.EquipmentID][]time.Time{}, map[reading.EquipmentID][]time.Time{}
	s.of = repair.Scope{Region: "eu-west-1", From: theHour.Add(-30 * 24 * time.Hour), Through: theHour, Fleet: true}
	s.options.Random = rand.New(rand.NewPCG(seed, 1)).Uint64
	return s
}

// add gives an equipment the hours before theHour, n of them, of which only some have a row.
func (s *sampling) add(id reading.EquipmentID, n int, withRows bool) {
	for i := range n {
		hour := theHour.Add(time.Duration(i-n+1) * time.Hour)
		s.find.readings[id] = append(s.find.readings[id], hour)
		if withRows {
			s.find.rows[id] = append(s.find.rows[id], hour)
		}
	}
}

func (s *sampling) run(t *testing.T) repair.Tally {
	t.Helper()
	tally, err := s.Sample(t.Context(), s.of, s.fleet, s.options)
	if err != nil {
		t.Fatal(err)
	}
	for row, looks := range s.rows.looks {
		if looks != 1 {
			t.Errorf("%s was compared %d times", row, looks)
		}
	}
	if tally.Rows != len(s.rows.looks) {
		t.Errorf("%d rows are counted, %d were compared", tally.Rows, len(s.rows.looks))
	}
	return tally
}

func allRight(aggregate.RowKey, int) (int64, int64, error) { return 1, 1, nil }

// However the rows lie: as many different ones as are asked for, or all that there are.
func TestSample_ComparesSoManyDifferentRows(t *testing.T) {
	for name, c := range map[string]struct {
		fill func(s *sampling)
		rows int
		want int
	}{
		"many rows": {func(s *sampling) {
			for i := range 10 {
				s.add(reading.EquipmentID(fmt.Sprintf("%d-pump", i)), 100, true)
			}
		}, 200, 200},
		"hardly more than are asked for": {func(s *sampling) { s.add("A", 101, true); s.add("B", 102, true) }, 200, 200},
		"just as many":                   {func(s *sampling) { s.add("A", 150, true); s.add("5", 50, true) }, 200, 200},
		"fewer":                          {func(s *sampling) { s.add("A", 3, true); s.add("7", 4, true) }, 200, 7},
		"one with most of the rows": {func(s *sampling) {
			for i := range 50 {
				s.add(reading.EquipmentID(fmt.Sprintf("%02x", i*5)), 1, true)
			}
			s.add("ff", 700, true)
		}, 200, 200},
		"rows that are missing":    {func(s *sampling) { s.add("A", 30, false); s.add("B", 20, true) }, 200, 50},
		"rows without readings":    {func(s *sampling) { s.add("A", 30, true); s.find.readings = nil }, 200, 30},
		"most without recent rows": {func(s *sampling) { s.old(1000); s.add("zz", 30, true) }, 20, 20},
		"nothing at all":           {func(*sampling) {}, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				s := newSampling(seed, allRight)
				c.fill(s)
				s.options.Rows, s.options.Exhaust = c.rows, true
				if got := s.run(t); got.Rows != c.want {
					t.Fatalf("seed %d: %d rows were compared, want %d", seed, got.Rows, c.want)
				}
			}
		})
	}
}

// old adds equipments that have rows of long ago alone.
func (s *sampling) old(n int) {
	for i := range n {
		id := reading.EquipmentID(fmt.Sprintf("%03x", i*4))
		hours := []time.Time{theHour.Add(-90 * 24 * time.Hour)}
		s.find.rows[id], s.find.readings[id] = hours, hours
	}
}

// The function that compares a sample every hour must not go through a fleet of which little is left in use.
func TestSample_GoesThroughTheScopeOnlyWhereItIsTold(t *testing.T) {
	s := newSampling(1, allRight)
	s.old(1000)
	s.add("zz", 30, true)
	s.options.Rows = 20
	asked := 0
	s.find.asked = func() { asked++ }
	if got := s.run(t); got.Rows > 5 {
		t.Errorf("%d rows were compared", got.Rows)
	}
	if most := 2 * 20 * 4; asked == 0 || asked > most {
		t.Errorf("%d calls for 40 draws, want %d at most", asked, most)
	}
}

// Nearly every hour that is drawn lies before the first of the rows.
func TestSample_DrawsRowsThatLieCloseTogether(t *testing.T) {
	for seed := range uint64(20) {
		s := newSampling(seed, allRight)
		for i := range 8 {
			s.add(reading.EquipmentID(fmt.Sprintf("%x", 2*i+1)), 20, true)
		}
		s.options.Rows = 100
		if got := s.run(t); got.Rows < 80 {
			t.Fatalf("seed %d: of 160 rows %d were compared", seed, got.Rows)
		}
	}
}

func TestSample_CountsEquipmentsOnce(t *testing.T) {
	s := newSampling(1, allRight)
	s.add("4", 40, true)
	s.add("c", 40, true)
	s.options.Rows, s.options.Exhaust = 60, true
	if got := s.run(t); got.Equipments != 2 || got.Rows != 60 {
		t.Errorf("%d equipments and %d rows", got.Equipments, got.Rows)
	}
}

func TestSample_StaysInItsScope(t *testing.T) {
	s := newSampling(1, allRight)
	s.add("A", 300, true)
	s.add("B", 300, true)
	s.of.EquipmentID, s.of.From, s.of.Through = "B", theHour.Add(-20*time.Hour), theHour.Add(-11*time.Hour)
	s.options.Rows, s.options.Exhaust = 100, true
	if got := s.run(t); got.Rows != 10 || got.Equipments != 1 {
		t.Errorf("%+v", got)
	}
	for _, row := range s.rows.order {
		if at, _ := strings.CutPrefix(row, "B "); at < "2026-02-28T12" || at > "2026-02-28T21" {
			t.Errorf("compared %s", row)
		}
	}
}

func TestSample_LeavesOutWhatBeginsToExpire(t *testing.T) {
	s := newSampling(1, allRight)
	s.add("A", 300, true)
	options := s.bench.options
	options.Retention = 48 * time.Hour
	s.Sweep = repair.NewSweep(s.find, s.rows, s.fleet, options)
	s.options.Rows, s.options.Exhaust = 1000, true
	s.run(t)
	first := reading.FormatHour(options.OpenFrom())
	if slices.Min(s.rows.order) != "A "+first || len(s.rows.order) < 24 {
		t.Errorf("the first of %d is %s, want %s", len(s.rows.order), slices.Min(s.rows.order), first)
	}
}

func TestSample_BeginsNothingAfterItsTime(t *testing.T) {
	var s *sampling
	s = newSampling(1, func(aggregate.RowKey, int) (int64, int64, error) {
		s.waited += time.Minute
		return 1, 1, nil
	})
	s.add("A", 300, true)
	s.options.Rows, s.options.Days, s.options.Exhaust, s.options.Until = 100, 2, true, theHour.Add(10*time.Minute)
	if got := s.run(t); got.Rows != 10 || got.FleetDays != 0 || len(s.fleet.asked) != 0 {
		t.Errorf("%+v, days %v", got, s.fleet.asked)
	}
}

func TestSample_ComparesDifferentDays(t *testing.T) {
	for seed := range uint64(20) {
		s := newSampling(seed, allRight)
		s.of.From = theHour.Add(-2 * 24 * time.Hour)
		s.options.Days = 5
		got := s.run(t)
		slices.Sort(s.fleet.asked)
		if want := []string{"2026-02-27", "2026-02-28", "2026-03-01"}; !slices.Equal(s.fleet.asked, want) || got.FleetDays != 3 {
			t.Fatalf("seed %d: days %v, want %v", seed, s.fleet.asked, want)
		}
	}
}

func TestSample_FindsADifferenceThatStays(t *testing.T) {
	s := newSampling(1, func(key aggregate.RowKey, look int) (int64, int64, error) {
		if key.EquipmentID == "B" {
			return 3, 4, nil
		}
		return int64(min(look, 2)), 2, nil
	})
	s.add("A", 1, true)
	s.add("B", 1, false)
	s.options.Rows, s.options.Exhaust = 10, true
	got, err := s.Sample(t.Context(), s.of, s.fleet, s.options)
	if err != nil || got.Different != 1 || got.Rows != 2 || s.waited != time.Minute || len(s.found) != 1 || !strings.Contains(s.found[0], "row of B") {
		t.Errorf("%+v, %v, after %v: %v", got, err, s.waited, s.found)
	}
}

func TestSample_TellsHowFarItCame(t *testing.T) {
	s := newSampling(1, func(_ aggregate.RowKey, _ int) (int64, int64, error) { return 0, 0, errBusy })
	s.add("A", 5, true)
	s.options.Rows = 5
	got, err := s.Sample(t.Context(), s.of, s.fleet, s.options)
	if !errors.Is(err, errBusy) || got.Rows != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
