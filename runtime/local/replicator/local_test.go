package replicator_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/test/await"
)

// service is DynamoDB Local with one table in two regions.
type service struct {
	*dynamodb.Client
	*replicator.Replicator
	tables []string
}

func newService(t *testing.T) *service {
	t.Helper()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{HeapMegabytes: 256})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	config := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	s := &service{Client: dynamodb.NewFromConfig(config), tables: []string{"first", "second"}}
	o := replicator.Options{Tables: s.Client, Streams: dynamodbstreams.NewFromConfig(config), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	definition := contract.AggregatesTable()
	definition.Stream = true
	for _, name := range s.tables {
		if err := dynamolocal.CreateTable(t.Context(), s.Client, name, definition); err != nil {
			t.Fatal(err)
		}
		out, err := s.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			t.Fatal(err)
		}
		o.Replicas = append(o.Replicas, replicator.Replica{Region: name, Definition: definition, Name: name, StreamARN: *out.Table.LatestStreamArn})
	}
	if s.Replicator, err = replicator.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { stop(); work.Wait() })
	return s
}

func key(n int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: fmt.Sprint("EQ-", n)},
		contract.AttrInterval:    &types.AttributeValueMemberS{Value: "2026-03-01T08"},
	}
}

// TestReplicator_KnowsItsOwnWritesInDynamoDBLocal changes rows of one region as the aggregator does. Every change must be met in the
// other region as replication's, however DynamoDB writes its numbers and sets, or it would travel back and undo newer ones.
func TestReplicator_KnowsItsOwnWritesInDynamoDBLocal(t *testing.T) {
	s := newService(t)
	random := rand.New(rand.NewPCG(1, 2))
	numbers := []string{"0", "1", "-1", "0.1", "100", "1E3", "123456789012345678901234567890", "0.00000000000000000001", "1e20", "-1.50", "12.00"}
	const writes = 600
	for i := range writes {
		update := "SET a = :a, b = :b, revision = :r ADD marked :m"
		if i%9 == 8 {
			update = "SET a = :a, revision = :r REMOVE b DELETE marked :m"
		}
		values := map[string]types.AttributeValue{
			":a": &types.AttributeValueMemberN{Value: numbers[random.IntN(len(numbers))]},
			":b": &types.AttributeValueMemberN{Value: numbers[random.IntN(len(numbers))]},
			":r": &types.AttributeValueMemberN{Value: fmt.Sprint(i)},
			":m": &types.AttributeValueMemberSS{Value: []string{fmt.Sprint(random.IntN(12)), fmt.Sprint(random.IntN(12) + 12)}},
		}
		if i%9 == 8 {
			delete(values, ":b")
		}
		if _, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.tables[0], Key: key(random.IntN(5)), UpdateExpression: &update, ExpressionAttributeValues: values,
		}); err != nil {
			t.Fatal(err)
		}
	}
	await.NoError(t, time.Minute, func() error { return s.Settled(t.Context()) })
	for n := range 5 {
		var items []map[string]types.AttributeValue
		for _, table := range s.tables {
			out, err := s.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key(n), ConsistentRead: aws.Bool(true)})
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range out.Item { // which is written as it came, or shorter
				if n, is := value.(*types.AttributeValueMemberN); is {
					value, _ := new(big.Rat).SetString(n.Value)
					n.Value = value.RatString()
				}
			}
			items = append(items, out.Item)
		}
		if !reflect.DeepEqual(items[0], items[1]) {
			t.Errorf("the first region has\n%v\nthe second\n%v", items[0], items[1])
		}
	}
	if c := s.Counts(); c.Written+c.Merged != writes || c.Outvoted+c.Unchanged != 0 {
		t.Errorf("%d writes of one region, of which some came back: %+v", writes, c)
	} else {
		t.Logf("%+v", c)
	}
}
