package s3store

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// joinTimeout bounds a call that joins parts. Hundreds take S3 some seconds; one that is cut off may still succeed, and the caller learns
// the next time that it did.
const joinTimeout = 15 * time.Second

// partsMax is how many parts an object may have.
const partsMax = 10_000

// BeginParts begins a file that is sent in parts, and returns what names it together with its key.
func (b *Bucket) BeginParts(ctx context.Context, key, contentType string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key, ContentType: &contentType})
	if err != nil {
		return "", mapError("create a multipart upload", err)
	}
	return aws.ToString(out.UploadId), nil
}

// PresignPart returns an address that takes exactly so many bytes as the part of a number, and the headers that must go with it. The
// length is signed as well; every client sends that by itself. The SDK is told not to ask for a checksum, which only it would send.
func (b *Bucket) PresignPart(
	ctx context.Context, key, name string, number int, size int64, lifetime time.Duration,
) (url string, headers map[string]string, err error) {
	if number < 1 || number > partsMax {
		return "", nil, fmt.Errorf("sign the address of part %d: S3 knows parts 1 to %d", number, partsMax)
	}
	b.renewal.before(ctx, lifetime)
	signed, err := b.presign.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: &key, UploadId: &name, PartNumber: aws.Int32(int32(number)), ContentLength: &size,
	}, s3.WithPresignExpires(lifetime), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}))
	if err != nil {
		return "", nil, mapError("sign the address of a part", err)
	}
	return signed.URL, sentHeaders(signed.SignedHeader), nil
}

// Parts describes the parts that have arrived, by number. The error is of kind fault.NotFound where the file is joined, given up, or was
// never begun.
func (b *Bucket) Parts(ctx context.Context, key, name string) (map[int]csvfile.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	parts := map[int]csvfile.Object{}
	pages := s3.NewListPartsPaginator(b.client, &s3.ListPartsInput{Bucket: &b.name, Key: &key, UploadId: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, mapError("list the parts of a multipart upload", err)
		}
		for _, p := range page.Parts {
			parts[int(aws.ToInt32(p.PartNumber))] = csvfile.Object{Size: aws.ToInt64(p.Size), ETag: aws.ToString(p.ETag)}
		}
	}
	return parts, nil
}

// JoinParts makes the file of its parts, whose ETags are in their order. The error is of kind fault.NotFound where the file is joined,
// given up, or was never begun, and fault.Conflict where a part has another ETag by now.
func (b *Bucket) JoinParts(ctx context.Context, key, name string, etags []string) error {
	parts := make([]types.CompletedPart, len(etags))
	for i := range etags {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: &etags[i]}
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	_, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: &name, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return mapError("complete a multipart upload", err)
}

// AbandonParts gives a file up, with the parts that have arrived.
func (b *Bucket) AbandonParts(ctx context.Context, key, name string) error {
	return b.abandon(ctx, key, &name)
}

// Holds tells whether there is an object. It lists: whoever may only put objects may not ask for one.
func (b *Bucket) Holds(ctx context.Context, key string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &key, MaxKeys: aws.Int32(1)})
	if err != nil {
		return false, mapError("list objects", err)
	}
	return len(out.Contents) > 0 && aws.ToString(out.Contents[0].Key) == key, nil
}
