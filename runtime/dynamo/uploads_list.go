package dynamo

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// listShard spreads uploads over the partitions of the index. The hash must never change, since the rows that are stored
// follow it.
func listShard(id string) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // never fails
	return int(hash.Sum32() % contract.ListShards)
}

func listPartition(shard int) string { return contract.ListPartitionPrefix + strconv.Itoa(shard) }

// listSort is the sort key of an upload in the index.
func listSort(createdAt, id string) string { return createdAt + contract.KeySeparator + id }

// ListUploads returns at most limit uploads that come after a position, newest first, and whether there are more. The index
// may lag a moment behind the table.
func (s *Uploads) ListUploads(ctx context.Context, after csvfile.Position, limit int) (us []csvfile.Upload, more bool, err error) {
	var shards [contract.ListShards][]csvfile.Upload
	group, ctx := errgroup.WithContext(ctx)
	for i := range shards {
		group.Go(func() (err error) {
			shards[i], err = s.listShard(ctx, i, after, limit+1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	for _, shard := range shards {
		us = append(us, shard...)
	}
	slices.SortFunc(us, func(a, b csvfile.Upload) int {
		if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
			return order
		}
		return strings.Compare(b.ID, a.ID)
	})
	if len(us) > limit {
		return us[:limit], true, nil
	}
	return us, false, nil
}

// listShard returns the first uploads of one partition of the index.
func (s *Uploads) listShard(ctx context.Context, shard int, after csvfile.Position, limit int) ([]csvfile.Upload, error) {
	condition, values := "#list = :list", item{":list": text(listPartition(shard))}
	if after != (csvfile.Position{}) {
		condition += " AND #sort < :after"
		values[":after"] = text(listSort(reading.FormatTimestamp(after.CreatedAt), after.ID))
	}
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(contract.IndexByCreation), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression: &condition, ExpressionAttributeNames: namesIn(condition), ExpressionAttributeValues: values,
	}
	var us []csvfile.Upload
	for {
		in.Limit = aws.Int32(int32(limit - len(us))) //nolint:gosec // at most contract.UploadsPageMax + 1
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, mapError("list uploads", err)
		}
		for _, stored := range out.Items {
			u, err := readUpload(stored)
			if err != nil {
				return nil, err
			}
			us = append(us, u)
		}
		if len(us) >= limit || len(out.LastEvaluatedKey) == 0 {
			return us, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey // a page of DynamoDB ends at 1 MB of items
	}
}
