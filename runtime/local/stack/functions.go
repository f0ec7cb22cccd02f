package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

const (
	queueName    = "sensorflow-csv"
	failuresName = "sensorflow-stream-failures"
	// visibilityMargin lets an invocation's timeout end before its messages come back.
	visibilityMargin = 5 * time.Second
	csvConcurrency   = 2
	// aggregatorConcurrency is one invocation for each shard; DynamoDB Local has one, and a split adds another.
	aggregatorConcurrency = 2
	repairerConcurrency   = 1
)

// startQueues makes the queues and serves them, with the webhook through which the local S3 tells of new objects.
func (s *Stack) startQueues(ctx context.Context) error {
	var err error
	newQueue := func(o sqslocal.Options) *sqslocal.Queue {
		if err != nil {
			return nil
		}
		o.Journal = s.folder.Kept(filepath.Join("queues", o.Name+".jsonl"))
		var q *sqslocal.Queue
		q, err = sqslocal.NewQueue(o)
		return q
	}
	s.StreamDeadLetters = newQueue(sqslocal.Options{Name: failuresName + "-dead"})
	s.StreamFailures = newQueue(sqslocal.Options{
		Name: failuresName, VisibilityTimeout: s.options.RepairerTimeout + visibilityMargin, DeadLetter: s.StreamDeadLetters,
		MaxReceiveCount: contract.StreamFailureReceivesMax + 1,
	})
	s.DeadLetters = newQueue(sqslocal.Options{Name: queueName + "-dead"})
	s.Queue = newQueue(sqslocal.Options{
		Name: queueName, VisibilityTimeout: s.options.CSVTimeout + visibilityMargin, DeadLetter: s.DeadLetters,
		MaxReceiveCount: contract.CSVReceivesMax,
	})
	if err != nil {
		return fmt.Errorf("make the queues: %w", err)
	}
	queues, err := listen(ctx, "")
	if err != nil {
		return fmt.Errorf("serve the queues: %w", err)
	}
	address := s.serve(PartEvents, queues, sqslocal.NewServer(s.Queue, s.DeadLetters, s.StreamFailures, s.StreamDeadLetters))
	s.ownQueues = address
	s.queueURL = s.endpoints.name(serviceSQS, contract.EnvCSVQueueURL, sqslocal.QueueURL(address, queueName))
	if s.endpoints.given[serviceSQS] == "" {
		s.endpoints.set(serviceSQS, address)
	}
	events, err := listen(ctx, "")
	if err != nil {
		return fmt.Errorf("listen for S3's events: %w", err)
	}
	log := s.logger()
	s.webhook = s.serve(PartEvents, events, eventsource.S3Webhook(eventsource.S3Options{
		Log: log, Size: s.objectSize, Send: s.sendArrival,
	}))
	log.Info("S3 events are taken", "webhook", s.webhook)
	return nil
}

// sendArrival takes the event of a file that has arrived.
func (s *Stack) sendArrival(body string) error {
	_, err := s.Queue.Send(body)
	return err
}

// objectSize tells what the local S3's events of multipart uploads lack.
func (s *Stack) objectSize(ctx context.Context, bucket, key string) (int64, error) {
	out, err := s.s3Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return 0, fmt.Errorf("describe object %s: %w", key, err)
	}
	return aws.ToInt64(out.ContentLength), nil
}

// startFunctions makes the functions; their instances start with their first events.
func (s *Stack) startFunctions(ctx context.Context) error {
	environ, err := s.environment(ctx, PartCSVProcessor, map[string]string{contract.EnvCSVQueueURL: s.queueURL})
	if err != nil {
		return fmt.Errorf("start the functions: %w", err)
	}
	if s.CSVProcessor, err = s.newFunction(ctx, PartCSVProcessor, environ, csvConcurrency, s.options.CSVTimeout); err != nil {
		return err
	}
	if err := s.startAggregating(ctx); err != nil {
		return err
	}
	s.stream, err = s.watchStream(ctx)
	return err
}

// startAggregating makes the functions that write aggregates.
func (s *Stack) startAggregating(ctx context.Context) error {
	environ, err := s.environment(ctx, PartAggregator, nil)
	if err != nil {
		return fmt.Errorf("start the functions: %w", err)
	}
	repairs, err := s.environment(ctx, PartRepairer, map[string]string{
		contract.EnvStreamFailuresURL:    sqslocal.QueueURL(s.ownQueues, failuresName),
		contract.EnvStreamDeadLettersURL: sqslocal.QueueURL(s.ownQueues, failuresName+"-dead"),
		endpointKey(serviceSQS):          s.ownQueues,
	})
	if err != nil {
		return fmt.Errorf("start the functions: %w", err)
	}
	aggregator, err := s.newFunction(ctx, PartAggregator, environ, aggregatorConcurrency, s.options.AggregatorTimeout)
	if err != nil {
		return err
	}
	repairer, err := s.newFunction(ctx, PartRepairer, repairs, repairerConcurrency, s.options.RepairerTimeout)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Aggregator, s.Repairer = aggregator, repairer
	return nil
}

