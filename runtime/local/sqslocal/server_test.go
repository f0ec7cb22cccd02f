package sqslocal_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

// serve returns the real SDK's client and the queue's address as the server tells it.
func serve(t *testing.T) (*sqs.Client, *string, *sqslocal.Queue) {
	t.Helper()
	dead := newQueue(t, sqslocal.Options{Name: "dead"})
	q := newQueue(t, sqslocal.Options{Name: "q", VisibilityTimeout: 7 * time.Second, DeadLetter: dead, MaxReceiveCount: 4})
	server := httptest.NewServer(sqslocal.NewServer("eu-west-1", q, dead))
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	out, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	if want := sqslocal.QueueURL(server.URL, "q"); *out.QueueUrl != want {
		t.Fatalf("queue address %s, want %s", *out.QueueUrl, want)
	}
	return client, out.QueueUrl, q
}

func TestServer_CarriesAMessageFromSendToDelete(t *testing.T) {
	client, url, q := serve(t)
	body := "naïve \"body\" ✓"
	sent, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	if err != nil { // the SDK checks the digest of the body
		t.Fatal(err)
	}
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("received %+v, %v", got, err)
	}
	m := got.Messages[0]
	if *m.Body != body || *m.MessageId != *sent.MessageId || m.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("received %q %q %v", *m.Body, *m.MessageId, m.Attributes)
	}
	if _, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
	}); err != nil {
		t.Fatal(err)
	}
	got, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("received again %+v, %v", got, err)
	}
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: got.Messages[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if d := q.Depth(); d != (sqslocal.Depth{}) {
		t.Errorf("after delete: %+v", d)
	}
	if _, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 1,
	}); !errors.As(err, new(*types.MessageNotInflight)) {
		t.Errorf("change after delete: %v", err)
	}
}

func TestServer_SendsWhatItCanOfABatch(t *testing.T) {
	client, url, q := serve(t)
	entry := func(id, body string) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
	}
	bad := entry("bad", "later")
	bad.DelaySeconds = 901
	out, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{entry("1", "a"), bad, entry("2", "b")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" || !out.Failed[0].SenderFault {
		t.Errorf("got %+v", out)
	}
	if d := q.Depth(); d.Visible != 2 {
		t.Errorf("depth %+v", d)
	}

	for name, entries := range map[string][]types.SendMessageBatchRequestEntry{
		"BatchEntryIdsNotDistinct": {entry("1", "a"), entry("1", "b")},
		"BatchRequestTooLong":      {entry("1", strings.Repeat("a", 1<<19)), entry("2", strings.Repeat("b", 1<<19+1))},
	} {
		_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
		var coded interface{ ErrorCode() string }
		if !errors.As(err, &coded) || !strings.Contains(coded.ErrorCode(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestServer_TellsAttributesAndUnknownQueues(t *testing.T) {
	client, url, _ := serve(t)
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:q", "VisibilityTimeout": "7", "ApproximateNumberOfMessages": "0",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":4}`,
	} {
		if got := out.Attributes[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
	if !errors.As(err, new(*types.QueueDoesNotExist)) {
		t.Errorf("unknown queue: %v", err)
	}
}
