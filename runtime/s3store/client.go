package s3store

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
)

const (
	// callTimeout bounds a call without a body, with the SDK's own repetitions.
	callTimeout = 10 * time.Second
	// partTimeout bounds sending one part, with the SDK's own repetitions: 90 KB/s are enough.
	partTimeout = time.Minute
	// answerTimeout is how long S3 may take to begin an answer. There is no bound on the whole of an attempt, since reading a
	// range takes as long as the readings take to be stored.
	answerTimeout = 10 * time.Second
	// connectionsMax is how many connections are kept open.
	connectionsMax = 64
)

// NewClient returns a client whose calls have deadlines and which keeps its connections. It addresses buckets as hosts of
// the region, as browsers and certificates want it, and as paths where cfg or AWS_ENDPOINT_URL_S3 names another endpoint.
func NewClient(cfg aws.Config) *s3.Client {
	client := awsclient.HTTP(connectionsMax).WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
	})
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = client
		o.UsePathStyle = o.BaseEndpoint != nil
		o.DisableLogOutputChecksumValidationSkipped = true // ranges have none
	})
}

// Origin returns the scheme and host of the bucket's addresses.
func (b *Bucket) Origin(ctx context.Context) (string, error) {
	o := b.client.Options()
	endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &b.name, Region: &o.Region, Endpoint: o.BaseEndpoint, ForcePathStyle: &o.UsePathStyle,
	})
	if err != nil {
		return "", fmt.Errorf("find the endpoint of bucket %s: %w", b.name, err)
	}
	origin := url.URL{Scheme: endpoint.URI.Scheme, Host: endpoint.URI.Host}
	return origin.String(), nil
}

// Ready tells whether the bucket can be reached.
func (b *Bucket) Ready(ctx context.Context) error {
	if _, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}); err != nil {
		return fmt.Errorf("head bucket %s: %w", b.name, err)
	}
	return nil
}
