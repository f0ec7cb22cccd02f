package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// PartBytes is the size of the parts in which a stream is sent, the smallest that S3 takes. Put holds one part in memory.
	PartBytes = 5 << 20
	// bufferBytesFirst is where the buffer of a part begins to grow, since most files are small.
	bufferBytesFirst = 64 << 10
)

// Put stores all of body, of any length up to 10,000 times PartBytes, and holds one part of it at a time; nothing is stored
// where reading body fails, and that error is in the chain.
//
// It is written here because the SDK's transfer manager holds three parts at least and writes to the process's own log.
func (b *Bucket) Put(ctx context.Context, key string, body io.Reader) error {
	part, whole, err := fill(nil, body)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if whole {
		return b.putWhole(ctx, key, part)
	}
	var created *s3.CreateMultipartUploadOutput
	if err := within(ctx, func(ctx context.Context) (err error) {
		created, err = b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &b.name, Key: &key, ContentType: aws.String(contract.UploadContentType), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		return err
	}); err != nil {
		return mapError("create a multipart upload", err)
	}
	if err := b.putParts(ctx, key, created.UploadId, part, body); err != nil {
		return errors.Join(err, b.abandon(ctx, key, created.UploadId))
	}
	return nil
}

// putWhole stores a file that fits into one part.
func (b *Bucket) putWhole(ctx context.Context, key string, content []byte) error {
	return mapError("put object", within(ctx, func(ctx context.Context) error {
		_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(content), ContentLength: aws.Int64(int64(len(content))),
			ContentType: aws.String(contract.UploadContentType), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		return err
	}))
}

// putParts sends the first part and the rest of body, and completes the upload.
func (b *Bucket) putParts(ctx context.Context, key string, uploadID *string, part []byte, body io.Reader) error {
	var parts []types.CompletedPart
	var last bool
	for number := int32(1); ; number++ {
		if err := within(ctx, func(ctx context.Context) error {
			out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &b.name, Key: &key, UploadId: uploadID, PartNumber: &number,
				Body: bytes.NewReader(part), ContentLength: aws.Int64(int64(len(part))), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			})
			if err == nil {
				parts = append(parts, types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
			}
			return err
		}); err != nil {
			return mapError("upload a part", err)
		}
		if last {
			break
		}
		var err error
		if part, last, err = fill(part[:0], body); err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if len(part) == 0 {
			break
		}
	}
	return mapError("complete a multipart upload", within(ctx, func(ctx context.Context) error {
		_, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.name, Key: &key, UploadId: uploadID, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		return err
	}))
}

// fill reads up to PartBytes into buffer, which grows as needed, and tells whether body has ended.
func fill(buffer []byte, body io.Reader) (part []byte, ended bool, err error) {
	for len(buffer) < PartBytes {
		if len(buffer) == cap(buffer) {
			grown := make([]byte, len(buffer), min(max(2*cap(buffer), bufferBytesFirst), PartBytes))
			copy(grown, buffer)
			buffer = grown
		}
		n, err := body.Read(buffer[len(buffer):min(cap(buffer), PartBytes)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case err == io.EOF: // not one that wraps it: that comes from a body that was cut short
			return buffer, true, nil
		case err != nil:
			return nil, false, err
		}
	}
	return buffer, false, nil
}
