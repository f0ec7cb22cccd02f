package dynamo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// item is what DynamoDB stores. Attribute values are handled directly rather than through struct marshalling, which
// would take decimals through float64.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func decimal(d reading.Decimal) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: d.String()}
}
func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }
func integer(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// itemReader takes attributes out of an item and remembers the first fault, so that decoding reads as a list of fields.
type itemReader struct {
	item item
	err  error
}

func (r *itemReader) fault(name, problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("stored attribute %s %s", name, problem)
	}
}

// text returns a string attribute, and "" with a fault where it is missing.
func (r *itemReader) text(name string) string {
	s, ok := r.item[name].(*types.AttributeValueMemberS)
	if !ok {
		r.fault(name, "is not a string")
		return ""
	}
	return s.Value
}

// optionalText returns a string attribute, and "" where it is missing.
func (r *itemReader) optionalText(name string) string {
	if r.item[name] == nil {
		return ""
	}
	return r.text(name)
}

// decimal returns a number, and 0 where it is missing.
func (r *itemReader) decimal(name string) reading.Decimal {
	if r.item[name] == nil {
		return reading.Decimal{}
	}
	n, ok := r.item[name].(*types.AttributeValueMemberN)
	if !ok {
		r.fault(name, "is not a number")
		return reading.Decimal{}
	}
	d, err := reading.ParseDecimal(n.Value)
	if err != nil {
		r.fault(name, err.Error())
	}
	return d
}

// integer returns a whole number, and 0 where it is missing.
func (r *itemReader) integer(name string) int64 {
	d := r.decimal(name)
	if d.IsZero() {
		return 0
	}
	n, err := strconv.ParseInt(d.String(), 10, 64)
	if err != nil {
		r.fault(name, "is not a whole number")
	}
	return n
}

// integers returns a set of whole numbers, and none where it is missing.
func (r *itemReader) integers(name string) (all []int64) {
	if r.item[name] == nil {
		return nil
	}
	set, ok := r.item[name].(*types.AttributeValueMemberNS)
	if !ok {
		r.fault(name, "is not a set of numbers")
		return nil
	}
	for _, text := range set.Value {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			r.fault(name, "holds what is not a whole number")
		}
		all = append(all, n)
	}
	return all
}

// boolean returns a flag, and false where it is missing.
func (r *itemReader) boolean(name string) bool {
	b, ok := r.item[name].(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

// tombstone tells whether the item is what a deletion leaves. One with a value is not, as isTombstone says.
func (r *itemReader) tombstone() bool {
	return r.item[contract.AttrValue] == nil && r.boolean(contract.AttrDeleted)
}

// time returns a timestamp as reading.FormatTimestamp writes it.
func (r *itemReader) time(name string) time.Time {
	t, err := reading.ParseTimestamp(r.text(name))
	if err != nil {
		r.fault(name, err.Error())
	}
	return t
}

// done returns the first fault as an internal error: the service wrote the item itself.
func (r *itemReader) done() error {
	if r.err == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Internal, Message: "a stored item cannot be read", Cause: r.err}
}
