package storagesuite_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
)

// local is the DynamoDB Local that all tests share; each makes tables of its own.
var local aws.Config

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(deviationKey) != "" { // a process of TestSuite_FindsEachDeviation
		return m.Run()
	}
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	local = aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
	return m.Run()
}

func TestModel_BehavesAsDynamoDB(t *testing.T) {
	storagesuite.Suite(t, func(*testing.T) storagesuite.Storage { return deviating(os.Getenv(deviationKey)) })
}

func TestDynamoDBLocal_BehavesAsDynamoDB(t *testing.T) {
	client, streams := dynamo.NewClient(local), dynamodbstreams.NewFromConfig(local)
	var created atomic.Int64
	storagesuite.Suite(t, func(*testing.T) storagesuite.Storage {
		return storagesuite.Storage{
			Client: client,
			Create: func(t *testing.T, definition contract.Table) string {
				name := fmt.Sprintf("%s-%d", definition.Name, created.Add(1))
				if err := dynamolocal.CreateTable(t.Context(), client, name, definition); err != nil {
					t.Fatal(err)
				}
				return name
			},
			Records: func(t *testing.T, table string) []storagesuite.Record { return readStream(t, client, streams, table) },
		}
	})
}

// readStream reads a table's stream from its beginning. A table of DynamoDB Local has one shard, which never closes; one of
// DynamoDB has as many as it likes (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html).
func readStream(t *testing.T, client *dynamodb.Client, streams *dynamodbstreams.Client, table string) (records []storagesuite.Record) {
	t.Helper()
	description, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	arn := description.Table.LatestStreamArn
	stream, err := streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range stream.StreamDescription.Shards {
		start, err := streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			t.Fatal(err)
		}
		for iterator := start.ShardIterator; iterator != nil; {
			page, err := streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Records) == 0 {
				break
			}
			for _, r := range page.Records {
				records = append(records, storagesuite.Record{
					Sequence: *r.Dynamodb.SequenceNumber, Key: decoded(t, r.Dynamodb.Keys),
					Old: decoded(t, r.Dynamodb.OldImage), New: decoded(t, r.Dynamodb.NewImage),
				})
			}
			iterator = page.NextShardIterator
		}
	}
	return records
}

// decoded translates an image of the stream into an item.
func decoded(t *testing.T, image map[string]streamtypes.AttributeValue) storagesuite.Item {
	t.Helper()
	if len(image) == 0 {
		return nil
	}
	item := storagesuite.Item{}
	for name, value := range image {
		switch v := value.(type) {
		case *streamtypes.AttributeValueMemberS:
			item[name] = &types.AttributeValueMemberS{Value: v.Value}
		case *streamtypes.AttributeValueMemberN:
			item[name] = &types.AttributeValueMemberN{Value: v.Value}
		case *streamtypes.AttributeValueMemberBOOL:
			item[name] = &types.AttributeValueMemberBOOL{Value: v.Value}
		default:
			t.Fatalf("attribute %s is a %T", name, value)
		}
	}
	return item
}
