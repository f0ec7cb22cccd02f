package storagesuite

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

func testPut(t T, s *subject) {
	key := keyOf("E", "t1")
	first, second := with(key, Item{"a": text(""), "n": number("1.50")}), with(key, Item{"b": yes()})
	s.wantItem(t, "before", key, nil)
	s.put(t, first)
	s.wantItem(t, "the first", key, with(first, Item{"n": number("1.5")}))
	out, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: second, ReturnValues: types.ReturnValueAllOld})
	if err != nil || show(out.Attributes) != show(with(first, Item{"n": number("1.5")})) {
		t.Errorf("the second returns %v, %v", out, err)
	}
	s.wantItem(t, "the second", key, second)
	s.wantItem(t, "a neighbour", keyOf("E", "t"), nil)

	gone, err := s.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.table, Key: key, ReturnValues: types.ReturnValueAllOld})
	if err != nil || show(gone.Attributes) != show(second) {
		t.Errorf("the deletion returns %v, %v", gone, err)
	}
	s.remove(t, key)
	s.wantItem(t, "deleted twice", key, nil)
	_, err = s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("a-table-that-is-not-there"), Item: first})
	want(t, "no table", err, "ResourceNotFoundException")
}

// testItemBytes holds the size of an item, which is that of its names and its texts
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
func testItemBytes(t T, s *subject) {
	const bytesMax = 400 << 10
	key := keyOf("E", "é")
	left := bytesMax - len(contract.AttrEquipmentID) - len("E") - len(contract.AttrTimestamp) - len("é") - len("big")
	put := func(bytes int) error {
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: with(key, Item{"big": text(strings.Repeat("x", bytes))})})
		return err
	}
	want(t, "a byte more than 400 KB", put(left+1), refused)
	want(t, "400 KB", put(left), done)
	_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key, UpdateExpression: aws.String("SET a = :x"), ExpressionAttributeValues: Item{":x": text("x")},
	})
	want(t, "an update of such an item", err, refused)
	got, _ := s.run(t, s.insert(with(keyOf("E", "f"), Item{"big": text(strings.Repeat("x", left+2))})))
	if got != validationError {
		t.Errorf("an insertion of more than 400 KB: %s, want %s", got, validationError)
	}
}

func testUpdate(t T, s *subject) {
	key := keyOf("E", "t1")
	for i, step := range []struct {
		update string
		values Item
		want   Item // besides the key; nil where it is refused
	}{
		{"SET a = :x", Item{":x": text("1")}, Item{"a": text("1")}},
		{"ADD n :one SET b = a, a = :x", Item{":one": number("1"), ":x": text("2")}, Item{"a": text("2"), "b": text("1"), "n": number("1")}},
		{"SET m = n, n = n + :one", Item{":one": number("0.5")}, Item{"a": text("2"), "b": text("1"), "m": number("1"), "n": number("1.5")}},
		{"SET n = if_not_exists(n, :x), c = if_not_exists(c, :x)", Item{":x": number("7")},
			Item{"a": text("2"), "b": text("1"), "c": number("7"), "m": number("1"), "n": number("1.5")}},
		{"REMOVE b, gone SET n = n - :x", Item{":x": number("3")}, Item{"a": text("2"), "c": number("7"), "m": number("1"), "n": number("-1.5")}},
		{"ADD a :one", Item{":one": number("1")}, nil},
		{"SET n = a + :one", Item{":one": number("1")}, nil},
		{"SET n = gone + :one", Item{":one": number("1")}, nil},
		{"SET n = gone", nil, nil},
		{"SET timestamp0 = :x, timestamp0 = :x", Item{":x": text("x")}, nil},
		{"SET equipmentId = :x", Item{":x": text("x")}, nil},
		{"REMOVE a, c, m, n", nil, Item{}},
	} {
		before := s.get(t, s.table, key)
		out, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: &step.update, ExpressionAttributeValues: step.values, ReturnValues: types.ReturnValueAllNew,
		})
		if step.want == nil {
			want(t, step.update, err, refused)
			s.wantItem(t, step.update, key, before)
			continue
		}
		if err != nil || show(out.Attributes) != show(with(key, step.want)) {
			t.Errorf("%d: %s returns %v, %v", i, step.update, out, err)
		}
		s.wantItem(t, step.update, key, with(key, step.want))
	}
	out, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key, UpdateExpression: aws.String("SET a = :x"), ExpressionAttributeValues: Item{":x": text("y")}, ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil || show(out.Attributes) != show(key) {
		t.Errorf("the old item is %v, %v", out, err)
	}
	none := keyOf("E", "t2")
	if _, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &s.table, Key: none}); err != nil {
		t.Errorf("an update without an expression: %v", err)
	}
	s.wantItem(t, "made by an update of nothing", none, none)
}

