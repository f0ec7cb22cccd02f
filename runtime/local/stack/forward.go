package stack

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// forwardGivenQueue moves messages from the queue that the environment gives into the stack's own, from which the CSV
// processor is fed, until ctx ends.
func (s *Stack) forwardGivenQueue(ctx context.Context, log *slog.Logger) {
	const pause = time.Second
	client := sqs.NewFromConfig(s.config)
	for ctx.Err() == nil {
		err := s.forwardOnce(ctx, client)
		if err == nil || ctx.Err() != nil {
			continue
		}
		log.Warn("could not read the given queue; trying again", "queue", s.queueURL, "error", err)
		_ = pacing.Sleep(ctx, pause) // the loop looks at ctx itself
	}
}

// forwardOnce keeps each message before it deletes it: a crash between the two doubles it instead of losing it.
func (s *Stack) forwardOnce(ctx context.Context, client *sqs.Client) error {
	const batch, waitSeconds, callTimeout = 10, 20, 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.queueURL, MaxNumberOfMessages: batch, WaitTimeSeconds: waitSeconds})
	if err != nil {
		return fmt.Errorf("receive messages: %w", err)
	}
	for _, m := range out.Messages {
		if _, err := s.Queue.Send(aws.ToString(m.Body)); err != nil {
			return err
		}
		if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &s.queueURL, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return fmt.Errorf("delete a message: %w", err)
		}
	}
	return nil
}
