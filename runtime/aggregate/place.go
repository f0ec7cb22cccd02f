package aggregate

import (
	"errors"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// listingLifetime is how long a listing can be continued.
const listingLifetime = 24 * time.Hour

// Place is where a page of a listing ended. The zero value is the beginning.
type Place struct {
	// From is the first hour of the window. The window stays where it was when the listing began, so that no row is skipped
	// or repeated when an hour ends meanwhile.
	From time.Time
	// After is the last row of the page.
	After RowKey
}

var (
	errPlaceUnknown = errors.New("is not one that this service gave out")
	errPlaceExpired = errors.New("is too old; begin again without it")
)

// position is where a query begins: in which window, and after which row.
type position struct {
	window
	after RowKey // without an hour: from the beginning
}

// place is where the page that ends with an item ended.
func (p position) place(last Item) Place {
	return Place{p.from, RowKey{EquipmentID: last.EquipmentID, Hour: last.IntervalStart}}
}

// position returns where the query goes on. The error is of kind fault.Invalid and names the cursor, which is what clients
// know a place by.
func (q Query) position(now time.Time) (position, error) {
	current := q.Interval.windowAt(now)
	if q.After == (Place{}) {
		return position{window: current}, nil
	}
	from, hour := q.After.From, q.After.After.Hour
	p := position{window{from, from.Add(current.through.Sub(current.from))}, q.After.After}
	// Only the characters of an id keep the order of rows the same as that of ids: a blank comes before what ends an id in a key.
	_, err := reading.ParseEquipmentID(string(p.after.EquipmentID))
	switch {
	case err != nil, q.EquipmentID != "" && q.EquipmentID != p.after.EquipmentID,
		!reading.Hour(from).Equal(from), !reading.Hour(hour).Equal(hour), hour.Before(p.from), hour.After(p.through),
		from.After(current.from.Add(time.Hour)): // another server's clock may already be in the next hour
		return position{}, refusedPlace(errPlaceUnknown)
	case from.Before(current.from.Add(-listingLifetime)):
		return position{}, refusedPlace(errPlaceExpired)
	}
	return p, nil
}

func refusedPlace(reason error) error {
	return &fault.Error{
		Kind: fault.Invalid, Message: "The cursor " + reason.Error(),
		Fields: []fault.FieldError{{Field: "cursor", Reason: reason.Error()}}, Cause: reason,
	}
}
