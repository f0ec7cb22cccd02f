package replicator

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// in a child of it. A stream keeps its records for a day; pages goes on behind what is gone. It is not safe for concurrent use.
type pages struct {
	client StreamClient
	arn    string
	// base is added to the sequence numbers of the stream: see Replicator.rebase.
	base uint64
	// position is the sequence number of the last change that was read. The next page begins behind it.
	position uint64
	// missed tells that changes behind the position may be gone. Who has made up for them sets it back.
	missed bool

	shard    string  // empty before the first one
	end      uint64  // of the shard, 0 where it is open
	ended    bool    // the shard was read to its end
	oldest   bool    // the place is gone from the shard, so that its oldest record is next
	iterator *string // nil where the place must be looked up
	behind   bool    // the iterator was made by the position
}

// goTo makes a change the last one that was read.
func (p *pages) goTo(position uint64) {
	p.position, p.iterator, p.oldest, p.ended = position, nil, false, false
}

// next returns the changes that follow, 1,000 at most, and none at the end. After an error it begins again behind position.
func (p *pages) next(ctx context.Context) ([]change, error) {
	for {
		out, err := p.records(ctx)
		if err != nil || out == nil {
			return nil, err
		}
		changes, err := p.changesOf(out.Records)
		if err != nil {
			p.iterator = nil
			return nil, err
		}
		p.iterator = out.NextShardIterator
		p.ended = p.iterator == nil
		if len(changes) > 0 {
			p.position, p.oldest = changes[len(changes)-1].sequence, false
		}
		if len(changes) > 0 || !p.ended && len(out.Records) == 0 {
			return changes, nil
		}
	}
}

// records returns the records that follow, nil where there is no shard to read. An iterator that is no longer good is replaced once.
func (p *pages) records(ctx context.Context) (*dynamodbstreams.GetRecordsOutput, error) {
	for {
		fresh := p.iterator == nil
		if fresh {
			if found, err := p.seek(ctx); err != nil || !found {
				return nil, err
			}
		}
		out, err := p.get(ctx)
		if err == nil {
			return out, nil
		}
		if p.iterator = nil; !isOld(err) || fresh && !p.skip() {
			return nil, err
		}
	}
}

// isOld tells whether an iterator is no longer good: it was not used for long, its place has been trimmed, or it was made while the
// shard was empty, which DynamoDB Local takes for the same. It also lists a shard of two days ago that it no longer finds.
func isOld(err error) bool {
	return errors.As(err, new(*types.TrimmedDataAccessException)) || errors.As(err, new(*types.ExpiredIteratorException)) ||
		errors.As(err, new(*types.ResourceNotFoundException))
}

// skip leaves behind what is gone: it goes to the oldest record of the shard, or else to the next shard.
func (p *pages) skip() bool {
	switch {
	case p.behind:
		p.oldest = true
	case p.end != 0:
		p.ended, p.oldest = true, false
	default:
		return false
	}
	p.missed = true
	return true
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

// seek gets an iterator of the shard to go on with, if there is one.
func (p *pages) seek(ctx context.Context) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	at, err := p.choose(ctx)
	if err != nil || at == nil {
		return false, err
	}
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &p.arn, ShardId: &at.id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if p.behind = p.position > p.base && p.position >= at.start && !p.oldest; p.behind {
		in.ShardIteratorType = types.ShardIteratorTypeAfterSequenceNumber
		in.SequenceNumber = aws.String(fmt.Sprintf("%0*d", sequenceDigits, p.position-p.base))
	}
	out, err := p.client.GetShardIterator(ctx, in)
	if err != nil {
		return false, fmt.Errorf("find the place in the stream: %w", err)
	}
	p.shard, p.end, p.ended, p.iterator = at.id, at.end, false, out.ShardIterator
	return true, nil
}

// shard is a part of a stream. Its numbers are those of pages, and end is 0 where it is open.
type shard struct {
	id         string
	start, end uint64
}

// choose returns the shard to go on with: the one at hand, the next one once it has ended, or at the start the one that holds the
// position. It is nil where the next one is not there yet.
func (p *pages) choose(ctx context.Context) (*shard, error) {
	shards, err := p.shards(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(shards, func(s shard) bool { return s.id == p.shard })
	switch {
	case at >= 0 && p.ended:
		at++
	case at < 0:
		at = 0
		if len(shards) > 0 && p.position > p.base && p.position < shards[0].start {
			p.missed = true // there were older shards
		}
	}
	for at < len(shards) && shards[at].end != 0 && shards[at].end <= p.position {
		at++
	}
	if at == len(shards) {
		return nil, nil
	}
	return &shards[at], nil
}

// shards lists them, each one behind its parent.
func (p *pages) shards(ctx context.Context) ([]shard, error) {
	children := map[string]types.Shard{}
	listed := map[string]bool{}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &p.arn}
	for {
		out, err := p.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("describe the stream: %w", err)
		}
		for _, s := range out.StreamDescription.Shards {
			children[aws.ToString(s.ParentShardId)] = s
			listed[aws.ToString(s.ShardId)] = true
		}
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			break
		}
	}
	parent := ""
	for of := range children {
		if !listed[of] {
			parent = of
		}
	}
	var shards []shard
	for s, is := children[parent]; is; s, is = children[aws.ToString(s.ShardId)] {
		one := shard{id: aws.ToString(s.ShardId)}
		if r := s.SequenceNumberRange; r != nil {
			var err error
			if one.start, err = p.number(r.StartingSequenceNumber); err != nil {
				return nil, err
			}
			if one.end, err = p.number(r.EndingSequenceNumber); err != nil {
				return nil, err
			}
		}
		shards = append(shards, one)
	}
	return shards, nil
}

// number reads a sequence number, 0 for none.
func (p *pages) number(text *string) (uint64, error) {
	if text == nil {
		return 0, nil
	}
	n, err := strconv.ParseUint(*text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a sequence number: %w", err)
	}
	return p.base + n, nil
}

// changesOf decodes the records behind the position.
func (p *pages) changesOf(records []types.Record) ([]change, error) {
	var changes []change
	for _, r := range records {
		sequence, err := p.number(r.Dynamodb.SequenceNumber)
		if err != nil {
			return nil, err
		}
		if sequence <= p.position {
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
