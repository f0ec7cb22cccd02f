package replicator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
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
	last    int64 // write of all tables
	anew    int64 // the write after which the sequence numbers last began anew
	streams map[string][]*shard
	random  *rand.Rand
	// perMille is how many calls of a thousand fail, before or after they took place.
	perMille int
	slow     time.Duration // of a call, at most
}

// shard is a part of a table's stream.
type shard struct {
	id, parent string
	start, end int64 // end is 0 while it is open
	records    []streamtypes.Record
	trimmed    int  // so many of them are gone
	gone       bool // it is listed and cannot be read
}

func newDatabase(random *rand.Rand) *database {
	d := &database{streams: map[string][]*shard{}, random: random}
	d.model = dynamodel.NewDatabase("all", func() time.Time { return time.Unix(0, d.last) })
	d.model.OnWrite = d.record
	return d
}

// open returns the shard of a table that takes the next record.
func (d *database) open(table string) *shard {
	shards := d.streams[table]
	if n := len(shards); n > 0 && shards[n-1].end == 0 && len(shards[n-1].records) < shardRecords {
		return shards[n-1]
	}
	s := &shard{id: fmt.Sprintf("shard-%d-%d", d.last, len(shards)), start: d.last - d.anew + 1}
	if n := len(shards); n > 0 {
		s.parent = shards[n-1].id
		shards[n-1].close()
	}
	d.streams[table] = append(shards, s)
	return s
}

func (s *shard) close() {
	if s.end == 0 {
		s.end = s.start
		if n := len(s.records); n > 0 {
			s.end, _ = strconv.ParseInt(*s.records[n-1].Dynamodb.SequenceNumber, 10, 64)
		}
	}
}

// rest is a day, or two, during which nothing runs: then records are gone, or also the numbers begin anew.
func (d *database) rest(twoDays bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if twoDays {
		d.anew = d.last
	}
	for table, shards := range d.streams {
		for _, s := range shards {
			s.gone = s.end != 0
			s.close()
			s.trimmed = len(s.records)
			if twoDays {
				s.records, s.trimmed, s.start, s.end = nil, 0, 1, 1
			}
		}
		if twoDays {
			d.streams[table] = shards[len(shards)-1:]
		}
	}
	for table := range d.streams {
		d.last += 2
		d.open(table)
	}
}

func (d *database) record(w dynamodel.Write) {
	if !w.Changed() {
		return
	}
	d.last += 1 + d.random.Int64N(3)
	key := map[string]types.AttributeValue{
		"equipmentId": &types.AttributeValueMemberS{Value: w.Key.Partition}, "timestamp": &types.AttributeValueMemberS{Value: w.Key.Sort},
	}
	s := d.open(w.Table)
	s.records = append(s.records, streamtypes.Record{Dynamodb: &streamtypes.StreamRecord{
		SequenceNumber: aws.String(fmt.Sprintf("%021d", d.last-d.anew)),
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

// process is one life of the program that replicates: calls of it fail once it was killed.
type process struct {
	*database
	killed atomic.Bool
}

func (p *process) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return call(ctx, p, func() (*dynamodb.BatchGetItemOutput, error) { return p.model.BatchGetItem(ctx, in) })
}

func (p *process) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return call(ctx, p, func() (*dynamodb.PutItemOutput, error) { return p.model.PutItem(ctx, in) })
}

func (p *process) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return call(ctx, p, func() (*dynamodb.DeleteItemOutput, error) { return p.model.DeleteItem(ctx, in) })
}

func (p *process) Scan(ctx context.Context, in *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	in.Limit = aws.Int32(4)
	return call(ctx, p, func() (*dynamodb.ScanOutput, error) { return p.model.Scan(ctx, in) })
}

// DescribeStream lists the shards, the last of which will get the next record.
func (p *process) DescribeStream(_ context.Context, in *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open(*in.StreamArn)
	out := &streamtypes.StreamDescription{}
	for _, s := range p.streams[*in.StreamArn] {
		one := streamtypes.Shard{ShardId: &s.id, SequenceNumberRange: &streamtypes.SequenceNumberRange{
			StartingSequenceNumber: aws.String(fmt.Sprintf("%021d", s.start)),
		}}
		if s.end != 0 {
			one.SequenceNumberRange.EndingSequenceNumber = aws.String(fmt.Sprintf("%021d", s.end))
		}
		if s.parent != "" {
			one.ParentShardId = &s.parent
		}
		out.Shards = append(out.Shards, one)
	}
	p.random.Shuffle(len(out.Shards), func(i, j int) { out.Shards[i], out.Shards[j] = out.Shards[j], out.Shards[i] })
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: out}, nil
}

func (p *process) find(table, id string) *shard {
	for _, s := range p.streams[table] {
		if s.id == id {
			return s
		}
	}
	return nil
}

// GetShardIterator refuses numbers that lie outside of the shard.
func (p *process) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.find(*in.StreamArn, *in.ShardId)
	if s == nil {
		return nil, &streamtypes.ResourceNotFoundException{}
	}
	at := s.trimmed
	if in.ShardIteratorType == streamtypes.ShardIteratorTypeAfterSequenceNumber {
		number, err := strconv.ParseInt(*in.SequenceNumber, 10, 64)
		if err != nil || number < s.start || s.end != 0 && number > s.end {
			return nil, fmt.Errorf("invalid sequence number for the shard: %s is not within %d and %d", *in.SequenceNumber, s.start, s.end)
		}
		for at = 0; at < len(s.records) && *s.records[at].Dynamodb.SequenceNumber <= *in.SequenceNumber; {
			at++
		}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%s %s %d %t", *in.StreamArn, s.id, at, len(s.records) == 0))}, nil
}

// GetRecords refuses what is gone, and an iterator that was made while the shard was empty.
func (p *process) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	return call(ctx, p, func() (*dynamodbstreams.GetRecordsOutput, error) {
		var table, id string
		var at int
		var empty bool
		if _, err := fmt.Sscanf(*in.ShardIterator, "%s %s %d %t", &table, &id, &at, &empty); err != nil {
			return nil, err
		}
		s := p.find(table, id)
		if s != nil && s.gone {
			return nil, &streamtypes.ResourceNotFoundException{}
		}
		if s == nil || at < s.trimmed || empty && len(s.records) > 0 || s.end != 0 && s.trimmed > 0 && s.trimmed == len(s.records) {
			return nil, &streamtypes.TrimmedDataAccessException{}
		}
		end := min(len(s.records), at+1+p.random.IntN(8))
		out := &dynamodbstreams.GetRecordsOutput{Records: s.records[at:end]}
		if s.end == 0 || end < len(s.records) {
			out.NextShardIterator = aws.String(fmt.Sprintf("%s %s %d %t", table, id, end, len(s.records) == 0))
		}
		return out, nil
	})
}
