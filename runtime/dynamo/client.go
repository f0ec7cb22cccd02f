package dynamo

import (
	"context"
	"fmt"
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

// describer is the one call that Ready makes.
type describer interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
}

// Ready tells whether the table can be used: it exists and is active or being updated.
func Ready(ctx context.Context, client describer, table string) error {
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return mapError("describe table "+table, err)
	}
	switch status := out.Table.TableStatus; status {
	case "ACTIVE", "UPDATING":
		return nil
	default:
		return fmt.Errorf("table %s is %s", table, status)
	}
}
