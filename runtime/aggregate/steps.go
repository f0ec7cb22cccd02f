package aggregate

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Granularity is the length of the steps that a window is divided into, one of those that ParseGranularity knows. The zero value is
// none.
type Granularity struct {
	name   string
	length time.Duration // of a day: on most days
}

// hourly is the granularity of the four intervals, and the default of all other windows.
var hourly = Granularity{"1h", time.Hour}

var errGranularity = &fault.Error{
	Kind: fault.Invalid, Message: "Invalid granularity. Supported values are 5m, 15m, 30m, 1h, 1d",
	Fields: []fault.FieldError{{Field: "granularity", Reason: "must be one of 5m, 15m, 30m, 1h, 1d"}},
}

// ParseGranularity returns the granularity called 5m, 15m, 30m, 1h or 1d. The error is of kind fault.Invalid.
func ParseGranularity(text string) (Granularity, error) {
	switch text {
	case "5m":
		return Granularity{text, 5 * time.Minute}, nil
	case "15m":
		return Granularity{text, 15 * time.Minute}, nil
	case "30m":
		return Granularity{text, 30 * time.Minute}, nil
	case hourly.name:
		return hourly, nil
	case "1d":
		return Granularity{text, day}, nil
	default:
		return Granularity{}, errGranularity
	}
}

// String returns the granularity's name.
func (g Granularity) String() string { return g.name }

const day = 24 * time.Hour

// steps divide all time into the steps of a zone: days from midnight to midnight, which have 23 to 25 hours where the clock
// changes, and shorter ones counted from the zone's full hours. Steps that a change of the clock would let overlap are cut at the
// change.
type steps struct {
	granularity Granularity
	zone        *time.Location
}

// at returns the step that holds an instant. The end is that of the step and the beginning of the next one.
func (s steps) at(t time.Time) (start, end time.Time) {
	if s.granularity.length == day {
		return s.dayAt(t)
	}
	since, until := reading.ZoneBounds(t, s.zone)
	_, offset := t.In(s.zone).Zone()
	length := int64(s.granularity.length / time.Second)
	begin := t.Unix() - modulo(t.Unix()+int64(offset), length)
	start, end = time.Unix(begin, 0).UTC(), time.Unix(begin+length, 0).UTC()
	if start.Before(since) && s.shifts(since) {
		start = since.UTC()
	}
	if !until.IsZero() && end.After(until) && s.shifts(until) {
		end = until.UTC()
	}
	return start, end
}

// shifts tells whether steps that are counted from the full hours before a change of the clock are others than those after it.
func (s steps) shifts(change time.Time) bool {
	_, before := change.Add(-time.Second).In(s.zone).Zone()
	_, after := change.In(s.zone).Zone()
	return modulo(int64(after-before), int64(s.granularity.length/time.Second)) != 0
}

func modulo(n, m int64) int64 { return ((n % m) + m) % m }

// dayAt is at for days. A day begins when the zone's clock first shows its date, or a later one, so that no moment belongs to two
// days where the clock goes back over midnight.
func (s steps) dayAt(t time.Time) (start, end time.Time) {
	year, month, date := t.In(s.zone).Date()
	if next := s.dayStart(year, month, date+1); !t.Before(next) {
		date++
	}
	start, end = s.dayStart(year, month, date), s.dayStart(year, month, date+1)
	for n := 2; !end.After(start); n++ { // a date that the zone left out
		end = s.dayStart(year, month, date+n)
	}
	return start, end
}

// dayStart returns the first moment at which the zone's clock shows a date or a later one.
func (s steps) dayStart(year int, month time.Month, date int) time.Time {
	midnight := time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() // as if the zone were UTC
	// No zone is further than this from UTC, nor changes by more.
	for t := time.Unix(midnight, 0).Add(-2 * day); ; {
		since, until := reading.ZoneBounds(t, s.zone)
		_, offset := t.In(s.zone).Zone()
		shows := time.Unix(midnight-int64(offset), 0).UTC()
		if !since.IsZero() && shows.Before(since) {
			shows = since.UTC()
		}
		if until.IsZero() || shows.Before(until) {
			return shows
		}
		t = until
	}
}

// splitting returns the first instant of a stretch of time at which a step begins or ends that does not lie on a full slice, and
// the zero time where there is none. Such steps cannot be told from the slices: clocks were once set by the sun.
func (s steps) splitting(from, to time.Time) time.Time {
	for t := from; ; {
		_, offset := t.In(s.zone).Zone()
		if modulo(int64(offset), int64(contract.SliceLength/time.Second)) != 0 {
			return t
		}
		_, t = reading.ZoneBounds(t, s.zone)
		if t.IsZero() || !t.Before(to) {
			return time.Time{}
		}
		if start, _ := s.at(t); start.Equal(t) && !t.Equal(t.Truncate(contract.SliceLength)) {
			return t
		}
	}
}

// whole tells whether no step of a stretch of time begins within a UTC hour.
func (s steps) whole(from, to time.Time) bool {
	if s.granularity.length < time.Hour {
		return false
	}
	for t := from; !t.IsZero() && t.Before(to); _, t = reading.ZoneBounds(t, s.zone) {
		if start, end := s.at(t); !start.Equal(start.Truncate(time.Hour)) || !end.Equal(end.Truncate(time.Hour)) {
			return false
		}
	}
	return true
}
