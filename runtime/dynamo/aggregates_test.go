package dynamo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

const indexShards = 3

// aggregatesFixture are new tables and the adapter to them.
type aggregatesFixture struct {
	*dynamo.Aggregates
	readings, aggregates string
}

func newAggregates(t *testing.T) aggregatesFixture {
	t.Helper()
	f := aggregatesFixture{readings: newTable(t, contract.ReadingsTable()), aggregates: newTable(t, contract.AggregatesTable())}
	f.Aggregates = dynamo.NewAggregates(localClient, f.readings, f.aggregates, indexShards)
	return f
}

// put stores readings as another process would, with padding bytes that make pages fill up.
func (f aggregatesFixture) put(t aggregatetest.T, padding int, images ...aggregate.Image) {
	t.Helper()
	for len(images) > 0 {
		n := min(len(images), contract.BatchStatementsMax)
		var writes []types.WriteRequest
		for _, i := range images[:n] {
			item := map[string]types.AttributeValue{
				contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: string(i.EquipmentID)},
				contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(i.Timestamp)},
				contract.AttrValue:       &types.AttributeValueMemberN{Value: i.Value.String()},
				contract.AttrRegion:      &types.AttributeValueMemberS{Value: i.Region},
			}
			if padding > 0 {
				item["padding"] = &types.AttributeValueMemberS{Value: strings.Repeat("x", padding)}
			}
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		if _, err := localClient.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{f.readings: writes},
		}); err != nil {
			t.Fatal(err)
		}
		images = images[n:]
	}
}

func TestAggregates_BehaveAsTheModelDoes(t *testing.T) {
	aggregatetest.Suite(t, func(t *testing.T) aggregatetest.Tables {
		f := newAggregates(t)
		return aggregatetest.Tables{
			RowTable: f, WindowTable: f, FleetTable: f, IndexShards: indexShards,
			Put: func(t aggregatetest.T, images ...aggregate.Image) { f.put(t, 0, images...) },
		}
	})
}

var firstHour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func decimal(t *testing.T, text string) reading.Decimal {
	t.Helper()
	d, err := reading.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAggregates_ReadSlicesGoesOverPagesAndSkipsWhatIsNoReading(t *testing.T) {
	f := newAggregates(t)
	const n, padding = 600, 4096 // 2.4 MB: three pages of 1 MB at most
	var images []aggregate.Image
	var want aggregate.Figures
	for i := range n {
		image := aggregate.Image{Region: "eu-west-1", Reading: reading.Reading{
			EquipmentID: "EQ", Timestamp: firstHour.Add(time.Duration(i) * time.Second / 2), Value: decimal(t, fmt.Sprintf("0.%03d", i)),
		}}
		images, want = append(images, image), want.Join(aggregate.FiguresOf(image.Value))
	}
	f.put(t, padding, images...)
	for timestamp, value := range map[string]types.AttributeValue{
		"2026-03-01T08:04:00Z":           &types.AttributeValueMemberN{Value: "1"},    // not as the service writes it
		"2026-03-01T08:04:01.100000000Z": &types.AttributeValueMemberS{Value: "1"},    // a text
		"2026-03-01T08:04:02.100000000Z": &types.AttributeValueMemberN{Value: "1e90"}, // beyond the limits
	} {
		if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &f.readings, Item: map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "EQ"},
			contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: timestamp},
			contract.AttrRegion:      &types.AttributeValueMemberS{Value: "eu-west-1"}, contract.AttrValue: value,
		}}); err != nil {
			t.Fatal(err)
		}
	}
	key := aggregate.RowKey{EquipmentID: "EQ", Hour: firstHour, Region: "eu-west-1"}
	got, err := f.ReadSlices(t.Context(), key, 0, 0)
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	// The first slice alone takes what a call reads beyond the first one, so that others come in calls of their own.
	if got, err = f.ReadSlices(t.Context(), key, 0, contract.SlicesPerHour-1); err != nil || len(got) == 0 || got[0] != want {
		t.Errorf("the whole hour: got %v, %v", got, err)
	}
}

// recordingClient keeps the queries that pass through it.
type recordingClient struct {
	*dynamodb.Client
	queries []*dynamodb.QueryInput
	gets    []*dynamodb.BatchGetItemInput
	// left is a key that is left unprocessed.
	left map[string]types.AttributeValue
}

func (c *recordingClient) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	c.queries = append(c.queries, in)
	return c.Client.Query(ctx, in, o...)
}

func (c *recordingClient) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	c.gets = append(c.gets, in)
	out, err := c.Client.BatchGetItem(ctx, in, o...)
	if c.left != nil && err == nil {
		for table := range in.RequestItems {
			out.Responses[table] = nil
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{table: {Keys: []map[string]types.AttributeValue{c.left}}}
		}
	}
	return out, err
}

