package aggregate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// scanned are all readings that a view holds, to hold its answers to.
type scanned struct {
	*view
	readings map[reading.Key]aggregate.Image
}

// fillAround stores readings of some equipments over the days around an instant, corrections among them.
func fillAround(t *testing.T, random *rand.Rand, around time.Time, o aggregate.WindowsOptions) *scanned {
	t.Helper()
	s := &scanned{view: newView(t, o), readings: map[reading.Key]aggregate.Image{}}
	for range 700 {
		when := around.Add(time.Duration(random.IntN(4*24*60)-2*24*60) * time.Minute)
		if random.IntN(3) == 0 { // where most boundaries lie
			when = when.Truncate(15 * time.Minute).Add(-time.Duration(random.IntN(2)))
		}
		i := image(t, fmt.Sprintf("E%d", random.IntN(6)), when, []string{here, there}[random.IntN(2)], fmt.Sprintf("%d.%d", random.IntN(50)-25, random.IntN(10)))
		s.add(t, string(i.EquipmentID), when, i.Region, i.Value.String())
		s.readings[i.Key()] = *i
	}
	return s
}

// stepStart finds the beginning of an instant's step by looking at the zone's clock, five minutes at a time: a full minute of the
// granularity, or where the clock changed by something else than whole steps.
func stepStart(at time.Time, granularity string, zone *time.Location) time.Time {
	minutes := map[string]int{"5m": 5, "15m": 15, "30m": 30, "1h": 60}[granularity]
	begins := func(t time.Time) bool {
		local, before := t.In(zone), t.Add(-5*time.Minute).In(zone)
		if minutes == 0 {
			return local.Day() != before.Day()
		}
		_, offset := local.Zone()
		_, old := before.Zone()
		return local.Minute()%minutes == 0 || (offset-old)%(60*minutes) != 0
	}
	start := at.UTC().Truncate(5 * time.Minute)
	for !begins(start) {
		start = start.Add(-5 * time.Minute)
	}
	return start
}

// scan answers a window from the readings.
func (s *scanned) scan(from, to time.Time, granularity string, zone *time.Location, ids []reading.EquipmentID) (items []aggregate.Item, all aggregate.Figures) {
	sums := map[aggregate.ItemKey]aggregate.Figures{}
	for _, i := range s.readings {
		if i.Timestamp.Before(from) || !i.Timestamp.Before(to) || len(ids) > 0 && !slices.Contains(ids, i.EquipmentID) {
			continue
		}
		key := aggregate.ItemKey{Start: stepStart(i.Timestamp, granularity, zone), EquipmentID: i.EquipmentID}
		one := aggregate.FiguresOf(i.Value)
		sums[key], all = sums[key].Join(one), all.Join(one)
	}
	for key, f := range sums {
		items = append(items, aggregate.Item{
			EquipmentID: key.EquipmentID, IntervalStart: key.Start, TotalValue: f.Total.Sum(), SampleCount: f.Count, Extremes: f.Extremes,
		})
	}
	slices.SortFunc(items, func(a, b aggregate.Item) int {
		if c := a.IntervalStart.Compare(b.IntervalStart); c != 0 {
			return c
		}
		return len(a.EquipmentID) - len(b.EquipmentID) + int(a.EquipmentID[1]) - int(b.EquipmentID[1])
	})
	return items, all
}

// TestWindows_AnswersWhatAScanGives compares answers with a scan of the readings, over random windows, granularities, equipments and
// pages, in zones and at times that make it difficult.
func TestWindows_AnswersWhatAScanGives(t *testing.T) {
	const windowsEach = 40
	compared := 0
	for _, place := range []struct{ zone, around string }{
		{"UTC", "2026-03-01T08:00:00Z"},
		{"Europe/Berlin", "2026-03-29T01:00:00Z"}, {"Europe/Berlin", "2026-10-25T01:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04T03:00:00Z"}, {"America/Sao_Paulo", "2018-02-18T02:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
		{"Asia/Kathmandu", "2026-03-01T08:00:00Z"}, {"Pacific/Chatham", "2026-04-04T14:00:00Z"}, {"Asia/Kolkata", "2026-03-01T08:00:00Z"},
	} {
		zone, err := time.LoadLocation(place.zone)
		if err != nil {
			t.Fatal(err)
		}
		around, err := time.Parse(time.RFC3339, place.around)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, uint64(around.Unix())))
		for _, crowded := range []int{0, 25} { // held, and gone through equipment by equipment
			s := fillAround(t, random, around, aggregate.WindowsOptions{CrowdedRows: crowded})
			for range windowsEach / 2 {
				s.compareOne(t, random, around, zone)
				compared++
			}
		}
	}
	t.Logf("%d windows", compared)
}

