package storagesuite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/await"
)

// bothImages is the view of a stream whose records have the item as it was and as it is.
const bothImages = "NEW_AND_OLD_IMAGES"

// testSettings holds that tables are as they were defined.
func testSettings(t T, s *subject) {
	for _, definition := range contract.Tables() {
		expected := Settings{TimeToLive: definition.TimeToLive}
		if definition.Stream {
			expected.Images = bothImages
		}
		if diff := cmp.Diff(expected, s.Settings(t, s.Create(t, definition))); diff != "" {
			t.Errorf("table %s (-want +got):\n%s", definition.Name, diff)
		}
	}
}

// testExpired holds what time to live leaves: no item, and a record by which the service's own deletion is known
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html).
func testExpired(t T, s *subject) {
	if s.Expire == nil {
		t.Skipf("time to live removes an item up to days after it is due, and nobody can hasten it")
	}
	key := keyOf("E", "t1")
	due := with(key, Item{contract.AttrExpiresAt: number("1772352000")})
	s.put(t, due)
	s.Expire(t, s.table, key)
	s.wantItem(t, "expired", key, nil)
	again := keyOf("E", "t2")
	s.put(t, again)
	s.remove(t, again)
	records := s.records(t)
	wantChanges(t, records[show(key)], chain(due, nil)...)
	wantChanges(t, records[show(again)], chain(again, nil)...)
	for what, service := range map[string]bool{show(key): true, show(again): false} {
		if last := records[what]; len(last) == 2 && last[1].Service != service {
			t.Errorf("%s: the service's own deletion: %t, want %t", what, last[1].Service, service)
		}
	}
}

// testReplicas holds what a global table does
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html).
func testReplicas(t T, s *subject) {
	if s.Elsewhere == nil {
		t.Skipf("it needs a global table with replicas in two regions, which takes minutes to make and only AWS has")
	}
	other := &subject{Storage: *s.Elsewhere, table: s.table}
	key := keyOf("E", "t1")
	first, second := with(key, Item{"a": text("1")}), with(key, Item{"b": text("2")})
	seen := func(in *subject, what string, item Item) {
		t.Helper()
		s.eventually(t, what, func() error {
			if got := show(in.get(t, in.table, key)); got != show(item) {
				return fmt.Errorf("stored is %s, want %s", got, show(item))
			}
			return nil
		})
	}
	s.put(t, first)
	seen(other, "the first write elsewhere", first)
	other.put(t, second)
	seen(s, "the later write wins", second)
	seen(other, "the later write stays", second)
	s.remove(t, key)
	seen(other, "the deletion elsewhere", nil)
	wantChanges(t, s.records(t)[show(key)], chain(first, second, nil)...)
	wantChanges(t, other.records(t)[show(key)], chain(first, second, nil)...)
}

// eventually waits until holds returns nil, for as long as the implementation may take to what is so only in the end.
func (s *subject) eventually(t T, what string, holds func() error) {
	t.Helper()
	if err := holds(); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	defer cancel()
	if err := await.Until(ctx, holds); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// testLag holds that reads which may lag see a write in the end: of a table and of its index.
func testLag(t T, s *subject) {
	table := s.Create(t, contract.AggregatesTable())
	item := Item{
		contract.AttrEquipmentID: text("E"), contract.AttrInterval: text("i"), contract.AttrPartitionKey: text("P"), contract.AttrIndexSort: text("1"),
	}
	if _, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "one item", func() error {
		out, err := s.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: &table, Key: Item{contract.AttrEquipmentID: text("E"), contract.AttrInterval: text("i")},
		})
		if err == nil && len(out.Item) == 0 {
			err = errors.New("there is none")
		}
		return err
	})
	for index, condition := range map[*string]string{nil: "equipmentId = :p", aws.String(contract.IndexByInterval): "partitionKey = :p"} {
		value := text("E")
		if index != nil {
			value = text("P")
		}
		s.eventually(t, condition, func() error {
			out, err := s.Query(t.Context(), &dynamodb.QueryInput{
				TableName: &table, IndexName: index, KeyConditionExpression: &condition, ExpressionAttributeValues: Item{":p": value},
			})
			if err == nil && len(out.Items) == 0 {
				err = errors.New("there are none")
			}
			return err
		})
	}
}

// testRecordTime holds that a record tells when the change took place: the lag of the aggregates is measured by it
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html).
func testRecordTime(t T, s *subject) {
	const clocksDiffer = 10 * time.Second
	for i := 0; ; i++ {
		key := keyOf("E", fmt.Sprint(i))
		before := time.Now()
		s.put(t, key)
		records := s.records(t)[show(key)]
		if len(records) != 1 {
			t.Fatalf("%d records", len(records))
		}
		at := records[0].At
		if off := at.Sub(before); off.Abs() > clocksDiffer {
			t.Errorf("a write of %s has a record of %s, %v off", before.UTC().Format(time.TimeOnly), at.UTC().Format(time.TimeOnly), off.Round(time.Second))
			return
		}
		// One second of a minute is like no other: a time that was cut to the minute would be that one always.
		if !at.Equal(at.Truncate(time.Minute)) {
			return
		}
		if i == 2 {
			t.Errorf("three records of different seconds all tell a full minute, the last one %s", at.UTC().Format(time.TimeOnly))
			return
		}
		next := time.Now().Truncate(time.Second).Add(time.Second + time.Second/10)
		if err := await.Until(t.Context(), func() error {
			if time.Now().Before(next) {
				return errors.New("the next second has not begun")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// testStreamFrom holds that a stream is read from any of its records on, as the repair of what the stream gave up does.
func testStreamFrom(t T, s *subject) {
	key := keyOf("E", "t1")
	for i := range 5 {
		s.put(t, with(key, Item{"n": number(fmt.Sprint(i))}))
	}
	records := s.records(t)[show(key)]
	if len(records) != 5 {
		t.Fatalf("%d records, want 5", len(records))
	}
	s.eventually(t, "from the third record on", func() error {
		found := s.From(t, s.table, records[2])
		for i, expected := range records[2:] {
			if i >= len(found) || found[i].Sequence != expected.Sequence || show(found[i].New) != show(expected.New) {
				return fmt.Errorf("%d records, not those from %s on", len(found), expected.Sequence)
			}
		}
		return nil
	})
}
