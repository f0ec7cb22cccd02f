package s3local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/local/s3local"
)

func TestSweepParts_DeletesThoseOfFilesThatWereAbandoned(t *testing.T) {
	const key, secret, region = "local", "not-so-secret", "eu-west-1"
	bucket, dir := aws.String("uploads"), t.TempDir()
	server, err := s3local.Start(t.Context(), s3local.Options{Dir: dir, AccessKey: key, SecretKey: secret, Region: region, Output: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	client := s3.New(s3.Options{
		Region: region, BaseEndpoint: &server.Endpoint, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("abandoned", 1000)
	for _, name := range []string{"uploads/a.csv", "uploads/b.csv"} {
		begun, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: &name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: bucket, Key: &name, UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(content),
		}); err != nil {
			t.Fatal(err)
		}
	}
	unfinished := func() int {
		t.Helper()
		out, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: bucket})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Uploads)
	}
	for _, step := range []struct {
		before time.Time
		left   int
	}{{time.Now().Add(-time.Hour), 2}, {time.Now().Add(time.Hour), 0}} {
		if err := s3local.SweepParts(t.Context(), client, *bucket, step.before); err != nil {
			t.Fatal(err)
		}
		if got := unfinished(); got != step.left {
			t.Errorf("%d unfinished files are left, want %d", got, step.left)
		}
	}
	if err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, infoErr := entry.Info(); infoErr == nil && info.Size() == int64(len(content)) {
				t.Errorf("%s is left on the disk", path)
			}
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
