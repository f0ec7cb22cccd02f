package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the image that is deployed holds the program alone

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Names of query parameters.
const (
	paramEquipmentID = "equipmentId"
	paramFrom        = "from"
	paramTo          = "to"
	paramTimestamp   = "timestamp"
	paramLimit       = "limit"
	paramCursor      = "cursor"
	paramInterval    = "interval"
	paramGranularity = "granularity"
	paramTimezone    = "timezone"
	paramNumbers     = "numbers"
	paramPrefix      = "prefix"
)

// parameters tells who judges the parameters of a route's addresses.
type parameters int

const (
	// takesNone has any parameter refused before the route's handler runs.
	takesNone parameters = iota
	// takesOwn leaves them to the handler, which knows some.
	takesOwn
	// takesAny ignores them: pages, assets and health are asked for by programs that add their own.
	takesAny
)

// query reads the parameters of a request and collects what is wrong with them.
type query struct {
	values url.Values
	faults []fault.FieldError
	// misnamed tells that a parameter is not one of the call's. What is missing may then be what it was to be.
	misnamed bool
	// quoted tells that the answer's values are to be JSON strings.
	quoted bool
}

// readQuery parses the query. It refuses unknown and repeated parameters: if a misspelt filter were ignored, the answer would
// hold what was not asked for.
func readQuery(r *http.Request, known ...string) (*query, error) { return readLists(r, nil, known...) }

// readLists is readQuery where some parameters may stand several times.
func readLists(r *http.Request, lists []string, known ...string) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p := malformed("The query cannot be decoded; encode it as application/x-www-form-urlencoded.")
		p.cause = err
		return nil, p
	}
	q := &query{values: values}
	q.refuseUnknown(known)
	for _, name := range known {
		if len(values[name]) > 1 && !slices.Contains(lists, name) {
			q.fault(name, "must not occur twice")
		}
	}
	return q, nil
}

// refuseUnknown comes before all other rules, so that the answer to a misspelt name begins with that name: what else is wrong may only
// follow from it.
func (q *query) refuseUnknown(known []string) {
	takes := "this call takes none"
	if len(known) > 0 {
		takes = "known are " + strings.Join(known, ", ")
	}
	for _, name := range sortedKeys(q.values) {
		if !slices.Contains(known, name) {
			q.misnamed = true
			q.fault(name, "is not a known parameter; "+takes)
		}
	}
}

// noQuery refuses any parameter.
func noQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	return q.err()
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (q *query) fault(name, reason string) { q.faults = addFault(q.faults, name, reason) }

// err is the answer to everything that was wrong.
func (q *query) err() error {
	if len(q.faults) == 0 {
		return nil
	}
	return invalidFields(q.faults)
}

// limit returns the page size.
func (q *query) limit(fallback, most int) int {
	text := q.values.Get(paramLimit)
	if !q.values.Has(paramLimit) {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		q.fault(paramLimit, fmt.Sprintf("must be a whole number from 1 to %d", most))
	}
	return n
}

// cursor reads the place where the page before ended, and tells whether there is one. It is the last to be read: only a query
// without faults can be the one that the cursor belongs to.
func (q *query) cursor(c cursors, place any, query ...string) bool {
	text := q.values.Get(paramCursor)
	switch {
	case !q.values.Has(paramCursor):
		return false
	case text == "":
		q.fault(paramCursor, "must not be empty; leave it out to start at the first page")
	case len(text) > contract.CursorCharsMax:
		q.fault(paramCursor, errCursor.Error())
	case len(q.faults) == 0:
		err := c.open(text, place, query...)
		if err == nil {
			return true
		}
		q.fault(paramCursor, err.Error())
	}
	return false
}

// equipment returns the equipment asked for, empty where the parameter is absent and may be.
func (q *query) equipment(required bool) reading.EquipmentID {
	if !q.values.Has(paramEquipmentID) {
		if required {
			q.fault(paramEquipmentID, "is required")
		}
		return ""
	}
	id, err := reading.ParseEquipmentID(q.values.Get(paramEquipmentID))
	if err != nil {
		q.fault(paramEquipmentID, err.Error())
	}
	return id
}

// equipments returns the set of those asked for, in their order, empty where the parameter is absent.
func (q *query) equipments() (ids []reading.EquipmentID) {
	given := q.values[paramEquipmentID]
	if len(given) > contract.AggregatesEquipmentsMax {
		q.fault(paramEquipmentID, fmt.Sprintf("must not stand more than %d times", contract.AggregatesEquipmentsMax))
		return nil
	}
	for _, text := range given {
		id, err := reading.ParseEquipmentID(text)
		if err != nil {
			q.fault(paramEquipmentID, err.Error())
			return nil
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// instant returns a point in time, zero where the parameter is absent.
func (q *query) instant(name string) time.Time {
	if !q.values.Has(name) {
		return time.Time{}
	}
	t, err := reading.ParseTimestamp(q.values.Get(name))
	if err != nil {
		q.fault(name, err.Error()+q.plusHint(name))
	}
	return t
}

// requiredInstant is instant where the parameter must be there.
func (q *query) requiredInstant(name string) time.Time {
	if !q.values.Has(name) {
		q.fault(name, "is required")
	}
	return q.instant(name)
}

// zone returns a time zone, UTC where the parameter is absent.
func (q *query) zone(name string) *time.Location {
	if !q.values.Has(name) {
		return time.UTC
	}
	zone, err := reading.ParseZone(q.values.Get(name))
	if err != nil {
		q.fault(name, err.Error()+q.plusHint(name))
		return time.UTC
	}
	return zone
}

// plusHint explains a blank where a plus sign was meant: in a query, + stands for a blank.
func (q *query) plusHint(name string) string {
	if !strings.Contains(q.values.Get(name), " ") {
		return ""
	}
	return "; a + must be written %2B in an address"
}

// readNumbers reads how the answer's values are to be written.
func (q *query) readNumbers() {
	if !q.values.Has(paramNumbers) {
		return
	}
	if q.quoted = q.values.Get(paramNumbers) == "string"; !q.quoted {
		q.fault(paramNumbers, "must be string, or left out for JSON numbers")
	}
}

// number is a value as the client asks for it: a JSON number, or a JSON string for clients whose numbers are floats.
type number struct {
	value  reading.Decimal
	quoted bool
}

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	text := n.value.String()
	if n.quoted {
		text = strconv.Quote(text)
	}
	return []byte(text), nil
}

// number returns a value in the form that the query asks for.
func (q *query) number(value reading.Decimal) number { return number{value, q.quoted} }

// extreme returns an extreme in the form that the query asks for, nil where there is none.
func (q *query) extreme(e aggregate.Extreme) *number {
	if !e.Any {
		return nil
	}
	n := q.number(e.Value)
	return &n
}
