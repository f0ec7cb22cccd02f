package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
)

// lost are the stream records that never reached the aggregator.
type lost struct {
	mu        sync.Mutex
	stream    string
	sequences []string
}

func (l *lost) keep(records []json.RawMessage, _ func([]json.RawMessage) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, raw := range records {
		var r struct {
			ARN    string                          `json:"eventSourceARN"`
			Change struct{ SequenceNumber string } `json:"dynamodb"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		l.stream, l.sequences = r.ARN, append(l.sequences, r.Change.SequenceNumber)
	}
	return nil
}

func (l *lost) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sequences)
}

// TestStack_RepairsWhatTheStreamHasGivenUp: records that the aggregator never takes in come by the failure destination. The rows
// are right afterwards, and what the stream does not hold any more is put aside with the reason.
func TestStack_RepairsWhatTheStreamHasGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	l := &lost{}
	s, err := stack.Start(ctx, stack.Options{Log: t.Output(), Environ: []string{"IGNORED=1"}, Deliver: l.keep})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	token := machineToken(t, s.Info)
	for i := range 3 {
		if got := post(t, s.Info, token, fmt.Sprintf("EQ-%d", i)); got != http.StatusCreated {
			t.Fatalf("status %d", got)
		}
	}
	await.True(t, time.Minute, "the records are lost", func() bool { return l.count() == 3 })
	out, err := dynamodbstreams.NewFromConfig(s.AWSConfig()).DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &l.stream})
	if err != nil {
		t.Fatal(err)
	}
	shard := aws.ToString(out.StreamDescription.Shards[0].ShardId)
	giveUp := func(shard, first, last string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{
			"requestContext": map[string]any{"condition": "RetryAttemptsExhausted"},
			"DDBStreamBatchInfo": map[string]any{
				"shardId": shard, "streamArn": l.stream, "startSequenceNumber": first, "endSequenceNumber": last,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.StreamFailures.Send(string(body)); err != nil {
			t.Fatal(err)
		}
	}
	settled := func() bool { return s.StreamFailures.Depth() == sqslocal.Depth{} }

	giveUp(shard, l.sequences[0], l.sequences[1]) // not the third one
	await.True(t, time.Minute, "the rows are repaired", settled)
	for i, want := range []int{1, 1, 0} {
		rows, err := dynamodb.NewFromConfig(s.AWSConfig()).Query(ctx, &dynamodb.QueryInput{
			TableName: aws.String(s.Tables[contract.AggregatesTable().Name]), KeyConditionExpression: aws.String("#k = :k"),
			ExpressionAttributeNames:  map[string]string{"#k": contract.AttrEquipmentID},
			ExpressionAttributeValues: map[string]types.AttributeValue{":k": &types.AttributeValueMemberS{Value: fmt.Sprintf("EQ-%d", i)}},
		})
		if err != nil || len(rows.Items) != want {
			t.Errorf("EQ-%d: %v, error %v, want %d rows", i, rows, err, want)
		}
	}
	if s.StreamDeadLetters.Depth() != (sqslocal.Depth{}) {
		t.Error("something was put aside although it was repaired")
	}

	giveUp(shard+"gone", l.sequences[2], l.sequences[2])
	await.True(t, time.Minute, "the message is put aside", func() bool { return settled() && s.StreamDeadLetters.Depth().Visible == 1 })
	aside, err := s.StreamDeadLetters.Receive(ctx, 1, 0)
	if err != nil || len(aside) != 1 || !strings.Contains(aside[0].Body, "the stream does not hold the records any more") ||
		!strings.Contains(aside[0].Body, l.sequences[2]) {
		t.Errorf("put aside: %+v, %v", aside, err)
	}
}
