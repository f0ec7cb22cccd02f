package storagesuite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

func numbers(texts ...string) types.AttributeValue {
	return &types.AttributeValueMemberNS{Value: texts}
}

// testSets holds what a set of numbers is: it grows by ADD, holds each number once, and contains tells what it holds. What is
// missing holds nothing, so that NOT contains(…) is true of it
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html).
func testSets(t T, s *subject) {
	key := keyOf("E", "t1")
	for i, step := range []struct {
		add, unless string
		want        string
		stored      Item
	}{
		{"3", "3", done, Item{"set": numbers("3")}},
		{"3", "3", conditions, Item{"set": numbers("3")}},
		{"11", "1", done, Item{"set": numbers("3", "11")}},
		{"3", "4", done, Item{"set": numbers("3", "11")}},
		{"0", "0", done, Item{"set": numbers("0", "3", "11")}},
		{"1.0", "1", done, Item{"set": numbers("0", "1", "3", "11")}},
		{"7", "1", conditions, Item{"set": numbers("0", "1", "3", "11")}},
	} {
		_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: aws.String("ADD #set :more"), ConditionExpression: aws.String("NOT contains(#set, :one)"),
			ExpressionAttributeNames:  map[string]string{"#set": "set"},
			ExpressionAttributeValues: Item{":more": numbers(step.add), ":one": number(step.unless)},
		})
		want(t, fmt.Sprintf("step %d", i), err, step.want)
		s.wantItem(t, fmt.Sprintf("step %d", i), key, with(key, step.stored))
	}
	update := func(expression string, v types.AttributeValue) error {
		_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: &expression, ExpressionAttributeValues: Item{":v": v},
			ExpressionAttributeNames: map[string]string{"#set": "set"},
		})
		return err
	}
	want(t, "an empty set", update("SET #set = :v", numbers()), refused)
	want(t, "a number twice", update("SET #set = :v", numbers("1", "1.0")), refused)
	want(t, "no number", update("SET #set = :v", numbers("x")), refused)
	want(t, "a number added to a set", update("ADD #set :v", number("1")), refused)
	want(t, "several at once", update("SET #set = :v", numbers("2", "1")), done)
	s.wantItem(t, "several at once", key, with(key, Item{"set": numbers("1", "2")}))
	want(t, "a number in its place", update("SET #set = :v", number("1")), done)
	want(t, "a set added to a number", update("ADD #set :v", numbers("1")), refused)
	want(t, "removed, and a number of another name added", update("REMOVE #set ADD n :v", number("1")), done)
	s.wantItem(t, "removed", key, with(key, Item{"n": number("1")}))
}

// testContains holds what contains says of other types.
func testContains(t T, s *subject) {
	key := keyOf("E", "t1")
	s.put(t, with(key, Item{"t": text("abc"), "n": number("12"), "set": numbers("1", "2")}))
	for condition, holds := range map[string]bool{
		"contains(t, :b)": true, "contains(t, :z)": false, "contains(t, :one)": false, "contains(n, :one)": false,
		"contains(#set, :one)": true, "contains(#set, :b)": false, "contains(gone, :one)": false, "NOT contains(gone, :one)": true,
	} {
		in := &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: aws.String("SET x = :x"), ConditionExpression: &condition,
			ExpressionAttributeValues: Item{":x": yes()},
		}
		for name, value := range map[string]types.AttributeValue{":b": text("b"), ":z": text("z"), ":one": number("1")} {
			if strings.Contains(condition, name) {
				in.ExpressionAttributeValues[name] = value
			}
		}
		if strings.Contains(condition, "#set") {
			in.ExpressionAttributeNames = map[string]string{"#set": "set"}
		}
		expected := conditions
		if holds {
			expected = done
		}
		_, err := s.UpdateItem(t.Context(), in)
		want(t, condition, err, expected)
	}
}

func testBatchGet(t T, s *subject) {
	get := func(keys ...Item) (string, error) {
		out, err := s.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			return "", err
		}
		if len(out.UnprocessedKeys) > 0 {
			t.Errorf("%d keys were left", len(out.UnprocessedKeys))
		}
		var found []string
		for _, item := range out.Responses[s.table] {
			found = append(found, show(item))
		}
		slices.Sort(found) // in no order
		return strings.Join(found, "; "), nil
	}
	a, b, c := with(keyOf("E", "a"), Item{"n": number("1")}), with(keyOf("F", "b"), Item{"n": number("2")}), keyOf("E", "c")
	s.put(t, a)
	s.put(t, b)
	got, err := get(keyOf("E", "a"), c, keyOf("F", "b"))
	if expected := show(a) + "; " + show(b); got != expected || err != nil {
		t.Errorf("got %s, %v, want %s: what is not there is left out", got, err, expected)
	}
	_, err = get(c, keyOf("E", "a"), c)
	want(t, "a key twice", err, refused)
	_, err = get(a)
	want(t, "more than a key", err, refused)
	keys := []Item{}
	_, err = get(keys...)
	want(t, "no key", err, refused)
	for i := range contract.BatchGetItemsMax + 1 {
		keys = append(keys, keyOf("G", fmt.Sprint(i)))
		s.put(t, keys[i])
	}
	if got, err := get(keys[:contract.BatchGetItemsMax]...); strings.Count(got, ";") != contract.BatchGetItemsMax-1 || err != nil {
		t.Errorf("%d keys: %d were found, %v", contract.BatchGetItemsMax, strings.Count(got, ";")+1, err)
	}
	_, err = get(keys...)
	want(t, "101 keys", err, refused)
}

// testIndexProjection holds that an index has the attributes that it was told to carry, and no others.
func testIndexProjection(t T, s *subject) {
	table := s.Create(t, contract.AggregatesTable())
	row := Item{
		contract.AttrEquipmentID: text("E"), contract.AttrInterval: text("i"), contract.AttrPartitionKey: text("P"), contract.AttrIndexSort: text("1"),
		contract.AttrSampleCount: number("7"), contract.AttrMinValue: number("-1"), contract.AttrMaxValue: number("1"),
	}
	slice := Item{contract.SliceAttribute(contract.AttrSliceCount, 3): number("7"), contract.AttrAppliedThrough: text("9")}
	if _, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: with(row, slice)}); err != nil {
		t.Fatal(err)
	}
	out, err := s.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, IndexName: aws.String(contract.IndexByInterval), KeyConditionExpression: aws.String("partitionKey = :p"),
		ExpressionAttributeValues: Item{":p": text("P")},
	})
	if err != nil || len(out.Items) != 1 || show(out.Items[0]) != show(row) {
		t.Errorf("the index has %v, %v, want %s", out, err, show(row))
	}
}