func testConditions(t T, s *subject) {
	key := keyOf("E", "t1")
	stored := with(key, Item{"a": text("b"), "n": number("2"), "blank": text(""), "yes": yes(), "digits": text("2")})
	values := Item{
		":a": text("a"), ":b": text("b"), ":c": text("c"), ":1": number("1"), ":2": number("2.0"), ":10": number("10"), ":t": yes(),
		":10t": text("10"), ":none": text(""),
	}
	for condition, holds := range map[string]bool{
		"a = :b": true, "a = :a": false, "a <> :a": true, "a <> :b": false, "a < :c": true, "a < :b": false, "a <= :b": true, "a > :a": true, "a >= :c": false,
		"n = :2": true, "n < :10": true, "n > :10": false, "n = :b": false, "n <> :b": true, "n < :c": false, "n > :a": false, "digits = :2": false,
		"digits > :10t": true, "yes = :t": true, "yes <> :t": false, "yes = :b": false, "blank = :none": true, "blank < :a": true,
		"gone = :a": false, "gone <> :a": true, "gone < :a": false, "gone = b": false, "gone <> b": true,
		"attribute_exists(a)": true, "attribute_exists(gone)": false, "attribute_not_exists(a)": false, "attribute_not_exists(gone)": true,
		"attribute_exists(blank)": true, "attribute_not_exists(equipmentId)": false,
		"a IN (:a, :b)": true, "a IN (:a, :c)": false, "gone IN (:a)": false, "n IN (:1, :2)": true, "a IN (:1, :b)": true,
		"a BETWEEN :a AND :c": true, "a BETWEEN :b AND :b": true, "n BETWEEN :1 AND :2": true, "gone BETWEEN :a AND :c": false, "digits BETWEEN :a AND :c": false,
		"begins_with(a, :b)": true, "begins_with(a, :c)": false, "begins_with(gone, :b)": false, "begins_with(a, :none)": true,
		"a = :a OR n = :2 AND yes = :t": true, "n = :2 OR a = :a AND a = :c": true, "(n = :2 OR a = :a) AND a = :c": false,
		"NOT a = :a": true, "NOT a = :b OR a = :b": true, "NOT (a = :b OR a = :a)": false, "NOT gone = :a": true, "a = digits": false, "a <> digits": true,
	} {
		s.put(t, stored)
		used := Item{}
		for name, value := range values {
			if strings.Contains(condition+" ", name+" ") || strings.Contains(condition, name+")") || strings.Contains(condition, name+",") {
				used[name] = value
			}
		}
		if len(used) == 0 {
			used = nil
		}
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &s.table, Item: with(key, Item{"written": yes()}), ConditionExpression: &condition, ExpressionAttributeValues: used,
		})
		expected := conditions
		if holds {
			expected = done
		}
		want(t, condition, err, expected)
		if !holds {
			s.wantItem(t, condition, key, stored)
		}
	}
	// Of an item that is not there, only what says that an attribute is not there or is different holds.
	for condition, holds := range map[string]bool{
		"attribute_not_exists(equipmentId)": true, "attribute_exists(equipmentId)": false, "a = :a": false, "a <> :a": true, "NOT a = :a": true,
	} {
		in := &dynamodb.DeleteItemInput{TableName: &s.table, Key: keyOf("E", "none"), ConditionExpression: &condition}
		if strings.Contains(condition, ":a") {
			in.ExpressionAttributeValues = Item{":a": text("a")}
		}
		_, err := s.DeleteItem(t.Context(), in)
		if (err == nil) != holds {
			t.Errorf("%s of nothing: %v", condition, err)
		}
	}
}

func testConditionFailure(t T, s *subject) {
	key := keyOf("E", "t1")
	stored := with(key, Item{"a": text("b")})
	s.put(t, stored)
	for _, all := range []bool{true, false} {
		wish, expected := types.ReturnValuesOnConditionCheckFailureNone, "none"
		if all {
			wish, expected = types.ReturnValuesOnConditionCheckFailureAllOld, show(stored)
		}
		_, put := s.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &s.table, Item: key, ConditionExpression: aws.String("attribute_not_exists(a)"), ReturnValuesOnConditionCheckFailure: wish,
		})
		_, update := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: aws.String("REMOVE a"), ConditionExpression: aws.String("attribute_not_exists(a)"),
			ReturnValuesOnConditionCheckFailure: wish,
		})
		_, remove := s.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: key, ConditionExpression: aws.String("attribute_not_exists(a)"), ReturnValuesOnConditionCheckFailure: wish,
		})
		for what, err := range map[string]error{"put": put, "update": update, "delete": remove} {
			if got := failedOn(err); got != expected {
				t.Errorf("%s: the error carries %s, want %s (%v)", what, got, expected, err)
			}
		}
	}
	_, err := s.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: keyOf("E", "none"), UpdateExpression: aws.String("REMOVE a"), ConditionExpression: aws.String("attribute_exists(a)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if got := failedOn(err); got != "none" {
		t.Errorf("of nothing: the error carries %s (%v)", got, err)
	}
	s.wantItem(t, "in the end", key, stored)
}

