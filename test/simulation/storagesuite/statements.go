package storagesuite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// What the answers to statements say.
const (
	duplicate       = "DuplicateItem"
	conditionFailed = "ConditionalCheckFailed"
	validationError = "ValidationError"
)

// insert is a statement that stores an item where there is none.
func (s *subject) insert(item Item) types.BatchStatementRequest {
	var attributes []string
	var values []types.AttributeValue
	for _, name := range slices.Sorted(maps.Keys(item)) {
		attributes, values = append(attributes, "'"+name+"': ?"), append(values, item[name])
	}
	text := fmt.Sprintf(`INSERT INTO "%s" VALUE {%s}`, s.table, strings.Join(attributes, ", "))
	return types.BatchStatementRequest{Statement: &text, Parameters: values}
}

// replace is a statement that sets some attributes of an item and removes others, where its attribute v is missing or below a value.
func (s *subject) replace(key, set Item, below types.AttributeValue, removed ...string) types.BatchStatementRequest {
	text := fmt.Sprintf(`UPDATE "%s"`, s.table)
	var values []types.AttributeValue
	for _, name := range slices.Sorted(maps.Keys(set)) {
		text, values = text+` SET "`+name+`" = ?`, append(values, set[name])
	}
	for _, name := range removed {
		text += ` REMOVE "` + name + `"`
	}
	text += ` WHERE "equipmentId" = ? AND "timestamp" = ? AND ("v" < ? OR "v" IS MISSING)`
	return types.BatchStatementRequest{
		Statement: &text, Parameters: append(values, key[contract.AttrEquipmentID], key[contract.AttrTimestamp], below),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// run runs statements in one batch and returns what became of each, or of the whole, and the items that refusals told.
func (s *subject) run(t T, statements ...types.BatchStatementRequest) (outcomes string, told []Item) {
	t.Helper()
	out, err := s.BatchExecuteStatement(t.Context(), &dynamodb.BatchExecuteStatementInput{Statements: statements})
	if err != nil {
		return outcome(err), nil
	}
	var all []string
	for _, answer := range out.Responses {
		if answer.Error == nil {
			all, told = append(all, done), append(told, nil)
			continue
		}
		all, told = append(all, string(answer.Error.Code)), append(told, answer.Error.Item)
	}
	return strings.Join(all, ", "), told
}

func (s *subject) wantRun(t T, what, expected string, statements ...types.BatchStatementRequest) {
	t.Helper()
	if got, _ := s.run(t, statements...); got != expected {
		t.Errorf("%s: %s, want %s", what, got, expected)
	}
}

func testStatements(t T, s *subject) {
	a, b, c, stranger := keyOf("E", "a"), keyOf("E", "b"), keyOf("F", "c"), keyOf("E", "stranger")
	s.put(t, with(stranger, Item{"n": text("note")}))
	s.wantRun(t, "insertions", "done, done", s.insert(with(a, Item{"v": text("2"), "n": number("1.50")})), s.insert(with(b, Item{"v": text("2"), "x": yes()})))
	s.wantRun(t, "each by itself", "DuplicateItem, done, ConditionalCheckFailed, ConditionalCheckFailed, done",
		s.insert(with(a, Item{"v": text("3")})), s.insert(with(c, Item{"v": text("1")})),
		s.replace(b, Item{"v": text("2")}, text("2")), s.replace(keyOf("E", "none"), Item{"v": text("3")}, text("3")),
		s.replace(stranger, Item{"v": text("3")}, text("3"), "n"))
	s.wantItem(t, "a duplicate", a, with(a, Item{"v": text("2"), "n": number("1.5")}))
	s.wantItem(t, "an insertion among others", c, with(c, Item{"v": text("1")}))
	s.wantItem(t, "a condition that fails", b, with(b, Item{"v": text("2"), "x": yes()}))
	s.wantItem(t, "an item that is not there", keyOf("E", "none"), nil)
	s.wantItem(t, "an attribute that is not there", stranger, with(stranger, Item{"v": text("3")}))
	// Text order decides, and what is longer comes after.
	s.wantRun(t, "versions", "done, done, ConditionalCheckFailed", s.replace(a, Item{"v": text("2+"), "d": yes()}, text("2+"), "n", "gone"),
		s.replace(b, Item{"v": text("3")}, text("3"), "x"), s.replace(c, Item{"v": text("1")}, text("0+9")))
	s.wantItem(t, "set and removed", a, with(a, Item{"v": text("2+"), "d": yes()}))
	s.wantItem(t, "removed", b, with(b, Item{"v": text("3")}))
	// A number is not below a text, and not missing.
	s.put(t, with(c, Item{"v": number("1")}))
	s.wantRun(t, "another type", conditionFailed, s.replace(c, Item{"n": yes()}, text("9")))
}

// testStatementRefusals holds what a refusal tells to what is stored. DynamoDB tells it where a condition fails, DynamoDB Local never
// does: the service looks for itself where nothing is told.
func testStatementRefusals(t T, s *subject) {
	key := keyOf("E", "a")
	item := with(key, Item{"v": text("2")})
	s.put(t, item)
	for what, statement := range map[string]types.BatchStatementRequest{
		"a condition that fails": s.replace(key, Item{"v": text("1")}, text("1")), "a duplicate": s.insert(item),
		"no item": s.replace(keyOf("E", "none"), Item{"v": text("1")}, text("1")),
	} {
		expected := item
		if what == "no item" {
			expected = nil
		}
		got, told := s.run(t, statement)
		if len(told) != 1 || len(told[0]) > 0 && show(told[0]) != show(expected) {
			t.Errorf("%s: %s tells %s, want %s or nothing", what, got, showTold(told), show(expected))
		}
	}
}

// testStatementItem holds when DynamoDB tells the item
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html): it saves the service a read.
func testStatementItem(t T, s *subject) {
	key := keyOf("E", "a")
	item := with(key, Item{"v": text("2"), "n": number("1")})
	s.put(t, item)
	silent := s.replace(key, Item{"v": text("1")}, text("1"))
	silent.ReturnValuesOnConditionCheckFailure = ""
	got, told := s.run(t, s.replace(key, Item{"v": text("1")}, text("1")), s.replace(keyOf("E", "none"), Item{"v": text("1")}, text("1")))
	if got != "ConditionalCheckFailed, ConditionalCheckFailed" || show(told[0]) != show(item) || len(told[1]) > 0 {
		t.Errorf("an item and none: %s, told are %s; want the item and nothing", got, showTold(told))
	}
	for what, statement := range map[string]types.BatchStatementRequest{"without the wish": silent, "a duplicate": s.insert(item)} {
		if got, told := s.run(t, statement); len(told) != 1 || len(told[0]) > 0 {
			t.Errorf("%s: %s, told are %s; want nothing", what, got, showTold(told))
		}
	}
}

func showTold(items []Item) string {
	var all []string
	for _, item := range items {
		if len(item) == 0 {
			item = nil
		}
		all = append(all, show(item))
	}
	return strings.Join(all, "; ")
}

// testStatementMix holds that a batch reads or writes
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html).
func testStatementMix(t T, s *subject) {
	key := keyOf("E", "a")
	text := fmt.Sprintf(`SELECT * FROM "%s" WHERE "equipmentId" = ? AND "timestamp" = ?`, s.table)
	read := types.BatchStatementRequest{Statement: &text, Parameters: []types.AttributeValue{key[contract.AttrEquipmentID], key[contract.AttrTimestamp]}}
	s.wantRun(t, "a read and a write", refused, read, s.insert(keyOf("E", "b")))
	s.wantRun(t, "a write and a read", refused, s.insert(keyOf("E", "b")), read)
}

