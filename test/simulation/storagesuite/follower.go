package storagesuite

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// follower is how far a table's stream has been read. A table of DynamoDB Local has one shard, which never closes; one of DynamoDB
// has as many as it likes, and an empty page of one does not say that it has no more records
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html).
type follower struct {
	arn       *string
	iterators map[string]*string // by shard; nil once it is closed and has been read
	records   []Record
}

// pollPause is kept after a round that brought nothing: a shard takes five reads a second.
const pollPause = 200 * time.Millisecond

// records reads every shard once more and returns all that was read of the stream so far.
func (e *Endpoint) records(ctx context.Context, table string) ([]Record, error) {
	e.mu.Lock()
	f := e.tables[table]
	e.mu.Unlock()
	shards, err := e.shards(ctx, f, table)
	if err != nil {
		return nil, err
	}
	before := len(f.records)
	for _, shard := range shards {
		if err := e.readOnce(ctx, f, shard); err != nil {
			return nil, err
		}
	}
	if len(f.records) == before {
		return f.records, pacing.Sleep(ctx, pollPause)
	}
	return f.records, nil
}

// shards lists the shards of a table's stream.
func (e *Endpoint) shards(ctx context.Context, f *follower, table string) (all []streamtypes.Shard, err error) {
	if f.arn == nil {
		out, err := e.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			return nil, fmt.Errorf("describe the table: %w", err)
		}
		f.arn = out.Table.LatestStreamArn
	}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: f.arn}
	for {
		out, err := e.streams.DescribeStream(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("describe the stream: %w", err)
		}
		all = append(all, out.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return all, nil
		}
	}
}

// readOnce reads a page of a shard. A shard waits until its parent has been read.
func (e *Endpoint) readOnce(ctx context.Context, f *follower, shard streamtypes.Shard) error {
	if parent, known := f.iterators[aws.ToString(shard.ParentShardId)]; known && parent != nil {
		return nil
	}
	id := aws.ToString(shard.ShardId)
	iterator, begun := f.iterators[id]
	if !begun {
		start, err := e.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: f.arn, ShardId: &id, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			return fmt.Errorf("begin a shard: %w", err)
		}
		iterator = start.ShardIterator
	}
	if iterator == nil {
		return nil
	}
	page, next, err := e.page(ctx, id, iterator)
	if err != nil {
		return err
	}
	f.records, f.iterators[id] = append(f.records, page...), next
	return nil
}

func (e *Endpoint) page(ctx context.Context, shard string, iterator *string) (records []Record, next *string, err error) {
	out, err := e.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
	if err != nil {
		return nil, nil, fmt.Errorf("get records: %w", err)
	}
	for _, r := range out.Records {
		record := Record{
			Sequence: aws.ToString(r.Dynamodb.SequenceNumber), Shard: shard,
			Key: streamItem(r.Dynamodb.Keys), Old: streamItem(r.Dynamodb.OldImage), New: streamItem(r.Dynamodb.NewImage),
			At:      aws.ToTime(r.Dynamodb.ApproximateCreationDateTime),
			Service: r.UserIdentity != nil && aws.ToString(r.UserIdentity.PrincipalId) == "dynamodb.amazonaws.com",
		}
		records = append(records, record)
	}
	return records, out.NextShardIterator, nil
}

// from reads a page of a shard from a record on, as a repair does.
func (e *Endpoint) from(t T, table string, first Record) []Record {
	t.Helper()
	e.mu.Lock()
	f := e.tables[table]
	e.mu.Unlock()
	start, err := e.streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: f.arn, ShardId: &first.Shard, ShardIteratorType: streamtypes.ShardIteratorTypeAtSequenceNumber, SequenceNumber: &first.Sequence,
	})
	if err != nil {
		t.Fatalf("begin a shard at a record: %v", err)
	}
	records, _, err := e.page(t.Context(), first.Shard, start.ShardIterator)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// streamItem translates an image of the stream into an item.
func streamItem(image map[string]streamtypes.AttributeValue) Item {
	if len(image) == 0 {
		return nil
	}
	item := Item{}
	for name, value := range image {
		switch v := value.(type) {
		case *streamtypes.AttributeValueMemberS:
			item[name] = text(v.Value)
		case *streamtypes.AttributeValueMemberN:
			item[name] = number(v.Value)
		case *streamtypes.AttributeValueMemberNS:
			item[name] = numbers(v.Value...)
		case *streamtypes.AttributeValueMemberBOOL:
			item[name] = &types.AttributeValueMemberBOOL{Value: v.Value}
		default:
			item[name] = text(fmt.Sprintf("a value of type %T", value))
		}
	}
	return item
}
