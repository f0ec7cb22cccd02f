package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
)

const (
	// dynamoHeapMegabytes suffices for millions of readings: the tables themselves lie outside the Java heap.
	dynamoHeapMegabytes = 256
)

// startDynamoDB starts DynamoDB Local, unless another DynamoDB is given, and makes the tables.
func (s *Stack) startDynamoDB(ctx context.Context) error {
	s.options.Progress("DynamoDB and its tables")
	switch {
	case s.options.of != nil:
		select {
		case address := <-s.options.of.dynamo:
			s.endpoints.set(serviceDynamoDB, address)
		case <-ctx.Done():
			return fmt.Errorf("wait for DynamoDB: %w", ctx.Err())
		}
	case s.endpoints.given[serviceDynamoDB] == "":
		server, err := runDynamoDB(ctx, s.options, s.folder)
		if err != nil {
			return err
		}
		s.dynamo = server
		s.watch(PartDynamoDB, server.Exited(), func() bool { return false })
		s.endpoints.set(serviceDynamoDB, server.Endpoint)
	}
	s.DynamoDBEndpoint = s.endpoints.get(serviceDynamoDB)
	if s.endpoints.given[serviceStreams] == "" && !strings.HasSuffix(s.DynamoDBEndpoint, ".amazonaws.com") {
		s.endpoints.set(serviceStreams, s.DynamoDBEndpoint) // emulators serve both; AWS has an address for each
	}
	client := dynamo.NewClient(s.config)
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range contract.Tables() {
		// A global table has a stream. Where there is nothing to replicate, nobody reads that of the others.
		t.Stream = t.Stream || t.Global && s.options.of != nil
		group.Go(func() error { return dynamolocal.CreateTable(ctx, client, s.Tables[t.Name], t) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.startProxy(ctx)
}

func runDynamoDB(ctx context.Context, o Options, folder *datadir.Dir) (*dynamolocal.Server, error) {
	server, err := dynamolocal.Start(ctx, dynamolocal.Options{
		Home: filepath.Join(o.Root, dynamolocal.Home), DataDir: folder.Kept("dynamodb"),
		HeapMegabytes: dynamoHeapMegabytes, Output: o.Logs(PartDynamoDB),
	})
	if err != nil {
		return nil, &PartError{PartDynamoDB, err}
	}
	return server, nil
}

// startProxy puts the caller's handler between the API and the functions on one side and DynamoDB on the other.
func (s *Stack) startProxy(ctx context.Context) error {
	if s.options.DynamoDBProxy == nil {
		return nil
	}
	forward, err := forwardTo(s.DynamoDBEndpoint)
	if err != nil {
		return fmt.Errorf("start the proxy before DynamoDB: %w", err)
	}
	listener, err := listen(ctx, "")
	if err != nil {
		return fmt.Errorf("start the proxy before DynamoDB: %w", err)
	}
	s.proxyURL = s.serve(PartHost, listener, s.options.DynamoDBProxy(forward))
	return nil
}

// proxied is DynamoDB's address for the API and the functions.
func (s *Stack) proxied() string {
	if s.proxyURL != "" {
		return s.proxyURL
	}
	return s.DynamoDBEndpoint
}

// startS3 starts the local S3, unless another is given, and makes the bucket.
func (s *Stack) startS3(ctx context.Context) error {
	s.options.Progress("S3 and its bucket")
	if s.endpoints.given[serviceS3] == "" {
		if err := s.startLocalS3(ctx); err != nil {
			return &PartError{PartS3, err}
		}
	}
	client := s.s3Client()
	in := &s3.CreateBucketInput{Bucket: &s.Bucket}
	if s.Region != "us-east-1" { // S3 wants the name of every other region
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.Region)}
	}
	_, err := client.CreateBucket(ctx, in)
	if err != nil && !errors.As(err, new(*types.BucketAlreadyOwnedByYou)) {
		return fmt.Errorf("create bucket %s: %w", s.Bucket, err)
	}
	// The console's pages put files to presigned addresses.
	_, err = client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &s.Bucket, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{
			AllowedOrigins: append(s.origins(), s.options.AllowedOrigins...), AllowedMethods: []string{http.MethodPut, http.MethodGet},
			AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3600),
		}},
	}})
	if err != nil {
		return fmt.Errorf("allow the console to use bucket %s: %w", s.Bucket, err)
	}
	return nil
}

// origins are those of the API's own pages.
func (s *Stack) origins() []string {
	return []string{fmt.Sprintf("http://127.0.0.1:%d", s.options.Port), fmt.Sprintf("http://localhost:%d", s.options.Port)}
}

func (s *Stack) s3Client() *s3.Client {
	return s3.NewFromConfig(s.config, func(o *s3.Options) { o.UsePathStyle = true })
}

func (s *Stack) startLocalS3(ctx context.Context) error {
	keys, err := s.config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("find the credentials: %w", err)
	}
	bin := ""
	if s.options.of != nil {
		if bin, err = s.options.of.build(); err != nil {
			return err
		}
	}
	s.s3, err = s3local.Start(ctx, s3local.Options{
		Root: s.options.Root, Bin: bin, Dir: s.folder.File("s3"), AccessKey: keys.AccessKeyID, SecretKey: keys.SecretAccessKey,
		Region: s.Region, Webhook: s.webhook, Output: s.options.Logs(PartS3),
	})
	if err != nil {
		return err
	}
	s.watch(PartS3, s.s3.Exited(), func() bool { return false })
	s.endpoints.set(serviceS3, s.s3.Endpoint)
	return nil
}
