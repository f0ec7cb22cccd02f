package dynamo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/schemas"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/metrics"
	"github.com/aws/smithy-go/tracing"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/uuid"
)

// patternLifetime is how long calls follow one that the SDK has made: what they take from it changes seldom.
const patternLifetime = time.Minute

// traceVariable is where Lambda tells of its invocation. The SDK passes it on.
const traceVariable = "_X_AMZN_TRACE_ID"

// What tells of one call alone: its name, and which attempt it is, with the moment until which it is of use.
const invocationHeader, attemptHeader = "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"

// direct makes calls of statements without the SDK's stack of middleware, which was half of what such a call costs. The SDK makes
// one call in a minute: the pattern. The others have its address and its headers, and are signed by the SDK's signer and sent by its
// HTTP client. The SDK's stack gets each answer that is not a success, as if it had made the call, and makes the error of it.
type direct struct {
	client    *dynamodb.Client
	options   dynamodb.Options
	operation *smithy.OperationSchema
	pattern   atomic.Pointer[pattern]
	ahead     atomic.Int64 // how far DynamoDB's clock is ahead of this one, in nanoseconds
}

// newDirect returns nil where something in the stack wants to see each call, or to change it.
func newDirect(client *dynamodb.Client) *direct {
	o := client.Options()
	_, untraced := o.TracerProvider.(*tracing.NopTracerProvider)
	_, unmeasured := o.MeterProvider.(metrics.NopMeterProvider)
	if len(o.APIOptions) > 0 || intercepted(&o) || o.ClientLogMode != 0 || !untraced || !unmeasured || o.Credentials == nil {
		return nil
	}
	return &direct{client: client, options: o, operation: smithy.NewOperationSchema(
		schemas.BatchExecuteStatement, schemas.BatchExecuteStatementInput, schemas.BatchExecuteStatementOutput,
	)}
}

func intercepted(o *dynamodb.Options) bool {
	kinds := reflect.ValueOf(o.Interceptors)
	for i := range kinds.NumField() {
		if kinds.Field(i).Len() > 0 {
			return true
		}
	}
	return false
}

// pattern is what all calls of a minute have in common.
type pattern struct {
	request         *http.Request // without a body
	service, region string        // for which it was signed
	account, trace  string        // on which it depends
	made            time.Time
	usable          bool // signed here, it has the signature that the SDK gave it
}

// call makes a call once.
func (d *direct) call(
	ctx context.Context, input func() *dynamodb.BatchExecuteStatementInput, encoded func() []byte,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	p, now := d.pattern.Load(), time.Now()
	if p == nil || now.Sub(p.made) > patternLifetime || p.trace != os.Getenv(traceVariable) {
		return d.makePattern(ctx, input(), now)
	}
	signer, err := d.options.Credentials.Retrieve(ctx)
	if err != nil || !p.usable || ctx.Err() != nil {
		return d.client.BatchExecuteStatement(ctx, input(), sentOnce)
	}
	if signer.AccountID != p.account {
		return d.makePattern(ctx, input(), now)
	}
	body := encoded()
	r := p.request.Clone(ctx)
	r.Header.Set(invocationHeader, uuid.NewString())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if err := d.sign(ctx, r, p, signer, body, now.Add(time.Duration(d.ahead.Load()))); err != nil {
		return d.client.BatchExecuteStatement(ctx, input(), sentOnce)
	}
	answer, err := d.options.HTTPClient.Do(r)
	if err != nil {
		return d.leave(ctx, input, nil, err)
	}
	d.measure(answer)
	return d.read(ctx, input, answer)
}

func (d *direct) sign(ctx context.Context, r *http.Request, p *pattern, as aws.Credentials, body []byte, at time.Time) error {
	hash := sha256.Sum256(body)
	return d.options.HTTPSignerV4.SignHTTP(ctx, as, r, hex.EncodeToString(hash[:]), p.service, p.region, at)
}

