package reading_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

func TestParseTimestamp_TakesRFC3339AndKeepsTheInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-01T08:30:00Z":                "2026-03-01T08:30:00.000000000Z",
		"2026-03-01t08:30:00z":                "2026-03-01T08:30:00.000000000Z",
		"2026-03-01T08:30:00z":                "2026-03-01T08:30:00.000000000Z",
		"2026-03-01T01:30:00-05:00":           "2026-03-01T06:30:00.000000000Z", // not at 01:30
		"2026-03-01T00:15:00+05:45":           "2026-02-28T18:30:00.000000000Z",
		"2026-03-01T08:30:00+00:00":           "2026-03-01T08:30:00.000000000Z",
		"2026-03-01T08:30:00-00:00":           "2026-03-01T08:30:00.000000000Z",
		"2026-03-01T08:30:00+23:59":           "2026-02-28T08:31:00.000000000Z",
		"2026-03-01T08:30:00.5Z":              "2026-03-01T08:30:00.500000000Z",
		"2026-03-01T08:30:00.123456789+01:00": "2026-03-01T07:30:00.123456789Z",
		"2026-03-01T08:59:59.999999999Z":      "2026-03-01T08:59:59.999999999Z",
		"2024-02-29T00:00:00Z":                "2024-02-29T00:00:00.000000000Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00.000000000Z",
		"9999-12-31T23:59:59.999999999Z":      "9999-12-31T23:59:59.999999999Z",
		"0000-12-31T23:00:00-01:00":           "0001-01-01T00:00:00.000000000Z",
	} {
		got, err := reading.ParseTimestamp(text)
		if err != nil || reading.FormatTimestamp(got) != want || got.Location() != time.UTC {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestParseTimestamp_RejectsEverythingElse(t *testing.T) {
	const form, fraction, year, day, leap = "must be an RFC 3339", "at most 9 fractional", "between the years", "no such day", "leap seconds are not taken"
	for text, reason := range map[string]string{
		"": form, "2026-03-01": form, "2026-03-01T08:30:00": form, "2026-03-01T08:30Z": form, "2026-03-01 08:30:00Z": form, "1772354000": form,
		"20230215T013000Z": form, "2023-W07-3": form, "2023-W07-3T01:30:00Z": form, "2023-02-31T00:00:00Z": day, "2023-046T01:30:00Z": form,
		"2025-02-29T00:00:00Z": day, "2026-13-01T00:00:00Z": form, "2026-00-01T00:00:00Z": form, "2026-01-00T00:00:00Z": form,
		"2026-03-01T24:00:00Z": form, "2026-03-01T23:60:00Z": form, "2016-12-31T23:59:60Z": leap, "2026-03-01T8:30:00Z": form, "2026-03-01T8:30:00+01:00": form, "2026-03-01T8:30:00.25Z": form,
		"2026-03-01T08:30:00,5Z": form, "2026-03-01T08:30:00.Z": form, "2026-03-01T08:30:00+0100": form, "2026-03-01T08:30:00+01": form,
		"2026-03-01T08:30:00+24:00": form, "2026-03-01T08:30:00+01:60": form, "2026-03-01T08:30:00 Z": form, "2026-03-01T08:30:00ZZ": form,
		" 2026-03-01T08:30:00Z": form, "2026-03-01T08:30:00Z ": form, "2026-03-01T08:30:00Z\n": form, "26-03-01T08:30:00Z": form,
		"+2026-03-01T08:30:00Z": form, "-2026-03-01T08:30:00Z": form, "12026-03-01T08:30:00Z": form, "2026-03-01T08:30:00UTC": form,
		"2026-03-01T08:30:00\u2212" + "05:00": form, "２０２６-03-01T08:30:00Z": form, "2026-03-01T08:30:00ſz": form, strings.Repeat("2", 5000): form,
		"2026-03-01T08:30:00.1234567890Z": fraction, "2026-03-01T08:30:00.0000000000+01:00": fraction,
		"0000-12-31T23:59:59Z": year, "0001-01-01T00:00:00+00:01": year, "9999-12-31T23:59:59-00:01": year,
	} {
		if got, err := reading.ParseTimestamp(text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: got %v, %v, want %q", text, got, err, reason)
		}
	}
}

// instants spread over all years that are accepted.
func instants() *rapid.Generator[time.Time] {
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(first, last).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
	})
}

func TestFormatTimestamp_IsFixedInWidthAndSortsAsTimeDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := instants().Draw(t, "a"), instants().Draw(t, "b")
		x, y := reading.FormatTimestamp(a), reading.FormatTimestamp(b)
		if len(x) != len("2006-01-02T15:04:05.000000000Z") || strings.Compare(x, y) != a.Compare(b) {
			t.Fatalf("%s and %s", x, y)
		}
		if strings.Compare(reading.FormatHour(a), reading.FormatHour(b)) != reading.Hour(a).Compare(reading.Hour(b)) ||
			strings.Compare(reading.FormatDay(a), reading.FormatDay(b)) != reading.Day(a).Compare(reading.Day(b)) {
			t.Fatalf("hours and days of %s and %s", x, y)
		}
		zone := time.FixedZone("", rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "offset in minutes")*60)
		if local := a.In(zone); local.Year() >= 0 && local.Year() <= 9999 {
			if again, err := reading.ParseTimestamp(local.Format(time.RFC3339Nano)); err != nil || !again.Equal(a) {
				t.Fatalf("%s comes back as %v, %v", local.Format(time.RFC3339Nano), again, err)
			}
		}
		if h := reading.Hour(a); h.After(a) || a.Sub(h) >= time.Hour || h.Minute()+h.Second()+h.Nanosecond() != 0 {
			t.Fatalf("the hour of %s is %v", x, h)
		}
		if d := reading.Day(a); d.After(a) || a.Sub(d) >= 24*time.Hour || d.Hour() != 0 || reading.Day(reading.Hour(a)) != d {
			t.Fatalf("the day of %s is %v", x, d)
		}
	})
}

// rfc3339 is the form of a timestamp, in which letters may be small.
var rfc3339 = regexp.MustCompile(`^(?i)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzTimestamp holds timestamps against the form of RFC 3339 and what time.Parse makes of it.
func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{
		"2026-03-01T08:30:00Z", "2024-02-29t23:59:59.123456789z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00-05:45", "0000-12-31T23:59:00-23:59",
		"20230215T013000Z", "2023-W07-3", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00+00:01", "2026-03-01T08:30:00ſZ", "9999-12-31T23:59:59.9+00:01", "2026-04-31T00:00:00Z", "2026-03-01T08:30:00.1234567891Z", "2026-03-01T24:00:00Z", "2026-03-01T08:30:00+24:00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339, strings.ToUpper(text))
		parts := rfc3339.FindStringSubmatch(text)
		taken := err == nil && parts != nil && len(parts[1]) <= len(".123456789") && want.UTC().Year() >= 1 && want.UTC().Year() <= 9999
		got, err := reading.ParseTimestamp(text)
		if (err == nil) != taken {
			t.Fatalf("%q is taken: %v, want %v", text, err == nil, taken)
		}
		if taken && (!got.Equal(want) || got.Location() != time.UTC || reading.FormatTimestamp(got) != got.Format("2006-01-02T15:04:05.000000000Z")) {
			t.Fatalf("%q: got %v, %s, want %v", text, got, reading.FormatTimestamp(got), want)
		}
	})
}
