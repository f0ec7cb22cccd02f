package s3local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// SweepParts deletes the parts of files that were begun before a moment and are not finished. It does what a bucket's lifecycle rule
// does on AWS; the gateway knows no such rules.
func SweepParts(ctx context.Context, client *s3.Client, bucket string, before time.Time) error {
	var problems []error
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return errors.Join(append(problems, fmt.Errorf("list unfinished files: %w", err))...)
		}
		for _, u := range page.Uploads {
			if !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil {
				problems = append(problems, fmt.Errorf("delete the parts of %s: %w", aws.ToString(u.Key), err))
			}
		}
	}
	return errors.Join(problems...)
}
