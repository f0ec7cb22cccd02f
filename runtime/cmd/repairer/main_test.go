package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const here = "eu-west-1"

var endpoint string

func TestMain(m *testing.M) {
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	endpoint = server.Endpoint
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// region is a region in which three readings were stored whose records nobody took in.
type region struct {
	config.Repairer
	client        *dynamodb.Client
	aws           aws.Config
	again, aside  *sqslocal.Queue
	stream, shard string
	sequences     []string
	hour          time.Time
}

func newRegion(t *testing.T) *region {
	t.Helper()
	r := &region{hour: reading.Hour(time.Now())}
	queue := func(name string) *sqslocal.Queue {
		q, err := sqslocal.NewQueue(sqslocal.Options{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	r.again, r.aside = queue("again"), queue("aside")
	server := httptest.NewServer(sqslocal.NewServer(r.again, r.aside))
	t.Cleanup(server.Close)
	t.Setenv("AWS_REGION", here)
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	for service, address := range map[string]string{"DYNAMODB": endpoint, "DYNAMODB_STREAMS": endpoint, "SQS": server.URL} {
		t.Setenv("AWS_ENDPOINT_URL_"+service, address)
	}
	var err error
	if r.aws, err = config.AWS(); err != nil {
		t.Fatal(err)
	}
	r.client = dynamo.NewClient(r.aws)
	name := fmt.Sprint(time.Now().UnixNano())
	r.Repairer = config.Repairer{
		Region: here, ReadingsTable: name + "-readings", AggregatesTable: name + "-aggregates", IndexShards: 2, FleetBuckets: 2,
		FailuresURL: sqslocal.QueueURL(server.URL, "again"), DeadLettersURL: sqslocal.QueueURL(server.URL, "aside"),
	}
	for table, definition := range map[string]contract.Table{r.ReadingsTable: contract.ReadingsTable(), r.AggregatesTable: contract.AggregatesTable()} {
		if err := dynamolocal.CreateTable(t.Context(), r.client, table, definition); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		r.store(t, fmt.Sprintf("EQ-%d", i), "0.1")
	}
	r.findRecords(t)
	return r
}

func s(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

func (r *region) store(t *testing.T, id, value string) {
	t.Helper()
	if _, err := r.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &r.ReadingsTable, Item: map[string]types.AttributeValue{
		contract.AttrEquipmentID: s(id), contract.AttrTimestamp: s(reading.FormatTimestamp(r.hour)),
		contract.AttrValue: &types.AttributeValueMemberN{Value: value}, contract.AttrRegion: s(here),
	}}); err != nil {
		t.Fatal(err)
	}
}

// findRecords finds the records that the event source would have given up.
func (r *region) findRecords(t *testing.T) {
	t.Helper()
	table, err := r.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &r.ReadingsTable})
	if err != nil {
		t.Fatal(err)
	}
	r.stream = aws.ToString(table.Table.LatestStreamArn)
	streams := dynamodbstreams.NewFromConfig(aws.Config{
		Region: here, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	described, err := streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &r.stream})
	if err != nil {
		t.Fatal(err)
	}
	r.shard = aws.ToString(described.StreamDescription.Shards[0].ShardId)
	at, err := streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &r.stream, ShardId: &r.shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at.ShardIterator})
	if err != nil || len(page.Records) != 3 {
		t.Fatalf("%d records, %v", len(page.Records), err)
	}
	for _, record := range page.Records {
		r.sequences = append(r.sequences, aws.ToString(record.Dynamodb.SequenceNumber))
	}
}

// givenUp is the message of the failure destination about some of the records.
func (r *region) givenUp(t *testing.T, id, shard string, first, last int) events.SQSMessage {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"requestContext": map[string]any{"condition": "RetryAttemptsExhausted"},
		"DDBStreamBatchInfo": map[string]any{
			"shardId": shard, "streamArn": r.stream, "startSequenceNumber": r.sequences[first], "endSequenceNumber": r.sequences[last],
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return message(id, string(body), "1")
}

// held is how many readings the row of an equipment holds.
func (r *region) held(t *testing.T, id string) int64 {
	t.Helper()
	key := aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: r.hour, Region: here}
	rows, err := dynamo.NewAggregates(r.client, r.ReadingsTable, r.AggregatesTable, r.IndexShards).ReadRows(t.Context(), []aggregate.RowKey{key})
	if err != nil {
		t.Fatal(err)
	}
	return rows[key].Count
}

