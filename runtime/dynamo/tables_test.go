package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

func TestCreateTable_MakesEveryTableOfTheContractAndIsRepeatable(t *testing.T) {
	client := localClient
	for _, table := range contract.Tables() {
		for range 2 {
			if err := dynamo.CreateTable(t.Context(), client, table.Name, table); err != nil {
				t.Fatalf("create %s: %v", table.Name, err)
			}
		}
		if err := dynamo.Ready(t.Context(), client, table.Name); err != nil {
			t.Errorf("ready %s: %v", table.Name, err)
		}
		out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table.Name})
		if err != nil {
			t.Fatal(err)
		}
		if streams := out.Table.LatestStreamArn != nil; streams != table.Stream {
			t.Errorf("%s: has a stream = %v, want %v", table.Name, streams, table.Stream)
		}
		if got, want := len(out.Table.GlobalSecondaryIndexes), len(table.Indexes); got != want {
			t.Errorf("%s: %d indexes, want %d", table.Name, got, want)
		}
	}
	if err := dynamo.Ready(t.Context(), client, "Missing"); err == nil {
		t.Error("a missing table is ready")
	}
}
