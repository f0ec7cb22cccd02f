package eventsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/test/await"
)

var (
	tables  *dynamodb.Client
	streams *dynamodbstreams.Client
)

func TestMain(m *testing.M) {
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
	tables, streams = dynamo.NewClient(cfg), dynamodbstreams.NewFromConfig(cfg)
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// fixture is a table with a stream and a function that notes what it saw.
type fixture struct {
	t     *testing.T
	table string
	o     eventsource.StreamOptions

	mu     sync.Mutex
	runs   [][]string // the sort keys of each invocation
	events []events.DynamoDBEvent
}

// respond decides on an invocation by its sort keys.
type respond func(run int, keys []string, e events.DynamoDBEvent) ([]byte, error)

func newFixture(t *testing.T, function respond) *fixture {
	t.Helper()
	f := &fixture{t: t, table: "readings-" + uuid.NewString()}
	if err := dynamolocal.CreateTable(t.Context(), tables, f.table, contract.ReadingsTable()); err != nil {
		t.Fatal(err)
	}
	out, err := tables.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &f.table})
	if err != nil {
		t.Fatal(err)
	}
	f.o = eventsource.StreamOptions{
		Client: streams, StreamARN: *out.Table.LatestStreamArn, Log: quiet, PollInterval: 2 * time.Millisecond,
		Function: invoker(func(payload []byte) ([]byte, error) {
			var e events.DynamoDBEvent
			if err := json.Unmarshal(payload, &e); err != nil {
				t.Errorf("event %s: %v", payload, err)
			}
			keys := make([]string, 0, len(e.Records))
			for _, r := range e.Records {
				keys = append(keys, r.Change.Keys[contract.AttrTimestamp].String())
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.runs, f.events = append(f.runs, keys), append(f.events, e)
			return function(len(f.runs), keys, e)
		}),
	}
	return f
}

func (f *fixture) put(region string, keys ...string) {
	f.t.Helper()
	for _, key := range keys {
		_, err := tables.PutItem(f.t.Context(), &dynamodb.PutItemInput{TableName: &f.table, Item: map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "e"},
			contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: key},
			contract.AttrRegion:      &types.AttributeValueMemberS{Value: region},
		}})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// poll runs the poller until the condition holds of the runs so far.
func (f *fixture) poll(until func(runs [][]string) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	var poller sync.WaitGroup
	poller.Go(func() {
		if err := eventsource.PollStream(ctx, f.o); err != nil {
			f.t.Error(err)
		}
	})
	if err := await.Until(ctx, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !until(f.runs) {
			return fmt.Errorf("the function saw only %v", f.runs)
		}
		return nil
	}); err != nil {
		f.t.Error(err)
	}
	cancel()
	poller.Wait()
}

func (f *fixture) expect(want ...[]string) {
	f.t.Helper()
	if !slices.EqualFunc(f.runs, want, slices.Equal) {
		f.t.Errorf("the function saw %v, want %v", f.runs, want)
	}
}

func atLeast(n int) func([][]string) bool {
	return func(runs [][]string) bool { return len(runs) >= n }
}

func succeed(int, []string, events.DynamoDBEvent) ([]byte, error) { return nil, nil }

func refuse() ([]byte, error) {
	return nil, &lambdalocal.FunctionError{Type: "errorString", Message: "refused"}
}

// failing answers with the identifiers of these sort keys.
func failing(e events.DynamoDBEvent, keys ...string) ([]byte, error) {
	var answer events.DynamoDBEventResponse
	for _, r := range e.Records {
		if slices.Contains(keys, r.Change.Keys[contract.AttrTimestamp].String()) {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
		}
	}
	return json.Marshal(answer)
}

func TestPollStream_DeliversInOrderAndInBatchesWhatTheRegionWrote(t *testing.T) {
	f := newFixture(t, succeed)
	f.o.Region, f.o.BatchSize = "eu-west-1", 2
	f.put("eu-west-1", "1", "2", "3")
	f.put("us-east-1", "3", "4") // 3 has an old image of ours, 4 is another region's
	f.put("eu-west-1", "5", "6")
	f.poll(func(runs [][]string) bool { return slices.Contains(slices.Concat(runs...), "6") })
	if got := slices.Concat(f.runs...); !slices.Equal(got, []string{"1", "2", "3", "3", "5", "6"}) {
		t.Errorf("the function saw %v", f.runs)
	}
	for _, run := range f.runs {
		if len(run) > 2 {
			t.Errorf("a batch of %d", len(run))
		}
	}
}

