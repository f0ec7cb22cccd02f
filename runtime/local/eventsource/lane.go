package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// backoffMax bounds the pause before a retry.
const backoffMax = 5 * time.Second

// lane reads one shard, in order.
type lane struct {
	*streamPoller
	shard string
}

// run reads to the shard's end, or to that of ctx. What fails on the way is tried again from the checkpoint.
func (l *lane) run(ctx context.Context) {
	for pause := l.PollInterval; ctx.Err() == nil; pause = min(2*pause, backoffMax) {
		began := time.Now()
		err := l.read(ctx)
		if err == nil {
			return
		}
		if time.Since(began) > backoffMax { // it worked for a while, so this is another failure
			pause = l.PollInterval
		}
		if ctx.Err() == nil {
			l.Log.Warn("could not read the stream; trying again", "shard", l.shard, "error", err)
			_ = pacing.Sleep(ctx, pause) // the loop looks at ctx itself
		}
	}
}

// read returns nil only when the whole shard was processed.
func (l *lane) read(ctx context.Context) error {
	iterator, err := l.iterator(ctx)
	if err != nil {
		return err
	}
	for trimmed := 0; iterator != nil; {
		out, err := l.records(ctx, iterator, l.BatchSize)
		if isGone(err) {
			trimmed++
			if iterator, err = l.skip(ctx, trimmed); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		trimmed = 0
		records, next, err := l.gather(ctx, out)
		if err != nil {
			return err
		}
		if err := l.handle(ctx, records); err != nil {
			return err
		}
		if iterator = next; iterator != nil && len(records) == 0 && pacing.Sleep(ctx, l.PollInterval) != nil {
			return ctx.Err()
		}
	}
	return l.end()
}

// end notes that the shard was processed, so that its children can start.
func (l *lane) end() error {
	if err := l.positions.set(l.shard, shardEnd); err != nil {
		return err
	}
	select {
	case l.finished <- struct{}{}:
	default: // it is told already
	}
	return nil
}

// isGone tells whether what an iterator stands for is no longer there. DynamoDB Local also lists a shard of two days ago that it no
// longer finds.
func isGone(err error) bool {
	return errors.As(err, new(*types.TrimmedDataAccessException)) || errors.As(err, new(*types.ResourceNotFoundException))
}

// skip goes on where records are gone, as they are after a day: with the oldest that is left, and where none is left after a shard's
// end. It also replaces an iterator that was made while the shard was empty, which DynamoDB Local refuses in the same way.
func (l *lane) skip(ctx context.Context, times int) (*string, error) {
	shards, err := l.shards(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(shards, func(s types.Shard) bool { return aws.ToString(s.ShardId) == l.shard })
	closed, processed := at < 0, false
	if at >= 0 && shards[at].SequenceNumberRange != nil && shards[at].SequenceNumberRange.EndingSequenceNumber != nil {
		closed, processed = true, *shards[at].SequenceNumberRange.EndingSequenceNumber == l.positions.get(l.shard)
	}
	switch {
	case processed:
		return nil, nil
	case times == 1:
		return l.oldest(ctx)
	case closed:
		l.Log.Warn("records of the stream are gone that may not be processed; make repair sets the aggregates right", "shard", l.shard)
		return nil, nil
	default:
		return nil, errors.New("read the shard: its oldest record is refused")
	}
}

// iterator starts after the checkpoint; where there is none, or its record is gone, with the oldest record.
func (l *lane) iterator(ctx context.Context) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if position := l.positions.get(l.shard); position != "" {
		out, err := l.Client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: &l.StreamARN, ShardId: &l.shard, ShardIteratorType: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: &position,
		})
		if err == nil {
			return out.ShardIterator, nil
		}
		var refused smithy.APIError
		trimmed := errors.As(err, new(*types.TrimmedDataAccessException))
		unknown := errors.As(err, &refused) && refused.ErrorCode() == "ValidationException"
		if !trimmed && !unknown {
			return nil, fmt.Errorf("continue the shard: %w", err)
		}
		l.Log.Warn("the checkpoint is not in the stream; starting with the oldest record", "shard", l.shard)
	}
	return l.oldest(ctx)
}

// oldest starts with the oldest record.
func (l *lane) oldest(ctx context.Context) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := l.Client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &l.StreamARN, ShardId: &l.shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		return nil, fmt.Errorf("start the shard: %w", err)
	}
	return out.ShardIterator, nil
}

func (l *lane) records(ctx context.Context, iterator *string, limit int) (*dynamodbstreams.GetRecordsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := l.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{
		ShardIterator: iterator, Limit: aws.Int32(int32(limit)), //nolint:gosec // at most StreamBatchSizeMax
	})
	if err != nil {
		return nil, fmt.Errorf("read the shard: %w", err)
	}
	return out, nil
}

// gather adds to the records of a poll what comes within the window, and returns where to go on.
func (l *lane) gather(ctx context.Context, first *dynamodbstreams.GetRecordsOutput) (records []types.Record, next *string, err error) {
	records, next = first.Records, first.NextShardIterator
	for end := time.Now().Add(l.Window); len(records) > 0 && len(records) < l.BatchSize && next != nil; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		if err := pacing.Sleep(ctx, min(left, l.PollInterval)); err != nil {
			return nil, nil, err
		}
		out, err := l.records(ctx, next, l.BatchSize-len(records))
		if err != nil {
			return nil, nil, err
		}
		records, next = append(records, out.Records...), out.NextShardIterator
	}
	return records, next, nil
}

// handle delivers the records that pass the filter and moves the checkpoint past them all.
func (l *lane) handle(ctx context.Context, records []types.Record) error {
	if len(records) == 0 {
		return nil
	}
	var batch []json.RawMessage
	for _, r := range records {
		if l.Region != "" && !concerns(r, slices.Concat(l.Adopted, []string{l.Region})...) {
			continue
		}
		encoded, err := encodeRecord(r, l.StreamARN, l.Region)
		if err != nil {
			return err
		}
		batch = append(batch, encoded)
	}
	for _, part := range cut(batch) {
		if err := l.Deliver(part, func(rs []json.RawMessage) error { return l.process(ctx, rs) }); err != nil {
			return err
		}
	}
	return l.positions.set(l.shard, aws.ToString(records[len(records)-1].Dynamodb.SequenceNumber))
}

// cut keeps each event within Lambda's payload limit.
func cut(batch []json.RawMessage) [][]json.RawMessage {
	const budget = lambdalocal.PayloadBytesMax - 1<<10 // room for what surrounds the records
	var parts [][]json.RawMessage
	start, size := 0, 0
	for i, record := range batch {
		if i > start && size+len(record)+1 > budget {
			parts = append(parts, batch[start:i])
			start, size = i, 0
		}
		size += len(record) + 1
	}
	if start < len(batch) {
		parts = append(parts, batch[start:])
	}
	return parts
}
