package dynamodel

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// pageBytesMax is how many bytes of items one query or scan reads.
	pageBytesMax = 1 << 20
	// batchBytesMax is how many bytes of items one BatchGetItem returns.
	batchBytesMax = 16 << 20
	// readUnitBytes is how much a consistent read gives for one unit.
	readUnitBytes = 4096
)

// readUnits is what it takes to read so many bytes at once, also where there are none.
func readUnits(bytes int, consistent bool) float64 {
	units := float64(max(1, (bytes+readUnitBytes-1)/readUnitBytes))
	if consistent {
		return units
	}
	return units / 2
}

// consumed tells what a read took, if that is the wish.
func consumed(wish types.ReturnConsumedCapacity, table string, units float64) *types.ConsumedCapacity {
	if wish != types.ReturnConsumedCapacityTotal {
		return nil
	}
	return &types.ConsumedCapacity{TableName: &table, CapacityUnits: &units}
}

// GetItem returns one item.
func (d *Database) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...option) (*dynamodb.GetItemOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.exactKey(in.Key)
	if err != nil {
		return nil, err
	}
	project, uses, err := projection(in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	s, err := newScope(in.ExpressionAttributeNames, nil, uses)
	if err != nil {
		return nil, err
	}
	return &dynamodb.GetItemOutput{Item: project(s, d.read(t.find(key), aws.ToBool(in.ConsistentRead)))}, nil
}

// BatchGetItem returns at most 100 items of distinct keys, those that there are; what lies behind 16 MB is left unprocessed. To leave
// more is for the code around the model.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
func (d *Database) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...option) (*dynamodb.BatchGetItemOutput, error) {
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]Item{}, UnprocessedKeys: map[string]types.KeysAndAttributes{}}
	n, bytes := 0, 0
	for name, wanted := range in.RequestItems {
		keys, project, err := d.checkGet(name, wanted)
		if err != nil {
			return nil, err
		}
		units := 0.0
		for i, key := range keys {
			found := d.read(d.tables[name].find(key), aws.ToBool(wanted.ConsistentRead))
			if bytes += itemBytes(found); bytes > batchBytesMax {
				left := wanted
				left.Keys = wanted.Keys[i:]
				out.UnprocessedKeys[name] = left
				break
			}
			units += readUnits(itemBytes(found), aws.ToBool(wanted.ConsistentRead))
			if found != nil {
				out.Responses[name] = append(out.Responses[name], project(found))
			}
		}
		if c := consumed(in.ReturnConsumedCapacity, name, units); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
		n += len(keys)
	}
	if n == 0 || n > contract.BatchGetItemsMax {
		return nil, invalid("1 validation error detected: the batch has %d keys, must have 1 to %d", n, contract.BatchGetItemsMax)
	}
	return out, nil
}

// checkGet checks what a BatchGetItem wants of one table.
func (d *Database) checkGet(name string, wanted types.KeysAndAttributes) (keys []Key, project func(Item) Item, err error) {
	t, err := d.table(&name)
	if err != nil {
		return nil, nil, err
	}
	of, uses, err := projection(wanted.ProjectionExpression)
	if err != nil {
		return nil, nil, err
	}
	s, err := newScope(wanted.ExpressionAttributeNames, nil, uses)
	if err != nil {
		return nil, nil, err
	}
	seen := map[Key]bool{}
	for _, item := range wanted.Keys {
		key, err := t.exactKey(item)
		if err != nil {
			return nil, nil, err
		}
		if seen[key] {
			return nil, nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[key], keys = true, append(keys, key)
	}
	return keys, func(item Item) Item { return of(s, item) }, nil
}

// projection reads the list of the attributes to return.
func projection(text *string) (project func(*scope, Item) Item, uses []string, err error) {
	if text == nil {
		return func(_ *scope, item Item) Item { return item }, nil, nil
	}
	var names []string
	for _, name := range strings.Split(*text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return nil, nil, invalid("Invalid ProjectionExpression: Syntax error")
		}
		if names = append(names, name); name[0] == '#' {
			uses = append(uses, name)
		} else if slices.Contains(reserved, strings.ToLower(name)) {
			return nil, nil, invalid("Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: %s", name)
		}
	}
	return func(s *scope, item Item) Item {
		if item == nil {
			return nil
		}
		part := make(Item, len(names))
		for _, name := range names {
			if attribute := s.attribute(name); item[attribute] != nil {
				part[attribute] = item[attribute]
			}
		}
		return part
	}, uses, nil
}

