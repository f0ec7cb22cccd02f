package storagesuite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// query asks for a range of one equipment's items.
func (s *subject) query(first, last string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("equipmentId = :e AND #t BETWEEN :first AND :last"),
		ExpressionAttributeNames:  map[string]string{"#t": contract.AttrTimestamp},
		ExpressionAttributeValues: Item{":e": text("E"), ":first": text(first), ":last": text(last)},
	}
}

// sorts returns the sort keys of a page.
func sorts(out *dynamodb.QueryOutput) string {
	var found []string
	for _, item := range out.Items {
		found = append(found, strings.Trim(strings.TrimPrefix(show(Item{"": item[contract.AttrTimestamp]}), "="), `"`))
	}
	return strings.Join(found, " ")
}

// shown tells of a page what the cases ask.
func shown(out *dynamodb.QueryOutput, err error) string {
	if err != nil {
		return outcome(err) + because(err)
	}
	return fmt.Sprintf("%q of %d, then %s", showAll(out.Items), out.ScannedCount, show(out.LastEvaluatedKey))
}

func testQueryRange(t T, s *subject) {
	for _, sort := range []string{"b", "a", "B", "a#", "a$", "a0", "é", "z", "ab"} {
		s.put(t, with(keyOf("E", sort), Item{"v": text(sort)}))
		s.put(t, keyOf("F", sort))
	}
	for _, c := range []struct {
		name   string
		change func(*dynamodb.QueryInput)
		want   string
	}{
		{"by bytes", func(*dynamodb.QueryInput) {}, "B a a# a$ a0 ab b z é"},
		{"newest first", func(in *dynamodb.QueryInput) { in.ScanIndexForward = aws.Bool(false) }, "é z b ab a0 a$ a# a B"},
		{"both ends included", func(in *dynamodb.QueryInput) {
			in.ExpressionAttributeValues[":first"], in.ExpressionAttributeValues[":last"] = text("a#"), text("ab")
		}, "a# a$ a0 ab"},
		{"one", func(in *dynamodb.QueryInput) {
			in.ExpressionAttributeValues[":first"], in.ExpressionAttributeValues[":last"] = text("z"), text("z")
		}, "z"},
		{"nothing there", func(in *dynamodb.QueryInput) {
			in.ExpressionAttributeValues[":first"], in.ExpressionAttributeValues[":last"] = text("c"), text("d")
		}, ""},
		{"a filter", func(in *dynamodb.QueryInput) {
			in.FilterExpression, in.ExpressionAttributeValues[":v"] = aws.String("v > :v"), text("a0")
		}, "ab b z é"},
		{"another equipment", func(in *dynamodb.QueryInput) { in.ExpressionAttributeValues[":e"] = text("G") }, ""},
		{"a beginning", func(in *dynamodb.QueryInput) {
			in.KeyConditionExpression, in.ExpressionAttributeValues = aws.String("equipmentId = :e AND begins_with(#t, :b)"), Item{":e": text("E"), ":b": text("a")}
		}, "a a# a$ a0 ab"},
		{"above", func(in *dynamodb.QueryInput) {
			in.KeyConditionExpression, in.ExpressionAttributeValues = aws.String("equipmentId = :e AND #t > :b"), Item{":e": text("E"), ":b": text("ab")}
		}, "b z é"},
	} {
		in := s.query("A", "\U0010ffff")
		c.change(in)
		out, err := s.Query(t.Context(), in)
		if err != nil || sorts(out) != c.want || len(out.LastEvaluatedKey) > 0 || int(out.Count) != len(out.Items) {
			t.Errorf("%s: %s, want %s", c.name, shown(out, err), c.want)
		}
	}
	in := s.query("A", "b")
	in.ProjectionExpression = aws.String("v, gone")
	out, err := s.Query(t.Context(), in)
	if err != nil || len(out.Items) != 7 || show(out.Items[0]) != `v="B"` {
		t.Errorf("a projection: %s, want 7 items with v alone", shown(out, err))
	}
	_, err = s.Query(t.Context(), s.query("b", "a"))
	want(t, "an empty range", err, refused)
	_, err = s.Query(t.Context(), s.query("", "b"))
	want(t, "an empty bound", err, refused)
	in = s.query("a", "b")
	in.Limit = aws.Int32(0)
	_, err = s.Query(t.Context(), in)
	want(t, "a limit of 0", err, refused)
	in = s.query("a", "b")
	in.FilterExpression, in.ExpressionAttributeValues[":v"] = aws.String("#t > :v"), text("a")
	_, err = s.Query(t.Context(), in)
	want(t, "a filter on a key", err, refused)
}