func testKeys(t T, s *subject) {
	for what, item := range map[string]Item{
		"no sort key":           {contract.AttrEquipmentID: text("E")},
		"no partition key":      {contract.AttrTimestamp: text("t")},
		"an empty partition":    keyOf("", "t"),
		"an empty sort key":     keyOf("E", ""),
		"a number as a key":     {contract.AttrEquipmentID: text("E"), contract.AttrTimestamp: number("1")},
		"a key that is no text": {contract.AttrEquipmentID: yes(), contract.AttrTimestamp: text("t")},
	} {
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item})
		want(t, "put with "+what, err, refused)
		_, err = s.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.table, Key: item})
		want(t, "get with "+what, err, refused)
		got, _ := s.run(t, s.insert(item))
		if got != validationError {
			t.Errorf("insert with %s: %s", what, got)
		}
	}
	_, err := s.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.table, Key: with(keyOf("E", "t"), Item{"more": text("x")})})
	want(t, "get with more than the key", err, refused)
	_, err = s.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.table, Key: with(keyOf("E", "t"), Item{"more": text("x")})})
	want(t, "delete with more than the key", err, refused)
	long := keyOf(strings.Repeat("e", 2048), strings.Repeat("t", 1024))
	s.put(t, long)
	s.wantItem(t, "the longest key", long, long)
	for what, item := range map[string]Item{
		"partition": keyOf(strings.Repeat("e", 2049), "t"), "sort key": keyOf("E", strings.Repeat("t", 1025)),
	} {
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item})
		want(t, "too long a "+what, err, refused)
	}
}

func testExpressions(t T, s *subject) {
	key := keyOf("E", "t1")
	update := func(change func(*dynamodb.UpdateItemInput)) error {
		in := &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: key, UpdateExpression: aws.String("SET #a = :x"), ConditionExpression: aws.String("#a <> :y"),
			ExpressionAttributeNames:  map[string]string{"#a": "a"},
			ExpressionAttributeValues: Item{":x": text("x"), ":y": text("y")},
		}
		change(in)
		_, err := s.UpdateItem(t.Context(), in)
		return err
	}
	want(t, "as it should be", update(func(*dynamodb.UpdateItemInput) {}), done)
	for what, change := range map[string]func(*dynamodb.UpdateItemInput){
		"a name that is not used":    func(in *dynamodb.UpdateItemInput) { in.ExpressionAttributeNames["#b"] = "b" },
		"a value that is not used":   func(in *dynamodb.UpdateItemInput) { in.ExpressionAttributeValues[":z"] = text("z") },
		"a name that is not given":   func(in *dynamodb.UpdateItemInput) { in.UpdateExpression = aws.String("SET #a = :x, #b = :x") },
		"a value that is not given":  func(in *dynamodb.UpdateItemInput) { in.ConditionExpression = aws.String("#a <> :y AND #a <> :z") },
		"no names at all":            func(in *dynamodb.UpdateItemInput) { in.ExpressionAttributeNames = nil },
		"an empty condition":         func(in *dynamodb.UpdateItemInput) { in.ConditionExpression = aws.String("") },
		"half a condition":           func(in *dynamodb.UpdateItemInput) { in.ConditionExpression = aws.String("#a <> :y AND") },
		"a clause twice":             func(in *dynamodb.UpdateItemInput) { in.UpdateExpression = aws.String("SET #a = :x SET c = :x") },
		"an attribute changed twice": func(in *dynamodb.UpdateItemInput) { in.UpdateExpression = aws.String("SET #a = :x REMOVE #a") },
		"a word that is reserved":    func(in *dynamodb.UpdateItemInput) { in.UpdateExpression = aws.String("SET #a = :x, status = :x") },
		"a text added":               func(in *dynamodb.UpdateItemInput) { in.UpdateExpression = aws.String("ADD #a :x") },
		"a key of the table changed": func(in *dynamodb.UpdateItemInput) { in.ExpressionAttributeNames["#a"] = contract.AttrTimestamp },
		"a range that is empty": func(in *dynamodb.UpdateItemInput) {
			in.ConditionExpression = aws.String("#a BETWEEN :y AND :x")
		},
		"a flag that is compared": func(in *dynamodb.UpdateItemInput) {
			in.ConditionExpression, in.ExpressionAttributeValues[":y"] = aws.String("#a > :y"), yes()
		},
		"a condition without a value": func(in *dynamodb.UpdateItemInput) { in.ConditionExpression = aws.String("#a BETWEEN :y") },
	} {
		want(t, what, update(change), refused)
	}
	s.wantItem(t, "in the end", key, with(key, Item{"a": text("x")}))
}
