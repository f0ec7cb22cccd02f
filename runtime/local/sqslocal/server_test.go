package sqslocal_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

// serve returns the real SDK's client and the queue's address.
func serve(t *testing.T) (*sqs.Client, *string, *sqslocal.Queue) {
	t.Helper()
	q := newQueue(t, sqslocal.Options{Name: "q"})
	server := httptest.NewServer(sqslocal.NewServer(newQueue(t, sqslocal.Options{Name: "other"}), q))
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	return client, aws.String(sqslocal.QueueURL(server.URL, "q")), q
}

func entry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
}

func TestServer_CarriesAMessageFromSendToDelete(t *testing.T) {
	client, url, q := serve(t)
	body := "naïve \"body\" ✓"
	sent, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{entry("1", body)},
	})
	if err != nil || len(sent.Successful) != 1 { // the SDK checks the digest of the body
		t.Fatalf("sent %+v, %v", sent, err)
	}
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 1})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("received %+v, %v", got, err)
	}
	m := got.Messages[0]
	if *m.Body != body || *m.MessageId != *sent.Successful[0].MessageId {
		t.Errorf("received %q %q", *m.Body, *m.MessageId)
	}
	if d := q.Depth(); d != (sqslocal.Depth{InFlight: 1}) {
		t.Errorf("after the receive: %+v", d)
	}
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if d := q.Depth(); d != (sqslocal.Depth{}) {
		t.Errorf("after delete: %+v", d)
	}
}

func TestServer_SendsWhatItCanOfABatch(t *testing.T) {
	client, url, q := serve(t)
	bad := entry("bad", "later")
	bad.DelaySeconds = 1
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

func TestServer_RefusesWhatItDoesNotServe(t *testing.T) {
	client, url, _ := serve(t)
	coded := func(err error) string {
		var c interface{ ErrorCode() string }
		if errors.As(err, &c) {
			return c.ErrorCode()
		}
		return fmt.Sprint(err)
	}
	_, err := client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url})
	if got := coded(err); !strings.Contains(got, "UnsupportedOperation") {
		t.Errorf("another operation: %s", got)
	}
	_, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if got := coded(err); !strings.Contains(got, "UnsupportedOperation") {
		t.Errorf("attributes: %s", got)
	}
	_, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(*url + "-other")})
	if !errors.As(err, new(*types.QueueDoesNotExist)) {
		t.Errorf("an unknown queue: %v", err)
	}
}
