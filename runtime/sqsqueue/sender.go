package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// batchMax is how many messages SQS takes in one call.
	batchMax = 10
	// hiddenMax is how long SQS hides a message at most.
	hiddenMax = 12 * time.Hour
	// callTimeout bounds one call with the SDK's own repetitions.
	callTimeout = 10 * time.Second
	// roundsMax is how often a message is sent. SQS can refuse single messages of a call that succeeds; the SDK does not repeat
	// those.
	roundsMax = 3
	// roundPauseFirst is the longest pause before the second round; the one before the third is up to twice as long.
	roundPauseFirst = 200 * time.Millisecond
)

// client lists the calls in use.
type client interface {
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Sender sends to one queue. It is safe for concurrent use.
type Sender struct {
	client client
	url    string
	pacer  pacing.Pacer
}

// NewSender returns a Sender to the queue at an address. All arguments are required.
func NewSender(client *sqs.Client, url string) *Sender {
	return newSender(client, url, pacing.Pacer{First: roundPauseFirst})
}

func newSender(client client, url string, pacer pacing.Pacer) *Sender {
	return &Sender{client: client, url: url, pacer: pacer}
}

// Send adds messages and returns nil only when SQS took all of them; after an error it may have taken any of them. The error
// is of kind fault.Unavailable where trying again may help.
func (s *Sender) Send(ctx context.Context, bodies []string) error {
	for len(bodies) > 0 {
		n := min(len(bodies), batchMax)
		if err := s.sendBatch(ctx, bodies[:n]); err != nil {
			return err
		}
		bodies = bodies[n:]
	}
	return nil
}

// Hide lets the message of a receipt come back after d from now on, in whole seconds up to 12 h, unless it is deleted before. The error
// is of kind fault.Unavailable where trying again may help.
func (s *Sender) Hide(ctx context.Context, receipt string, d time.Duration) error {
	seconds := d / time.Second
	if seconds < 0 || seconds > hiddenMax/time.Second {
		return fmt.Errorf("hide a message for %v: a queue takes up to %v", d, hiddenMax)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &s.url, ReceiptHandle: &receipt, VisibilityTimeout: int32(seconds),
	})
	if err != nil {
		return mapError("hide a message", err)
	}
	return nil
}

// sendBatch sends up to batchMax messages until none of them is left.
func (s *Sender) sendBatch(ctx context.Context, bodies []string) error {
	for round := 1; ; round++ {
		left, cause, err := s.call(ctx, bodies)
		if err != nil {
			return mapError("send messages", err)
		}
		if len(left) == 0 {
			return nil
		}
		if round == roundsMax {
			return unavailable(fmt.Errorf("%d of the messages were not taken in %d rounds: %w", len(left), round, cause))
		}
		if err := s.pacer.Pause(ctx, round); err != nil {
			return unavailable(errors.Join(cause, err))
		}
		bodies = left
	}
}

// call makes one call and returns the messages that SQS did not take, and why it did not take one of them. Its error is
// final: that of the call, or that of a message that SQS will never take.
func (s *Sender) call(ctx context.Context, bodies []string) (left []string, cause, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in := &sqs.SendMessageBatchInput{QueueUrl: &s.url}
	for i := range bodies {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &bodies[i]})
	}
	out, err := s.client.SendMessageBatch(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	for _, refused := range out.Failed {
		i, err := strconv.Atoi(aws.ToString(refused.Id))
		if err != nil || i < 0 || i >= len(bodies) {
			return nil, nil, fmt.Errorf("the queue refused a message that was not sent: %.40q", aws.ToString(refused.Id))
		}
		cause = &smithy.GenericAPIError{Code: aws.ToString(refused.Code), Message: aws.ToString(refused.Message)}
		if refused.SenderFault {
			return nil, nil, &fault.Error{Kind: fault.Internal, Message: "the queue refused a message", Cause: cause}
		}
		left = append(left, bodies[i])
	}
	if len(out.Successful)+len(out.Failed) != len(bodies) {
		return nil, nil, fmt.Errorf("the queue answered for %d of %d messages", len(out.Successful)+len(out.Failed), len(bodies))
	}
	return left, cause, nil
}

// mapError tells errors that stay from those that may pass.
func mapError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	var known *fault.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "AccessDenied", "AccessDeniedException", "InvalidAddress",
			"InvalidClientTokenId", "InvalidParameterValue", "MessageNotInflight",
			"AWS.SimpleQueueService.MessageNotInflight",
			"ReceiptHandleIsInvalid", "SignatureDoesNotMatch", "UnrecognizedClientException":
			return &fault.Error{Kind: fault.Internal, Message: "the queue refused the request", Cause: err}
		}
	}
	return unavailable(err)
}

func unavailable(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the queue is busy; try again shortly", Cause: cause}
}
