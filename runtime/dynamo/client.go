package dynamo

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// CallTimeout bounds one attempt of a call to DynamoDB, whose usual answer takes single-digit milliseconds. The SDK makes
// up to three attempts within the caller's own deadline.
const CallTimeout = 3 * time.Second

// connectionsMax is how many connections are kept open. The SDK's default of 10 idle ones per host opens and closes a
// connection for nearly every second call under load.
const connectionsMax = 256

// NewClient returns a client whose every attempt has a deadline and which keeps its connections.
func NewClient(cfg aws.Config) *dynamodb.Client {
	client := awshttp.NewBuildableClient().
		WithTimeout(CallTimeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = connectionsMax, connectionsMax
		})
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = client })
}
