package replicator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// shardRecords is how many records a shard takes before the next one.
const shardRecords = 17

// database is one DynamoDB Local with the tables of all regions: the simulation's model of the tables, with streams of it.
type database struct {
	mu      sync.Mutex
	model   *dynamodel.Database
	last    int64 // sequence number of all tables
	streams map[string][]streamtypes.Record
	random  *rand.Rand
	// perMille is how many calls of a thousand fail, before or after they took place.
	perMille int
	slow     time.Duration // of a call, at most
}

func newDatabase(random *rand.Rand) *database {
	d := &database{streams: map[string][]streamtypes.Record{}, random: random}
	d.model = dynamodel.NewDatabase("all", func() time.Time { return time.Unix(0, d.last) })
	d.model.OnWrite = d.record
	return d
}

func (d *database) record(w dynamodel.Write) {
	if !w.Changed() {
		return
	}
	d.last += 1 + d.random.Int64N(3)
	key := map[string]types.AttributeValue{
		"equipmentId": &types.AttributeValueMemberS{Value: w.Key.Partition}, "timestamp": &types.AttributeValueMemberS{Value: w.Key.Sort},
	}
	d.streams[w.Table] = append(d.streams[w.Table], streamtypes.Record{Dynamodb: &streamtypes.StreamRecord{
		SequenceNumber: aws.String(fmt.Sprintf("%021d", d.last)),
		Keys:           imageOf(key), OldImage: imageOf(w.Old), NewImage: imageOf(w.New),
	}})
}

func imageOf(item dynamodel.Item) map[string]streamtypes.AttributeValue {
	if item == nil {
		return nil
	}
	image := map[string]streamtypes.AttributeValue{}
	for name, value := range item {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			image[name] = &streamtypes.AttributeValueMemberS{Value: v.Value}
		case *types.AttributeValueMemberN:
			image[name] = &streamtypes.AttributeValueMemberN{Value: v.Value}
		case *types.AttributeValueMemberBOOL:
			image[name] = &streamtypes.AttributeValueMemberBOOL{Value: v.Value}
		default:
			panic(fmt.Sprintf("%T", value))
		}
	}
	return image
}

func (d *database) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return call(ctx, d, func() (*dynamodb.BatchGetItemOutput, error) { return d.model.BatchGetItem(ctx, in) })
}

func (d *database) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return call(ctx, d, func() (*dynamodb.PutItemOutput, error) { return d.model.PutItem(ctx, in) })
}

func (d *database) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return call(ctx, d, func() (*dynamodb.DeleteItemOutput, error) { return d.model.DeleteItem(ctx, in) })
}

// DescribeStream lists the shards that have records, and the one that will get the next.
func (d *database) DescribeStream(_ context.Context, in *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var shards []streamtypes.Shard
	for n := 0; n <= len(d.streams[*in.StreamArn])/shardRecords; n++ {
		s := streamtypes.Shard{ShardId: aws.String(fmt.Sprintf("shard-%d", n))}
		if n > 0 {
			s.ParentShardId = aws.String(fmt.Sprintf("shard-%d", n-1))
		}
		shards = append(shards, s)
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &streamtypes.StreamDescription{Shards: shards}}, nil
}

func (d *database) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shard, err := strconv.Atoi(strings.TrimPrefix(*in.ShardId, "shard-"))
	if err != nil {
		return nil, err
	}
	at := shard * shardRecords
	if in.ShardIteratorType == streamtypes.ShardIteratorTypeAfterSequenceNumber {
		for records := d.streams[*in.StreamArn]; at < min(len(records), (shard+1)*shardRecords) && *records[at].Dynamodb.SequenceNumber <= *in.SequenceNumber; {
			at++
		}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%s %d %d", *in.StreamArn, shard, at))}, nil
}

func (d *database) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	return call(ctx, d, func() (*dynamodbstreams.GetRecordsOutput, error) {
		var table string
		var shard, at int
		if _, err := fmt.Sscanf(*in.ShardIterator, "%s %d %d", &table, &shard, &at); err != nil {
			return nil, err
		}
		records := d.streams[table]
		end := min(len(records), (shard+1)*shardRecords, at+1+d.random.IntN(8))
		out := &dynamodbstreams.GetRecordsOutput{Records: records[at:end]}
		if end < (shard+1)*shardRecords {
			out.NextShardIterator = aws.String(fmt.Sprintf("%s %d %d", table, shard, end))
		}
		return out, nil
	})
}
