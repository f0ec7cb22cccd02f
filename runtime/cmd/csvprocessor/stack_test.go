package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/eventbridge"
)

const (
	region, accessKey, secretKey = "eu-west-1", "local", "not-so-secret"
	bucketName                   = "uploads"
	readingsTable, uploadsTable  = "Readings", "Uploads"
)

// settings differ between stacks.
type settings struct {
	// timeout is the function's. The queue hides messages longer, as Lambda demands.
	timeout, visibility time.Duration
	concurrency         int
	// wrap puts something between the function and the database, whose endpoints it takes and returns. nil puts nothing.
	wrap func(endpoint string) string
}

// stack is everything around the function: tables, bucket, queue, and the pollers between them. The tests of the package
// share its processes.
type stack struct {
	tables   *dynamodb.Client
	uploads  *dynamo.Uploads
	bucket   *s3.Client
	queue    *sqslocal.Queue
	dead     *sqslocal.Queue
	function *lambdalocal.Function
	logs     *capture.Buffer
	// toldBy are the keys of objects of which EventBridge tells, and not S3; each becomes true once it did.
	toldBy sync.Map
}

var shared *stack

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "csvprocessor")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var cleanups []func()
	defer func() {
		cancel()
		for i := len(cleanups) - 1; i >= 0; i-- {
			cleanups[i]()
		}
		_ = os.RemoveAll(dir)
	}()
	shared, err = newStack(ctx, dir, settings{timeout: 15 * time.Minute, visibility: 16 * time.Minute, concurrency: 2},
		func(f func()) { cleanups = append(cleanups, f) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// newStack starts the parts, in the order in which they need each other.
func newStack(ctx context.Context, dir string, o settings, cleanup func(func())) (*stack, error) {
	s := &stack{logs: &capture.Buffer{}}
	binary := filepath.Join(dir, "csvprocessor")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	database, err := dynamolocal.Start(ctx, dynamolocal.Options{})
	if err != nil {
		return nil, err
	}
	cleanup(database.Stop)
	keys := credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")
	s.tables = dynamo.NewClient(aws.Config{Region: region, BaseEndpoint: &database.Endpoint, Credentials: keys})
	s.uploads = dynamo.NewUploads(s.tables, uploadsTable)
	for name, definition := range map[string]contract.Table{readingsTable: contract.ReadingsTable(), uploadsTable: contract.UploadsTable()} {
		if err := dynamolocal.CreateTable(ctx, s.tables, name, definition); err != nil {
			return nil, err
		}
	}
	if s.dead, err = sqslocal.NewQueue(sqslocal.Options{Name: "csv-dead"}); err != nil {
		return nil, err
	}
	s.queue, err = sqslocal.NewQueue(sqslocal.Options{Name: "csv", VisibilityTimeout: o.visibility, DeadLetter: s.dead, MaxReceiveCount: 5})
	if err != nil {
		return nil, err
	}
	queues := httptest.NewServer(sqslocal.NewServer(s.queue, s.dead))
	cleanup(queues.Close)
	webhook := httptest.NewServer(eventsource.S3Webhook(eventsource.S3Options{
		Send: s.tell, Log: slog.New(slog.NewTextHandler(s.logs, nil)),
	}))
	cleanup(webhook.Close)
	files, err := s3local.Start(ctx, s3local.Options{
		Dir: filepath.Join(dir, "buckets"), AccessKey: accessKey, SecretKey: secretKey, Region: region, Webhook: webhook.URL,
	})
	if err != nil {
		return nil, err
	}
	cleanup(files.Stop)
	endpoint := files.Endpoint
	s.bucket = s3.New(s3.Options{Region: region, BaseEndpoint: &endpoint, UsePathStyle: true, Credentials: keys})
	if _, err := s.bucket.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
		return nil, err
	}
	databaseSeen := database.Endpoint
	if o.wrap != nil {
		databaseSeen = o.wrap(database.Endpoint)
	}
	if err := s.startFunction(ctx, o, binary, databaseSeen, endpoint, queues.URL); err != nil {
		return nil, err
	}
	cleanup(s.function.Close)
	var poller sync.WaitGroup
	poller.Go(func() {
		eventsource.PollQueue(ctx, eventsource.QueueOptions{
			Queue: s.queue, Function: s.function, Log: slog.New(slog.NewTextHandler(s.logs, nil)), Region: region, BatchSize: 1, Concurrency: o.concurrency,
		})
	})
	cleanup(poller.Wait)
	return s, nil
}

func (s *stack) startFunction(ctx context.Context, o settings, binary, database, bucket, queues string) (err error) {
	s.function, err = lambdalocal.New(ctx, lambdalocal.Options{
		Name: "csvprocessor", Binary: binary, Concurrency: o.concurrency, Timeout: o.timeout, Log: s.logs,
		Env: []string{
			"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, contract.EnvRegion + "=" + region,
			"AWS_ENDPOINT_URL_DYNAMODB=" + database, "AWS_ENDPOINT_URL_S3=" + bucket, "AWS_ENDPOINT_URL_SQS=" + queues,
			contract.EnvReadingsTable + "=" + readingsTable, contract.EnvUploadsTable + "=" + uploadsTable,
			contract.EnvUploadsBucket + "=" + bucketName, contract.EnvCSVQueueURL + "=" + sqslocal.QueueURL(queues, "csv"),
		},
	})
	return err
}

// tell sends an event of S3 to the queue, or in its place what EventBridge sends of the same object.
func (s *stack) tell(body string) error {
	var event struct {
		Records []struct {
			S3 struct{ Object struct{ Key string } }
		}
	}
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	if len(event.Records) == 1 {
		key, err := url.QueryUnescape(event.Records[0].S3.Object.Key)
		if err != nil {
			return fmt.Errorf("read the key: %w", err)
		}
		if _, found := s.toldBy.Load(key); found {
			body, err = eventbridge.Transform(contract.BucketEventPaths(), contract.BucketEventTemplate,
				eventbridge.Created("111122223333", region, bucketName, key))
			if err != nil {
				return err
			}
			s.toldBy.Store(key, true)
		}
	}
	_, err := s.queue.Send(body)
	return err
}

// upload creates an upload and puts its file, of which the bucket tells the queue.
func (s *stack) upload(t *testing.T, file io.ReadSeeker) (id string) {
	t.Helper()
	id = uuid.NewString()
	s.put(t, id, file)
	return id
}

func (s *stack) put(t *testing.T, id string, file io.ReadSeeker) {
	t.Helper()
	now := time.Now().UTC()
	u := csvfile.Upload{ID: id, FileName: "a.csv", Status: csvfile.AwaitingUpload, CreatedAt: now, UpdatedAt: now}
	if err := s.uploads.CreateUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	_, err := s.bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucketName), Key: aws.String(csvfile.UploadKey(id)), Body: file})
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for something to come true.
func (s *stack) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await.NoError(t, 90*time.Second, func() error {
		if !holds() {
			return fmt.Errorf("waited for %s; logs:\n%s", what, s.logs)
		}
		return nil
	})
}

