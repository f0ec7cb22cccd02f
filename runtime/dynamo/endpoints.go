package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// endpoints is the SDK's own resolver, which works an address out anew for each call, with a memory of what it has said: that is
// few addresses, of a region and its tables, and was a fifteenth of what a call costs.
type endpoints struct {
	resolver dynamodb.EndpointResolverV2
	known    sync.Map // addressOf to smithyendpoints.Endpoint, which nobody changes
}

// addressOf is what an address depends on.
type addressOf struct {
	region, endpoint, account, accountMode, resource string
	dualStack, fips, search                          bool
}

// ResolveEndpoint implements dynamodb.EndpointResolverV2.
func (e *endpoints) ResolveEndpoint(ctx context.Context, p dynamodb.EndpointParameters) (smithyendpoints.Endpoint, error) {
	if len(p.ResourceArnList) > 0 {
		return e.resolver.ResolveEndpoint(ctx, p)
	}
	at := addressOf{
		region: aws.ToString(p.Region), endpoint: aws.ToString(p.Endpoint), account: aws.ToString(p.AccountId),
		accountMode: aws.ToString(p.AccountIdEndpointMode), resource: aws.ToString(p.ResourceArn),
		dualStack: aws.ToBool(p.UseDualStack), fips: aws.ToBool(p.UseFIPS), search: aws.ToBool(p.IsSearchOperation),
	}
	if known, ok := e.known.Load(at); ok {
		return known.(smithyendpoints.Endpoint), nil
	}
	found, err := e.resolver.ResolveEndpoint(ctx, p)
	if err == nil {
		e.known.Store(at, found)
	}
	return found, err
}
