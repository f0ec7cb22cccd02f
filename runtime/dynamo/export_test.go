package dynamo

import "github.com/aws/aws-sdk-go-v2/service/dynamodb"

// AllMade is for tests of what it takes for a plain answer.
var AllMade = allMade

// RememberEndpoints has a client remember its addresses, as that of NewClient does.
func RememberEndpoints(o *dynamodb.Options) {
	o.EndpointResolverV2 = &endpoints{resolver: dynamodb.NewDefaultEndpointResolverV2()}
}

// What stores the layout of a file.
var (
	LayoutText  = layoutText
	ParseLayout = parseLayout
)
