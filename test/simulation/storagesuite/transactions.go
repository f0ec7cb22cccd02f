package storagesuite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// failedOn shows the item that comes with a failed condition.
func failedOn(err error) string {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return outcome(err)
	}
	if len(failed.Item) == 0 {
		return "none"
	}
	return show(failed.Item)
}

// validationReason is the reason of an item that cannot be written as was asked.
const validationReason = "ValidationError"

// add is an update that adds to n where the condition holds; without one it always does.
func (s *subject) add(key Item, amount, condition string) types.TransactWriteItem {
	u := &types.Update{
		TableName: &s.table, Key: key, UpdateExpression: aws.String("ADD n :x"), ExpressionAttributeValues: Item{":x": number(amount)},
	}
	if condition != "" {
		u.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Update: u}
}

func (s *subject) transact(t T, items ...types.TransactWriteItem) error {
	t.Helper()
	_, err := s.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

func testTransaction(t T, s *subject) {
	a, b, c, d := keyOf("E", "a"), keyOf("E", "b"), keyOf("F", "c"), keyOf("F", "d")
	s.put(t, with(b, Item{"n": number("1")}))
	s.put(t, c)
	writes := func(condition string) []types.TransactWriteItem {
		return []types.TransactWriteItem{
			{Put: &types.Put{TableName: &s.table, Item: with(a, Item{"x": text("y")})}}, s.add(b, "2", ""),
			{Delete: &types.Delete{TableName: &s.table, Key: c}},
			{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: d, ConditionExpression: &condition}},
		}
	}
	want(t, "one condition fails", s.transact(t, writes("attribute_exists(n)")...), "canceled: None, None, None, ConditionalCheckFailed")
	s.wantItem(t, "canceled put", a, nil)
	s.wantItem(t, "canceled update", b, with(b, Item{"n": number("1")}))
	s.wantItem(t, "canceled delete", c, c)
	want(t, "all hold", s.transact(t, writes("attribute_not_exists(n)")...), done)
	s.wantItem(t, "put", a, with(a, Item{"x": text("y")}))
	s.wantItem(t, "update", b, with(b, Item{"n": number("3")}))
	s.wantItem(t, "delete", c, nil)
	s.wantItem(t, "check", d, nil)
}

func testReasons(t T, s *subject) {
	a, b, c := keyOf("E", "a"), keyOf("E", "b"), keyOf("E", "c")
	s.put(t, with(a, Item{"n": number("1")}))
	s.put(t, with(b, Item{"n": text("a text")}))
	want(t, "the first and the last", s.transact(t, s.add(a, "1", "attribute_not_exists(n)"), s.add(c, "1", ""), s.add(b, "1", "attribute_not_exists(n)")),
		"canceled: ConditionalCheckFailed, None, ConditionalCheckFailed")
	shown := s.add(a, "1", "attribute_not_exists(n)")
	shown.Update.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	want(t, "the old item", s.transact(t, s.add(c, "1", ""), shown), "canceled: None, ConditionalCheckFailed("+show(with(a, Item{"n": number("1")}))+")")
	if got := outcome(s.transact(t, s.add(c, "1", ""), s.add(b, "1", ""))); got != canNotAdd && got != refused {
		t.Errorf("adding to a text: %s, want %s", got, canNotAdd)
	}
	_, err := s.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: c}}, {Put: &types.Put{TableName: aws.String("a-table-that-is-not-there"), Item: a}},
	}})
	want(t, "a table that is not there", err, "ResourceNotFoundException")
	s.wantItem(t, "in the end", c, nil)
}

// canNotAdd is what becomes of a transaction whose second update is not possible for the item that is there.
const canNotAdd = "canceled: None, " + validationReason

// testReasonInvalid holds that DynamoDB says which item cannot be written
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html, "Validation Error"). The aggregator
// finds it out by itself where the whole is refused, which takes it more transactions.
func testReasonInvalid(t T, s *subject) {
	b := keyOf("E", "b")
	s.put(t, with(b, Item{"n": text("a text")}))
	want(t, "adding to a text", s.transact(t, s.add(keyOf("E", "c"), "1", ""), s.add(b, "1", "")), canNotAdd)
}