// DynamoDB Local reads consistently whatever it is asked for, so that only the request can show this.
func TestAggregates_RecountReadsConsistently(t *testing.T) {
	f := newAggregates(t)
	client := &recordingClient{Client: localClient}
	table := dynamo.NewAggregates(client, f.readings, f.aggregates, indexShards)
	key := aggregate.RowKey{EquipmentID: "EQ", Hour: firstHour, Region: "eu-west-1"}
	if _, err := table.ReadRows(t.Context(), []aggregate.RowKey{key}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.ReadSlices(t.Context(), key, 0, 0); err != nil {
		t.Fatal(err)
	}
	if consistent := client.gets[0].RequestItems[f.aggregates].ConsistentRead; len(client.gets) != 1 || consistent == nil || !*consistent {
		t.Error("the row was not read consistently")
	}
	if len(client.queries) != 1 || client.queries[0].ConsistentRead == nil || !*client.queries[0].ConsistentRead {
		t.Error("the readings were not read consistently")
	}
}

func TestAggregates_ReadRowsLeavesOutWhatWasNotRead(t *testing.T) {
	f := newAggregates(t)
	client := &recordingClient{Client: localClient, left: map[string]types.AttributeValue{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "EQ"},
		contract.AttrInterval:    &types.AttributeValueMemberS{Value: "2026-03-01T08#eu-west-1"},
	}}
	table := dynamo.NewAggregates(client, f.readings, f.aggregates, indexShards)
	left, missing := aggregate.RowKey{EquipmentID: "EQ", Hour: firstHour, Region: "eu-west-1"}, aggregate.RowKey{EquipmentID: "EQ-1", Hour: firstHour, Region: "eu-west-1"}
	rows, err := table.ReadRows(t.Context(), []aggregate.RowKey{left, missing})
	row, known := rows[missing]
	if err != nil || len(rows) != 1 || !known || row.Exists {
		t.Errorf("got %v, %v: a row that was not read does not count as one that is not there", rows, err)
	}
}

func TestAggregates_NamesWhatItCannotRead(t *testing.T) {
	f := newAggregates(t)
	key := aggregate.RowKey{EquipmentID: "EQ", Hour: firstHour, Region: "eu-west-1"}
	damage := func(name string, v types.AttributeValue) {
		if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &f.aggregates, Item: map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: "EQ"},
			contract.AttrInterval:    &types.AttributeValueMemberS{Value: "2026-03-01T08#eu-west-1"}, name: v,
		}}); err != nil {
			t.Fatal(err)
		}
		_, err := f.ReadRows(t.Context(), []aggregate.RowKey{key})
		if fault.KindOf(err) != fault.Internal || !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("a damaged %s: got %v", name, err)
		}
	}
	damage(contract.AttrRecounted, &types.AttributeValueMemberN{Value: "3"})
	damage(contract.AttrRecounted, &types.AttributeValueMemberNS{Value: []string{"12"}})
	damage(contract.AttrRecounted, &types.AttributeValueMemberNS{Value: []string{"0.5"}})
	damage(contract.SliceAttribute(contract.AttrSliceRevision, 11), &types.AttributeValueMemberN{Value: "0.5"})
	damage(contract.AttrMinValue, &types.AttributeValueMemberS{Value: "1"})
	damage(contract.AttrSampleCount, &types.AttributeValueMemberS{Value: "many"})
	// Adding to a text is not possible, and the caller is told so, to look for the row that spoils the transaction.
	one := aggregate.SumOf(decimal(t, "1"))
	err := f.Commit(t.Context(), aggregate.Transaction{Token: "t", Rows: []aggregate.RowWrite{
		{Key: aggregate.RowKey{EquipmentID: "A", Hour: firstHour, Region: "eu-west-1"}, Delta: one}, {Key: key, Delta: one},
	}})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("adding to a text: got %v", err)
	}
}

func TestAggregates_ATableThatIsNotThereIsNotWaitedFor(t *testing.T) {
	table := dynamo.NewAggregates(localClient, "absent-readings", "absent-aggregates", indexShards)
	key := aggregate.RowKey{EquipmentID: "EQ", Hour: firstHour, Region: "eu-west-1"}
	_, err := table.ReadRows(t.Context(), []aggregate.RowKey{key})
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("read rows: got %v", err)
	}
	err = table.Commit(t.Context(), aggregate.Transaction{Token: "t", Rows: []aggregate.RowWrite{{Key: key}}})
	if kind := fault.KindOf(err); kind == fault.Unavailable {
		t.Errorf("commit: got %v", err)
	}
}
