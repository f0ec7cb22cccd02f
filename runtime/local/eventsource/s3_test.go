package eventsource_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
)

// startS3 runs the local S3 with a bucket and the webhook.
func startS3(t *testing.T, webhook string) *s3.Client {
	t.Helper()
	server, err := s3local.Start(t.Context(), s3local.Options{
		Dir: filepath.Join(t.TempDir(), "buckets"), AccessKey: "local", SecretKey: "secret", Region: "eu-west-1", Webhook: webhook,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestS3Webhook_TellsOfNewUploadsAsS3Does(t *testing.T) {
	sent := make(chan string, 10)
	var client *s3.Client
	webhook := httptest.NewServer(eventsource.S3Webhook(eventsource.S3Options{
		Send: func(body string) error { sent <- body; return nil }, Log: quiet,
		Size: func(ctx context.Context, bucket, key string) (int64, error) {
			out, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
			if err != nil {
				return 0, err
			}
			return aws.ToInt64(out.ContentLength), nil
		},
	}))
	defer webhook.Close()
	client = startS3(t, webhook.URL) // which compiles it, the first time
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	put := func(key, body string) {
		t.Helper()
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	receive := func() events.S3EventRecord {
		t.Helper()
		var event events.S3Event
		select {
		case body := <-sent:
			if err := json.Unmarshal([]byte(body), &event); err != nil || len(event.Records) != 1 {
				t.Fatalf("event %s: %v", body, err)
			}
		case <-ctx.Done():
			t.Fatal("no event")
		}
		return event.Records[0]
	}

	put("rejects/elsewhere.csv", "ignored") // its event, if it were sent, would come first
	put("uploads/a b+c/é.csv", "12345")
	r := receive()
	if r.EventName != "ObjectCreated:Put" || r.EventSource != "aws:s3" || r.S3.Bucket.Name != "bucket" || r.S3.Bucket.Arn != "arn:aws:s3:::bucket" {
		t.Errorf("event %+v", r)
	}
	o := r.S3.Object
	if o.Key != "uploads/a+b%2Bc/%C3%A9.csv" || o.URLDecodedKey != "uploads/a b+c/é.csv" {
		t.Errorf("key %q, decoded %q", o.Key, o.URLDecodedKey)
	}
	if o.Size != 5 || o.ETag != "827ccb0eea8a706c4c34a16891f84e7b" || time.Since(r.EventTime).Abs() > time.Minute || r.EventTime.Location() != time.UTC {
		t.Errorf("object %+v at %v", o, r.EventTime)
	}

	multipart(ctx, t, client, "uploads/parts.csv", "123456789")
	if r := receive(); r.EventName != "ObjectCreated:CompleteMultipartUpload" || r.S3.Object.Size != 9 {
		t.Errorf("event of a multipart upload %+v", r)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("uploads/parts.csv")}); err != nil {
		t.Fatal(err)
	}
	put("uploads/last.csv", "")
	if r := receive(); r.S3.Object.Key != "uploads/last.csv" {
		t.Errorf("a deletion was sent on: %+v", r)
	}
}

// The gateway waits for three seconds and tells nobody again: an object's event must not depend on whether it still waits.
func TestS3Webhook_SendsAnEventWhoseSenderHasLeft(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	var sent []string
	webhook := eventsource.S3Webhook(eventsource.S3Options{
		Log: quiet, Send: func(body string) error { sent = append(sent, body); return nil },
		Size: func(ctx context.Context, _, _ string) (int64, error) { return 9, ctx.Err() },
	})
	const event = `{"Records":[{"eventName":"s3:ObjectCreated:CompleteMultipartUpload","s3":{"bucket":{"name":"b"},"object":{"key":"uploads/a.csv"}}}]}`
	w := httptest.NewRecorder()
	webhook.ServeHTTP(w, httptest.NewRequestWithContext(left, http.MethodPost, "/", strings.NewReader(event)))
	if w.Code != http.StatusOK || len(sent) != 1 || !strings.Contains(sent[0], `"size":9`) {
		t.Errorf("status %d, sent %q", w.Code, sent)
	}
}

func TestSendArrival_TellsOfAnObjectAsS3Does(t *testing.T) {
	at := time.Date(2026, 11, 26, 14, 0, 0, 5e6, time.FixedZone("", 3600))
	var event events.S3Event
	err := eventsource.SendArrival(eventsource.Arrival{
		Region: "eu-west-1", Bucket: "bucket", Key: "uploads/a b.csv", Size: 5, ETag: `"827c"`, At: at,
	}, func(body string) error { return json.Unmarshal([]byte(body), &event) })
	if err != nil || len(event.Records) != 1 {
		t.Fatalf("%+v, %v", event, err)
	}
	r := event.Records[0]
	if r.EventName != "ObjectCreated:Put" || r.EventSource != "aws:s3" || r.AWSRegion != "eu-west-1" || !r.EventTime.Equal(at) {
		t.Errorf("event %+v", r)
	}
	if o := r.S3.Object; r.S3.Bucket.Name != "bucket" || o.Key != "uploads/a+b.csv" || o.Size != 5 || o.ETag != "827c" {
		t.Errorf("object %+v in %+v", o, r.S3.Bucket)
	}
}

func multipart(ctx context.Context, t *testing.T, client *s3.Client, key, body string) {
	t.Helper()
	bucket := aws.String("bucket")
	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: bucket, Key: &key, UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: &key, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{
			PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32,
		}}},
	}); err != nil {
		t.Fatal(err)
	}
}

func TestS3Webhook_AnswersTheTestEventAndRefusesWhatIsNotJSON(t *testing.T) {
	webhook := eventsource.S3Webhook(eventsource.S3Options{Log: quiet, Send: func(string) error { t.Error("sent on"); return nil }})
	for body, want := range map[string]int{
		`{"Service":"S3","Event":"s3:TestEvent","Bucket":"Test-Bucket"}`: http.StatusOK,
		`text`: http.StatusBadRequest,
	} {
		w := httptest.NewRecorder()
		webhook.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", body, w.Code, want)
		}
	}
}