// The function as it is deployed, with its tables, its stream and its queues.
func TestRepairer_RestatesTheRowsOfWhatWasGivenUp(t *testing.T) {
	r := newRegion(t)
	var logs bytes.Buffer
	handle := build(r.Repairer, r.aws, &logs)
	out, err := handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		r.givenUp(t, "1", r.shard, 0, 1), message("2", `{"hello":"world"}`, "1"), r.givenUp(t, "3", r.shard+"gone", 2, 2),
	}})
	if err != nil || len(out.BatchItemFailures) != 0 {
		t.Fatalf("come back: %+v, %v\n%s", out, err, &logs)
	}
	for i, want := range []int64{1, 1, 0} {
		if got := r.held(t, fmt.Sprintf("EQ-%d", i)); got != want {
			t.Errorf("the row of EQ-%d holds %d readings, want %d", i, got, want)
		}
	}
	aside, err := r.aside.Receive(t.Context(), 10, 0)
	if err != nil || len(aside) != 2 || !strings.Contains(aside[0].Body, "names no piece of a stream") ||
		!strings.Contains(aside[1].Body, r.sequences[2]) || r.again.Depth() != (sqslocal.Depth{}) {
		t.Errorf("put aside: %+v, %v; sent on: %+v", aside, err, r.again.Depth())
	}
	all := lines(t, &logs)
	if len(all) != 3 || all[0]["msg"] != "rows repaired" || all[0]["rows"] != 2.0 || all[0]["wrong"] != 2.0 || all[1]["level"] != "ERROR" || all[2]["level"] != "ERROR" {
		t.Errorf("logged %v", all)
	}
}

// A rest that has no time in this invocation goes on in the next one.
func TestRepairer_SendsOnWhatItHasNoTimeFor(t *testing.T) {
	r := newRegion(t)
	var logs bytes.Buffer
	handle := build(r.Repairer, r.aws, &logs)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // less than a second row may need
	defer cancel()
	out, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{r.givenUp(t, "1", r.shard, 0, 2)}})
	if err != nil || len(out.BatchItemFailures) != 0 {
		t.Fatalf("come back: %+v, %v\n%s", out, err, &logs)
	}
	rest, err := r.again.Receive(t.Context(), 10, 0)
	if err != nil || len(rest) != 1 || r.held(t, "EQ-0") != 1 || r.held(t, "EQ-1") != 0 {
		t.Fatalf("sent on %+v, %v; EQ-0 holds %d, EQ-1 %d", rest, err, r.held(t, "EQ-0"), r.held(t, "EQ-1"))
	}
	if _, err := handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{message("2", rest[0].Body, "1")}}); err != nil {
		t.Fatal(err)
	}
	if r.held(t, "EQ-1") != 1 || r.held(t, "EQ-2") != 1 {
		t.Errorf("after the rest EQ-1 holds %d, EQ-2 %d\n%s", r.held(t, "EQ-1"), r.held(t, "EQ-2"), &logs)
	}
}

// While the tables cannot be reached, messages come back, and none is put aside before its last time.
func TestRepairer_LetsMessagesComeAgainWhileTheTablesAreAway(t *testing.T) {
	r := newRegion(t)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
	away, err := config.AWS()
	if err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	handle := build(r.Repairer, away, &logs)
	ctx, cancel := context.WithTimeout(t.Context(), answerTime+2*time.Second)
	defer cancel()
	out, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{r.givenUp(t, "1", r.shard, 0, 2)}})
	if err != nil || len(out.BatchItemFailures) != 1 || r.aside.Depth() != (sqslocal.Depth{}) {
		t.Errorf("come back: %+v, %v; put aside: %+v", out, err, r.aside.Depth())
	}
	if all := lines(t, &logs); len(all) != 1 || all[0]["level"] != "WARN" {
		t.Errorf("logged %v", all)
	}
}
