package eventsource_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
)

// agedStream is a stream after a day of rest: the records of its first shard are gone, and DynamoDB Local refuses to read it from
// whatever place. Its second one is open.
type agedStream struct {
	splitStream
	refusal error
}

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
		return nil, s.refusal
	}
	return s.splitStream.GetRecords(ctx, in, o...)
}

func TestPollStream_GoesOnBehindAShardWhoseRecordsAreGone(t *testing.T) {
	for _, test := range []struct {
		name, checkpoint string
		refusal          error
		warns            bool
	}{
		{"all of them were processed", `{"old":"old2"}`, &types.TrimmedDataAccessException{}, false},
		{"some were not", `{"old":"old1"}`, &types.TrimmedDataAccessException{}, true},
		{"none was", `{}`, &types.TrimmedDataAccessException{}, true},
		{"after two days", `{}`, &types.ResourceNotFoundException{}, true},
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
					Client: agedStream{refusal: test.refusal}, StreamARN: "arn", Checkpoint: path, Log: slog.New(slog.NewTextHandler(&log, nil)),
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
