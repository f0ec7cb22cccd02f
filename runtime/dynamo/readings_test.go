package dynamo_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

var (
	_ ingest.Store = (*dynamo.Readings)(nil)

	compareDecimals = cmp.Comparer(func(a, b reading.Decimal) bool { return a == b })
)

func stored(t *testing.T, equipmentID, timestamp, value string) reading.Stored {
	t.Helper()
	at, err := reading.ParseTimestamp(timestamp)
	if err != nil {
		t.Fatal(err)
	}
	v, err := reading.ParseValue(value)
	if err != nil {
		t.Fatal(err)
	}
	return reading.Stored{
		Reading:      reading.Reading{EquipmentID: reading.EquipmentID(equipmentID), Timestamp: at, Value: v},
		RegisterTime: time.Date(2026, 3, 1, 8, 30, 0, 123456789, time.UTC),
	}
}

func write(t *testing.T, readings *dynamo.Readings, rs ...reading.Stored) {
	t.Helper()
	if left, err := readings.WriteBatch(t.Context(), rs); err != nil || len(left) > 0 {
		t.Fatalf("%d readings left, error %v", len(left), err)
	}
}

func page(t *testing.T, readings *dynamo.Readings, q ingest.Query) ([]reading.Stored, bool) {
	t.Helper()
	rs, more, err := readings.Page(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return rs, more
}

func TestReadings_KeepValuesExactly(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	values := []string{
		"0", "-0.1", "1e-7", "0.1", "100", "1E+20", "999999999999999999999999999.99999999999", "0.000000000000000000000000001",
		"-123456789012345678901234567.12345678901",
	}
	var want []reading.Stored
	for i, value := range values {
		want = append(want, stored(t, "EQ.1:a_b-C", fmt.Sprintf("2026-03-01T08:00:%02d.00000000%d+01:00", 59-i, i), value))
	}
	write(t, readings, want...)
	got, more := page(t, readings, ingest.Query{EquipmentID: "EQ.1:a_b-C", Limit: 100})
	if diff := cmp.Diff(want, got, compareDecimals); diff != "" || more {
		t.Errorf("more %v, difference:\n%s", more, diff)
	}
}

func TestReadings_StoreTheContractsAttributes(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	r := stored(t, "EQ-1", "2026-03-01T08:00:00.5Z", "1.50")
	write(t, dynamo.NewReadings(localClient, table, "eu-west-1", 24*time.Hour), r)
	out, err := localClient.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	n := func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
	expires := time.Date(2026, 3, 1, 8, 0, 1, 0, time.UTC).Add(24*time.Hour + contract.ExpiryMargin)
	want := []map[string]types.AttributeValue{{
		"equipmentId": s("EQ-1"), "timestamp": s("2026-03-01T08:00:00.500000000Z"), "value": n("1.5"),
		"registerTime": s("2026-03-01T08:30:00.123456789Z"), "id": s(r.ID()), "region": s("eu-west-1"),
		"expiresAt": n(fmt.Sprint(expires.Unix())),
	}}
	if diff := cmp.Diff(want, out.Items, cmp.Comparer(func(a, b types.AttributeValueMemberS) bool { return a.Value == b.Value }),
		cmp.Comparer(func(a, b types.AttributeValueMemberN) bool { return a.Value == b.Value })); diff != "" {
		t.Error(diff)
	}
}

func TestReadings_RepeatsAreOneAndCorrectionsReplace(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	write(t, readings, stored(t, "EQ-1", "2026-03-01T08:00:00Z", "10"))
	write(t, readings, stored(t, "EQ-1", "2026-03-01T09:00:00+01:00", "12"))
	got, _ := page(t, readings, ingest.Query{EquipmentID: "EQ-1", Limit: 10})
	if len(got) != 1 || got[0].Value.String() != "12" {
		t.Errorf("got %v", got)
	}
}

// seed writes n readings a minute apart, the newest being the first.
func seed(t *testing.T, readings *dynamo.Readings, equipmentID string, n int, newest time.Time) []reading.Stored {
	t.Helper()
	var all []reading.Stored
	for i := range n {
		all = append(all, stored(t, equipmentID, reading.FormatTimestamp(newest.Add(-time.Duration(i)*time.Minute)), fmt.Sprint(i)))
	}
	for start := 0; start < n; start += contract.BatchWriteItemsMax {
		write(t, readings, all[start:min(start+contract.BatchWriteItemsMax, n)]...)
	}
	return all
}

func TestReadings_PagesCoverTheQueryAndEnd(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	newest := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	all := seed(t, readings, "EQ-1", 30, newest)
	seed(t, readings, "EQ-10", 3, newest)
	at := func(i int) time.Time { return all[i].Timestamp }
	for _, test := range []struct {
		name        string
		q           ingest.Query
		first, last int // of all, last excluded
		more        bool
	}{
		{"all", ingest.Query{Limit: 31}, 0, 30, false},
		{"exactly a page", ingest.Query{Limit: 30}, 0, 30, false},
		{"one more than a page", ingest.Query{Limit: 29}, 0, 29, true},
		{"from is included", ingest.Query{From: at(9), Limit: 100}, 0, 10, false},
		{"to is excluded", ingest.Query{To: at(20), Limit: 100}, 21, 30, false},
		{"before is excluded", ingest.Query{Before: at(9), Limit: 10}, 10, 20, true},
		{"before within from and to", ingest.Query{From: at(25), To: at(4), Before: at(20), Limit: 10}, 21, 26, false},
		{"to before before", ingest.Query{To: at(20), Before: at(4), Limit: 100}, 21, 30, false},
		{"an empty range", ingest.Query{From: at(9), To: at(9), Limit: 10}, 0, 0, false},
		{"an inverted range", ingest.Query{From: at(1), Before: at(9), Limit: 10}, 0, 0, false},
		{"nothing that early", ingest.Query{To: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), Limit: 10}, 0, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.q.EquipmentID = "EQ-1"
			got, more := page(t, readings, test.q)
			if diff := cmp.Diff(append([]reading.Stored(nil), all[test.first:test.last]...), got, compareDecimals); diff != "" || more != test.more {
				t.Errorf("more %v, difference:\n%s", more, diff)
			}
		})
	}
}

