package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Bucket keeps CSV files: a csvfile.UploadBucket and a csvfile.WorkBucket. It is safe for concurrent use.
type Bucket struct {
	client  *s3.Client
	presign *s3.PresignClient
	renewal *renewal
	name    string
}

// New returns the adapter to a bucket. All arguments are required.
func New(client *s3.Client, bucket string) *Bucket {
	return &Bucket{
		client: client, presign: s3.NewPresignClient(client), name: bucket,
		renewal: &renewal{credentials: client.Options().Credentials, now: time.Now},
	}
}

// Stat describes the object; the error is of kind fault.NotFound where there is none.
func (b *Bucket) Stat(ctx context.Context, key string) (csvfile.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return csvfile.Object{}, mapError("head object", err)
	}
	return csvfile.Object{Size: aws.ToInt64(out.ContentLength), ETag: aws.ToString(out.ETag)}, nil
}

// Open reads the bytes from first to last, both included, of the content that the ETag names. The error is of kind
// fault.Conflict where the object has other content by now, fault.NotFound where there is none. One of a later Read is
// of kind fault.Unavailable. The caller bounds the time that reading takes by ctx.
func (b *Bucket) Open(ctx context.Context, key, etag string, first, last int64) (io.ReadCloser, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: &key, IfMatch: &etag, Range: aws.String(fmt.Sprintf("bytes=%d-%d", first, last)),
	})
	if err != nil {
		return nil, mapError("get object", err)
	}
	return &stream{body: out.Body, left: last - first + 1}, nil
}

// stream reads exactly the bytes that were asked for: S3 answers with fewer where the object is shorter.
type stream struct {
	body io.ReadCloser
	left int64
}

var errShort = errors.New("the object ends before the range does")

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, mapError("read object", err)
	case s.left > 0:
		return n, &fault.Error{Kind: fault.Conflict, Message: "the file is shorter than it was", Cause: errShort}
	default:
		return n, io.EOF
	}
}

// Close implements io.Closer.
func (s *stream) Close() error { return s.body.Close() }

// deleteKeysMax is how many objects one call deletes.
const deleteKeysMax = 1000

// Delete removes objects; those that are not there are no error.
func (b *Bucket) Delete(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), deleteKeysMax)
		if err := b.deleteSome(ctx, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (b *Bucket) deleteSome(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	objects := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		objects[i].Key = &keys[i]
	}
	out, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &b.name, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return mapError("delete objects", err)
	}
	for _, refused := range out.Errors {
		code := aws.ToString(refused.Code)
		if code == "NoSuchKey" {
			continue
		}
		kind := fault.Unavailable
		if code == "AccessDenied" {
			kind = fault.Internal
		}
		return &fault.Error{
			Kind: kind, Message: "the file store refused the request",
			Cause: fmt.Errorf("delete object %s: %s: %s", aws.ToString(refused.Key), code, aws.ToString(refused.Message)),
		}
	}
	return nil
}

// abandon gives up a multipart upload whose caller may have left already.
func (b *Bucket) abandon(ctx context.Context, key string, uploadID *string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: uploadID})
	return mapError("abort a multipart upload", err)
}

// within bounds one call that sends data.
func within(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	return call(ctx)
}