func (s *stack) read(t *testing.T, id string) csvfile.Upload {
	t.Helper()
	u, err := s.uploads.ReadUpload(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// ended waits for the upload's end.
func (s *stack) ended(t *testing.T, id string) (u csvfile.Upload) {
	t.Helper()
	s.until(t, "the upload's end", func() bool { u = s.read(t, id); return u.Status.Ended() })
	return u
}

// idle waits until no message is left.
func (s *stack) idle(t *testing.T) {
	t.Helper()
	s.until(t, "an empty queue", func() bool { return s.queue.Depth() == sqslocal.Depth{} })
}

// values returns the readings of an equipment by timestamp.
func (s *stack) values(t *testing.T, equipmentID string) map[string]string {
	t.Helper()
	values := map[string]string{}
	pages := dynamodb.NewQueryPaginator(s.tables, &dynamodb.QueryInput{
		TableName: aws.String(readingsTable), KeyConditionExpression: aws.String("equipmentId = :id"),
		ExpressionAttributeValues: attributes(":id", equipmentID),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			values[attribute(item, contract.AttrTimestamp)] = attribute(item, contract.AttrValue)
		}
	}
	return values
}

func (s *stack) object(t *testing.T, key string) string {
	t.Helper()
	out, err := s.bucket.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucketName), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// rejectKeys lists the objects of rejected rows of an upload.
func (s *stack) rejectKeys(t *testing.T, id string) (keys []string) {
	t.Helper()
	out, err := s.bucket.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String(bucketName), Prefix: aws.String(strings.TrimSuffix(csvfile.RejectsKey(id), contract.CSVKeySuffix)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}
