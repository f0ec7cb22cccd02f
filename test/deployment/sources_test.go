package deployment_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// source is an event source mapping as its resource has it.
type source struct {
	FunctionName, EventSourceArn   string
	Enabled                        *bool
	BatchSize                      int
	FunctionResponseTypes          []string
	MaximumRetryAttempts           int
	MaximumBatchingWindowInSeconds int

	FilterCriteria    struct{ Filters []struct{ Pattern string } }
	DestinationConfig struct{ OnFailure struct{ Destination string } }
}

func (m source) reports() bool {
	return slices.Contains(m.FunctionResponseTypes, "ReportBatchItemFailures")
}

// follow brings a function the events of its mapping until polling ends.
func (s *service) follow(ctx context.Context, properties object) error {
	encoded, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("read the mapping: %w", err)
	}
	var m source
	if err := json.Unmarshal(encoded, &m); err != nil {
		return fmt.Errorf("read the mapping: %w", err)
	}
	if m.Enabled != nil && !*m.Enabled {
		return nil
	}
	i := slices.IndexFunc(s.stack.ofType("AWS::Lambda::Function"), func(id string) bool { return s.stack.Physical[id] == m.FunctionName })
	if i < 0 {
		return fmt.Errorf("no function is called %s", m.FunctionName)
	}
	id := s.stack.ofType("AWS::Lambda::Function")[i]
	f, role := s.functions[id], text(s.stack.Resolved[id], "Role")
	if f == nil {
		return fmt.Errorf("function %s runs none of our programs", m.FunctionName)
	}
	parts := strings.Split(m.EventSourceArn, ":")
	if len(parts) < 6 || parts[3] != s.region {
		return fmt.Errorf("%s is no event source of %s", m.EventSourceArn, s.region)
	}
	config := s.config(role)
	switch parts[2] {
	case "sqs":
		return s.followQueue(ctx, queue{source: m, function: f, client: sqs.NewFromConfig(config), service: s})
	case "dynamodb":
		return s.followStream(ctx, m, f, config)
	}
	return fmt.Errorf("no event source is %s", m.EventSourceArn)
}

// config is for the calls that Lambda makes with the role of a function.
func (s *service) config(role string) aws.Config {
	return aws.Config{
		Region: s.region, ConfigSources: []any{addressSource(s.endpoints)},
		Credentials: credentials.NewStaticCredentialsProvider(s.recorder.AccessKey(path.Base(role)), "secret", ""),
	}
}

// addressSource tells the SDK's clients where each service is.
type addressSource map[string]string

func (a addressSource) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	address, ok := a["AWS_ENDPOINT_URL_"+strings.ToUpper(strings.ReplaceAll(service, " ", "_"))]
	return address, ok, nil
}

// followStream polls the stream of DynamoDB Local that stands for the mapping's. Records that no filter lets through stay away from
// the function; without filters all go through.
func (s *service) followStream(ctx context.Context, m source, f *lambdalocal.Function, config aws.Config) error {
	const arnParts = 6
	resource := strings.Split(strings.SplitN(m.EventSourceArn, ":", arnParts)[arnParts-1], "/") // table/<name>/stream/<time>
	if len(resource) < 4 || resource[2] != "stream" {
		return fmt.Errorf("%s is no stream of a table", m.EventSourceArn)
	}
	stream, err := s.streamOf(ctx, s.region, resource[1], m.EventSourceArn)
	if err != nil {
		return err
	}
	s.stream = stream
	var patterns []any
	for _, filter := range m.FilterCriteria.Filters {
		var pattern any
		if err := json.Unmarshal([]byte(filter.Pattern), &pattern); err != nil {
			return fmt.Errorf("read the filter %s: %w", filter.Pattern, err)
		}
		patterns = append(patterns, pattern)
	}
	client, queues := dynamodbstreams.NewFromConfig(config), sqs.NewFromConfig(config)
	onFailure := func(ctx context.Context, failure eventsource.Failure) error {
		return s.giveUp(ctx, queues, m.DestinationConfig.OnFailure.Destination, failure)
	}
	s.work.Go(func() {
		err := eventsource.PollStream(s.polling, eventsource.StreamOptions{
			Client: client, StreamARN: stream, Function: f, Log: s.logger(),
			BatchSize: min(m.BatchSize, eventsource.StreamBatchSizeMax), RetryAttempts: m.MaximumRetryAttempts, OnFailure: onFailure,
			Window: time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second,
			Deliver: func(records []json.RawMessage, deliver func([]json.RawMessage) error) error {
				passing, lost := s.sort(records, patterns)
				if len(lost) > 0 {
					shard := "shardId-unknown"
					if err := onFailure(s.polling, eventsource.Failure{StreamARN: stream, ShardID: shard, Records: lost, Attempts: 1}); err != nil {
						return err
					}
				}
				if len(passing) == 0 {
					return nil
				}
				return deliver(passing)
			},
		})
		if err != nil {
			s.logger().Error("the stream cannot be followed", "error", err)
		}
	})
	return nil
}

// sort keeps the records that some filter lets through, and takes out those that the test wants to be given up.
func (s *service) sort(records []json.RawMessage, patterns []any) (passing, lost []json.RawMessage) {
	for _, record := range records {
		var decoded any
		if err := json.Unmarshal(record, &decoded); err != nil {
			continue
		}
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p any) bool { return matches(p, decoded) }) {
			continue
		}
		if text(decoded, "dynamodb", "Keys", "equipmentId", "S") == s.equipment(givenUp) {
			lost = append(lost, record)
			continue
		}
		passing = append(passing, record)
	}
	return passing, lost
}

