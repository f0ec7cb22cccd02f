package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
)

// CallTimeout bounds one attempt of a call to DynamoDB, whose usual answer takes single-digit milliseconds. The SDK makes
// up to three attempts within the caller's own deadline.
const CallTimeout = 3 * time.Second

// connectionsMax is how many connections are kept open.
const connectionsMax = 256

// NewClient returns a client whose every attempt has a deadline and which keeps its connections.
func NewClient(cfg aws.Config) *dynamodb.Client {
	client := awsclient.NewShort(connectionsMax, CallTimeout)
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.HTTPClient = client
		o.EndpointResolverV2 = &endpoints{resolver: dynamodb.NewDefaultEndpointResolverV2()}
	})
}