// testStatementBatch leaves open whether statements of a batch that is refused for a key that stands in it twice have been run: nothing
// is documented, and DynamoDB Local runs some.
func testStatementBatch(t T, s *subject) {
	a, b := keyOf("E", "a"), keyOf("E", "b")
	s.wantRun(t, "a key twice", refused, s.insert(b), s.insert(with(a, Item{"v": text("1")})), s.insert(with(a, Item{"v": text("2")})))
	s.wantRun(t, "a key inserted and changed", refused, s.insert(b), s.insert(a), s.replace(a, Item{"v": text("2")}, text("2")))
	var many []types.BatchStatementRequest
	for i := range contract.BatchStatementsMax + 1 {
		many = append(many, s.insert(keyOf(fmt.Sprintf("E%d", i), "t")))
	}
	s.wantRun(t, "26 statements", refused, many...)
	s.wantItem(t, "of a batch of 26", keyOf("E0", "t"), nil)
	s.wantRun(t, "25 statements", strings.Join(slices.Repeat([]string{done}, contract.BatchStatementsMax), ", "), many[1:]...)
	for i := range contract.BatchStatementsMax {
		key := keyOf(fmt.Sprintf("E%d", i+1), "t")
		s.wantItem(t, "of a batch of 25", key, key)
	}
	wrong := s.insert(keyOf("F", "c"))
	wrong.Parameters = wrong.Parameters[:1]
	broken := s.insert(keyOf("F", "d"))
	broken.Statement = aws.String("INSERT INTO nothing")
	s.wantRun(t, "statements that are wrong", "done, ValidationError, ValidationError", s.insert(keyOf("F", "e")), wrong, broken)
}