func (s *Stack) newFunction(
	ctx context.Context, name string, environ []string, concurrency int, timeout time.Duration,
) (*lambdalocal.Function, error) {
	f, err := lambdalocal.New(context.WithoutCancel(ctx), lambdalocal.Options{
		Name: name, Binary: filepath.Join(s.bin, name), Env: environ, Concurrency: concurrency, Timeout: timeout, Log: s.options.Logs(name),
	})
	if err != nil {
		return nil, fmt.Errorf("start the functions: %w", err)
	}
	return f, nil
}

// watchStream finds the stream of the readings table.
func (s *Stack) watchStream(ctx context.Context) (*streamWatch, error) {
	table := s.Tables[contract.ReadingsTable().Name]
	out, err := dynamodb.NewFromConfig(s.config).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, fmt.Errorf("find the stream of table %s: %w", table, err)
	}
	if out.Table.LatestStreamArn == nil {
		return nil, fmt.Errorf("table %s has no stream", table)
	}
	// Lambda polls the stream with the role of the function.
	addresses := observed(s.endpoints.environment())
	if err := s.observe(ctx, PartAggregator, addresses); err != nil {
		return nil, err
	}
	config := s.config.Copy()
	config.ConfigSources = []any{addresses}
	return newStreamWatch(dynamodbstreams.NewFromConfig(config), *out.Table.LatestStreamArn), nil
}

// poller is what brings events to functions that may be replaced.
type poller struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// stop lets invocations finish that are at work. There may be none yet.
func (p *poller) stop() {
	if p == nil {
		return
	}
	p.cancel()
	p.work.Wait()
}

// startPollers brings events to the functions until ctx ends.
func (s *Stack) startPollers(ctx context.Context) {
	log := s.logger()
	s.follow()
	s.work.Go(func() {
		eventsource.PollQueue(ctx, eventsource.QueueOptions{
			Queue: s.Queue, Function: s.CSVProcessor, Log: log, Region: s.Region, BatchSize: 1, Concurrency: csvConcurrency,
		})
	})
	if s.endpoints.given[serviceS3] == "" {
		s.work.Go(func() { s.sweepBucket(ctx) })
	}
	if s.endpoints.given[serviceSQS] != "" {
		s.work.Go(func() { s.forwardGivenQueue(ctx, log) })
	}
}

// followStream brings the stream's records to the aggregator, and what it gives up to the repairer.
func (s *Stack) followStream(ctx context.Context) {
	log := s.logger()
	following, cancel := context.WithCancel(ctx)
	p := &poller{cancel: cancel}
	p.work.Go(func() {
		err := eventsource.PollStream(following, eventsource.StreamOptions{
			Client: s.stream, StreamARN: s.stream.arn, Function: s.Aggregator, Log: log, Region: s.Region, Adopted: s.adopted,
			// Without a window: a reading shows within 2 s here, and nothing is saved by fewer writes.
			BatchSize: eventsource.StreamBatchSizeMax, PollInterval: streamPollInterval,
			Checkpoint: s.positionFile(), OnFailure: s.keepFailure, Deliver: s.options.Deliver,
		})
		if err != nil {
			s.fail(PartEvents, err)
		}
	})
	p.work.Go(func() {
		eventsource.PollQueue(following, eventsource.QueueOptions{
			Queue: s.StreamFailures, Function: s.Repairer, Log: log, Region: s.Region, BatchSize: 1, Concurrency: repairerConcurrency,
		})
	})
	s.following = p
}

// positionFile remembers the place in the stream through a restart of the stack, and where there are several regions also
// through one of the poller.
func (s *Stack) positionFile() string {
	const name = "stream.json"
	if s.options.of != nil {
		return s.folder.File(name)
	}
	return s.folder.Kept(name)
}

// keepFailure is the stream's failure destination. As in Lambda, its messages name the records and do not hold them.
func (s *Stack) keepFailure(_ context.Context, f eventsource.Failure) error {
	if len(f.Records) == 0 {
		return errors.New("keep a failure: it has no records")
	}
	var first, last struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	if err := errors.Join(json.Unmarshal(f.Records[0], &first), json.Unmarshal(f.Records[len(f.Records)-1], &last)); err != nil {
		return fmt.Errorf("keep a failure: %w", err)
	}
	s.logger().Error("gave up records of the stream", "shard", f.ShardID, "records", len(f.Records), "attempts", f.Attempts, "error", f.Err)
	body, err := json.Marshal(map[string]any{
		"requestContext": map[string]any{"condition": "RetryAttemptsExhausted", "approximateInvokeCount": f.Attempts},
		"DDBStreamBatchInfo": map[string]any{
			"shardId": f.ShardID, "streamArn": f.StreamARN, "batchSize": len(f.Records),
			"startSequenceNumber": first.Change.SequenceNumber, "endSequenceNumber": last.Change.SequenceNumber,
		},
	})
	if err != nil {
		return fmt.Errorf("keep a failure: %w", err)
	}
	if _, err := s.StreamFailures.Send(string(body)); err != nil {
		return fmt.Errorf("keep a failure: %w", err)
	}
	return nil
}
