package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Stored is a row of the readings table.
type Stored struct {
	EquipmentID string
	At          time.Time
	Timestamp   string // as stored
	Value       string // the number's text
}

// NewDynamoDB returns a client of a local DynamoDB, which takes any credentials.
func NewDynamoDB(region, endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// Readings scans the whole readings table. What was deleted is left out.
func Readings(ctx context.Context, client *dynamodb.Client, table string) ([]Stored, error) {
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	var all []Stored
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", table, err)
		}
		for _, item := range page.Items {
			if _, deleted := item[contract.AttrDeleted]; deleted {
				continue
			}
			one, err := stored(item)
			if err != nil {
				return nil, fmt.Errorf("scan %s: %w", table, err)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

func stored(item map[string]types.AttributeValue) (Stored, error) {
	id, isText := item[contract.AttrEquipmentID].(*types.AttributeValueMemberS)
	at, isTime := item[contract.AttrTimestamp].(*types.AttributeValueMemberS)
	value, isNumber := item[contract.AttrValue].(*types.AttributeValueMemberN)
	if !isText || !isTime || !isNumber {
		return Stored{}, fmt.Errorf("the item %v lacks a column or has one of another type", item)
	}
	instant, err := time.Parse(time.RFC3339Nano, at.Value)
	if err != nil {
		return Stored{}, fmt.Errorf("the timestamp of %s: %w", id.Value, err)
	}
	return Stored{EquipmentID: id.Value, At: instant.UTC(), Timestamp: at.Value, Value: value.Value}, nil
}
