package dynamodel

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// scope gives an expression's placeholders their meaning.
type scope struct {
	names  map[string]string
	values Item
}

// attribute resolves a name; placeholders were checked before.
func (s *scope) attribute(name string) string {
	if name[0] == '#' {
		return s.names[name]
	}
	return name
}

// newScope checks the placeholders against the expressions that use them: each must be defined and each definition used.
func newScope(names map[string]string, values Item, uses ...[]string) (*scope, error) {
	s := &scope{names: names, values: values}
	if err := s.checkUses(uses); err != nil {
		return nil, err
	}
	for placeholder, value := range values {
		v, err := normalizeValue(value)
		if err != nil {
			return nil, invalid("ExpressionAttributeValues contains invalid value: %v for key %s", err, placeholder)
		}
		if v != value {
			s.values = withValue(s.values, placeholder, v)
		}
	}
	return s, nil
}

func (s *scope) checkUses(uses [][]string) error {
	usedNames, usedValues := 0, 0
	var seen []string
	for _, list := range uses {
		for _, placeholder := range list {
			if slices.Contains(seen, placeholder) {
				continue
			}
			seen = append(seen, placeholder)
			if placeholder[0] == '#' {
				if _, defined := s.names[placeholder]; !defined {
					return invalid("An expression attribute name used in the document path is not defined; attribute name: %s", placeholder)
				}
				usedNames++
				continue
			}
			if _, defined := s.values[placeholder]; !defined {
				return invalid("An expression attribute value used in expression is not defined; attribute value: %s", placeholder)
			}
			usedValues++
		}
	}
	if usedNames != len(s.names) {
		return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: %v, used: %v", s.names, seen)
	}
	if usedValues != len(s.values) {
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: used: %v", seen)
	}
	return nil
}

func withValue(values Item, name string, v types.AttributeValue) Item {
	next := make(Item, len(values))
	for k, old := range values {
		next[k] = old
	}
	next[name] = v
	return next
}

// rule is what DynamoDB demands of the values of an expression before it looks at any item.
type rule func(s *scope) error

func obey(s *scope, rules []rule) error {
	for _, r := range rules {
		if err := r(s); err != nil {
			return err
		}
	}
	return nil
}

func isNumber(v types.AttributeValue) bool {
	_, is := v.(*types.AttributeValueMemberN)
	return is
}

// isAddable tells whether ADD takes the value.
func isAddable(v types.AttributeValue) bool {
	_, isSet := v.(*types.AttributeValueMemberNS)
	return isSet || isNumber(v)
}

func isText(v types.AttributeValue) bool {
	_, is := v.(*types.AttributeValueMemberS)
	return is
}

// isOrdered tells whether values of the type have an order.
func isOrdered(v types.AttributeValue) bool {
	_, is := compareValues(v, v)
	return is
}

// reserved are those of DynamoDB's reserved words that are names of attributes of ours; it knows 565 more
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html).
var reserved = []string{"timestamp", "value", "region", "interval", "status", "lines", "columns", "owner"}