func TestReadings_PageGoesOnWhereDynamoDBEndsItsOwn(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	readings := dynamo.NewReadings(localClient, table, "eu-west-1", 0)
	all := seed(t, readings, "EQ-1", 5, time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC))
	// Four items of 300 KB are more than the 1 MB of one page.
	for _, r := range all[:4] {
		_, err := localClient.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table,
			Key: map[string]types.AttributeValue{
				"equipmentId": &types.AttributeValueMemberS{Value: "EQ-1"},
				"timestamp":   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(r.Timestamp)},
			},
			UpdateExpression:          ptr("SET note = :note"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":note": &types.AttributeValueMemberS{Value: strings.Repeat("x", 300<<10)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, more := page(t, readings, ingest.Query{EquipmentID: "EQ-1", Limit: 5})
	if diff := cmp.Diff(all, got, compareDecimals); diff != "" || more {
		t.Errorf("more %v, difference:\n%s", more, diff)
	}
}

func ptr[T any](v T) *T { return &v }

func TestReadings_PageLeavesOutWhatHasExpiredOrIsNoReading(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	readings := dynamo.NewReadings(localClient, table, "eu-west-1", 24*time.Hour)
	expiry := time.Now().UTC().Add(-24*time.Hour - contract.ExpiryMargin)
	live := stored(t, "EQ-1", reading.FormatTimestamp(expiry.Add(time.Minute)), "1")
	expired := stored(t, "EQ-1", reading.FormatTimestamp(expiry.Add(-time.Minute)), "2")
	write(t, readings, live, expired)
	if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		"equipmentId": &types.AttributeValueMemberS{Value: "EQ-1"},
		"timestamp":   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(time.Now())},
		"value":       &types.AttributeValueMemberS{Value: "a note"},
	}}); err != nil {
		t.Fatal(err)
	}
	got, more := page(t, readings, ingest.Query{EquipmentID: "EQ-1", Limit: 1})
	if diff := cmp.Diff([]reading.Stored{live}, got, compareDecimals); diff != "" || more {
		t.Errorf("with a retention: more %v, difference:\n%s", more, diff)
	}
	forever := dynamo.NewReadings(localClient, table, "eu-west-1", 0)
	if got, _ := page(t, forever, ingest.Query{EquipmentID: "EQ-1", Limit: 10}); len(got) != 2 {
		t.Errorf("without a retention: %v", got)
	}
}

// A load of single readings goes through the real ingest code without an error, and all of it is there afterwards.
func TestReadings_TakeSixtyFourConcurrentSenders(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	coalescer := ingest.NewCoalescer(readings, ingest.Options{}, pacing.Pacer{})
	const senders, each = 64, 20
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			for i := range each {
				r := stored(t, fmt.Sprintf("EQ-%d", sender%8), reading.FormatTimestamp(start.Add(time.Duration(sender*each+i)*time.Second)), fmt.Sprint(rand.IntN(100)))
				if err := coalescer.Save(t.Context(), r); err != nil {
					t.Errorf("sender %d, reading %d: %v", sender, i, err)
				}
			}
		})
	}
	group.Wait()
	if err := coalescer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	count := 0
	for equipment := range 8 {
		got, _ := page(t, readings, ingest.Query{EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%d", equipment)), Limit: 1000})
		count += len(got)
	}
	if count != senders*each {
		t.Errorf("%d readings are stored, want %d", count, senders*each)
	}
}
