package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
}

// readQuery parses the query. It refuses unknown and repeated parameters: if a misspelt filter were ignored, the answer would
// hold what was not asked for.
func readQuery(r *http.Request, known ...string) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p := malformed("The query cannot be decoded; encode it as application/x-www-form-urlencoded.")
		p.cause = err
		return nil, p
	}
	q := &query{values: values}
	for _, name := range sortedKeys(values) {
		switch {
		case len(known) == 0:
			q.faults = addFault(q.faults, name, "is not a known parameter; this call takes none")
		case !slices.Contains(known, name):
			q.faults = addFault(q.faults, name, "is not a known parameter; known are "+strings.Join(known, ", "))
		case len(values[name]) > 1:
			q.faults = addFault(q.faults, name, "must not occur twice")
		}
	}
	return q, nil
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

// instant returns a point in time, zero where the parameter is absent.
func (q *query) instant(name string) time.Time {
	if !q.values.Has(name) {
		return time.Time{}
	}
	t, err := reading.ParseTimestamp(q.values.Get(name))
	if err != nil {
		q.fault(name, err.Error())
	}
	return t
}
