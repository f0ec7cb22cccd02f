package deployment_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
)

// recorder stands before the services and notes which role calls what.
type recorder struct {
	mu    sync.Mutex
	roles []string
	calls map[call]int
}

// accessKey is one for a role, by which its calls are known. DynamoDB Local takes letters and digits alone.
func (r *recorder) accessKey(role string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.roles, role)
	if i < 0 {
		i, r.roles = len(r.roles), append(r.roles, role)
	}
	return fmt.Sprintf("%s%d", keyPrefix, i)
}

const keyPrefix = "ROLE"

// call is one kind of call: an action of IAM, on a resource, by a role.
type call struct{ Role, Action, Resource string }

func newRecorder() *recorder { return &recorder{calls: map[call]int{}} }

// addresses are where the programs of a region reach the services: proxies that record, before DynamoDB Local and the emulator, and the
// user pool.
func (w *world) addresses(ctx context.Context, region string) (map[string]string, error) {
	addresses := map[string]string{"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": w.pool.address}
	for name, to := range map[string]struct{ service, address string }{
		"DYNAMODB": {"dynamodb", w.database.Endpoint}, "DYNAMODB_STREAMS": {"dynamodb", w.database.Endpoint},
		"S3": {"s3", w.emulator.endpoint}, "SQS": {"sqs", w.emulator.endpoint},
	} {
		target, err := url.Parse(to.address)
		if err != nil {
			return nil, fmt.Errorf("read the address of %s: %w", name, err)
		}
		forward := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = to.service + "." + region + ".amazonaws.com" // by which the emulator knows the service where an address is presigned
			},
			ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		}
		if addresses["AWS_ENDPOINT_URL_"+name], err = w.serve(ctx, forward); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}
