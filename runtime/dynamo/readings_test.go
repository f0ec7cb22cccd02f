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

// write makes writes that take the place of whatever is stored, and reads back what they were given as.
func write(t *testing.T, readings *dynamo.Readings, rs ...reading.Stored) {
	t.Helper()
	var ws []reading.Write
	for _, r := range rs {
		ws = append(ws, reading.Write{Reading: r.Reading, Version: reading.VersionAt(r.RegisterTime)})
	}
	if err := ingest.NewWriter(readings, 1, pacing.Pacer{}).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
}

// newest returns the newest readings of an equipment, and whether there are more.
func newest(t *testing.T, readings *dynamo.Readings, id reading.EquipmentID, limit int) ([]reading.Stored, bool) {
	t.Helper()
	rs, next, err := readings.Page(t.Context(), id, time.Time{}, time.Time{}, limit, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rs, !next.IsZero()
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
	got, more := newest(t, readings, "EQ.1:a_b-C", 100)
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
	first, correction := stored(t, "EQ-1", "2026-03-01T08:00:00Z", "10"), stored(t, "EQ-1", "2026-03-01T09:00:00+01:00", "12")
	correction.RegisterTime = correction.RegisterTime.Add(1)
	write(t, readings, first)
	write(t, readings, first)
	write(t, readings, correction)
	got, _ := newest(t, readings, "EQ-1", 10)
	if diff := cmp.Diff([]reading.Stored{correction}, got, compareDecimals); diff != "" {
		t.Error(diff)
	}
}

// seed writes n readings a minute apart, the newest being the first.
func seed(t *testing.T, readings *dynamo.Readings, equipmentID string, n int, newest time.Time) []reading.Stored {
	t.Helper()
	var all []reading.Stored
	for i := range n {
		all = append(all, stored(t, equipmentID, reading.FormatTimestamp(newest.Add(-time.Duration(i)*time.Minute)), fmt.Sprint(i)))
	}
	for start := 0; start < n; start += contract.BatchStatementsMax {
		write(t, readings, all[start:min(start+contract.BatchStatementsMax, n)]...)
	}
	return all
}

func TestReadings_PagesCoverTheQueryAndEnd(t *testing.T) {
	readings := dynamo.NewReadings(localClient, newTable(t, contract.ReadingsTable()), "eu-west-1", 0)
	end := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	all := seed(t, readings, "EQ-1", 30, end)
	seed(t, readings, "EQ-10", 3, end)
	at := func(i int) time.Time { return all[i].Timestamp }
	for _, test := range []struct {
		name        string
		from, to    time.Time
		limit       int
		first, last int // of all, last excluded
		more        bool
	}{
		{name: "all", limit: 31, last: 30},
		{name: "exactly a page", limit: 30, last: 30},
		{name: "one more than a page", limit: 29, last: 29, more: true},
		{name: "from is included", from: at(9), limit: 100, last: 10},
		{name: "to is excluded", to: at(20), limit: 100, first: 21, last: 30},
		{name: "a page before to", to: at(9), limit: 10, first: 10, last: 20, more: true},
		{name: "from and to", from: at(25), to: at(20), limit: 10, first: 21, last: 26},
		{name: "an empty range", from: at(9), to: at(9), limit: 10},
		{name: "an inverted range", from: at(1), to: at(9), limit: 10},
		{name: "nothing that early", to: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), limit: 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, next, err := readings.Page(t.Context(), "EQ-1", test.from, test.to, test.limit, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]reading.Stored(nil), all[test.first:test.last]...), got, compareDecimals); diff != "" || next.IsZero() == test.more {
				t.Errorf("next %v, difference:\n%s", next, diff)
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
	got, more := newest(t, readings, "EQ-1", 5)
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
	got, more := newest(t, readings, "EQ-1", 1)
	if diff := cmp.Diff([]reading.Stored{live}, got, compareDecimals); diff != "" || more {
		t.Errorf("with a retention: more %v, difference:\n%s", more, diff)
	}
	forever := dynamo.NewReadings(localClient, table, "eu-west-1", 0)
	if got, _ := newest(t, forever, "EQ-1", 10); len(got) != 2 {
		t.Errorf("without a retention: %v", got)
	}
}

// bury stores n tombstones a millisecond apart, the newest at the given time, and one reading before them, which it returns.
func bury(t *testing.T, table string, n int, newest time.Time) reading.Stored {
	t.Helper()
	readings := dynamo.NewReadings(localClient, table, "eu-west-1", 0)
	var ws []reading.Write
	for i := range n {
		one := stored(t, "EQ-1", reading.FormatTimestamp(newest.Add(-time.Duration(i)*time.Millisecond)), "0")
		ws = append(ws, reading.Write{Reading: one.Reading, Version: reading.VersionAt(one.RegisterTime), Deleted: true})
	}
	if err := ingest.NewWriter(readings, 1, pacing.Pacer{}).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	below := stored(t, "EQ-1", reading.FormatTimestamp(newest.Add(-time.Duration(n)*time.Millisecond)), "1")
	write(t, readings, below)
	return below
}

func TestReadings_APageStepsOverTombstonesInFewQueries(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	below := bury(t, table, 300, time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC))
	client := &recordingClient{Client: localClient}
	readings := dynamo.NewReadings(client, table, "eu-west-1", 0)
	asked := 0
	got, next, err := readings.Page(t.Context(), "EQ-1", time.Time{}, time.Time{}, 1, func(items int) bool { asked += items; return true })
	if diff := cmp.Diff([]reading.Stored{below}, got, compareDecimals); diff != "" || !next.IsZero() || err != nil {
		t.Errorf("next %v, error %v, difference:\n%s", next, err, diff)
	}
	if n := len(client.queries); n > 6 || asked < 300 || asked > contract.ReadingsPageMax {
		t.Errorf("%d queries, with room for %d", n, asked)
	}
}

