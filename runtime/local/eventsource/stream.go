package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	// StreamBatchSizeDefault is Lambda's default.
	StreamBatchSizeDefault = 100
	// StreamBatchSizeMax is what one GetRecords gives at most.
	StreamBatchSizeMax = 1000
	// PollIntervalDefault is close to Lambda's four polls a second.
	PollIntervalDefault = 200 * time.Millisecond
	// RetryAttemptsDefault is what the local stack repeats before it gives up.
	RetryAttemptsDefault = 10

	// shardsEvery is how often new shards are looked for.
	shardsEvery = time.Second
	// callTimeout bounds one call to the Streams API.
	callTimeout = 10 * time.Second
)

// StreamClient is the part of the Streams API that is used.
type StreamClient interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Failure is a batch that was given up.
type Failure struct {
	StreamARN, ShardID string
	// Records are the batch's; the first and the last one's sequence numbers bound it.
	Records  []json.RawMessage
	Attempts int
	Err      error // of the last attempt
}

// StreamOptions configure PollStream.
type StreamOptions struct {
	Client    StreamClient // required
	StreamARN string       // required: the table's LatestStreamArn
	Function  Invoker      // required
	Log       *slog.Logger // required

	// Region passes only records with an image that this region wrote, or one of Adopted. Default: every record.
	Region string
	// Adopted are regions that have left for good and whose rows Region keeps. Default: none.
	Adopted []string
	// BatchSize is 1 to StreamBatchSizeMax. Default: StreamBatchSizeDefault.
	BatchSize int
	// Window is Lambda's MaximumBatchingWindowInSeconds: how long records are gathered, from the first one on, unless a batch is
	// full before. Default: they are not.
	Window time.Duration
	// PollInterval is the pause after an empty poll and the first pause before a retry. Default: PollIntervalDefault.
	PollInterval time.Duration
	// RetryAttempts is Lambda's MaximumRetryAttempts, at least 1. Default: RetryAttemptsDefault.
	RetryAttempts int
	// OnFailure is the failure destination: it gets what was given up, and the shard goes on once it returns nil.
	// Default: a line in the log.
	OnFailure func(context.Context, Failure) error
	// Checkpoint is a file, in a folder that exists, that remembers the position through a restart. Default: each start begins at the oldest record.
	Checkpoint string
	// Deliver stands between the poller and the function, for tests that repeat, re-cut or reorder a batch of records.
	// deliver returns nil when its records were processed or given up; when Deliver fails, the batch is delivered again.
	// Default: each batch is delivered once.
	Deliver func(records []json.RawMessage, deliver func([]json.RawMessage) error) error
}

func (o StreamOptions) withDefaults() (StreamOptions, error) {
	if o.BatchSize == 0 {
		o.BatchSize = StreamBatchSizeDefault
	}
	if o.PollInterval == 0 {
		o.PollInterval = PollIntervalDefault
	}
	if o.RetryAttempts == 0 {
		o.RetryAttempts = RetryAttemptsDefault
	}
	if o.BatchSize < 1 || o.BatchSize > StreamBatchSizeMax {
		return o, fmt.Errorf("batch size must be 1 to %d, got %d", StreamBatchSizeMax, o.BatchSize)
	}
	if o.Deliver == nil {
		o.Deliver = func(records []json.RawMessage, deliver func([]json.RawMessage) error) error { return deliver(records) }
	}
	if o.OnFailure == nil {
		log := o.Log
		o.OnFailure = func(_ context.Context, f Failure) error {
			log.Error("gave up records of the stream", "shard", f.ShardID, "records", len(f.Records), "error", f.Err)
			return nil
		}
	}
	return o, nil
}

// PollStream reads every shard from its oldest record, or its checkpoint, a parent before its children, and invokes the
// function with the records of one shard in order, one batch at a time. It returns nil when ctx ends, after running
// invocations had a short time to finish; an error means that it could not begin.
func PollStream(ctx context.Context, o StreamOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return fmt.Errorf("poll stream: %w", err)
	}
	positions, err := loadCheckpoints(o.Checkpoint)
	if err != nil {
		return fmt.Errorf("poll stream: %w", err)
	}
	p := &streamPoller{StreamOptions: o, positions: positions, started: map[string]bool{}, finished: make(chan struct{}, 1)}
	p.run(ctx)
	return nil
}

type streamPoller struct {
	StreamOptions
	positions *checkpoints
	started   map[string]bool
	finished  chan struct{} // tells that a shard was read to its end
	lanes     sync.WaitGroup
}

func (p *streamPoller) run(ctx context.Context) {
	defer p.lanes.Wait()
	for ctx.Err() == nil {
		shards, err := p.shards(ctx)
		if err != nil && ctx.Err() == nil {
			p.Log.Warn("could not list the shards of the stream", "error", err)
		}
		p.startLanes(ctx, shards)
		timer := time.NewTimer(shardsEvery)
		select {
		case <-ctx.Done():
		case <-p.finished: // its children can start
		case <-timer.C:
		}
		timer.Stop()
	}
}

// startLanes starts every shard whose parent was read to its end or is no longer there.
func (p *streamPoller) startLanes(ctx context.Context, shards []types.Shard) {
	listed := map[string]bool{}
	for _, shard := range shards {
		listed[aws.ToString(shard.ShardId)] = true
	}
	for _, shard := range shards {
		id, parent := aws.ToString(shard.ShardId), aws.ToString(shard.ParentShardId)
		if p.started[id] || p.positions.get(id) == shardEnd || listed[parent] && p.positions.get(parent) != shardEnd {
			continue
		}
		p.started[id] = true
		p.lanes.Go(func() { (&lane{streamPoller: p, shard: id}).run(ctx) })
	}
}

func (p *streamPoller) shards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &p.StreamARN}
	for {
		out, err := p.describe(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, out.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

func (p *streamPoller) describe(ctx context.Context, in *dynamodbstreams.DescribeStreamInput) (*dynamodbstreams.DescribeStreamOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := p.Client.DescribeStream(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("describe the stream: %w", err)
	}
	if out.StreamDescription == nil {
		return nil, errors.New("describe the stream: the answer is empty")
	}
	return out, nil
}
