package s3store

import (
	"context"
	"encoding/base64"
	"mime"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// PresignPut returns an address that takes exactly the described file once, and the headers that must go with it. Its
// length is signed as well; every client sends that by itself, and browsers let nobody else set it.
func (b *Bucket) PresignPut(ctx context.Context, key string, terms csvfile.PutTerms) (url string, headers map[string]string, err error) {
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ContentLength: &terms.Size, ContentType: &terms.ContentType,
		// An object that exists is never overwritten: the address works once, and a plan stays true of its file.
		IfNoneMatch: aws.String("*"),
	}
	if len(terms.SHA256) > 0 {
		in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(terms.SHA256))
	}
	b.renewal.before(ctx, terms.Lifetime)
	signed, err := b.presign.PresignPutObject(ctx, in, s3.WithPresignExpires(terms.Lifetime))
	if err != nil {
		return "", nil, mapError("sign an upload address", err)
	}
	return signed.URL, sentHeaders(signed.SignedHeader), nil
}

// sentHeaders are those of the signed headers that a client does not send by itself.
func sentHeaders(signed http.Header) map[string]string {
	headers := map[string]string{}
	for name := range signed {
		if name = http.CanonicalHeaderKey(name); name != "Host" && name != "Content-Length" {
			headers[name] = signed.Get(name)
		}
	}
	return headers
}

// PresignGet returns an address from which the object can be downloaded under a file name, as plain text whatever it is: no
// browser shows it as a page or hands it to a spreadsheet, which would run what looks like a formula. The SDK is told not to
// ask for checksums: it would do so in a signed header, and a browser that follows the address does not send that header.
func (b *Bucket) PresignGet(ctx context.Context, key, fileName string, lifetime time.Duration) (string, error) {
	b.renewal.before(ctx, lifetime)
	signed, err := b.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name, Key: &key, ResponseContentType: aws.String("text/plain; charset=utf-8"),
		ResponseContentDisposition: aws.String(mime.FormatMediaType("attachment", map[string]string{"filename": fileName})),
	}, s3.WithPresignExpires(lifetime), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}))
	if err != nil {
		return "", mapError("sign a download address", err)
	}
	return signed.URL, nil
}
