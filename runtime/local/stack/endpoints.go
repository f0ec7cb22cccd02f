package stack

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// The services' ids as the SDK writes them.
const (
	serviceDynamoDB = "DynamoDB"
	serviceStreams  = "DynamoDB Streams"
	serviceS3       = "S3"
	serviceSQS      = "SQS"
	serviceCognito  = "Cognito Identity Provider"
)

const keyEndpoint = "AWS_ENDPOINT_URL"

// endpointKey is the environment key of a service's address.
func endpointKey(service string) string {
	return keyEndpoint + "_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_"))
}

// endpoints are the services' addresses. Those that the caller's environment gives replace a part of the stack:
//
//   - DynamoDB: the tables are made there, under the names of READINGS_TABLE and so on where these are set.
//   - S3: the bucket of UPLOADS_BUCKET is made there; its events must come by SQS, or to the webhook of the stack's log.
//   - SQS: the queue of CSV_QUEUE_URL (required) is read, and given to the CSV processor for the ranges of large files.
//   - Cognito: USER_POOL_ID, USER_POOL_ISSUER, USER_POOL_CLIENT_ID and USER_POOL_CLIENT_SECRET are required.
//
// With any of them, AWS_REGION and the SDK's usual credentials hold for all parts.
type endpoints struct {
	environ map[string]string
	// given are the caller's, by service.
	given map[string]string

	mu sync.Mutex
	// used are the addresses of all services. Parts that start add theirs.
	used map[string]string
}

func newEndpoints(environ []string) (*endpoints, error) {
	e := &endpoints{environ: map[string]string{}, given: map[string]string{}, used: map[string]string{}}
	for _, pair := range environ {
		if key, value, _ := strings.Cut(pair, "="); value != "" {
			e.environ[key] = value
		}
	}
	for _, service := range []string{serviceDynamoDB, serviceStreams, serviceS3, serviceSQS, serviceCognito} {
		key := endpointKey(service)
		address := e.environ[key]
		if address == "" {
			key, address = keyEndpoint, e.environ[keyEndpoint]
		}
		if address == "" {
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s must be an absolute URL, got %s", key, address)
		}
		e.given[service] = strings.TrimSuffix(address, "/")
	}
	maps.Copy(e.used, e.given)
	return e, e.check()
}

// check names the keys that replaced parts cannot do without.
func (e *endpoints) check() error {
	var missing []string
	need := func(service string, keys ...string) {
		for _, key := range keys {
			if e.given[service] != "" && e.environ[key] == "" {
				missing = append(missing, key)
			}
		}
	}
	need(serviceSQS, contract.EnvCSVQueueURL)
	need(serviceCognito, contract.EnvUserPoolID, contract.EnvUserPoolIssuer, contract.EnvUserPoolClientID, contract.EnvUserPoolClientSecret)
	if len(missing) > 0 {
		return fmt.Errorf("the addresses in the environment also need %s", strings.Join(missing, ", "))
	}
	return nil
}

// name is what the environment calls a table or bucket of a service that it gives, else the local name.
func (e *endpoints) name(service, key, local string) string {
	if name := e.environ[key]; e.given[service] != "" && name != "" {
		return name
	}
	return local
}

// aws returns what clients of all services need: region, credentials, and where each service is.
func (e *endpoints) aws(ctx context.Context, secret string) (aws.Config, error) {
	cfg := aws.Config{
		Region: RegionLocal, ConfigSources: []any{e},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
	}
	if len(e.given) == 0 {
		return cfg, nil
	}
	if region := e.environ[contract.EnvRegion]; region != "" {
		cfg.Region = region
	}
	found, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	// Emulators take any credentials, so there need not be any.
	if keys, err := found.Credentials.Retrieve(ctx); err == nil {
		cfg.Credentials = credentials.StaticCredentialsProvider{Value: keys}
	}
	return cfg, nil
}

// GetServiceBaseEndpoint is what the SDK's clients ask for a service's address.
func (e *endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	address := e.get(service)
	return address, address != "", nil
}

func (e *endpoints) get(service string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.used[service]
}

func (e *endpoints) set(service, address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.used[service] = address
}

// environment gives the SDK's clients in the children the same addresses.
func (e *endpoints) environment() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	values := map[string]string{}
	for service, address := range e.used {
		values[endpointKey(service)] = address
	}
	return values
}
