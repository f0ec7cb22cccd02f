package aggregate

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Interval is the length of a window, one of those that ParseInterval knows. The zero value is none.
type Interval struct {
	name  string
	hours int
}

var errInterval = &fault.Error{
	Kind: fault.Invalid, Message: "Invalid interval. Supported values are 24h, 48h, 1w, 1m",
	Fields: []fault.FieldError{{Field: "interval", Reason: "must be one of 24h, 48h, 1w, 1m"}},
}

// ParseInterval returns the interval called 24h, 48h, 1w (168 hours) or 1m (720 hours). The error is of kind
// fault.Invalid.
func ParseInterval(text string) (Interval, error) {
	switch text {
	case "24h":
		return Interval{text, 24}, nil
	case "48h":
		return Interval{text, 48}, nil
	case "1w":
		return Interval{text, 168}, nil
	case "1m":
		return Interval{text, 720}, nil
	default:
		return Interval{}, errInterval
	}
}

// String returns the interval's name.
func (i Interval) String() string { return i.name }

// cover covers the time from an instant (included) to another one (excluded), both at full units, by as few fleet rows as
// possible: whole days by their day's row, what is left at the edges by hours, and what is left of those by slices.
func cover(unit Unit, from, to time.Time) []FleetSpan {
	if !from.Before(to) {
		return nil
	}
	all := []FleetSpan{{unit, from, to.Add(-unit.length())}}
	if unit == Day {
		return all
	}
	larger := unit + 1
	first, last := from.Truncate(larger.length()), to.Truncate(larger.length())
	if first.Before(from) {
		first = first.Add(larger.length())
	}
	if !first.Before(last) { // no whole one
		return all
	}
	var spans []FleetSpan
	if from.Before(first) {
		spans = append(spans, FleetSpan{unit, from, first.Add(-unit.length())})
	}
	spans = append(spans, cover(larger, first, last)...)
	if last.Before(to) {
		spans = append(spans, FleetSpan{unit, last, to.Add(-unit.length())})
	}
	return spans
}
