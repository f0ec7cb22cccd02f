package dynamodel_test

import (
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const indexShards = 3

// TestDatabase_CarriesTheAggregates holds the model to what package aggregate asks of its tables, through the real adapter.
func TestDatabase_CarriesTheAggregates(t *testing.T) {
	aggregatetest.Suite(t, func(*testing.T) aggregatetest.Tables {
		d := dynamodel.NewDatabase("eu-west-1", time.Now)
		d.Create("readings", contract.ReadingsTable())
		d.Create("aggregates", contract.AggregatesTable())
		adapter := dynamo.NewAggregates(d, "readings", "aggregates", indexShards)
		return aggregatetest.Tables{RowTable: adapter, WindowTable: adapter, FleetTable: adapter, IndexShards: indexShards, Put: func(t aggregatetest.T, images ...aggregate.Image) {
			for _, i := range images {
				put(t, d, i)
			}
		}}
	})
}

func put(t aggregatetest.T, d *dynamodel.Database, i aggregate.Image) {
	t.Helper()
	table := "readings"
	if _, err := d.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: dynamodel.Item{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: string(i.EquipmentID)},
		contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(i.Timestamp)},
		contract.AttrValue:       &types.AttributeValueMemberN{Value: i.Value.String()},
		contract.AttrRegion:      &types.AttributeValueMemberS{Value: i.Region},
	}}); err != nil {
		t.Fatal(err)
	}
}
