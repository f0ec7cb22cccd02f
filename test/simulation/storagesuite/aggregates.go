package storagesuite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// indexShards is how many partitions of the index the cases use.
const indexShards = 3

// aggregateCases are what package aggregate asks of its tables, through the adapter: the transactions with all their conditions,
// and the reads of rows, of the fleet, of the index, and of readings to recount.
func aggregateCases() (all []Case) {
	for _, c := range aggregatetest.Cases() {
		all = append(all, Case{"aggregates: " + c.Name, func(t T, s *subject) {
			adapter := dynamo.NewAggregates(s.Client, s.table, s.Create(t, contract.AggregatesTable()), indexShards)
			c.Run(t, aggregatetest.Tables{
				RowTable: adapter, WindowTable: adapter, FleetTable: adapter, IndexShards: indexShards,
				Put: func(t T, images ...aggregate.Image) {
					for _, i := range images {
						s.put(t, with(keyOf(string(i.EquipmentID), reading.FormatTimestamp(i.Timestamp)), Item{
							contract.AttrValue: number(i.Value.String()), contract.AttrRegion: text(i.Region),
						}))
					}
				},
			})
		}})
	}
	return all
}

// testIndexKeys holds that an index has an item for as long as the item has the keys of the index.
func testIndexKeys(t T, s *subject) {
	table := s.Create(t, contract.AggregatesTable())
	key := Item{contract.AttrEquipmentID: text("E"), contract.AttrInterval: text("i")}
	for i, step := range []struct {
		update string
		values Item
		want   string // what the index has in partition P, by sort key
	}{
		{"SET partitionKey = :p", Item{":p": text("P")}, ""},
		{"SET indexSort = :s", Item{":s": text("1")}, "1"},
		{"SET indexSort = :s", Item{":s": text("2")}, "2"},
		{"REMOVE indexSort", nil, ""},
		{"SET indexSort = :s", Item{":s": text("3")}, "3"},
		{"SET partitionKey = :p", Item{":p": text("Q")}, ""},
	} {
		if _, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table, Key: key, UpdateExpression: &step.update, ExpressionAttributeValues: step.values,
		}); err != nil {
			t.Fatal(err)
		}
		out, err := s.Query(t.Context(), &dynamodb.QueryInput{
			TableName: &table, IndexName: aws.String(contract.IndexByInterval), KeyConditionExpression: aws.String("partitionKey = :p"),
			ExpressionAttributeValues: Item{":p": text("P")},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range out.Items {
			got = append(got, textOf(item[contract.AttrIndexSort]))
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("step %d, %s: the index has %q, want %q", i, step.update, got, step.want)
		}
	}
}

// testNotProjected holds that an index refuses to give what it does not carry, rather than to leave it out
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html).
func testNotProjected(t T, s *subject) {
	table := s.Create(t, contract.AggregatesTable())
	for attributes, expected := range map[string]string{
		"partitionKey, equipmentId, indexSort, sampleCount": done, "sampleCount, appliedThrough": refused,
	} {
		_, err := s.Query(t.Context(), &dynamodb.QueryInput{
			TableName: &table, IndexName: aws.String(contract.IndexByInterval), KeyConditionExpression: aws.String("partitionKey = :p"),
			ExpressionAttributeValues: Item{":p": text("P")}, ProjectionExpression: &attributes,
		})
		want(t, attributes, err, expected)
	}
}

// scan returns the keys that a scan meets, page by page, as partition and sort key together.
func (s *subject) scan(t T, limit int32, start Item) (found []string) {
	t.Helper()
	in := &dynamodb.ScanInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("#p, #s"), Limit: &limit, ExclusiveStartKey: start,
		ExpressionAttributeNames: map[string]string{"#p": contract.AttrEquipmentID, "#s": contract.AttrTimestamp},
	}
	for {
		out, err := s.Scan(t.Context(), in)
		if err != nil || len(out.Items) > int(limit) {
			t.Fatalf("limit %d: %d items, %v", limit, len(out.Items), err)
		}
		for _, item := range out.Items {
			found = append(found, textOf(item[contract.AttrEquipmentID])+textOf(item[contract.AttrTimestamp]))
			if len(item) != 2 {
				t.Errorf("a projection gives %s", show(item))
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return found
		}
	}
}

