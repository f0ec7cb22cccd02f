package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

const (
	// sweepEvery is how often the bucket is looked through.
	sweepEvery = time.Hour
	// sweepWithin bounds each of the two looks.
	sweepWithin = time.Minute
)

// sweepBucket does for the local bucket what AWS does by itself, until ctx ends, and first for what was left before the start.
func (s *Stack) sweepBucket(ctx context.Context) {
	for {
		s.sweep(ctx, "the events of files that have arrived could not be sent", s.tellOfArrivals)
		s.sweep(ctx, "the parts of abandoned files could not be deleted", func(ctx context.Context) error {
			return s3local.SweepParts(ctx, s.s3Client(), s.Bucket, time.Now().Add(-contract.UploadPartsLifetime))
		})
		if pacing.Sleep(ctx, sweepEvery) != nil {
			return
		}
	}
}

func (s *Stack) sweep(ctx context.Context, problem string, do func(context.Context) error) {
	call, cancel := context.WithTimeout(ctx, sweepWithin)
	defer cancel()
	if err := do(call); err != nil && ctx.Err() == nil {
		s.logger().Warn(problem, "error", err)
	}
}

// tellOfArrivals sends the events of files that are in the bucket while their uploads still wait for them. S3 tells of every object, if
// late; the local one tells once, and a kill between an object's arrival and its event loses that.
func (s *Stack) tellOfArrivals(ctx context.Context) error {
	uploads := dynamo.NewUploads(dynamo.NewClient(s.config), s.Tables[contract.UploadsTable().Name])
	bucket := s3store.New(s.s3Client(), s.Bucket)
	var after csvfile.Position
	for more := true; more; {
		var page []csvfile.Upload
		var err error
		if page, more, err = uploads.ListUploads(ctx, after, contract.UploadsPageMax); err != nil {
			return fmt.Errorf("list the uploads: %w", err)
		}
		for _, u := range page {
			after = csvfile.Position{CreatedAt: u.CreatedAt, ID: u.ID}
			if u.Status != csvfile.AwaitingUpload {
				continue
			}
			if err := s.tellOfArrival(ctx, bucket, csvfile.UploadKey(u.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellOfArrival sends the event of an object, unless there is none, or its event is in the queue, or was given up.
func (s *Stack) tellOfArrival(ctx context.Context, bucket *s3store.Bucket, key string) error {
	object, err := bucket.Stat(ctx, key)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", key, err)
	}
	if s.Queue.Holds(key) || s.DeadLetters.Holds(key) {
		return nil
	}
	s.logger().Info("a file has arrived of which nobody was told", "key", key, "bytes", object.Size)
	return eventsource.SendArrival(eventsource.Arrival{
		Region: s.Region, Bucket: s.Bucket, Key: key, Size: object.Size, ETag: object.ETag, At: time.Now(),
	}, s.sendArrival)
}
