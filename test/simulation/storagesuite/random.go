package storagesuite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// testAsModel makes the same random calls in both and compares the answers, what is stored and the streams.
func testAsModel(t T, s *subject) {
	const calls, seed = 1500, 11
	model := Model()
	other := &subject{Storage: model, table: model.Create(t, contract.ReadingsTable())}
	for n := range calls {
		got, expected := randomCall(t, s, rand.New(rand.NewPCG(seed, uint64(n)))), //nolint:gosec // to be repeated
			randomCall(t, other, rand.New(rand.NewPCG(seed, uint64(n)))) //nolint:gosec // to be repeated
		if got != expected {
			t.Fatalf("call %d\n\t%s\nin the model\n\t%s", n, got, expected)
		}
	}
	for _, partition := range []string{"P", "Q"} {
		in := s.query("a", "z")
		in.ExpressionAttributeValues[":e"] = text(partition)
		got, err := s.Query(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		in.TableName = &other.table
		expected, err := other.Query(t.Context(), in)
		if err != nil || showAll(got.Items) != showAll(expected.Items) {
			t.Errorf("stored is\n\t%s\nin the model\n\t%s (%v)", showAll(got.Items), showAll(expected.Items), err)
		}
	}
	got := s.records(t)
	for key, expected := range other.records(t) {
		var changes []string
		for _, r := range expected {
			changes = append(changes, show(r.Old)+" -> "+show(r.New))
		}
		wantChanges(t, got[key], changes...)
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("records of %d items that the model does not have", len(got))
	}
}

func showAll(items []Item) (all string) {
	for _, item := range items {
		all += show(item) + "; "
	}
	return all
}

// draw takes one of some things.
func draw[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomKey(r *rand.Rand) Item { return keyOf(draw(r, "P", "Q"), draw(r, "a", "b", "c")) }

func randomValue(r *rand.Rand) types.AttributeValue {
	return draw(r, text("x"), text(""), number("1"), number("-0.5"), number("1e20"), number("1e-20"), number("99999999999999999999999999999999999999"), yes())
}

// change is what an update or a put does and on which condition.
type change struct {
	update, condition *string
	values            Item
}

func randomChange(r *rand.Rand, update bool) change {
	c := change{values: Item{}}
	if update {
		c.update = aws.String(draw(r, "ADD n :x", "SET n = :x", "SET m = if_not_exists(m, :x), n = :x", "REMOVE n", "SET n = n + :x", "ADD m :x SET n = m", "REMOVE m SET n = :x"))
	}
	if r.IntN(2) == 0 {
		c.condition = aws.String(draw(r, "attribute_exists(n)", "attribute_not_exists(n)", "n = :y", "n <> :y", "n < :y", "attribute_not_exists(m) OR m <= :y", "NOT n = :y AND attribute_exists(m)"))
	}
	for placeholder, expression := range map[string]*string{":x": c.update, ":y": c.condition} {
		if strings.Contains(aws.ToString(expression), placeholder) {
			c.values[placeholder] = nil
		}
	}
	for _, placeholder := range []string{":x", ":y"} { // drawn in a fixed order
		value := randomValue(r)
		if _, used := c.values[placeholder]; used {
			c.values[placeholder] = value
		}
	}
	if len(c.values) == 0 {
		c.values = nil
	}
	return c
}

// randomCall makes a call that the random numbers decide and tells what came of it.
func randomCall(t T, s *subject, r *rand.Rand) string {
	t.Helper()
	key, wish := randomKey(r), draw(r, types.ReturnValuesOnConditionCheckFailureAllOld, types.ReturnValuesOnConditionCheckFailureNone)
	switch r.IntN(7) {
	case 6:
		return randomQuery(t, s, r)
	case 0:
		c := randomChange(r, false)
		item := with(key, Item{"n": randomValue(r)})
		out, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &s.table, Item: item, ConditionExpression: c.condition, ExpressionAttributeValues: c.values,
			ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: wish,
		})
		if err != nil {
			return fmt.Sprintf("put %s: %s, %s", show(item), outcome(err), failedOn(err))
		}
		return fmt.Sprintf("put %s: %s", show(item), show(out.Attributes))
	case 1:
		c := randomChange(r, false)
		out, err := s.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: key, ConditionExpression: c.condition, ExpressionAttributeValues: c.values,
			ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: wish,
		})
		if err != nil {
			return fmt.Sprintf("delete %s: %s, %s", show(key), outcome(err), failedOn(err))
		}
		return fmt.Sprintf("delete %s: %s", show(key), show(out.Attributes))
	case 2:
		return randomBatch(t, s, r)
	case 3:
		return randomTransaction(t, s, r)
	default:
		c := randomChange(r, true)
		out, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: c.update, ConditionExpression: c.condition, ExpressionAttributeValues: c.values,
			ReturnValues: draw(r, types.ReturnValueAllOld, types.ReturnValueAllNew), ReturnValuesOnConditionCheckFailure: wish,
		})
		call := fmt.Sprintf("update %s by %s if %s with %s: ", show(key), *c.update, aws.ToString(c.condition), show(c.values))
		if err != nil {
			return call + outcome(err) + ", " + failedOn(err)
		}
		return call + show(out.Attributes)
	}
}

