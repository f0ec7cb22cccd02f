package aggregate

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of the machine may be older
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func TestSteps_BeginWhereTheZonesClockSays(t *testing.T) {
	for _, c := range []struct{ granularity, zone, at, start, end string }{
		{"1h", "UTC", "2026-03-01T08:59:59Z", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z"},
		{"5m", "UTC", "2026-03-01T08:59:59Z", "2026-03-01T08:55:00Z", "2026-03-01T09:00:00Z"},
		// Hours of zones whose offset is not a number of hours.
		{"1h", "Asia/Kathmandu", "2026-03-01T08:00:00Z", "2026-03-01T07:15:00Z", "2026-03-01T08:15:00Z"},
		{"30m", "Asia/Kathmandu", "2026-03-01T08:00:00Z", "2026-03-01T07:45:00Z", "2026-03-01T08:15:00Z"},
		{"15m", "Asia/Kathmandu", "2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z", "2026-03-01T08:15:00Z"},
		{"1d", "Asia/Kathmandu", "2026-03-01T18:14:59Z", "2026-02-28T18:15:00Z", "2026-03-01T18:15:00Z"},
		// Days of 23 and of 25 hours.
		{"1d", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"1d", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"1h", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"1h", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		// A midnight that there was not, and one that came after an hour had come twice.
		{"1d", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"1d", "America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"1d", "America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		// The clock went back over midnight: the hour that came again belongs to the day that had begun.
		{"1d", "America/St_Johns", "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		{"1d", "America/St_Johns", "2010-11-07T02:15:00Z", "2010-11-06T02:30:00Z", "2010-11-07T02:30:00Z"},
		// The last day of a leap year after 2037, at which time.ZoneBounds names an end that has passed.
		{"1d", "Europe/Berlin", "2040-12-31T12:00:00Z", "2040-12-30T23:00:00Z", "2040-12-31T23:00:00Z"},
		{"1d", "Europe/Berlin", "2041-01-01T12:00:00Z", "2040-12-31T23:00:00Z", "2041-01-01T23:00:00Z"},
		{"1h", "Asia/Kolkata", "2040-12-31T12:00:00Z", "2040-12-31T11:30:00Z", "2040-12-31T12:30:00Z"},
		// Half an hour of change cuts an hour.
		{"1h", "Australia/Lord_Howe", "2026-04-04T14:59:00Z", "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z"},
		{"1h", "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		{"30m", "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		{"1h", "Australia/Lord_Howe", "2026-10-03T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"},
		{"1d", "Australia/Lord_Howe", "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"},
		{"1d", "Australia/Lord_Howe", "2026-10-04T00:00:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"},
		// Samoa left the 30th out.
		{"1d", "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"1d", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		g, err := ParseGranularity(c.granularity)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		start, end := steps{g, zone(t, c.zone)}.at(at)
		if start.Format(time.RFC3339) != c.start || end.Format(time.RFC3339) != c.end {
			t.Errorf("%s in %s at %s: %s to %s, want %s to %s", c.granularity, c.zone, c.at,
				start.Format(time.RFC3339), end.Format(time.RFC3339), c.start, c.end)
		}
	}
}

// Whatever the zone, steps follow each other without a gap, and what lies between two beginnings belongs to the first.
func TestSteps_CoverTimeOnce(t *testing.T) {
	spans := map[string][2]string{
		"Europe/Berlin": {"2026-03-27T00:00:00Z", "2026-04-01T00:00:00Z"}, "America/Sao_Paulo": {"2018-02-16T00:00:00Z", "2018-02-20T00:00:00Z"},
		"Australia/Lord_Howe": {"2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z"}, "Asia/Kathmandu": {"2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z"},
		"America/St_Johns": {"2010-11-05T00:00:00Z", "2010-11-09T00:00:00Z"}, "Pacific/Apia": {"2011-12-28T00:00:00Z", "2012-01-03T00:00:00Z"},
		"Africa/Casablanca": {"2026-02-13T00:00:00Z", "2026-03-25T00:00:00Z"},
	}
	for name, span := range spans {
		for _, text := range []string{"5m", "15m", "30m", "1h", "1d"} {
			g, _ := ParseGranularity(text)
			s := steps{g, zone(t, name)}
			from, _ := time.Parse(time.RFC3339, span[0])
			to, _ := time.Parse(time.RFC3339, span[1])
			_, next := s.at(from)
			for at := from; at.Before(to); at = at.Add(time.Minute) {
				start, end := s.at(at)
				if at.Before(next) && !end.Equal(next) || !at.Before(next) && (!start.Equal(next) || !end.After(start)) ||
					start.After(at) || !end.After(at) {
					t.Fatalf("%s in %s at %s: %s to %s, where a step ends at %s", text, name, at, start, end, next)
				}
				next = end
			}
		}
	}
}

func TestSteps_TellWhichZonesDoNotFit(t *testing.T) {
	for _, c := range []struct {
		zone, from, to string
		splits, whole  bool
	}{
		{"UTC", "1800-01-01T00:00:00Z", "2200-01-01T00:00:00Z", false, true},
		{"America/Sao_Paulo", "1915-01-01T00:00:00Z", "2200-01-01T00:00:00Z", false, true},
		{"America/Sao_Paulo", "1913-01-01T00:00:00Z", "2200-01-01T00:00:00Z", true, false},
		{"Asia/Kathmandu", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", false, false},
		{"Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", false, false},
		{"Africa/Monrovia", "1971-01-01T00:00:00Z", "1973-01-01T00:00:00Z", true, false},
		{"America/St_Johns", "2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z", false, false},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		to, _ := time.Parse(time.RFC3339, c.to)
		s := steps{hourly, zone(t, c.zone)}
		if splits := !s.splitting(from, to).IsZero(); splits != c.splits || s.whole(from, to) != c.whole {
			t.Errorf("%s from %s: splits %t, whole %t", c.zone, c.from, splits, s.whole(from, to))
		}
	}
}

// Going from change to change ends also over the last day of a leap year after 2037.
func TestSteps_ComeToTheEndOfAnyWindow(t *testing.T) {
	from, to := time.Date(2040, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2041, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, g := range []string{"1h", "1d"} {
		granularity, err := ParseGranularity(g)
		if err != nil {
			t.Fatal(err)
		}
		s := steps{granularity, zone(t, "America/New_York")}
		if at := s.splitting(from, to); !at.IsZero() || !s.whole(from, to) {
			t.Errorf("%s: split at %s, whole %v", g, at, s.whole(from, to))
		}
	}
}
