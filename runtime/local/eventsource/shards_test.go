package eventsource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
)

// splitStream is a stream whose first shard has closed and split into two, which DynamoDB Local never does. It lists one shard
// a page, the children first. An iterator is a shard's name and the number of the next record.
type splitStream struct{}

func (splitStream) DescribeStream(_ context.Context, in *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	order := []string{"left", "right", "parent"}
	i := slices.Index(order, aws.ToString(in.ExclusiveStartShardId)) + 1
	shard := types.Shard{ShardId: &order[i], ParentShardId: aws.String("parent")}
	if order[i] == "parent" {
		shard.ParentShardId = aws.String("trimmed long ago")
	}
	out := &types.StreamDescription{Shards: []types.Shard{shard}}
	if i < len(order)-1 {
		out.LastEvaluatedShardId = &order[i]
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: out}, nil
}

func (splitStream) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	if in.ShardIteratorType != types.ShardIteratorTypeTrimHorizon {
		return nil, &types.TrimmedDataAccessException{Message: aws.String("gone")}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(*in.ShardId + " 1")}, nil
}

func (splitStream) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	var shard string
	var n int
	if _, err := fmt.Sscan(*in.ShardIterator, &shard, &n); err != nil {
		return nil, err
	}
	out := &dynamodbstreams.GetRecordsOutput{}
	if n <= 2 {
		out.Records = []types.Record{{Dynamodb: &types.StreamRecord{SequenceNumber: aws.String(fmt.Sprintf("%s%d", shard, n))}}}
	}
	if n <= 2 || shard != "parent" { // the children stay open
		out.NextShardIterator = aws.String(fmt.Sprintf("%s %d", shard, n+1))
	}
	return out, nil
}

func TestPollStream_ReadsAParentToItsEndBeforeItsChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := eventsource.PollStream(ctx, eventsource.StreamOptions{
			Client: splitStream{}, StreamARN: "arn", Log: quiet,
			Function: invoker(func(payload []byte) ([]byte, error) {
				time.Sleep(100 * time.Millisecond)
				var e events.DynamoDBEvent
				if err := json.Unmarshal(payload, &e); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, r := range e.Records {
					seen = append(seen, r.Change.SequenceNumber)
				}
				return nil, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) != 6 || !slices.Equal(seen[:2], []string{"parent1", "parent2"}) {
			t.Fatalf("saw %v", seen)
		}
		for _, child := range []string{"left", "right"} {
			own := slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return !strings.HasPrefix(s, child) })
			if !slices.Equal(own, []string{child + "1", child + "2"}) {
				t.Errorf("of %s it saw %v", child, own)
			}
		}
	})
}

// slowStream has one shard, to which a record comes each 300 ms.
type slowStream struct {
	splitStream
	began time.Time
	most  int // records that it has in the end
}

func (slowStream) DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: []types.Shard{{ShardId: aws.String("only")}}}}, nil
}

func (s slowStream) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	var shard string
	var next int // as GetShardIterator names it: 1 is the first
	if _, err := fmt.Sscan(*in.ShardIterator, &shard, &next); err != nil {
		return nil, err
	}
	out := &dynamodbstreams.GetRecordsOutput{}
	for there := min(int(time.Since(s.began)/(300*time.Millisecond)), s.most); next <= there && len(out.Records) < int(*in.Limit); next++ {
		out.Records = append(out.Records, types.Record{Dynamodb: &types.StreamRecord{SequenceNumber: aws.String(fmt.Sprint(next))}})
	}
	out.NextShardIterator = aws.String(fmt.Sprintf("%s %d", shard, next))
	return out, nil
}

func TestPollStream_GathersWhatComesWithinTheWindow(t *testing.T) {
	for name, c := range map[string]struct {
		window time.Duration
		size   int
		want   [][]string
	}{
		"without a window":        {0, 100, [][]string{{"1"}, {"2"}, {"3"}, {"4"}, {"5"}, {"6"}}},
		"a window":                {time.Second, 100, [][]string{{"1", "2", "3", "4"}, {"5", "6"}}},
		"a window, small batches": {time.Second, 3, [][]string{{"1", "2", "3"}, {"4", "5", "6"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen [][]string
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := eventsource.PollStream(ctx, eventsource.StreamOptions{
					Client: slowStream{began: time.Now(), most: 6}, StreamARN: "arn", Log: quiet, Window: c.window, BatchSize: c.size,
					PollInterval: 50 * time.Millisecond,
					Function: invoker(func(payload []byte) ([]byte, error) {
						var e events.DynamoDBEvent
						if err := json.Unmarshal(payload, &e); err != nil {
							t.Error(err)
						}
						var batch []string
						for _, r := range e.Records {
							batch = append(batch, r.Change.SequenceNumber)
						}
						seen = append(seen, batch)
						return nil, nil
					}),
				})
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(seen) != fmt.Sprint(c.want) {
					t.Errorf("got batches %v, want %v", seen, c.want)
				}
			})
		})
	}
}