// givenUp is an equipment whose records never reach the aggregator, as if each invocation with them had failed until Lambda gave up.
const givenUp = "GIVEN-UP"

// matches applies a filter pattern of Lambda: objects name members, lists the values one of which a member must have. Nothing else of
// the language is known here.
func matches(pattern, value any) bool {
	switch pattern := pattern.(type) {
	case object:
		members, ok := value.(object)
		if !ok {
			return false
		}
		for name, p := range pattern {
			if !matches(p, members[name]) {
				return false
			}
		}
		return true
	case []any:
		return slices.Contains(pattern, value)
	}
	return false
}

// giveUp sends the failure destination what Lambda does: where the records are, and not themselves.
func (s *service) giveUp(ctx context.Context, client *sqs.Client, destination string, f eventsource.Failure) error {
	if destination == "" {
		return errors.New("the event source has no failure destination")
	}
	var first, last struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	if err := errors.Join(json.Unmarshal(f.Records[0], &first), json.Unmarshal(f.Records[len(f.Records)-1], &last)); err != nil {
		return fmt.Errorf("read the records: %w", err)
	}
	shard, err := s.shardOf(ctx, f.StreamARN)
	if err != nil {
		return err
	}
	body, err := json.Marshal(object{
		"requestContext": object{"condition": "RetryAttemptsExhausted", "approximateInvokeCount": f.Attempts},
		"DDBStreamBatchInfo": object{
			"shardId": shard, "streamArn": f.StreamARN, "batchSize": len(f.Records),
			"startSequenceNumber": first.Change.SequenceNumber, "endSequenceNumber": last.Change.SequenceNumber,
		},
	})
	if err != nil {
		return fmt.Errorf("encode the failure: %w", err)
	}
	address, err := s.queueURL(ctx, destination)
	if err != nil {
		return err
	}
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &address, MessageBody: aws.String(string(body))}); err != nil {
		return fmt.Errorf("send to the failure destination: %w", err)
	}
	return nil
}

// shardOf is the one shard that a stream of DynamoDB Local has.
func (s *service) shardOf(ctx context.Context, stream string) (string, error) {
	client := dynamodbstreams.New(dynamodbstreams.Options{
		Region: s.region, BaseEndpoint: &s.database.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	out, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
	if err != nil {
		return "", fmt.Errorf("describe the stream: %w", err)
	}
	return aws.ToString(out.StreamDescription.Shards[0].ShardId), nil
}

// queueURL finds a queue by its ARN.
func (s *service) queueURL(ctx context.Context, arn string) (string, error) {
	out, err := sqs.NewFromConfig(s.emulator.config(s.region)).GetQueueUrl(ctx, &sqs.GetQueueUrlInput{
		QueueName: aws.String(arn[strings.LastIndex(arn, ":")+1:]),
	})
	if err != nil {
		return "", fmt.Errorf("find the queue %s: %w", arn, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// queue is an event source that is a queue.
type queue struct {
	source
	*service
	function *lambdalocal.Function
	client   *sqs.Client
	address  string
}

// followQueue polls a queue as Lambda does.
func (s *service) followQueue(ctx context.Context, q queue) (err error) {
	if q.address, err = s.queueURL(ctx, q.EventSourceArn); err != nil {
		return err
	}
	const lanes, pause = 2, 200 * time.Millisecond
	for range lanes {
		s.work.Go(func() {
			for s.polling.Err() == nil {
				if err := q.once(s.polling); err != nil && s.polling.Err() == nil {
					s.logger().Warn("messages come back", "queue", q.address, "error", err)
					_ = pacing.Sleep(s.polling, pause) // the loop looks at the context itself
				}
			}
		})
	}
	return nil
}

// once invokes the function with the next messages and deletes those that it has not reported as failed.
func (q queue) once(ctx context.Context) error {
	const receiveMax, waitSeconds = 10, 1
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.address, MaxNumberOfMessages: int32(min(max(q.BatchSize, 1), receiveMax)), WaitTimeSeconds: waitSeconds,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil || len(out.Messages) == 0 {
		return err
	}
	var records []object
	for _, m := range out.Messages {
		sum := md5.Sum([]byte(*m.Body))
		records = append(records, object{
			"messageId": m.MessageId, "receiptHandle": m.ReceiptHandle, "body": m.Body, "md5OfBody": hex.EncodeToString(sum[:]),
			"attributes": m.Attributes, "messageAttributes": object{},
			"eventSource": "aws:sqs", "eventSourceARN": q.EventSourceArn, "awsRegion": q.region,
		})
	}
	payload, err := json.Marshal(object{"Records": records})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	answer, err := q.function.Invoke(ctx, payload)
	if err != nil {
		return err
	}
	var response struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if q.reports() {
		if err := json.Unmarshal(answer, &response); err != nil {
			return fmt.Errorf("read the answer %.200s: %w", answer, err)
		}
	}
	var problems []error
	for _, m := range out.Messages {
		if slices.ContainsFunc(response.BatchItemFailures, func(f struct{ ItemIdentifier string }) bool { return f.ItemIdentifier == *m.MessageId }) {
			problems = append(problems, fmt.Errorf("the function failed message %s", *m.MessageId))
			continue
		}
		_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.address, ReceiptHandle: m.ReceiptHandle})
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
