package eventsource

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// concerns tells whether an image of the record was written by one of the regions: the filter of the deployed event source.
func concerns(r types.Record, regions ...string) bool {
	for _, image := range []map[string]types.AttributeValue{r.Dynamodb.NewImage, r.Dynamodb.OldImage} {
		if writer, ok := image[contract.AttrRegion].(*types.AttributeValueMemberS); ok && slices.Contains(regions, writer.Value) {
			return true
		}
	}
	return false
}

// encodeRecord gives the record the JSON that Lambda passes to functions.
func encodeRecord(r types.Record, streamARN, region string) (json.RawMessage, error) {
	if region == "" {
		region = aws.ToString(r.AwsRegion)
	}
	change := map[string]any{
		"SequenceNumber": aws.ToString(r.Dynamodb.SequenceNumber),
		"SizeBytes":      aws.ToInt64(r.Dynamodb.SizeBytes),
		"StreamViewType": r.Dynamodb.StreamViewType,
	}
	if t := r.Dynamodb.ApproximateCreationDateTime; t != nil {
		change["ApproximateCreationDateTime"] = t.Unix()
	}
	for name, image := range map[string]map[string]types.AttributeValue{
		"Keys": r.Dynamodb.Keys, "NewImage": r.Dynamodb.NewImage, "OldImage": r.Dynamodb.OldImage,
	} {
		if image == nil {
			continue
		}
		encoded, err := encodeImage(image)
		if err != nil {
			return nil, fmt.Errorf("encode record %s: %w", aws.ToString(r.Dynamodb.SequenceNumber), err)
		}
		change[name] = encoded
	}
	record := map[string]any{
		"eventID": aws.ToString(r.EventID), "eventName": r.EventName, "eventVersion": aws.ToString(r.EventVersion),
		"eventSource": "aws:dynamodb", "eventSourceARN": streamARN, "awsRegion": region, "dynamodb": change,
	}
	if who := r.UserIdentity; who != nil { // expiries carry it
		record["userIdentity"] = map[string]string{"type": aws.ToString(who.Type), "principalId": aws.ToString(who.PrincipalId)}
	}
	encoded, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode record %s: %w", aws.ToString(r.Dynamodb.SequenceNumber), err)
	}
	return encoded, nil
}

func encodeImage(image map[string]types.AttributeValue) (map[string]any, error) {
	encoded := make(map[string]any, len(image))
	for name, value := range image {
		v, err := encodeValue(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		encoded[name] = v
	}
	return encoded, nil
}

// encodeValue names the type beside the value. Numbers stay text, so that none passes through a float; encoding/json writes
// byte slices in base64, as AWS does.
func encodeValue(value types.AttributeValue) (map[string]any, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}, nil
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}, nil
	case *types.AttributeValueMemberM:
		members, err := encodeImage(v.Value)
		return map[string]any{"M": members}, err
	case *types.AttributeValueMemberL:
		elements, err := encodeList(v.Value)
		return map[string]any{"L": elements}, err
	default:
		return nil, fmt.Errorf("attribute values of type %T are unknown", value)
	}
}

func encodeList(values []types.AttributeValue) ([]map[string]any, error) {
	elements := make([]map[string]any, len(values))
	for i, value := range values {
		var err error
		if elements[i], err = encodeValue(value); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return elements, nil
}

// sequenceOf reads the sequence number of an encoded record.
func sequenceOf(record json.RawMessage) string {
	var r struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	_ = json.Unmarshal(record, &r) // what Deliver made up has none, and its invocation fails
	return r.Change.SequenceNumber
}