func (s *scanned) compareOne(t *testing.T, random *rand.Rand, around time.Time, zone *time.Location) {
	t.Helper()
	name := []string{"5m", "15m", "30m", "1h", "1d"}[random.IntN(5)]
	granularity, err := aggregate.ParseGranularity(name)
	if err != nil {
		t.Fatal(err)
	}
	unit := []time.Duration{5 * time.Minute, time.Hour}[random.IntN(2)]
	from := around.Add(-time.Duration(random.IntN(int(50*time.Hour/unit))) * unit).Truncate(unit)
	to := from.Add(time.Duration(1+random.IntN(int(80*time.Hour/unit))) * unit)
	span, err := aggregate.NewSpan(from, to, granularity, zone)
	if err != nil {
		t.Fatal(err)
	}
	q := aggregate.Query{Span: span, Limit: 5 + random.IntN(100)}
	for n := range random.IntN(4) {
		q.Equipments = append(q.Equipments, reading.EquipmentID(fmt.Sprintf("E%d", 2*n)))
	}
	want, all := s.scan(from, to, name, zone, q.Equipments)
	var items []aggregate.Item
	for pages := 0; pages == 0 || q.After != (aggregate.Place{}); pages++ {
		answer := s.ask(t, q)
		if answer.TotalCount != all.Count || all.Count > 0 && answer.Average != reading.Average(all.Total.Sum(), all.Count) {
			t.Fatalf("%s from %v to %v of %v: totals %d, %v, want %+v", name, from, to, q.Equipments, answer.TotalCount, answer.Average, all)
		}
		if items, q.After = append(items, answer.Items...), answer.Next; len(answer.Items) > q.Limit || pages > 5000 {
			t.Fatalf("%s from %v to %v of %v: %d items on page %d", name, from, to, q.Equipments, len(answer.Items), pages)
		}
	}
	if diff := cmp.Diff(want, items, cmp.Comparer(func(a, b reading.Decimal) bool { return a.Cmp(b) == 0 })); diff != "" {
		t.Fatalf("%s from %v to %v in %s of %v, limit %d (-want +got):\n%s", name, from, to, zone, q.Equipments, q.Limit, diff)
	}
}

func TestNewSpan_RefusesWhatCannotBeAnswered(t *testing.T) {
	from := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	hours, _ := aggregate.ParseGranularity("1h")
	slice, _ := aggregate.ParseGranularity("5m")
	sun, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	nepal, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, to time.Time
		zone     *time.Location
		field    string
	}{
		"from between slices": {from.Add(time.Minute), from.Add(time.Hour), time.UTC, "from"},
		"to between slices":   {from, from.Add(time.Hour + 1), time.UTC, "to"},
		"nothing":             {from, from, time.UTC, "to"}, "backwards": {from, from.Add(-time.Hour), time.UTC, "to"},
		"too long": {from, from.Add(400*24*time.Hour + 5*time.Minute), time.UTC, "to"}, "just not": {from, from.Add(400 * 24 * time.Hour), time.UTC, ""},
		"before clocks were set together": {time.Date(1910, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1910, 1, 2, 0, 0, 0, 0, time.UTC), sun, "timezone"},
	} {
		_, err := aggregate.NewSpan(c.from, c.to, hours, c.zone)
		var refused *fault.Error
		if (err == nil) != (c.field == "") || err != nil && (!errors.As(err, &refused) || refused.Kind != fault.Invalid || refused.Fields[0].Field != c.field) {
			t.Errorf("%s: got %v", name, err)
		}
	}

	v := newView(t, aggregate.WindowsOptions{})
	ids := make([]reading.EquipmentID, 50)
	for i := range ids {
		ids[i] = reading.EquipmentID(fmt.Sprintf("E%d", i))
	}
	for name, c := range map[string]struct {
		days, equipments int
		granularity      aggregate.Granularity
		zone             *time.Location
		ok               bool
	}{
		"fifty over a month by hours": {31, 50, hours, time.UTC, true}, "one over 400 days by five minutes": {400, 1, slice, time.UTC, true},
		"fifty over a month by hours that begin within UTC's": {31, 50, hours, nepal, true},
		"all over 400 days by five minutes":                   {400, 0, slice, time.UTC, true},
		"fifty over 400 days by hours":                        {400, 50, hours, time.UTC, false},
		"fifty over a month by five minutes":                  {31, 50, slice, time.UTC, false},
	} {
		span, err := aggregate.NewSpan(from, from.AddDate(0, 0, c.days), c.granularity, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Query(t.Context(), aggregate.Query{Span: span, Equipments: ids[:c.equipments]})
		if (err == nil) != c.ok || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
