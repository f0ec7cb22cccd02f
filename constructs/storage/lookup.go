package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/nag"
)

// lookupProvider is the id that the CDK gives, in each stack, to the one function that makes the calls of all its
// AwsCustomResources.
const lookupProvider = "AWS679f53fac002430cb0da5b7982bd2287"

// LookUp makes one read-only call when the stack is deployed, allowed by exactly the statement, and returns the field
// of its answer. It calls again when the call or its physicalID changes. key encrypts the function's log; nil is
// CloudWatch's own.
//
// scope is a construct of its own for each call. All calls of a stack share one function of the CDK, whose role may
// make each of them.
func LookUp(
	scope constructs.Construct, call *customresources.AwsSdkCall, field string, allow awsiam.PolicyStatement,
	key awskms.IKey,
) *string {
	call.OutputPaths = jsii.Strings(field)
	return Call(scope, "Lookup", CallProps{Type: "Custom::SensorFlowLookup", Do: call, Allow: allow, Key: key}).
		GetResponseField(&field)
}

// CallProps say what Call does.
type CallProps struct {
	// Type is that of the custom resource, such as "Custom::SensorFlowLookup". Required.
	Type string
	// Do is the call when the resource is made or changes. Required.
	Do *customresources.AwsSdkCall
	// Undo is the call when the resource goes. Default: nothing; what Do has made stays.
	Undo *customresources.AwsSdkCall
	// Allow is what the function may do for the call. Default: what it may already, for calls that another one allows.
	Allow awsiam.PolicyStatement
	// Key encrypts the function's log. Default: CloudWatch's own key.
	Key awskms.IKey
}

// Call makes a call when the stack is deployed. LookUp is for calls that only read.
func Call(scope constructs.Construct, id string, p CallProps) customresources.AwsCustomResource {
	props := &customresources.AwsCustomResourceProps{
		OnUpdate: p.Do, OnDelete: p.Undo, InstallLatestAwsSdk: jsii.Bool(false), ResourceType: &p.Type,
	}
	if p.Allow != nil {
		props.Policy = customresources.AwsCustomResourcePolicy_FromStatements(&[]awsiam.PolicyStatement{p.Allow})
	}
	key := p.Key
	stack := awscdk.Stack_Of(scope)
	first := stack.Node().TryFindChild(jsii.String(lookupProvider)) == nil
	if first {
		// The first lookup of a stack decides about role and log. The CDK's own would be a managed policy that allows
		// writing to any log group, and a log that is kept forever.
		log := awslogs.NewLogGroup(scope, jsii.String("LookupLog"), &awslogs.LogGroupProps{
			EncryptionKey: key, Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		})
		props.Role = awsiam.NewRole(scope, jsii.String("LookupRole"),
			&awsiam.RoleProps{AssumedBy: service("lambda.amazonaws.com")})
		log.GrantWrite(props.Role)
		props.LogGroup = log
		nag.ExplainInlinePolicies(props.Role)
		if key == nil {
			nag.Explain(log, "the lookup writes the address of a resource and no data, and no key was given for "+
				"its log, which CloudWatch encrypts with its own",
				"CloudWatchLogGroupEncrypted")
		}
	}
	if p.Allow == nil {
		props.Role = stack.Node().FindChild(jsii.String(lookupProvider)).(awslambda.Function).Role()
	}
	resource := customresources.NewAwsCustomResource(scope, &id, props)
	if first {
		nag.Explain(stack.Node().FindChild(jsii.String(lookupProvider)),
			"this function of the CDK runs for seconds while the stack is deployed, calls one public AWS address, and "+
				"CloudFormation waits for its answer and reports its failure",
			"LambdaConcurrency", "LambdaDLQ", "LambdaInsideVPC")
	}
	if p.Allow != nil {
		nag.ExplainInlinePolicies(resource)
	}
	return resource
}

func revised(id, revision string) string {
	if revision == "" {
		return id
	}
	return id + "/" + revision
}
