package dynamolocal_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
)

func TestCreateTable_MakesEveryTableOfTheContractAndIsRepeatable(t *testing.T) {
	_, client := start(t, "")
	for _, table := range contract.Tables() {
		for range 2 {
			if err := dynamolocal.CreateTable(t.Context(), client, table.Name, table); err != nil {
				t.Fatalf("create %s: %v", table.Name, err)
			}
		}
		out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table.Name})
		if err != nil {
			t.Fatal(err)
		}
		if status := out.Table.TableStatus; status != types.TableStatusActive {
			t.Errorf("%s is %s", table.Name, status)
		}
		if streams := out.Table.LatestStreamArn != nil; streams != table.Stream {
			t.Errorf("%s: has a stream = %v, want %v", table.Name, streams, table.Stream)
		}
		if got, want := len(out.Table.GlobalSecondaryIndexes), len(table.Indexes); got != want {
			t.Errorf("%s: %d indexes, want %d", table.Name, got, want)
		}
	}
}