func randomBatch(t T, s *subject, r *rand.Rand) string {
	t.Helper()
	var statements []types.BatchStatementRequest
	call, keys := "statements", []string{}
	for range 1 + r.IntN(4) {
		key, version, set := randomKey(r), text(draw(r, "1", "2", "2+", "3")), Item{draw(r, "m", "n"): randomValue(r)}
		set["v"] = version
		insert := r.IntN(2) == 0
		if slices.Contains(keys, show(key)) {
			continue // of which testStatementBatch knows
		}
		if keys = append(keys, show(key)); insert {
			statements = append(statements, s.insert(with(key, set)))
			call += fmt.Sprintf(" (insert %s)", show(with(key, set)))
		} else {
			statements = append(statements, s.replace(key, set, version, "o"))
			call += fmt.Sprintf(" (replace %s by %s)", show(key), show(set))
		}
	}
	got, _ := s.run(t, statements...)
	return call + ": " + got
}

func randomTransaction(t T, s *subject, r *rand.Rand) string {
	t.Helper()
	var items []types.TransactWriteItem
	call, keys := "transaction", []string{}
	for range 1 + r.IntN(3) {
		key, c, put := randomKey(r), randomChange(r, true), r.IntN(4) == 0
		if slices.Contains(keys, show(key)) {
			continue // of which testTransactionDuplicates knows
		}
		keys = append(keys, show(key))
		if put {
			c = randomChange(r, false)
			items = append(items, types.TransactWriteItem{Put: &types.Put{
				TableName: &s.table, Item: with(key, Item{"n": randomValue(r)}), ConditionExpression: c.condition, ExpressionAttributeValues: c.values,
			}})
		} else {
			items = append(items, types.TransactWriteItem{Update: &types.Update{
				TableName: &s.table, Key: key, UpdateExpression: c.update, ConditionExpression: c.condition, ExpressionAttributeValues: c.values,
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}})
		}
		call += fmt.Sprintf(" (%s by %s if %s with %s)", show(key), aws.ToString(c.update), aws.ToString(c.condition), show(c.values))
	}
	result := outcome(s.transact(t, items...))
	if strings.Contains(result, validationReason) {
		result = refused // as DynamoDB Local says it, see testReasons
	}
	return call + ": " + result
}

func randomQuery(t T, s *subject, r *rand.Rand) string {
	t.Helper()
	ends := draw(r, [2]string{"a", "b"}, [2]string{"a", "d"}, [2]string{"aa", "c"}, [2]string{"b", "z"}, [2]string{"b", "b"}, [2]string{"c", "b"})
	in := s.query(ends[0], ends[1])
	in.ExpressionAttributeValues[":e"] = text(draw(r, "P", "Q", "R"))
	in.ScanIndexForward = aws.Bool(r.IntN(2) == 0)
	if limit := r.Int32N(4); limit > 0 {
		in.Limit = &limit
	}
	if filter := draw(r, "", "n = :y", "n < :y OR attribute_exists(m)"); filter != "" {
		in.FilterExpression, in.ExpressionAttributeValues[":y"] = &filter, randomValue(r)
	}
	if r.IntN(3) == 0 {
		in.ProjectionExpression = aws.String("#t, n")
	}
	// Not at an end of the range: DynamoDB Local refuses to go on backwards from its lower end, which it does not give out.
	if sort := draw(r, "a", "b", "c"); r.IntN(4) == 0 && !slices.Contains(ends[:], sort) {
		in.ExclusiveStartKey = with(Item{contract.AttrTimestamp: text(sort)}, Item{contract.AttrEquipmentID: in.ExpressionAttributeValues[":e"]})
	}
	call := fmt.Sprintf("query %s %s from %s", show(in.ExpressionAttributeValues), aws.ToString(in.FilterExpression), show(in.ExclusiveStartKey))
	out, err := s.Query(t.Context(), in)
	if err != nil {
		return call + ": " + outcome(err)
	}
	end := show(out.LastEvaluatedKey)
	if in.Limit != nil && out.ScannedCount == *in.Limit {
		// Whether there is more is open: DynamoDB may return a key also where there is not, and DynamoDB Local does not always
		// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html).
		end = "perhaps more"
	}
	return fmt.Sprintf("%s: %s, %d of %d, then %s", call, showAll(out.Items), out.Count, out.ScannedCount, end)
}
