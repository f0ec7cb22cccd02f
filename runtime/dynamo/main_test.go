package dynamo_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
)

// localClient speaks to the DynamoDB Local that all tests of this package share; each test makes tables of its own.
var localClient *dynamodb.Client

func TestMain(m *testing.M) {
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	localClient = dynamo.NewClient(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// newTable creates a table named after the test.
func newTable(t *testing.T, definition contract.Table) string {
	t.Helper()
	name := fmt.Sprintf("%s-%x", definition.Name, crc32.ChecksumIEEE([]byte(t.Name())))
	if err := dynamolocal.CreateTable(t.Context(), localClient, name, definition); err != nil {
		t.Fatal(err)
	}
	return name
}