func testTransactionMax(t T, s *subject) {
	var items []types.TransactWriteItem
	for i := range contract.TransactionItemsMax + 1 {
		items = append(items, s.add(keyOf("E", fmt.Sprintf("%03d", i)), "1", ""))
	}
	want(t, "101 items", s.transact(t, items...), refused)
	s.wantItem(t, "of a transaction of 101", keyOf("E", "000"), nil)
	want(t, "100 items", s.transact(t, items[1:]...), done)
	s.wantItem(t, "of a transaction of 100", keyOf("E", "100"), with(keyOf("E", "100"), Item{"n": number("1")}))
	want(t, "no items", s.transact(t, []types.TransactWriteItem{}...), refused)
}

// duplicates are transactions with two operations on one item.
func (s *subject) duplicates(a Item) map[string][]types.TransactWriteItem {
	return map[string][]types.TransactWriteItem{
		"two updates":       {s.add(a, "1", ""), s.add(a, "2", "")},
		"both with a check": {s.add(a, "1", "attribute_not_exists(n)"), s.add(a, "2", "attribute_not_exists(n)")},
		"a put and a check": {
			{Put: &types.Put{TableName: &s.table, Item: a}},
			{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: a, ConditionExpression: aws.String("attribute_not_exists(n)")}},
		},
	}
}

// testTransactionDuplicates leaves open how they are refused: nobody sends them.
func testTransactionDuplicates(t T, s *subject) {
	a := keyOf("E", "a")
	for what, items := range s.duplicates(a) {
		err := s.transact(t, items...)
		if got := outcome(err); got != refused && !strings.HasPrefix(got, "canceled: ") {
			t.Errorf("%s: %s%s", what, got, because(err))
		}
		s.wantItem(t, what, a, nil)
	}
}

// testTransactionDuplicatesWhole holds how DynamoDB refuses them
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html: "no two actions can target the same item").
func testTransactionDuplicatesWhole(t T, s *subject) {
	for what, items := range s.duplicates(keyOf("E", "a")) {
		want(t, what, s.transact(t, items...), refused)
	}
}

func testToken(t T, s *subject) {
	a := keyOf("E", "a")
	in := func(token, amount string) *dynamodb.TransactWriteItemsInput {
		return &dynamodb.TransactWriteItemsInput{
			ClientRequestToken: &token, TransactItems: []types.TransactWriteItem{s.add(a, amount, "")},
		}
	}
	salt := fmt.Sprintf("%016x", rand.Uint64()) //nolint:gosec // a real table remembers the tokens of others
	for _, step := range []struct{ token, amount, want, n string }{
		{"-1", "1", done, "1"}, {"-1", "1", done, "1"}, {"-2", "1", done, "2"}, {"-1", "1", done, "2"},
		{"-2", "5", "IdempotentParameterMismatchException", "2"}, {"-3", "5", done, "7"},
	} {
		_, err := s.TransactWriteItems(t.Context(), in(salt+step.token, step.amount))
		want(t, "token "+step.token+" adds "+step.amount, err, step.want)
		s.wantItem(t, "token "+step.token, a, with(a, Item{"n": number(step.n)}))
	}
	// A token whose transaction was canceled is not spent.
	failing := in(salt+"-4", "1")
	failing.TransactItems[0].Update.ConditionExpression = aws.String("n = :x")
	_, err := s.TransactWriteItems(t.Context(), failing)
	want(t, "canceled", err, "canceled: ConditionalCheckFailed")
	s.put(t, with(a, Item{"n": number("1")}))
	_, err = s.TransactWriteItems(t.Context(), failing)
	want(t, "again under its token", err, done)
	s.wantItem(t, "again under its token", a, with(a, Item{"n": number("2")}))
	_, err = s.TransactWriteItems(t.Context(), in(strings.Repeat("t", 37), "1"))
	want(t, "a token of 37 characters", err, refused)
}