func testQueryPages(t T, s *subject) {
	var all []string
	for i := range 11 {
		sort := fmt.Sprintf("%02d", i)
		s.put(t, with(keyOf("E", sort), Item{"n": number(fmt.Sprint(i % 3))}))
		all = append(all, sort)
	}
	for _, limit := range []int32{1, 3, 11, 12} {
		if diff := cmp.Diff(all, s.pages(t, limit, true)); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
		backward := s.pages(t, limit, false)
		slices.Reverse(backward)
		if diff := cmp.Diff(all, backward); diff != "" {
			t.Errorf("limit %d, backward: %s", limit, diff)
		}
	}
	// The limit counts what was read, not what the filter leaves.
	in := s.query("0", "9")
	in.Limit, in.FilterExpression, in.ExpressionAttributeValues[":n"] = aws.Int32(4), aws.String("n = :n"), number("2")
	out, err := s.Query(t.Context(), in)
	if err != nil || sorts(out) != "02" || out.ScannedCount != 4 || len(out.LastEvaluatedKey) == 0 {
		t.Errorf("a filter: %s, want 02 of 4, and that there is more", shown(out, err))
	}
	// A page may begin after an item that is not there any more.
	in = s.query("0", "9")
	in.ExclusiveStartKey = keyOf("E", "045")
	if out, err := s.Query(t.Context(), in); err != nil || sorts(out) != "05 06 07 08 09 10" {
		t.Errorf("after a key that is not there: %s, want 05 to 10", shown(out, err))
	}
}

// pages returns the sort keys of all pages.
func (s *subject) pages(t T, limit int32, forward bool) (found []string) {
	t.Helper()
	in := s.query("0", "9")
	in.Limit, in.ScanIndexForward = &limit, &forward
	for {
		out, err := s.Query(t.Context(), in)
		if err != nil || len(out.Items) > int(limit) {
			t.Fatalf("limit %d: %s", limit, shown(out, err))
		}
		found = append(found, strings.Fields(sorts(out))...)
		if len(out.LastEvaluatedKey) == 0 {
			return found
		}
		if out.ScannedCount != limit {
			t.Errorf("limit %d: a page of %d goes on", limit, out.ScannedCount)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func testQueryMegabyte(t T, s *subject) {
	const items, padding = 30, 64 << 10 // 1.9 MB
	for i := range items {
		s.put(t, with(keyOf("E", fmt.Sprintf("%02d", i)), Item{"padding": text(strings.Repeat("x", padding))}))
	}
	pages, found := 0, 0
	in := s.query("0", "9")
	in.ProjectionExpression = aws.String("equipmentId") // what is read counts, not what is returned
	for {
		out, err := s.Query(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages, found = pages+1, found+len(out.Items)
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	if pages != 2 || found != items {
		t.Errorf("%d pages, %d items", pages, found)
	}
}

func testIndex(t T, s *subject) {
	table := s.Create(t, contract.AggregatesTable())
	row := func(id, partition, sort string) Item {
		item := Item{contract.AttrEquipmentID: text(id), contract.AttrInterval: text("i")}
		if partition != "" {
			item[contract.AttrPartitionKey] = text(partition)
		}
		if sort != "" {
			item[contract.AttrIndexSort] = text(sort)
		}
		return item
	}
	put := func(item Item) error {
		_, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item})
		return err
	}
	for _, item := range []Item{
		row("A", "P", "3"), row("B", "P", "1"), row("C", "Q", "2"), row("D", "P", ""), row("E", "", "2"), row("F", "", ""), row("G", "P", "2"), row("G", "P", "4"),
	} {
		want(t, show(item), put(item), done)
	}
	for what, item := range map[string]Item{
		"a number":      with(row("X", "P", ""), Item{contract.AttrIndexSort: number("1")}),
		"an empty text": with(row("X", "P", ""), Item{contract.AttrIndexSort: text("")}),
	} {
		want(t, what+" as a key of the index", put(item), refused)
	}
	in := &dynamodb.QueryInput{
		TableName: &table, IndexName: aws.String(contract.IndexByInterval), KeyConditionExpression: aws.String("partitionKey = :p"),
		ExpressionAttributeValues: Item{":p": text("P")}, Limit: aws.Int32(2),
	}
	var found []string
	for {
		out, err := s.Query(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range out.Items {
			found = append(found, strings.Trim(show(Item{"": item[contract.AttrEquipmentID]}), `="`))
		}
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		if got := len(out.LastEvaluatedKey); got != 4 {
			t.Fatalf("a page ends at %d keys", got)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	if got := strings.Join(found, " "); got != "B A G" {
		t.Errorf("the index holds %s", got)
	}
	in.ExclusiveStartKey, in.ConsistentRead = nil, aws.Bool(true)
	_, err := s.Query(t.Context(), in)
	want(t, "a consistent read of the index", err, refused)
	in.ConsistentRead, in.IndexName = nil, aws.String("another")
	_, err = s.Query(t.Context(), in)
	want(t, "an index that is not there", err, refused)
}
