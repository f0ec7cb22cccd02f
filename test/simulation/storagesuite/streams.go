package storagesuite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const markPartition = "mark"

// records returns the records of the table's stream by the item's key. A last write of its own tells when all are there.
func (s *subject) records(t T) map[string][]Record {
	t.Helper()
	s.marks++
	mark := keyOf(markPartition, fmt.Sprint(s.marks))
	s.put(t, mark)
	const attemptsMax = 200
	for range attemptsMax {
		found, all := false, map[string][]Record{}
		for _, r := range s.Records(t, s.table) {
			found = found || show(r.Key) == show(mark)
			if !strings.Contains(show(r.Key), markPartition) {
				all[show(r.Key)] = append(all[show(r.Key)], r)
			}
		}
		if found {
			return all
		}
	}
	t.Fatal("the last write is not in the stream")
	return nil
}

// wantChanges compares the images of an item's records, each written as old -> new, and holds that each begins where the one
// before ended.
func wantChanges(t T, records []Record, changes ...string) {
	t.Helper()
	var got []string
	for i, r := range records {
		got = append(got, show(r.Old)+" -> "+show(r.New))
		if _, err := aggregate.SequenceKey(r.Sequence); err != nil {
			t.Errorf("sequence number %q: %v", r.Sequence, err)
		}
		if i > 0 && aggregate.CompareSequences(records[i-1].Sequence, r.Sequence) >= 0 {
			t.Errorf("sequence numbers %s and %s do not rise", records[i-1].Sequence, r.Sequence)
		}
	}
	if !slices.Equal(got, changes) {
		t.Errorf("records\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(changes, "\n\t"))
	}
}

// chain makes the changes of an item that went through these states.
func chain(states ...Item) (changes []string) {
	before := Item(nil)
	for _, state := range states {
		changes = append(changes, show(before)+" -> "+show(state))
		before = state
	}
	return changes
}

func testImages(t T, s *subject) {
	key := keyOf("E", "t1")
	first, second := with(key, Item{"a": text("1"), "n": number("0.10")}), with(key, Item{contract.AttrExpiresAt: number("1772352000")})
	s.put(t, first)
	s.put(t, second)
	if _, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key, UpdateExpression: aws.String("SET b = :x"), ExpressionAttributeValues: Item{":x": text("2")},
	}); err != nil {
		t.Fatal(err)
	}
	s.remove(t, key)
	s.put(t, key)
	records := s.records(t)
	wantChanges(t, records[show(key)], chain(with(first, Item{"n": number("0.1")}), second, with(second, Item{"b": text("2")}), nil, key)...)
	if len(records) != 1 {
		t.Errorf("records of %d items", len(records))
	}
}

func testNoRecord(t T, s *subject) {
	key := keyOf("E", "t1")
	item := with(key, Item{"a": text("1"), "n": number("1.5")})
	s.put(t, item)
	s.put(t, item)                                  // the same again
	s.put(t, with(item, Item{"n": number("1.50")})) // the same number
	s.wantRun(t, "an update to what is there", done, s.replace(key, Item{"a": text("1")}, text("1"), "gone"))
	for update, values := range map[string]Item{
		"SET a = :x": {":x": text("1")}, "ADD n :x": {":x": number("0")}, "REMOVE gone": nil, "SET n = if_not_exists(n, :x)": {":x": number("7")},
	} {
		if _, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: &update, ExpressionAttributeValues: values,
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.remove(t, keyOf("E", "t2")) // not there
	_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: key, ConditionExpression: aws.String("attribute_not_exists(a)")})
	want(t, "a condition that fails", err, conditions)
	want(t, "a transaction that is canceled", s.transact(t, s.add(keyOf("E", "t3"), "1", ""), s.add(key, "1", "attribute_not_exists(n)")),
		"canceled: None, ConditionalCheckFailed")
	s.wantRun(t, "statements that are refused", "DuplicateItem, ConditionalCheckFailed", s.insert(key), s.replace(keyOf("E", "t5"), Item{"v": text("1")}, text("1")))
	records := s.records(t)
	wantChanges(t, records[show(key)], chain(item)...)
	if len(records) != 1 {
		t.Errorf("records of %d items", len(records))
	}
}

func testStreamOrder(t T, s *subject) {
	const rounds, items = 12, 5
	states := make([][]Item, items)
	for round := range rounds {
		for i := range items {
			key := keyOf("E", fmt.Sprintf("t%d", i))
			if round%(i+3) == i+2 {
				s.remove(t, key)
				states[i] = append(states[i], nil)
				continue
			}
			item := with(key, Item{"round": number(fmt.Sprint(round))})
			s.put(t, item)
			states[i] = append(states[i], item)
		}
	}
	records := s.records(t)
	for i := range items {
		wantChanges(t, records[show(keyOf("E", fmt.Sprintf("t%d", i)))], chain(states[i]...)...)
	}
}

func testStreamOfMany(t T, s *subject) {
	a, b, c := keyOf("E", "a"), keyOf("E", "b"), keyOf("F", "c")
	s.wantRun(t, "insertions", "done, done", s.insert(a), s.insert(with(b, Item{"n": number("1")})))
	want(t, "a transaction", s.transact(t, s.add(b, "2", ""), types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: a}}, s.add(c, "5", "")), done)
	s.wantRun(t, "an insertion and an update", "done, done", s.insert(with(a, Item{"n": number("7")})), s.replace(c, Item{"v": text("1")}, text("1"), "n"))
	records := s.records(t)
	wantChanges(t, records[show(a)], chain(a, nil, with(a, Item{"n": number("7")}))...)
	wantChanges(t, records[show(b)], chain(with(b, Item{"n": number("1")}), with(b, Item{"n": number("3")}))...)
	wantChanges(t, records[show(c)], chain(with(c, Item{"n": number("5")}), with(c, Item{"v": text("1")}))...)
}