// read reads an answer, and leaves it to the SDK's stack where it is no success.
func (d *direct) read(
	ctx context.Context, input func() *dynamodb.BatchExecuteStatementInput, answer *http.Response,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	body := bytes.NewBuffer(make([]byte, 0, max(answer.ContentLength, 0)+bytes.MinRead))
	_, err := body.ReadFrom(answer.Body)
	text, stream := body.Bytes(), answer.Body
	if err == nil && answer.StatusCode == http.StatusOK && isWhole(text, answer.Header) {
		if made, ok := allMade(text); ok {
			_ = stream.Close()
			return &dynamodb.BatchExecuteStatementOutput{Responses: make([]types.BatchStatementResponse, made)}, nil
		}
		out := &dynamodb.BatchExecuteStatementOutput{}
		answer.Body = io.NopCloser(body)
		r := &smithyhttp.Response{Response: answer}
		if d.options.Protocol.DeserializeResponse(ctx, d.operation, dynamodb.TypeRegistry, r, out) == nil {
			_ = stream.Close()
			return out, nil
		}
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), stream), stream}
	return d.leave(context.WithoutCancel(ctx), input, answer, nil) // the answer has come, whether its caller still waits or not
}

// isWhole tells whether an answer has arrived as it was sent, as far as it tells.
func isWhole(body []byte, header http.Header) bool {
	sum := header.Get("X-Amz-Crc32")
	return sum == "" || sum == strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
}

// leave has the SDK's stack make of an answer, or of an error of the HTTP client, what it would have made of its own.
func (d *direct) leave(
	ctx context.Context, input func() *dynamodb.BatchExecuteStatementInput, answer *http.Response, err error,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	return d.client.BatchExecuteStatement(ctx, input(), sentOnce, func(o *dynamodb.Options) {
		o.HTTPClient = smithyhttp.ClientDoFunc(func(*http.Request) (*http.Response, error) { return answer, err })
	})
}

// measure has the next calls signed for DynamoDB's clock, as the SDK has its own.
func (d *direct) measure(answer *http.Response) {
	date := answer.Header.Get("Date")
	if date == "" || answer.Header.Get("Age") != "" || d.options.DisableClockSkewCorrection {
		return
	}
	if at, err := smithyhttp.ParseTime(date); err == nil {
		d.ahead.Store(int64(time.Until(at)))
	}
}

// makePattern has the SDK make a call, and the next ones follow it.
func (d *direct) makePattern(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, now time.Time,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	trace := os.Getenv(traceVariable)
	return d.client.BatchExecuteStatement(ctx, in, sentOnce, func(o *dynamodb.Options) {
		o.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			p := d.patternOf(ctx, r, body)
			p.trace, p.made = trace, now
			answer, err := d.options.HTTPClient.Do(r)
			if err == nil {
				d.measure(answer)
				d.pattern.Store(p)
			}
			return answer, err
		})
	})
}

// patternOf is made of a request as the SDK sends it. It is usable only if the parts that are used here sign it the same way:
// somebody may have given the client another way, or a part that changes what is signed.
func (d *direct) patternOf(ctx context.Context, r *http.Request, body []byte) *pattern {
	again, at := r.Clone(ctx), *r.URL
	p := &pattern{request: &http.Request{Method: r.Method, URL: &at, Host: r.Host, Header: r.Header.Clone()}}
	for _, own := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		p.request.Header.Del(own)
	}
	attempt, _, _ := strings.Cut(r.Header.Get(attemptHeader), "; ttl=")
	p.request.Header.Set(attemptHeader, attempt)
	signature := r.Header.Get("Authorization")
	scope, _, _ := strings.Cut(signature, ", ") // AWS4-HMAC-SHA256 Credential=key/20261126/eu-west-1/dynamodb/aws4_request
	parts := strings.Split(scope, "/")
	signed, errTime := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	signer, err := d.options.Credentials.Retrieve(ctx)
	if len(parts) < 4 || err != nil || errTime != nil {
		return p
	}
	p.account, p.region, p.service = signer.AccountID, parts[len(parts)-3], parts[len(parts)-2]
	p.usable = d.sign(ctx, again, p, signer, body, signed) == nil && again.Header.Get("Authorization") == signature
	return p
}
