package dynamolocal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
)

func start(t *testing.T, dir string) (*dynamolocal.Server, *dynamodb.Client) {
	t.Helper()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server, dynamodb.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func TestStart_KeepsTablesInAWriteAheadDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	server, client := start(t, dir)
	table := contract.RevocationsTable()
	if err := dynamolocal.CreateTable(t.Context(), client, "kept", table); err != nil {
		t.Fatal(err)
	}
	item := map[string]types.AttributeValue{
		table.Key.Partition: &types.AttributeValueMemberS{Value: "a"}, table.Key.Sort: &types.AttributeValueMemberS{Value: "b"},
	}
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("kept"), Item: item}); err != nil {
		t.Fatal(err)
	}
	if log, err := os.Stat(filepath.Join(dir, "shared-local-instance.db-wal")); err != nil || log.Size() == 0 {
		t.Errorf("the write-ahead log: %v", err)
	}
	server.Stop()

	_, client = start(t, dir)
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("kept"), Key: item})
	if err != nil || len(out.Item) != 2 {
		t.Errorf("after a restart: %v, %v", out, err)
	}
}
