package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// wholeBodies stores nothing of a body that ends before its length, as S3 does. The gateway takes the end of a connection for the end of
// the body: what had come until a client was stopped would be the object, and a second attempt would be told that there is one.
type wholeBodies struct{ *posix.Posix }

// PutObject stores an object.
func (b wholeBodies) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	// A form's length is that of the whole form. Its own end is marked.
	if call, ok := ctx.(interface{ Method() []byte }); !ok || string(call.Method()) != http.MethodPost {
		in.Body = whole(in.Body, in.ContentLength)
	}
	return b.Posix.PutObject(ctx, in)
}

// UploadPart stores a part of an object.
func (b wholeBodies) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	in.Body = whole(in.Body, in.ContentLength)
	return b.Posix.UploadPart(ctx, in)
}

// whole makes a body's early end an error. One in chunks marks its end itself, and the gateway must know it as such.
func whole(body io.Reader, length *int64) io.Reader {
	if _, chunks := body.(middlewares.ChecksumReader); chunks || body == nil || length == nil {
		return body
	}
	return &counted{body, *length}
}

type counted struct {
	body io.Reader
	left int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.left -= int64(n)
	if errors.Is(err, io.EOF) && c.left > 0 {
		return n, s3err.GetAPIError(s3err.ErrContentLengthMismatch)
	}
	return n, err
}