// testScan holds that a scan meets everything once, partition after partition, in an order that stays, and may begin behind any key.
func testScan(t T, s *subject) {
	const partitions, sorts = "ABCDE", "123"
	for _, partition := range partitions {
		for _, sort := range sorts {
			s.put(t, with(keyOf(string(partition), string(sort)), Item{"n": number("1")}))
		}
	}
	all := s.scan(t, 1, nil)
	if got := s.scan(t, 4, nil); !slices.Equal(got, all) {
		t.Errorf("the order does not stay: %v, then %v", all, got)
	}
	met := map[string]bool{}
	for i := 0; i+len(sorts) <= len(all); i += len(sorts) {
		partition := all[i][:1]
		if got := strings.Join(all[i:i+len(sorts)], ""); got != partition+"1"+partition+"2"+partition+"3" {
			t.Errorf("the keys of a partition follow each other as %s", got)
		}
		met[partition] = true
	}
	if len(met) != len(partitions) || len(all) != len(partitions)*len(sorts) {
		t.Fatalf("met %v", all)
	}
	for i, key := range all {
		if got := s.scan(t, 100, keyOf(key[:1], key[1:])); !slices.Equal(got, all[i+1:]) {
			t.Errorf("behind %s come %v, want %v", key, got, all[i+1:])
		}
	}
	// Behind a key that is not there, the highest of its partition.
	if got := s.scan(t, 100, keyOf(all[0][:1], "~")); !slices.Equal(got, all[len(sorts):]) {
		t.Errorf("behind the first partition come %v, want %v", got, all[len(sorts):])
	}
	_, err := s.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.table, Limit: aws.Int32(0)})
	want(t, "a limit of 0", err, refused)
}