// selection is a query that was checked.
type selection struct {
	table     *table
	key       contract.Key // of the table or of the index
	index     bool
	carried   []string // by the index, beside the keys; nil where it carries everything
	partition string
	keys      *keyRange
	filter    *condition
	project   func(*scope, Item) Item
	scope     *scope
}

// Query returns a page of one partition of a table or an index.
func (d *Database) Query(_ context.Context, in *dynamodb.QueryInput, _ ...option) (*dynamodb.QueryOutput, error) {
	q, err := d.selectItems(in)
	if err != nil {
		return nil, err
	}
	candidates := d.candidates(q, aws.ToBool(in.ConsistentRead))
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(candidates)
	}
	if candidates, err = q.after(candidates, in); err != nil {
		return nil, err
	}
	out := &dynamodb.QueryOutput{}
	bytes := 0
	for _, item := range candidates {
		out.ScannedCount++
		bytes += itemBytes(item)
		if q.filter.holds(q.scope, item) {
			out.Items = append(out.Items, q.project(q.scope, q.carries(item)))
		}
		if in.Limit != nil && out.ScannedCount == *in.Limit || bytes >= pageBytesMax {
			out.LastEvaluatedKey = q.position(item)
			break
		}
	}
	out.Count = int32(len(out.Items)) //nolint:gosec // a page
	out.ConsumedCapacity = consumed(in.ReturnConsumedCapacity, q.table.name, readUnits(bytes, aws.ToBool(in.ConsistentRead)))
	return out, nil
}

