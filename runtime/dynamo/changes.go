package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// serviceDynamoDB is the principal that removes expired items.
const serviceDynamoDB = "dynamodb.amazonaws.com"

// ChangeFromEvent decodes a record of the readings' stream. An error is of kind fault.Invalid: the record cannot be
// decoded however often it is delivered.
//
// A tombstone is no image of a reading: it counts for nothing, whoever wrote it and whenever it expires.
//
// An image that is no valid reading counts for nothing, as in a recount, and is left out of the change. So the write that
// corrects it succeeds, and so does its removal. The write that brings it is an error, at which a person must look. If it has
// overwritten a reading, that reading is in the change, which must be processed in spite of the error.
func ChangeFromEvent(record events.DynamoDBEventRecord) (aggregate.Change, error) {
	c := aggregate.Change{
		Sequence: record.Change.SequenceNumber, At: record.Change.ApproximateCreationDateTime.UTC(),
		Expired: record.UserIdentity != nil && record.UserIdentity.PrincipalID == serviceDynamoDB,
	}
	if c.At.Unix() <= 0 {
		c.At = time.Time{} // the record does not say
	}
	if _, err := aggregate.SequenceKey(c.Sequence); err != nil {
		return c, undecodable(err)
	}
	if record.Change.NewImage == nil && record.Change.OldImage == nil {
		return c, undecodable(errors.New("the record has no image"))
	}
	if record.Change.OldImage != nil {
		if image, err := imageFromEvent(record.Change.OldImage); err == nil {
			c.Old = image
		}
	}
	if c.Deleted = isTombstone(record.Change.NewImage); record.Change.NewImage != nil && !c.Deleted {
		image, err := imageFromEvent(record.Change.NewImage)
		if err != nil {
			return c, undecodable(err)
		}
		c.New = image
	}
	return c, nil
}

// isTombstone tells whether an image is what a deletion leaves. One with a value is not: a recount would count it.
func isTombstone(attributes map[string]events.DynamoDBAttributeValue) bool {
	_, hasValue := attributes[contract.AttrValue]
	deleted, marked := attributes[contract.AttrDeleted]
	return !hasValue && marked && deleted.DataType() == events.DataTypeBoolean && deleted.Boolean()
}

func undecodable(err error) error {
	return &fault.Error{Kind: fault.Invalid, Message: "the stream record cannot be decoded", Cause: err}
}

func imageFromEvent(attributes map[string]events.DynamoDBAttributeValue) (*aggregate.Image, error) {
	image := eventImage{attributes: attributes}
	equipmentID, timestamp := image.text(contract.AttrEquipmentID), image.text(contract.AttrTimestamp)
	value, region := image.number(contract.AttrValue), image.text(contract.AttrRegion)
	expiry := ""
	if _, has := attributes[contract.AttrExpiresAt]; has {
		expiry = image.number(contract.AttrExpiresAt)
	}
	if image.err != nil {
		return nil, image.err
	}
	r, err := parseStored(equipmentID, timestamp, value)
	if err != nil {
		return nil, err
	}
	out := &aggregate.Image{Reading: r, Region: region}
	if expiry != "" {
		seconds, err := strconv.ParseInt(expiry, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number", contract.AttrExpiresAt)
		}
		out.ExpiresAt = time.Unix(seconds, 0).UTC()
	}
	return out, nil
}

// parseStored makes a reading of the texts that the readings table holds, by the rules of the service that writes them. What
// breaks them was put there by somebody else; stream and recount must agree on not counting it.
func parseStored(equipmentID, timestamp, value string) (reading.Reading, error) {
	id, err := reading.ParseEquipmentID(equipmentID)
	if err != nil {
		return reading.Reading{}, fmt.Errorf("%s %w", contract.AttrEquipmentID, err)
	}
	t, err := reading.ParseTimestamp(timestamp)
	if err != nil {
		return reading.Reading{}, fmt.Errorf("%s %w", contract.AttrTimestamp, err)
	}
	var form [64]byte
	if string(reading.AppendTimestamp(form[:0], t)) != timestamp {
		return reading.Reading{}, fmt.Errorf("%s is not in the stored form", contract.AttrTimestamp)
	}
	v, err := reading.ParseValue(value)
	if err != nil {
		return reading.Reading{}, fmt.Errorf("%s %w", contract.AttrValue, err)
	}
	return reading.Reading{EquipmentID: id, Timestamp: t, Value: v}, nil
}

// eventImage takes attributes out of an image and remembers the first fault. The accessors of package events panic on an
// attribute of another type.
type eventImage struct {
	attributes map[string]events.DynamoDBAttributeValue
	err        error
}

func (i *eventImage) text(name string) string {
	v, ok := i.attributes[name]
	if !ok || v.DataType() != events.DataTypeString || v.String() == "" {
		i.fault(name, "string")
		return ""
	}
	return v.String()
}

func (i *eventImage) number(name string) string {
	v, ok := i.attributes[name]
	if !ok || v.DataType() != events.DataTypeNumber {
		i.fault(name, "number")
		return ""
	}
	return v.Number()
}

func (i *eventImage) fault(name, kind string) {
	if i.err == nil {
		i.err = fmt.Errorf("%s is not a %s", name, kind)
	}
}