func TestPollStream_EncodesEveryTypeAsLambdaDoes(t *testing.T) {
	f := newFixture(t, succeed)
	item := map[string]types.AttributeValue{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "e"},
		contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: "1"},
		"n":                      &types.AttributeValueMemberN{Value: "12345678901234567890123456789012345.678"},
		"b":                      &types.AttributeValueMemberB{Value: []byte{0, 1, 255}},
		"yes":                    &types.AttributeValueMemberBOOL{Value: true},
		"nil":                    &types.AttributeValueMemberNULL{Value: true},
		"ss":                     &types.AttributeValueMemberSS{Value: []string{"x", "y"}},
		"ns":                     &types.AttributeValueMemberNS{Value: []string{"7"}},
		"bs":                     &types.AttributeValueMemberBS{Value: [][]byte{{2}}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "deep"}}},
		}},
	}
	if _, err := tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &f.table, Item: item}); err != nil {
		t.Fatal(err)
	}
	if _, err := tables.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &f.table, Key: map[string]types.AttributeValue{
		contract.AttrEquipmentID: item[contract.AttrEquipmentID], contract.AttrTimestamp: item[contract.AttrTimestamp],
	}}); err != nil {
		t.Fatal(err)
	}
	f.o.Region, f.o.BatchSize = "", 1
	f.poll(atLeast(2))
	put, removed := f.events[0].Records[0], f.events[1].Records[0]
	if put.EventName != "INSERT" || put.EventSource != "aws:dynamodb" || put.EventSourceArn != f.o.StreamARN || put.Change.OldImage != nil {
		t.Errorf("insertion %+v", put)
	}
	if removed.EventName != "REMOVE" || removed.Change.NewImage != nil || removed.Change.SequenceNumber <= put.Change.SequenceNumber {
		t.Errorf("deletion %+v", removed)
	}
	for _, image := range []map[string]events.DynamoDBAttributeValue{put.Change.NewImage, removed.Change.OldImage} {
		if len(image) != len(item) || image["n"].Number() != "12345678901234567890123456789012345.678" ||
			!slices.Equal(image["b"].Binary(), []byte{0, 1, 255}) || !image["yes"].Boolean() || !image["nil"].IsNull() ||
			!slices.Equal(image["ss"].StringSet(), []string{"x", "y"}) || image["ns"].NumberSet()[0] != "7" ||
			image["bs"].BinarySet()[0][0] != 2 || image["m"].Map()["l"].List()[0].String() != "deep" {
			t.Errorf("image %+v", image)
		}
	}
}

func TestPollStream_RepeatsFromTheFirstFailedRecord(t *testing.T) {
	f := newFixture(t, func(run int, _ []string, e events.DynamoDBEvent) ([]byte, error) {
		if run == 1 {
			return failing(e, "3", "2") // whatever the order, 2 is the checkpoint
		}
		return nil, nil
	})
	f.put("r", "1", "2", "3", "4")
	f.poll(atLeast(2))
	f.expect([]string{"1", "2", "3", "4"}, []string{"2", "3", "4"})
}

func TestPollStream_HalvesAFailedBatchAndGivesUpOnlyItsPoison(t *testing.T) {
	f := newFixture(t, func(_ int, keys []string, _ events.DynamoDBEvent) ([]byte, error) {
		if slices.Contains(keys, "3") {
			return refuse()
		}
		return nil, nil
	})
	var lost eventsource.Failure
	f.o.RetryAttempts = 2
	f.o.OnFailure = func(_ context.Context, failure eventsource.Failure) error { lost = failure; return nil }
	f.put("r", "1", "2", "3", "4")
	f.poll(atLeast(7))
	f.expect([]string{"1", "2", "3", "4"}, []string{"1", "2"}, []string{"3", "4"},
		[]string{"3"}, []string{"3"}, []string{"3"}, []string{"4"})
	if len(lost.Records) != 1 || lost.Attempts != 3 || lost.StreamARN != f.o.StreamARN || !errors.As(lost.Err, new(*lambdalocal.FunctionError)) {
		t.Errorf("given up: %+v", lost)
	}
}

func TestPollStream_NeverGivesUpWhatTheFunctionDidNotSee(t *testing.T) {
	f := newFixture(t, func(run int, _ []string, _ events.DynamoDBEvent) ([]byte, error) {
		if run <= 5 {
			return nil, lambdalocal.ErrClosed
		}
		return nil, nil
	})
	f.o.RetryAttempts = 1
	f.o.OnFailure = func(context.Context, eventsource.Failure) error { t.Error("given up"); return nil }
	f.put("r", "1")
	f.poll(atLeast(6))
}

func TestPollStream_GoesOnFromItsCheckpoint(t *testing.T) {
	f := newFixture(t, succeed)
	f.o.Checkpoint = filepath.Join(t.TempDir(), "readings.json")
	f.put("r", "1", "2")
	f.poll(atLeast(1))
	f.put("r", "3")
	f.poll(func(runs [][]string) bool { return slices.Contains(slices.Concat(runs...), "3") })
	if got := slices.Concat(f.runs...); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("the function saw %v", f.runs)
	}
}

func TestPollStream_LetsATestRepeatAndRecutBatches(t *testing.T) {
	f := newFixture(t, succeed)
	f.o.Deliver = func(records []json.RawMessage, deliver func([]json.RawMessage) error) error {
		slices.Reverse(records)
		return errors.Join(deliver(records[:1]), deliver(records))
	}
	f.put("r", "1", "2", "3")
	f.poll(atLeast(2))
	f.expect([]string{"3"}, []string{"3", "2", "1"})
}
