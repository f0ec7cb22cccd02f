package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

const accessKey, secretKey, region, bucketName = "local", "not-so-secret", "eu-west-1", "uploads"

// endpoint is the local S3 that all tests of this package share; each test uses keys of its own.
var endpoint string

func TestMain(m *testing.M) {
	code, err := withLocalS3(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// withLocalS3 runs the local S3 while run does.
func withLocalS3(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "s3store")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx := context.Background()
	server, err := s3local.Start(ctx, s3local.Options{
		Dir: filepath.Join(dir, "buckets"), AccessKey: accessKey, SecretKey: secretKey, Region: region, Output: os.Stderr,
	})
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	endpoint = server.Endpoint
	if _, err := newClient(endpoint).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
		return 0, err
	}
	return run(), nil
}

func awsConfig(endpoint string) aws.Config {
	cfg := aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
		// What the SDK's own loading of the configuration, and so the service, has.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg
}

func newClient(endpoint string) *s3.Client { return s3store.NewClient(awsConfig(endpoint)) }

func newBucket(endpoint string) *s3store.Bucket { return s3store.New(newClient(endpoint), bucketName) }
