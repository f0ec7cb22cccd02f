package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expression collects what an update does to one item and on which conditions. Attribute names and values become
// placeholders, since some names are reserved words.
type expression struct {
	set, add, remove, conditions []string
	names                        map[string]string // by placeholder
	places                       map[string]string // placeholders by name
	values                       item
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, places: map[string]string{}, values: item{}}
}

// name returns an attribute's placeholder.
func (e *expression) name(attribute string) string {
	place, known := e.places[attribute]
	if !known {
		place = "#" + strconv.Itoa(len(e.places))
		e.places[attribute], e.names[place] = place, attribute
	}
	return place
}

// value returns a new placeholder for a value.
func (e *expression) value(v types.AttributeValue) string {
	place := ":" + strconv.Itoa(len(e.values))
	e.values[place] = v
	return place
}

func (e *expression) assign(attribute string, v types.AttributeValue) {
	e.set = append(e.set, e.name(attribute)+" = "+e.value(v))
}

func (e *expression) increase(attribute string, v types.AttributeValue) {
	e.add = append(e.add, e.name(attribute)+" "+e.value(v))
}

func (e *expression) drop(attribute string) { e.remove = append(e.remove, e.name(attribute)) }

func (e *expression) require(condition string) { e.conditions = append(e.conditions, condition) }

// missing is the condition that there is no such attribute.
func (e *expression) missing(attribute string) string {
	return "attribute_not_exists(" + e.name(attribute) + ")"
}

// compared is the condition that an attribute stands to a value as the sign says, which it cannot where it is missing.
func (e *expression) compared(attribute, sign string, v types.AttributeValue) string {
	return e.name(attribute) + " " + sign + " " + e.value(v)
}

// text returns the update expression.
func (e *expression) text() string {
	var clauses []string
	for _, clause := range []struct {
		verb    string
		actions []string
	}{{"ADD ", e.add}, {"SET ", e.set}, {"REMOVE ", e.remove}} {
		if len(clause.actions) > 0 {
			clauses = append(clauses, clause.verb+strings.Join(clause.actions, ", "))
		}
	}
	return strings.Join(clauses, " ")
}

// condition returns the condition expression, nil where there is none.
func (e *expression) condition() *string {
	if len(e.conditions) == 0 {
		return nil
	}
	all := strings.Join(e.conditions, " AND ")
	return &all
}