// Without room for larger queries a page ends among the tombstones, and the next one goes on from there, wherever that is: also at
// an item of somebody else's, whose place is no timestamp.
func TestReadings_APageEndsAfterItsQueriesAndTheNextGoesOn(t *testing.T) {
	table := newTable(t, contract.ReadingsTable())
	newest := time.Date(2026, 3, 1, 8, 30, 0, 500_000_000, time.UTC)
	below := bury(t, table, 100, newest)
	for i, place := range []string{"2026-03-01T08:30:00.469", "2026-03-01T08:30:00.469x", "2026-03-01T08:30:00.47", "2026-03-01T08:30:00.47/"} {
		if _, err := localClient.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
			"equipmentId": &types.AttributeValueMemberS{Value: "EQ-1"}, "timestamp": &types.AttributeValueMemberS{Value: place},
			"value": &types.AttributeValueMemberN{Value: fmt.Sprint(i)},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	for start := range 8 { // so that a page ends at each of them
		client := &recordingClient{Client: localClient}
		readings := dynamo.NewReadings(client, table, "eu-west-1", 0)
		var found []reading.Stored
		pages := 0
		for to := newest.Add(-time.Duration(start) * time.Millisecond); pages == 0 || !to.IsZero(); pages++ {
			client.queries = nil
			rs, next, err := readings.Page(t.Context(), "EQ-1", time.Time{}, to, 1, func(int) bool { return false })
			if n := len(client.queries); err != nil || n > dynamo.PageQueriesMax || !next.IsZero() && (!next.Before(to) || n < dynamo.PageQueriesMax) {
				t.Fatalf("%d queries, from %v to %v, error %v", n, to, next, err)
			}
			found, to = append(found, rs...), next
		}
		if diff := cmp.Diff([]reading.Stored{below}, found, compareDecimals); diff != "" || pages < 3 {
			t.Errorf("%d pages, difference:\n%s", pages, diff)
		}
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
				if err := coalescer.Save(t.Context(), reading.Write{Reading: r.Reading, Version: reading.VersionAt(time.Now())}); err != nil {
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
		got, _ := newest(t, readings, reading.EquipmentID(fmt.Sprintf("EQ-%d", equipment)), 1000)
		count += len(got)
	}
	if count != senders*each {
		t.Errorf("%d readings are stored, want %d", count, senders*each)
	}
}
