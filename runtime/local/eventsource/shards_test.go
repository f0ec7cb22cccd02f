package eventsource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

// agedStream is a stream after a day of rest: the records of its first shard are gone, and DynamoDB Local refuses to read it from
// whatever place. Its second one is open.
type agedStream struct{ splitStream }

func (agedStream) DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: []types.Shard{
		{ShardId: aws.String("old"), SequenceNumberRange: &types.SequenceNumberRange{EndingSequenceNumber: aws.String("old2")}},
		{ShardId: aws.String("new"), ParentShardId: aws.String("old"), SequenceNumberRange: &types.SequenceNumberRange{}},
	}}}, nil
}

func (agedStream) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(*in.ShardId + " 1")}, nil
}

func (s agedStream) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, o ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	if strings.HasPrefix(*in.ShardIterator, "old") {
		return nil, &types.TrimmedDataAccessException{Message: aws.String("past the oldest record")}
	}
	return s.splitStream.GetRecords(ctx, in, o...)
}

func TestPollStream_GoesOnBehindAShardWhoseRecordsAreGone(t *testing.T) {
	for _, test := range []struct {
		name, checkpoint string
		warns            bool
	}{
		{"all of them were processed", `{"old":"old2"}`, false},
		{"some were not", `{"old":"old1"}`, true},
		{"none was", `{}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "place.json")
			if err := os.WriteFile(path, []byte(test.checkpoint), 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				var seen, log strings.Builder
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := eventsource.PollStream(ctx, eventsource.StreamOptions{
					Client: agedStream{}, StreamARN: "arn", Checkpoint: path, Log: slog.New(slog.NewTextHandler(&log, nil)),
					Function: invoker(func(payload []byte) ([]byte, error) {
						var e events.DynamoDBEvent
						if err := json.Unmarshal(payload, &e); err != nil {
							t.Error(err)
						}
						for _, r := range e.Records {
							seen.WriteString(r.Change.SequenceNumber + " ")
						}
						return nil, nil
					}),
				})
				if err != nil || seen.String() != "new1 new2 " {
					t.Errorf("it saw %q, error %v", seen.String(), err)
				}
				if warns := strings.Contains(log.String(), "make repair"); warns != test.warns {
					t.Errorf("it logged %s", log.String())
				}
			})
		})
	}
}
