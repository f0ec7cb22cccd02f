package aggregate

import (
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Span is a window of one's own, divided into steps. NewSpan makes it; the zero value is none.
type Span struct {
	from, to time.Time // UTC, on full slices; from is included
	steps    steps
}

// Zone is the zone whose clock counts the steps, UTC where there is none.
func (s Span) Zone() *time.Location {
	if s.steps.zone == nil {
		return time.UTC
	}
	return s.steps.zone
}

// NewSpan returns the window from an instant (included) to another one (excluded), both on full five minutes and at most
// contract.AggregatesDaysMax apart, in steps as the clock of a zone counts them. The error is of kind fault.Invalid and names
// from, to or timezone.
func NewSpan(from, to time.Time, g Granularity, zone *time.Location) (Span, error) {
	from, to = from.UTC(), to.UTC()
	s := Span{from, to, steps{g, zone}}
	const slices = "must lie on full five minutes"
	switch {
	case !from.Equal(from.Truncate(contract.SliceLength)):
		return Span{}, refusedSpan("from", slices)
	case !to.Equal(to.Truncate(contract.SliceLength)):
		return Span{}, refusedSpan("to", slices)
	case !from.Before(to):
		return Span{}, refusedSpan("to", "must be after from")
	case to.Sub(from) > contract.AggregatesDaysMax*day:
		return Span{}, refusedSpan("to", fmt.Sprintf("must be at most %d days after from", contract.AggregatesDaysMax))
	}
	if at := s.steps.splitting(from, to); !at.IsZero() {
		return Span{}, refusedSpan("timezone", fmt.Sprintf(
			"has clocks at %s that no full five minutes agree with; ask for a later window, or in UTC", at.UTC().Format(time.RFC3339)))
	}
	return s, nil
}

// String names the window.
func (s Span) String() string {
	return fmt.Sprintf("%s/%s by %s of %s", s.from.Format(time.RFC3339), s.to.Format(time.RFC3339), s.steps.granularity, s.steps.zone)
}

func refusedSpan(field, reason string) error { return refused("window's "+field, field, reason) }

// window returns the window of the interval at an instant: it counts back from the current full hour, which belongs to it. The
// future, of which readings may be a day ahead, does not.
func (i Interval) window(now time.Time) Span {
	to := reading.Hour(now).Add(time.Hour)
	return Span{to.Add(-time.Duration(i.hours+1) * time.Hour), to, steps{hourly, time.UTC}}
}

// hours returns the first and the last UTC hour that the window reaches into.
func (s Span) hours() (from, through time.Time) {
	return reading.Hour(s.from), reading.Hour(s.to.Add(-1))
}

// hourCount is how many hours these are.
func (s Span) hourCount() int {
	from, through := s.hours()
	return int(through.Sub(from)/time.Hour) + 1
}

// clipped returns the part of a step that lies in the window.
func (s Span) clipped(start, end time.Time) Span {
	if start.Before(s.from) {
		start = s.from
	}
	if end.After(s.to) {
		end = s.to
	}
	return Span{start, end, s.steps}
}

// stretch is a range of full hours, both ends included.
type stretch struct {
	from, through time.Time
	// sliced tells that the figures of whole hours do not do.
	sliced bool
}

// stretches returns the hours of the window in their order, such that few of them need to be looked at by slices.
func (s Span) stretches() []stretch {
	from, through := s.hours()
	if !s.steps.whole(s.from, s.to) {
		return []stretch{{from, through, true}}
	}
	var all []stretch
	add := func(from, through time.Time, sliced bool) {
		if !through.Before(from) {
			all = append(all, stretch{from, through, sliced})
		}
	}
	first, last := from, through
	if from.Before(s.from) {
		first = first.Add(time.Hour)
	}
	if through.Add(time.Hour).After(s.to) {
		last = last.Add(-time.Hour)
	}
	add(from, first.Add(-time.Hour), true)
	add(first, last, false)
	if !last.Equal(through) && (!through.Equal(from) || first.Equal(from)) { // the first hour may be the last
		add(through, through, true)
	}
	return all
}

// sliced tells whether the figures of an hour as a whole do not do.
func (s Span) sliced(hour time.Time) bool {
	next := hour.Add(time.Hour)
	_, end := s.steps.at(hour)
	return hour.Before(s.from) || next.After(s.to) || end.Before(next)
}

// spread deals the row's figures out to the steps of the window that they belong to. A row that crosses a boundary must come with
// its slices.
func (s Span) spread(row RegionFigures, to func(start, end time.Time, figures Figures)) {
	start, end := s.steps.at(row.Hour)
	if !s.sliced(row.Hour) {
		to(start, end, row.Figures)
		return
	}
	if row.Slices == nil {
		return // it was not there any more when its slices were asked for
	}
	for i, figures := range row.Slices {
		at := row.SliceStart(i)
		if at.Before(s.from) || !at.Before(s.to) {
			continue
		}
		if !at.Before(end) {
			start, end = s.steps.at(at)
		}
		to(start, end, figures)
	}
}
