package reading_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the machine may be older

	"github.com/sensorflow/sensorflow/runtime/reading"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := reading.ParseZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestLocalClock_ReadsWhatSpreadsheetsWrite(t *testing.T) {
	for _, c := range []struct {
		order       reading.DateOrder
		text, want  string // an RFC 3339 time, or the beginning of what is wrong
		wantRefused bool
	}{
		{reading.YearFirst, "2026-11-25T14:30", "2026-11-25T17:30:00Z", false},
		{reading.YearFirst, "2026-11-25 14:30", "2026-11-25T17:30:00Z", false},
		{reading.YearFirst, "2026-11-25t14:30:05", "2026-11-25T17:30:05Z", false},
		{reading.YearFirst, "2026-11-25 14:30:05.123456789", "2026-11-25T17:30:05.123456789Z", false},
		{reading.YearFirst, "2026-11-25 14:30:05,5", "2026-11-25T17:30:05.5Z", false},
		{reading.YearFirst, "2024-02-29 23:59:59", "2024-03-01T02:59:59Z", false},
		{reading.DayFirst, "25/11/2026 14:30", "2026-11-25T17:30:00Z", false},
		{reading.DayFirst, "25/11/2026 14:30:05", "2026-11-25T17:30:05Z", false},
		{reading.DayFirst, "5/1/2026 9:30", "2026-01-05T12:30:00Z", false},
		{reading.DayFirst, "05.01.2026 09:30", "2026-01-05T12:30:00Z", false},
		{reading.DayFirst, "05-01-2026T09:30", "2026-01-05T12:30:00Z", false},
		{reading.MonthFirst, "11/25/2026 14:30", "2026-11-25T17:30:00Z", false},
		{reading.MonthFirst, "1/5/2026 9:30:05.25", "2026-01-05T12:30:05.25Z", false},
		{reading.YearFirst, "2026-11-25T14:30Z", "2026-11-25T14:30:00Z", false},
		{reading.YearFirst, "2026-11-25 14:30:05.5-02:00", "2026-11-25T16:30:05.5Z", false},
		{reading.DayFirst, "25/11/2026 14:30+05:45", "2026-11-25T08:45:00Z", false},
		{reading.DayFirst, "5.1.2026 9:30z", "2026-01-05T09:30:00Z", false},
		{reading.DayFirst, "2026-11-25T14:30:05-02:00", "2026-11-25T16:30:05Z", false},
		{reading.MonthFirst, "2026-11-05 14:30:05Z", "2026-11-05T14:30:05Z", false},

		{reading.YearFirst, "", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:3", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T4:30", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T24:00", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:60", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:30 Z", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:30:05-0300", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:30:05-24:00", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25-03:00", "must be a local time such as", true},
		{reading.YearFirst, "Z", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25T14:30:05.", "must be a local time such as", true},
		{reading.YearFirst, "2026-11-25  14:30", "must be a local time such as", true},
		{reading.YearFirst, "25/11/2026 14:30", "must be a local time such as", true},
		{reading.YearFirst, "2026-13-25T14:30", "must be a local time such as", true},
		{reading.YearFirst, "2026-02-29T14:30", "must name a day of the calendar", true},
		{reading.YearFirst, "2026-11-25T14:30:60", "must have less than 60 seconds", true},
		{reading.YearFirst, "2026-11-25T14:30:05.1234567891", "must have at most 9 fractional digits", true},
		{reading.YearFirst, "0000-11-25T14:30", "must lie between the years", true},
		{reading.YearFirst, "9999-12-31T23:30", "must lie between the years", true},
		{reading.DayFirst, "11/25/2026 14:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "31/04/2026 14:30", "must name a day of the calendar", true},
		{reading.DayFirst, "25/11/26 14:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "25/11-2026 14:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "025/11/2026 14:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "2026-11-25 14:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "25/11/20261 4:30", "must be a local time with day, month and year", true},
		{reading.DayFirst, "2026-11-25 14:30Z ", "must be a local time with day, month and year", true},
		{reading.MonthFirst, "25/11/2026 14:30-03:00", "must be a local time with month, day and year", true},
		{reading.MonthFirst, "25/11/2026 14:30", "must be a local time with month, day and year", true},
		{reading.MonthFirst, "11/25/2026 2:30 PM", "must be a local time with month, day and year", true},
	} {
		got, err := reading.NewLocalClock(zone(t, "America/Sao_Paulo"), c.order).Parse(c.text)
		switch {
		case c.wantRefused != (err != nil):
			t.Errorf("%q: got %v, %v", c.text, got, err)
		case err != nil && !strings.HasPrefix(err.Error(), c.want):
			t.Errorf("%q: got %q, want %q", c.text, err, c.want)
		case err == nil && got.Format(time.RFC3339Nano) != c.want:
			t.Errorf("%q: got %s, want %s", c.text, got.Format(time.RFC3339Nano), c.want)
		}
	}
}

// TestParseZone_TakesTheSameNamesOnEveryMachine has a machine whose own zone is UTC, as those are to which the service is deployed.
func TestParseZone_TakesTheSameNamesOnEveryMachine(t *testing.T) {
	own := time.Local
	defer func() { time.Local = own }()
	for _, machine := range []*time.Location{own, time.UTC, zone(t, "America/Sao_Paulo")} {
		time.Local = machine
		for _, name := range []string{"UTC", "America/Sao_Paulo", "Europe/Lisbon"} {
			if got, err := reading.ParseZone(name); err != nil || got.String() != name {
				t.Errorf("where %s is the machine's, %s is %v: %v", machine, name, got, err)
			}
		}
		for _, name := range []string{"", "Local", "Mars/Olympus", "posix/UTC", "right/UTC", "localtime", "america/sao_paulo"} {
			if _, err := reading.ParseZone(name); err == nil {
				t.Errorf("where %s is the machine's, %q is taken", machine, name)
			}
		}
	}
}

// A time that clocks leave out or show twice is refused, and its neighbours are not: in a zone of summer time, one whose clocks were
// put forward at midnight, one that moved by half an hour, one that left out a day, and one that suspends summer time for a month.
func TestLocalClock_RefusesTimesThatAreMissingOrDouble(t *testing.T) {
	const missing, double = "put forward", "put back"
	for _, c := range []struct{ zone, text, want string }{
		{"Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "2026-03-29T02:00", missing},
		{"Europe/Berlin", "2026-03-29T02:59:59.999", missing},
		{"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25T01:59:59", "2026-10-24T23:59:59Z"},
		{"Europe/Berlin", "2026-10-25T02:00", double},
		{"Europe/Berlin", "2026-10-25T02:59:59.999", double},
		{"Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04T00:30", missing},
		{"America/Sao_Paulo", "2018-11-04T01:00", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2019-02-16T23:30", double},
		{"America/Sao_Paulo", "2019-02-17T00:00", "2019-02-17T03:00:00Z"},
		{"America/Sao_Paulo", "2026-11-25T14:30", "2026-11-25T17:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04T02:15", missing},
		{"Australia/Lord_Howe", "2026-04-05T01:45", double},
		{"Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30:00Z"},
		{"Pacific/Apia", "2011-12-30T12:00", missing},
		{"Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00Z"},
		{"Africa/Casablanca", "2026-02-15T02:30", double},
		{"UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z"},
	} {
		clock := reading.NewLocalClock(zone(t, c.zone), reading.YearFirst)
		for range 2 { // once more with what it remembers
			got, err := clock.Parse(c.text)
			switch {
			case err != nil && !strings.Contains(err.Error(), c.want), err != nil && !strings.Contains(err.Error(), c.zone):
				t.Errorf("%s %s: %v, want %s", c.zone, c.text, err, c.want)
			case err == nil && got.Format(time.RFC3339) != c.want:
				t.Errorf("%s %s: got %s, want %s", c.zone, c.text, got.Format(time.RFC3339), c.want)
			}
		}
	}
}

// What is refused because a clock shows it twice is taken as the refusal advises, with either offset, in each order of dates.
func TestLocalClock_TakesATimeThatIsDoubleWithItsOffset(t *testing.T) {
	for _, c := range []struct {
		order            reading.DateOrder
		zone, text, told string
		instants         []string
	}{
		{reading.YearFirst, "Europe/Berlin", "2026-10-25T02:30", "+02:00 or +01:00", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}},
		{reading.DayFirst, "America/Sao_Paulo", "16/02/2019 23:30", "-02:00 or -03:00", []string{"2019-02-17T01:30:00Z", "2019-02-17T02:30:00Z"}},
		{reading.MonthFirst, "Australia/Lord_Howe", "4/5/2026 1:45:05.5", "+11:00 or +10:30", []string{"2026-04-04T14:45:05.5Z", "2026-04-04T15:15:05.5Z"}},
	} {
		clock := reading.NewLocalClock(zone(t, c.zone), c.order)
		_, err := clock.Parse(c.text)
		if err == nil || !strings.HasSuffix(err.Error(), "so write it with its offset, "+c.told) {
			t.Errorf("%s %s: %v, want %s", c.zone, c.text, err, c.told)
		}
		for i, offset := range strings.Split(c.told, " or ") {
			got, err := clock.Parse(c.text + offset)
			if err != nil || got.Format(time.RFC3339Nano) != c.instants[i] {
				t.Errorf("%s %s%s: %v, %v; want %s", c.zone, c.text, offset, got, err, c.instants[i])
			}
		}
	}
}

// A clock that remembers where it is not changed says the same as one that searches anew, and as the plain way: an instant belongs to
// a local time if the zone shows that at it.
func TestLocalClock_AgreesWithTheZone(t *testing.T) {
	const layout = "2006-01-02T15:04:05"
	for _, name := range []string{"America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "America/St_Johns", "Antarctica/Troll"} {
		zone, rng := zone(t, name), rand.New(rand.NewPCG(7, 7))
		clock, changes := reading.NewLocalClock(zone, reading.YearFirst), 0
		for range 1000 {
			at := time.Date(1976+rng.IntN(70), 1, 1, 0, 0, rng.IntN(366*24*60*60), 0, time.UTC)
			if _, end := at.In(zone).ZoneBounds(); !end.IsZero() && rng.IntN(2) == 0 {
				at = end.Add(time.Duration(rng.IntN(8*60*60)-4*60*60) * time.Second)
				changes++
			}
			text, show := at.In(zone).Format(layout), 0
			shown, _ := time.Parse(layout, text)
			for offset := -26 * time.Hour; offset <= 26*time.Hour; offset += 15 * time.Minute { // no zone has others since 1976
				if shown.Add(-offset).In(zone).Format(layout) == text {
					show++
				}
			}
			got, err := clock.Parse(text)
			again, againErr := reading.NewLocalClock(zone, reading.YearFirst).Parse(text)
			if (err == nil) != (againErr == nil) || !got.Equal(again) {
				t.Fatalf("%s %s: %v, %v; anew %v, %v", name, text, got, err, again, againErr)
			}
			if (err == nil) != (show == 1) || err == nil && !got.Equal(at) {
				t.Fatalf("%s %s: got %s, %v, though %d instants show it", name, text, got, err, show)
			}
		}
		if changes == 0 && name != "Asia/Kathmandu" {
			t.Errorf("%s: nothing was near a change", name)
		}
	}
}

func TestParseUnix(t *testing.T) {
	for _, c := range []struct {
		text string
		unit time.Duration
		want string // a time, or the beginning of what is wrong
	}{
		{"1772353800", time.Second, "2026-03-01T08:30:00Z"},
		{"0", time.Second, "1970-01-01T00:00:00Z"},
		{"-1", time.Second, "1969-12-31T23:59:59Z"},
		{"-1.25", time.Second, "1969-12-31T23:59:58.75Z"},
		{"1772353800.123456789", time.Second, "2026-03-01T08:30:00.123456789Z"},
		{"1772353800123", time.Millisecond, "2026-03-01T08:30:00.123Z"},
		{"1772353800123.456789", time.Millisecond, "2026-03-01T08:30:00.123456789Z"},
		{"-1.5", time.Millisecond, "1969-12-31T23:59:59.9985Z"},
		{"253402300799", time.Second, "9999-12-31T23:59:59Z"},
		{"253402300800", time.Second, "must lie between"},
		{"253402300799999", time.Millisecond, "9999-12-31T23:59:59.999Z"},
		{"253402300800000", time.Millisecond, "must lie between"},
		{"-62135596800", time.Second, "0001-01-01T00:00:00Z"},
		{"-62135596801", time.Second, "must lie between"},
		{"99999999999999999999999", time.Second, "must lie between"},
		{"1772353800.1234567891", time.Second, "must have at most 9"},
		{"1772353800123.4567891", time.Millisecond, "must have at most 9"},
		{"", time.Second, "must be a count"},
		{"-", time.Second, "must be a count"},
		{"1.", time.Second, "must be a count"},
		{".5", time.Second, "must be a count"},
		{"01", time.Second, "must be a count"},
		{"+1", time.Second, "must be a count"},
		{"1.77235E+12", time.Millisecond, "must be a count"},
		{"1,5", time.Second, "must be a count"},
		{" 1", time.Second, "must be a count"},
	} {
		got, err := reading.ParseUnix(c.text, c.unit)
		said := got.Format(time.RFC3339Nano)
		if err != nil {
			said = err.Error()
		}
		if !strings.HasPrefix(said, c.want) || err != nil != strings.HasPrefix(c.want, "must") {
			t.Errorf("%q in %s: %s, want %s", c.text, c.unit, said, c.want)
		}
	}
}

func TestParseCommaValue_ExchangesTheMarkAndRefusesGroups(t *testing.T) {
	for text, want := range map[string]string{
		"21,5": "21.5", "-3": "-3", "0,10": "0.1", "3e-7": "0.0000003", "1,5e2": "150", "123456789012345678901234567,000000000000000000000000001": "",
		"12345678901234567,123456789012345678901": "12345678901234567.123456789012345678901",
		"1.234,5": "", "1.234": "", "1,234,5": "", "1 234,5": "", "1'234,5": "", ",5": "", "5,": "", "+1,5": "", "": "", "01,5": "", "1,5 ": "",
	} {
		got, err := reading.ParseCommaValue(text)
		if want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q: got %s, %v; want %q", text, got, err, want)
		}
	}
}

func BenchmarkLocalClock(b *testing.B) {
	clock := reading.NewLocalClock(zone(b, "America/Sao_Paulo"), reading.DayFirst)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := clock.Parse("25/11/2026 14:30"); err != nil {
			b.Fatal(err)
		}
	}
}
