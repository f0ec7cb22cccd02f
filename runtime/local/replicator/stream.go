package replicator

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	// pageMax is what one GetRecords gives at most.
	pageMax = 1000
	// callTimeout bounds one call to DynamoDB or its streams.
	callTimeout = 10 * time.Second
	// sequenceDigits is how long DynamoDB wants a sequence number at least.
	sequenceDigits = 21
)

// StreamClient is the part of the Streams API that is used.
type StreamClient interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// change is a write as a stream tells it.
type change struct {
	sequence uint64
	key      digest
	keys     item
	old, new item
}

// pages reads a table's stream on from a place, through all its shards: DynamoDB Local closes one after some hours and goes on
// in a child of it. It is not safe for concurrent use.
type pages struct {
	client StreamClient
	arn    string
	// position is the sequence number of the last change that was read. The next page begins behind it.
	position uint64

	shard    string  // empty before the first one
	ended    bool    // the shard was read to its end
	iterator *string // nil where the place must be looked up
}

// next returns the changes that follow, 1,000 at most, and none at the end. After an error it begins again behind position.
func (p *pages) next(ctx context.Context) ([]change, error) {
	for {
		out, err := p.records(ctx)
		if err != nil || out == nil {
			return nil, err
		}
		changes, err := changesOf(out.Records, p.position)
		if err != nil {
			p.iterator = nil
			return nil, err
		}
		p.iterator = out.NextShardIterator
		p.ended = p.iterator == nil
		if len(changes) > 0 {
			p.position = changes[len(changes)-1].sequence
		}
		if len(changes) > 0 || !p.ended && len(out.Records) == 0 {
			return changes, nil
		}
	}
}

// records returns the records that follow, nil where there is no shard to read. An iterator that is no longer good is replaced once.
func (p *pages) records(ctx context.Context) (*dynamodbstreams.GetRecordsOutput, error) {
	for sought := false; ; sought = true {
		if p.iterator == nil {
			if found, err := p.seek(ctx); err != nil || !found {
				return nil, err
			}
			sought = true
		}
		out, err := p.get(ctx)
		if err == nil {
			return out, nil
		}
		if p.iterator = nil; !isOld(err) || sought {
			return nil, err
		}
	}
}

// isOld tells whether an iterator is no longer good: it was not used for long, or it was made while the shard was empty, which
// DynamoDB Local takes for a place that has been trimmed.
func isOld(err error) bool {
	return errors.As(err, new(*types.TrimmedDataAccessException)) || errors.As(err, new(*types.ExpiredIteratorException))
}

func (p *pages) get(ctx context.Context) (*dynamodbstreams.GetRecordsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := p.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: p.iterator, Limit: aws.Int32(pageMax)})
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	return out, nil
}

// seek gets an iterator: of the shard at hand behind the position, or else of the next shard, if there is one.
func (p *pages) seek(ctx context.Context) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	at, err := p.choose(ctx)
	if err != nil || at == "" {
		return false, err
	}
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &p.arn, ShardId: &at, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if p.position > 0 && (p.shard == "" || p.shard == at) {
		in.ShardIteratorType = types.ShardIteratorTypeAfterSequenceNumber
		in.SequenceNumber = aws.String(fmt.Sprintf("%0*d", sequenceDigits, p.position))
	}
	out, err := p.client.GetShardIterator(ctx, in)
	if err != nil {
		return false, fmt.Errorf("find the place in the stream: %w", err)
	}
	p.shard, p.ended, p.iterator = at, false, out.ShardIterator
	return true, nil
}

// choose names the shard to go on with: the one at hand, its child once it has ended, or the oldest one. It is empty where the
// child is not there yet.
func (p *pages) choose(ctx context.Context) (string, error) {
	shards, err := p.shards(ctx)
	if err != nil {
		return "", err
	}
	listed := map[string]bool{}
	for _, s := range shards {
		listed[aws.ToString(s.ShardId)] = true
	}
	for _, s := range shards {
		id, parent := aws.ToString(s.ShardId), aws.ToString(s.ParentShardId)
		switch {
		case listed[p.shard] && !p.ended && id == p.shard,
			listed[p.shard] && p.ended && parent == p.shard,
			!listed[p.shard] && !listed[parent]:
			return id, nil
		}
	}
	return "", nil
}

func (p *pages) shards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &p.arn}
	for {
		out, err := p.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("describe the stream: %w", err)
		}
		shards = append(shards, out.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// changesOf decodes the records behind a place.
func changesOf(records []types.Record, behind uint64) ([]change, error) {
	var changes []change
	for _, r := range records {
		sequence, err := strconv.ParseUint(aws.ToString(r.Dynamodb.SequenceNumber), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read a sequence number: %w", err)
		}
		if sequence <= behind {
			continue
		}
		c := change{sequence: sequence}
		if c.keys, err = imageOf(r.Dynamodb.Keys); err == nil {
			c.old, err = imageOf(r.Dynamodb.OldImage)
		}
		if err == nil {
			c.new, err = imageOf(r.Dynamodb.NewImage)
		}
		if err != nil {
			return nil, fmt.Errorf("decode record %d: %w", sequence, err)
		}
		c.key = digestOf(c.keys)
		changes = append(changes, c)
	}
	return changes, nil
}
