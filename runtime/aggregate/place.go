package aggregate

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// listingLifetime is how long a listing can be continued.
const listingLifetime = 24 * time.Hour

// Place is where a page of a listing ended. The zero value is the beginning.
type Place struct {
	// From is when the window begins. That of an interval stays where it was when the listing began, so that no item is skipped or
	// repeated when an hour ends meanwhile.
	From time.Time
	// After is the last item of the page, or the last that was looked for where it ended without one.
	After ItemKey
}

// ItemKey names an item: one equipment, one step.
type ItemKey struct {
	Start       time.Time // UTC, when the step begins
	EquipmentID reading.EquipmentID
}

// compare orders items as they are listed.
func (k ItemKey) compare(l ItemKey) int {
	return cmp.Or(k.Start.Compare(l.Start), cmp.Compare(k.EquipmentID, l.EquipmentID))
}

var (
	errPlaceUnknown = errors.New("is not one that this service gave out")
	errPlaceExpired = errors.New("is too old; begin again without it")
)

// position is where a query begins: in which window, and after which item.
type position struct {
	Span
	after ItemKey // without a start: from the beginning
}

// begun tells whether items came before.
func (p position) begun() bool { return !p.after.Start.IsZero() }

// position returns where the query goes on. The error is of kind fault.Invalid and names the cursor, which is what clients
// know a place by.
func (q Query) position(now time.Time) (position, error) {
	over := q.Span
	if q.Interval != (Interval{}) {
		over = q.Interval.window(now)
	}
	if q.After == (Place{}) {
		return position{Span: over}, nil
	}
	if q.Interval != (Interval{}) {
		var err error
		if over, err = over.movedTo(q.After.From); err != nil {
			return position{}, err
		}
	}
	p := position{over, q.After.After}
	if !q.After.From.Equal(over.from) || !q.leadsTo(p) {
		return position{}, refusedPlace(errPlaceUnknown)
	}
	return p, nil
}

// movedTo returns the window of an interval that began at a time, where a listing may have begun then.
func (s Span) movedTo(from time.Time) (Span, error) {
	switch {
	case !reading.Hour(from).Equal(from), from.After(s.from.Add(time.Hour)): // another server's clock may already be in the next hour
		return Span{}, refusedPlace(errPlaceUnknown)
	case from.Before(s.from.Add(-listingLifetime)):
		return Span{}, refusedPlace(errPlaceExpired)
	}
	return Span{from, from.Add(s.to.Sub(s.from)), s.steps}, nil
}

// leadsTo tells whether the query may have an item at the position.
func (q Query) leadsTo(p position) bool {
	// Only the characters of an id keep the order of rows the same as that of ids: a blank comes before what ends an id in a key.
	if _, err := reading.ParseEquipmentID(string(p.after.EquipmentID)); err != nil {
		return false
	}
	if len(q.Equipments) > 0 && !slices.Contains(q.Equipments, p.after.EquipmentID) {
		return false
	}
	start, end := p.steps.at(p.after.Start)
	return start.Equal(p.after.Start) && end.After(p.from) && start.Before(p.to)
}

func refusedPlace(reason error) error {
	return &fault.Error{
		Kind: fault.Invalid, Message: "The cursor " + reason.Error(),
		Fields: []fault.FieldError{{Field: "cursor", Reason: reason.Error()}}, Cause: reason,
	}
}
