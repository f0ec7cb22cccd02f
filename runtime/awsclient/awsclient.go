// Package awsclient makes the HTTP clients with which the adapters call AWS.
package awsclient

import (
	"net"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// dialTimeout bounds the opening of a connection, to a service of the same region.
const dialTimeout = time.Second

// HTTP returns a client for one service that keeps up to connectionsMax idle connections open. The SDK's own keeps 10, and so
// opens and closes one for nearly every second call under load.
func HTTP(connectionsMax int) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = connectionsMax, connectionsMax
		})
}