// testFinder holds what repairs and audits find by.
func testFinder(t T, s *subject) {
	rows := s.Create(t, contract.AggregatesTable())
	finder := dynamo.NewFinder(s.Client, s.table, rows, indexShards)
	equipments := []string{"EQ-1", "EQ-2", "EQ-3", "EQ-4"}
	for _, id := range equipments {
		for i := range 3 {
			s.put(t, with(keyOf(id, reading.FormatTimestamp(morning.Add(time.Duration(i)*2*time.Hour))), Item{
				contract.AttrValue: number("1"), contract.AttrRegion: text(region),
			}))
		}
		if _, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &rows, Item: Item{
			contract.AttrEquipmentID: text(id), contract.AttrInterval: text(reading.FormatHour(morning) + contract.KeySeparator + region),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	s.put(t, keyOf("no equipment#", "t"))
	for what, next := range map[string]func(context.Context, reading.EquipmentID) (reading.EquipmentID, bool, error){
		"readings": finder.NextWithReadings, "rows": finder.NextWithRows,
	} {
		if found := walk(t, next, len(equipments)); !slices.Equal(found, equipments) {
			t.Errorf("equipments with %s are %v, want %v", what, found, equipments)
		}
	}
	hour := reading.Hour(morning)
	wantHour := func(what string, expected time.Time) func(time.Time, bool, error) {
		return func(got time.Time, found bool, err error) {
			t.Helper()
			if err != nil || found == expected.IsZero() || found && !got.Equal(expected) {
				t.Errorf("%s: %v, found %t, %v, want %v", what, got, found, err, expected)
			}
		}
	}
	wantHour("the next reading", hour.Add(2*time.Hour))(finder.NextReading(t.Context(), "EQ-2", hour.Add(time.Hour), hour.Add(9*time.Hour)))
	wantHour("hours without a reading", time.Time{})(finder.NextReading(t.Context(), "EQ-2", hour.Add(5*time.Hour), hour.Add(9*time.Hour)))
	wantHour("the next row", hour)(finder.NextRow(t.Context(), "EQ-3", region, hour.Add(-time.Hour), hour))
	wantHour("a region without a row", time.Time{})(finder.NextRow(t.Context(), "EQ-3", "us-east-1", hour.Add(-time.Hour), hour))
}

// walk goes from one equipment to the next, and stops where there are more than there should be. It returns them in their order.
func walk(t T, next func(context.Context, reading.EquipmentID) (reading.EquipmentID, bool, error), limit int) (found []string) {
	t.Helper()
	for after := reading.EquipmentID(""); len(found) <= limit; {
		id, more, err := next(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		found, after = append(found, string(id)), id
	}
	slices.Sort(found)
	return found
}

// testReadUnits holds what a read says that it took: repairs and audits keep to a rate by it. A unit is a consistent read of 4 KB
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
func testReadUnits(t T, s *subject) {
	large := with(keyOf("E", "a"), Item{"padding": text(strings.Repeat("x", 9<<10))})
	small := keyOf("F", "b")
	s.put(t, large)
	s.put(t, small)
	const total = types.ReturnConsumedCapacityTotal
	tell := func(what string, c *types.ConsumedCapacity, err error, expected float64) {
		t.Helper()
		switch {
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case c == nil || c.CapacityUnits == nil:
			t.Errorf("%s does not tell what it took, want %v units", what, expected)
		case *c.CapacityUnits != expected:
			t.Errorf("%s took %v units, want %v", what, *c.CapacityUnits, expected)
		}
	}
	in := s.query("a", "b")
	in.ReturnConsumedCapacity = total
	out, err := s.Query(t.Context(), in)
	tell("a query of 9 KB", capacityOf(out), err, 3)
	in.ConsistentRead = nil
	out, err = s.Query(t.Context(), in)
	tell("a query that is not consistent", capacityOf(out), err, 1.5)
	many, err := s.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
		ReturnConsumedCapacity: total, RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: []Item{keyOf("E", "a"), small}, ConsistentRead: aws.Bool(true)},
		},
	})
	if err == nil && len(many.ConsumedCapacity) != 1 {
		err = fmt.Errorf("%d tables are told of, want 1", len(many.ConsumedCapacity))
	}
	if err != nil {
		t.Errorf("a batch of reads: %v", err)
	} else {
		tell("a batch of reads", &many.ConsumedCapacity[0], nil, 4)
	}
	scanned, err := s.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.table, ReturnConsumedCapacity: total, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	tell("a scan of a little more than 9 KB", scanned.ConsumedCapacity, nil, 3)
}

func capacityOf(out *dynamodb.QueryOutput) *types.ConsumedCapacity {
	if out == nil {
		return nil
	}
	return out.ConsumedCapacity
}

// testBatchGetBytes holds that a batch of reads gives 16 MB and names the keys that it did not get to
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
func testBatchGetBytes(t T, s *subject) {
	const items, padding = 44, 395 << 10 // 17 MB
	left := map[string]bool{}
	var keys []Item
	for i := range items {
		key := keyOf(fmt.Sprintf("E%02d", i), "t")
		s.put(t, with(key, Item{"padding": text(strings.Repeat("x", padding))}))
		keys, left[show(key)] = append(keys, key), true
	}
	calls := 0
	for ; len(keys) > 0 && calls < items; calls++ {
		out, err := s.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range out.Responses[s.table] {
			delete(left, show(Item{contract.AttrEquipmentID: item[contract.AttrEquipmentID], contract.AttrTimestamp: item[contract.AttrTimestamp]}))
		}
		keys = out.UnprocessedKeys[s.table].Keys
	}
	if calls < 2 || len(left) > 0 {
		t.Errorf("%d calls, %d keys were never read, want several calls and none", calls, len(left))
	}
}
