package dynamodel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// invalid is DynamoDB's refusal of a request that can never succeed.
func invalid(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// itemBytesMax bounds an item, names included.
const itemBytesMax = 400 << 10

// normalize returns a copy of an item that a table may store.
func (t *table) normalize(item Item) (Item, error) {
	next := make(Item, len(item))
	for name, value := range item {
		v, err := normalizeValue(value)
		if err != nil {
			return nil, invalid("attribute %s: %v", name, err)
		}
		next[name] = v
	}
	return next, t.check(next)
}

// check refuses an item that a table cannot store. Its keys are checked by keyOf.
func (t *table) check(item Item) error {
	for _, index := range t.definition.Indexes {
		for _, name := range []string{index.Key.Partition, index.Key.Sort} {
			value, has := item[name]
			if !has {
				continue
			}
			if s, isText := value.(*types.AttributeValueMemberS); !isText || s.Value == "" {
				return invalid("One or more parameter values were invalid: %s is a key of index %s and must be a non-empty string", name, index.Name)
			}
		}
	}
	if itemBytes(item) > itemBytesMax {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

func normalizeValue(value types.AttributeValue) (types.AttributeValue, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberN:
		text, err := canonicalNumber(v.Value)
		if err != nil {
			return nil, err
		}
		if text == v.Value {
			return v, nil
		}
		return &types.AttributeValueMemberN{Value: text}, nil
	case *types.AttributeValueMemberNS:
		return normalizeSet(v.Value)
	case *types.AttributeValueMemberS, *types.AttributeValueMemberBOOL:
		return v, nil
	default:
		return nil, fmt.Errorf("values of type %T are not modelled", value)
	}
}

// normalizeSet returns a set of numbers in their order, which tables do not promise.
func normalizeSet(texts []string) (types.AttributeValue, error) {
	if len(texts) == 0 {
		return nil, errors.New("one or more parameter values were invalid: a number set may not be empty")
	}
	set := make([]string, len(texts))
	for i, text := range texts {
		var err error
		if set[i], err = canonicalNumber(text); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(set, compareNumbers)
	if len(slices.Compact(set)) < len(texts) {
		return nil, errors.New("one or more parameter values were invalid: the set contains duplicates")
	}
	return &types.AttributeValueMemberNS{Value: set}, nil
}

func equalValues(a, b types.AttributeValue) bool {
	if order, ordered := compareValues(a, b); ordered {
		return order == 0
	}
	switch x := a.(type) {
	case *types.AttributeValueMemberNS:
		y, same := b.(*types.AttributeValueMemberNS)
		return same && slices.Equal(x.Value, y.Value)
	case *types.AttributeValueMemberBOOL:
		y, same := b.(*types.AttributeValueMemberBOOL)
		return same && x.Value == y.Value
	default:
		return false
	}
}

// compareValues orders values of one type; ok is false where they have no order.
func compareValues(a, b types.AttributeValue) (order int, ok bool) {
	switch x := a.(type) {
	case *types.AttributeValueMemberS:
		if y, same := b.(*types.AttributeValueMemberS); same {
			return strings.Compare(x.Value, y.Value), true
		}
	case *types.AttributeValueMemberN:
		if y, same := b.(*types.AttributeValueMemberN); same {
			if x.Value == y.Value {
				return 0, true
			}
			return compareNumbers(x.Value, y.Value), true
		}
	}
	return 0, false
}

// itemBytes is an item's size as DynamoDB counts it, nearly.
func itemBytes(item Item) int {
	size := 0
	for name, value := range item {
		size += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			size += len(v.Value)
		case *types.AttributeValueMemberN:
			size += len(v.Value)/2 + 1
		case *types.AttributeValueMemberNS:
			for _, n := range v.Value {
				size += len(n)/2 + 1
			}
		default:
			size++
		}
	}
	return size
}

// keyOf takes the key out of an item.
func (t *table) keyOf(item Item) (Key, error) {
	partition, err := keyText(item, t.definition.Key.Partition, partitionBytesMax)
	if err != nil || t.definition.Key.Sort == "" {
		return Key{Partition: partition}, err
	}
	sort, err := keyText(item, t.definition.Key.Sort, sortBytesMax)
	return Key{partition, sort}, err
}

// exactKey is keyOf for an input that must hold nothing but the key.
func (t *table) exactKey(item Item) (Key, error) {
	attributes := 2
	if t.definition.Key.Sort == "" {
		attributes = 1
	}
	if len(item) != attributes {
		return Key{}, invalid("The provided key element does not match the schema")
	}
	return t.keyOf(item)
}

// Limits of keys (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	partitionBytesMax = 2048
	sortBytesMax      = 1024
)

func keyText(item Item, name string, bytesMax int) (string, error) {
	switch s, isText := item[name].(*types.AttributeValueMemberS); {
	case item[name] == nil:
		return "", invalid("One of the required keys was not given a value: %s", name)
	case !isText:
		return "", invalid("One or more parameter values were invalid: Type mismatch for key %s expected: S", name)
	case s.Value == "":
		return "", invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", name)
	case len(s.Value) > bytesMax:
		return "", invalid("One or more parameter values were invalid: Size of key %s has exceeded the maximum size limit of %d bytes", name, bytesMax)
	default:
		return s.Value, nil
	}
}

// keyItem is a key as an item.
func (t *table) keyItem(k Key) Item {
	item := Item{t.definition.Key.Partition: &types.AttributeValueMemberS{Value: k.Partition}}
	if t.definition.Key.Sort != "" {
		item[t.definition.Key.Sort] = &types.AttributeValueMemberS{Value: k.Sort}
	}
	return item
}

// table returns a table by its name.
func (d *Database) table(name *string) (*table, error) {
	t := d.tables[aws.ToString(name)]
	if t == nil {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Requested resource not found: Table: " + aws.ToString(name) + " not found")}
	}
	return t, nil
}
