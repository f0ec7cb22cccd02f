package replicator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// item is what a table stores under a key, nil for nothing.
type item = map[string]dynamotypes.AttributeValue

// digest stands for a key or an item. Items are equal if their digests are.
type digest [16]byte

// digestOf writes attributes in the order of their names, and the members of sets in an order of their own: neither has one.
// Numbers are written by their values: DynamoDB Local gives 1E3 in one place as it was written, and in another one as 1000.
func digestOf(of item) digest {
	if of == nil {
		return digest{}
	}
	h := sha256.New()
	writeMembers(h, of)
	return digest(h.Sum(nil)[:len(digest{})])
}

func writeMembers(h hash.Hash, of item) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		write(h, "%q:", name)
		writeValue(h, of[name])
	}
}

func writeValue(h hash.Hash, value dynamotypes.AttributeValue) {
	switch v := value.(type) {
	case *dynamotypes.AttributeValueMemberS:
		write(h, "S%q", v.Value)
	case *dynamotypes.AttributeValueMemberN:
		write(h, "N%q", plain(v.Value))
	case *dynamotypes.AttributeValueMemberB:
		write(h, "B%q", v.Value)
	case *dynamotypes.AttributeValueMemberBOOL:
		write(h, "BOOL%t", v.Value)
	case *dynamotypes.AttributeValueMemberM:
		write(h, "M{")
		writeMembers(h, v.Value)
		write(h, "}")
	case *dynamotypes.AttributeValueMemberL:
		write(h, "L%d[", len(v.Value))
		for _, element := range v.Value {
			writeValue(h, element)
		}
	default:
		write(h, "%T%q", value, members(value))
	}
}

func write(h hash.Hash, format string, args ...any) {
	_, _ = fmt.Fprintf(h, format, args...) // a hash takes everything
}

// members are those of a set, in order.
func members(value dynamotypes.AttributeValue) []string {
	var of []string
	switch v := value.(type) {
	case *dynamotypes.AttributeValueMemberSS:
		of = slices.Clone(v.Value)
	case *dynamotypes.AttributeValueMemberNS:
		for _, member := range v.Value {
			of = append(of, plain(member))
		}
	case *dynamotypes.AttributeValueMemberBS:
		for _, member := range v.Value {
			of = append(of, string(member))
		}
	default: // NULL has none
	}
	slices.Sort(of)
	return of
}

// plain writes equal numbers alike: the digits without zeros at either end, and the power of ten.
func plain(number string) string {
	mantissa, power, _ := strings.Cut(strings.ToLower(number), "e")
	exponent, err := strconv.Atoi(cmp.Or(power, "0"))
	if err != nil {
		return number // DynamoDB has none like that
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "+"), ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent -= len(fraction)
	short := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(short)
	switch {
	case short == "":
		return "0"
	case negative:
		short = "-" + short
	}
	return short + "e" + strconv.Itoa(exponent)
}

// keyOf are an item's key attributes.
func keyOf(of item, key contract.Key) item {
	k := item{key.Partition: of[key.Partition]}
	if key.Sort != "" {
		k[key.Sort] = of[key.Sort]
	}
	return k
}

// condition is an expression with the names and values that it uses.
type condition struct {
	expression *string
	names      map[string]string
	values     item
}

// unchanged is met while the table stores just this item, or nothing. other names attributes that the item lacks and must go on
// lacking: an expression cannot say "and no others".
func unchanged(is item, key contract.Key, other item) condition {
	c := condition{names: map[string]string{"#k": key.Partition}}
	if is == nil {
		c.expression = aws.String("attribute_not_exists(#k)")
		return c
	}
	terms := []string{"attribute_exists(#k)"}
	name := func(attribute string) string {
		placeholder := fmt.Sprintf("#%d", len(c.names))
		c.names[placeholder] = attribute
		return placeholder
	}
	for _, attribute := range slices.Sorted(maps.Keys(is)) {
		if attribute == key.Partition || attribute == key.Sort {
			continue
		}
		if c.values == nil {
			c.values = item{}
		}
		value := fmt.Sprintf(":%d", len(c.values))
		c.values[value] = is[attribute]
		terms = append(terms, name(attribute)+" = "+value)
	}
	for _, attribute := range slices.Sorted(maps.Keys(other)) {
		if _, has := is[attribute]; !has {
			terms = append(terms, "attribute_not_exists("+name(attribute)+")")
		}
	}
	c.expression = aws.String(strings.Join(terms, " AND "))
	return c
}

// imageOf turns an image of a stream into an item; the SDK has a type of its own for each service.
func imageOf(image map[string]streamtypes.AttributeValue) (item, error) {
	if image == nil {
		return nil, nil
	}
	of := make(item, len(image))
	for name, value := range image {
		v, err := valueOf(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		of[name] = v
	}
	return of, nil
}

func valueOf(value streamtypes.AttributeValue) (dynamotypes.AttributeValue, error) {
	switch v := value.(type) {
	case *streamtypes.AttributeValueMemberM:
		members, err := imageOf(v.Value)
		return &dynamotypes.AttributeValueMemberM{Value: members}, err
	case *streamtypes.AttributeValueMemberL:
		elements := make([]dynamotypes.AttributeValue, len(v.Value))
		for i, element := range v.Value {
			var err error
			if elements[i], err = valueOf(element); err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
		}
		return &dynamotypes.AttributeValueMemberL{Value: elements}, nil
	default:
		return flatValueOf(value)
	}
}

func flatValueOf(value streamtypes.AttributeValue) (dynamotypes.AttributeValue, error) {
	switch v := value.(type) {
	case *streamtypes.AttributeValueMemberS:
		return &dynamotypes.AttributeValueMemberS{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberN:
		return &dynamotypes.AttributeValueMemberN{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberB:
		return &dynamotypes.AttributeValueMemberB{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberBOOL:
		return &dynamotypes.AttributeValueMemberBOOL{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberNULL:
		return &dynamotypes.AttributeValueMemberNULL{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberSS:
		return &dynamotypes.AttributeValueMemberSS{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberNS:
		return &dynamotypes.AttributeValueMemberNS{Value: v.Value}, nil
	case *streamtypes.AttributeValueMemberBS:
		return &dynamotypes.AttributeValueMemberBS{Value: v.Value}, nil
	default:
		return nil, fmt.Errorf("attribute values of type %T are unknown", value)
	}
}
