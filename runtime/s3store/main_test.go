package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/local/child"
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

// withLocalS3 builds and runs the local S3 while run does.
func withLocalS3(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "s3store")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "s3local")
	if out, err := exec.Command("go", "build", "-o", binary, "../local/s3local").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the local S3: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(binary, "-port", strconv.Itoa(port), "-access", accessKey, "-secret", secretKey, "-region", region,
		"-dir", filepath.Join(dir, "buckets"))
	process, err := child.Start(cmd)
	if err != nil {
		return 0, err
	}
	defer process.Kill()
	endpoint = "http://127.0.0.1:" + strconv.Itoa(port)
	if err := ready(process); err != nil {
		return 0, err
	}
	if _, err := newClient(endpoint).CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucketName)}); err != nil {
		return 0, err
	}
	return run(), nil
}

func ready(process *child.Process) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-process.Exited():
			return fmt.Errorf("the local S3 ended: %w", process.Err())
		default:
		}
		if res, err := http.Get(endpoint + "/healthz"); err == nil {
			return res.Body.Close()
		}
	}
	return errors.New("the local S3 does not serve")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
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
