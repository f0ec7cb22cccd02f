package dynamodel

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Scan returns a page of a whole table, partition after partition, in an order that is none of their names and stays the same. It
// may begin behind a key that is not there.
func (d *Database) Scan(_ context.Context, in *dynamodb.ScanInput, _ ...option) (*dynamodb.ScanOutput, error) {
	t, behind, err := d.scanStart(in)
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
	out := &dynamodb.ScanOutput{}
	bytes := 0
	for _, one := range t.scanned(behind) {
		item := d.read(one, aws.ToBool(in.ConsistentRead))
		if item == nil {
			continue
		}
		out.ScannedCount++
		bytes += itemBytes(item)
		out.Items = append(out.Items, project(s, item))
		if in.Limit != nil && out.ScannedCount == *in.Limit || bytes >= pageBytesMax {
			out.LastEvaluatedKey = t.keyItem(one.key)
			break
		}
	}
	out.Count = out.ScannedCount
	out.ConsumedCapacity = consumed(in.ReturnConsumedCapacity, t.name, readUnits(bytes, aws.ToBool(in.ConsistentRead)))
	return out, nil
}

// scanStart checks a scan and returns its table and the key behind which it begins, nil for the beginning.
func (d *Database) scanStart(in *dynamodb.ScanInput) (t *table, behind *Key, err error) {
	if t, err = d.table(in.TableName); err != nil {
		return nil, nil, err
	}
	if in.FilterExpression != nil || in.IndexName != nil || in.Segment != nil {
		return nil, nil, invalid("scans of indexes, segments and by filters are not modelled")
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, nil, invalid("1 validation error detected: Value at 'limit' must be greater than or equal to 1")
	}
	if len(in.ExclusiveStartKey) == 0 {
		return t, nil, nil
	}
	key, err := t.exactKey(in.ExclusiveStartKey)
	return t, &key, err
}

// scanned lists what is stored behind a key, nil meaning everything, in the order of scans.
func (t *table) scanned(behind *Key) (all []*stored) {
	for _, p := range t.partitions {
		for _, s := range p.items {
			if behind == nil || scanOrder(s.key, *behind) > 0 {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b *stored) int { return scanOrder(a.key, b.key) })
	return all
}

// scanOrder orders partitions by a hash of their names, and the items of one by their sort keys.
func scanOrder(a, b Key) int {
	return cmp.Or(cmp.Compare(partitionHash(a.Partition), partitionHash(b.Partition)), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Sort, b.Sort))
}

func partitionHash(name string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // never fails
	return hash.Sum32()
}