// selectItems checks a query.
func (d *Database) selectItems(in *dynamodb.QueryInput) (q selection, err error) {
	if q.table, err = d.table(in.TableName); err != nil {
		return q, err
	}
	q.key = q.table.definition.Key
	if in.IndexName != nil {
		i := slices.IndexFunc(q.table.definition.Indexes, func(x contract.Index) bool { return x.Name == *in.IndexName })
		switch {
		case i < 0:
			return q, invalid("The table does not have the specified index: %s", *in.IndexName)
		case aws.ToBool(in.ConsistentRead):
			return q, invalid("Consistent reads are not supported on global secondary indexes")
		}
		q.index, q.key, q.carried = true, q.table.definition.Indexes[i].Key, q.table.definition.Indexes[i].Projected
	}
	if in.Limit != nil && *in.Limit < 1 {
		return q, invalid("1 validation error detected: Value at 'limit' must be greater than or equal to 1")
	}
	if in.KeyConditionExpression == nil {
		return q, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	q.keys, q.filter = parseKeyRange(*in.KeyConditionExpression), parseCondition(in.FilterExpression)
	project, uses, err := projection(in.ProjectionExpression)
	if err = cmp.Or(err, q.keys.err, q.filter.err); err != nil {
		return q, err
	}
	q.project = project
	if q.scope, err = newScope(in.ExpressionAttributeNames, in.ExpressionAttributeValues, q.keys.uses, q.filter.uses, uses); err != nil {
		return q, err
	}
	if err = q.checkKeys(); err != nil {
		return q, err
	}
	return q, q.checkCarried(in.ProjectionExpression)
}

// checkCarried refuses to project what the index does not carry.
func (q *selection) checkCarried(projected *string) error {
	if q.carried == nil || projected == nil {
		return nil
	}
	own := q.table.definition.Key
	for _, name := range strings.Split(*projected, ",") {
		name = q.scope.attribute(strings.TrimSpace(name))
		if !slices.Contains(q.carried, name) && !slices.Contains([]string{q.key.Partition, q.key.Sort, own.Partition, own.Sort}, name) {
			return invalid("One or more parameter values were invalid: the index does not project %s", name)
		}
	}
	return nil
}

func (q *selection) checkKeys() error {
	if err := cmp.Or(obey(q.scope, q.keys.rules), obey(q.scope, q.filter.rules)); err != nil {
		return err
	}
	for _, name := range q.filter.names {
		if name = q.scope.attribute(name); name == q.key.Partition || name == q.key.Sort {
			return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
		}
	}
	value, isText := q.scope.values[q.keys.equals].(*types.AttributeValueMemberS)
	switch {
	case q.scope.attribute(q.keys.partition) != q.key.Partition || q.keys.sort != "" && q.scope.attribute(q.keys.sort) != q.key.Sort:
		return invalid("Query condition missed key schema element: %s", q.key.Partition)
	case !isText:
		return invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	case value.Value == "":
		return invalid("One or more parameter values are not valid: the key %s must not be empty", q.key.Partition)
	}
	q.partition = value.Value
	return q.checkBounds()
}

// checkBounds refuses an empty text as a bound of the sort key.
func (q *selection) checkBounds() error {
	for _, name := range q.keys.uses {
		if bound, ok := q.scope.values[name].(*types.AttributeValueMemberS); ok && bound.Value == "" {
			return invalid("One or more parameter values are not valid: the key %s must not be empty", q.key.Sort)
		}
	}
	return nil
}

// candidates lists the items of the selection in the order of their sort keys.
func (d *Database) candidates(q selection, consistent bool) []Item {
	var items []Item
	names := q.table.names
	if !q.index {
		names = []string{q.partition}
	}
	for _, name := range names {
		if p := q.table.partitions[name]; p != nil {
			for _, sort := range p.sorts {
				if item := d.read(p.items[sort], consistent); item != nil && q.selects(item) {
					items = append(items, item)
				}
			}
		}
	}
	if q.index {
		slices.SortFunc(items, q.compare)
	}
	return items
}

// carries returns what the index has of an item.
func (q *selection) carries(item Item) Item {
	if q.carried == nil {
		return item
	}
	part := q.position(item)
	for _, name := range q.carried {
		if item[name] != nil {
			part[name] = item[name]
		}
	}
	return part
}

// selects tells whether an item lies in the partition and range of keys that were asked for.
func (q *selection) selects(item Item) bool {
	if q.index {
		p, has := item[q.key.Partition].(*types.AttributeValueMemberS)
		if _, sorted := item[q.key.Sort]; !has || !sorted || p.Value != q.partition {
			return false
		}
	}
	return q.keys.within == nil || q.keys.within(q.scope, item)
}

// compare orders items by the selection's sort key and, in an index, then by their own keys.
func (q *selection) compare(a, b Item) int {
	own := q.table.definition.Key
	for _, name := range []string{q.key.Sort, own.Partition, own.Sort} {
		if name == "" {
			continue
		}
		if order, _ := compareValues(a[name], b[name]); order != 0 {
			return order
		}
	}
	return 0
}

// after leaves out what an ExclusiveStartKey says was there before. Candidates are in the order that was asked for.
func (q *selection) after(candidates []Item, in *dynamodb.QueryInput) ([]Item, error) {
	start := in.ExclusiveStartKey
	if len(start) == 0 {
		return candidates, nil
	}
	if len(start) != len(q.position(start)) {
		return nil, invalid("The provided starting key is invalid")
	}
	if p, isText := start[q.key.Partition].(*types.AttributeValueMemberS); !isText || p.Value != q.partition ||
		q.keys.within != nil && !q.keys.within(q.scope, start) {
		return nil, invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	sign := 1
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		sign = -1
	}
	for i, item := range candidates {
		if sign*q.compare(item, start) > 0 {
			return candidates[i:], nil
		}
	}
	return nil, nil
}

// position is the key by which a query goes on after an item.
func (q *selection) position(item Item) Item {
	position := Item{}
	own := q.table.definition.Key
	for _, name := range []string{q.key.Partition, q.key.Sort, own.Partition, own.Sort} {
		if name != "" && item[name] != nil {
			position[name] = item[name]
		}
	}
	return position
}
