package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
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
	props := &customresources.AwsCustomResourceProps{
		OnUpdate: call, InstallLatestAwsSdk: jsii.Bool(false), ResourceType: jsii.String("Custom::SensorFlowLookup"),
		Policy: customresources.AwsCustomResourcePolicy_FromStatements(&[]awsiam.PolicyStatement{allow}),
	}
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
			nag.Explain(log, "the lookup writes the address of a resource and no data; CloudWatch encrypts the log "+
				"with its own key, and where a key is looked up there is none of ours yet",
				"CloudWatchLogGroupEncrypted")
		}
	}
	resource := customresources.NewAwsCustomResource(scope, jsii.String("Lookup"), props)
	if first {
		nag.Explain(stack.Node().FindChild(jsii.String(lookupProvider)),
			"this function of the CDK runs for seconds while the stack is deployed, calls one public AWS address, and "+
				"CloudFormation waits for its answer and reports its failure",
			"LambdaConcurrency", "LambdaDLQ", "LambdaInsideVPC")
	}
	nag.ExplainInlinePolicies(resource)
	return resource.GetResponseField(&field)
}

// lookUpKey finds the primary of a replica. A policy cannot name a key by its alias. So it allows any multi-Region key
// of the account in that region, on the condition that the call names this alias.
func lookUpKey(scope constructs.Construct, p ReplicaKeyProps) *string {
	alias := aliasPrefix + p.Alias
	keys := awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("kms"),
		Region:       &p.PrimaryRegion,
		Resource:     jsii.String("key"),
		ResourceName: jsii.String("mrk-*"),
	})
	arn := LookUp(scope, &customresources.AwsSdkCall{
		Service: jsii.String("KMS"), Action: jsii.String("describeKey"), Region: &p.PrimaryRegion,
		Parameters: map[string]any{"KeyId": alias},
		PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String(revised(p.PrimaryRegion+"/"+alias,
			p.Revision))),
	}, "KeyMetadata.Arn", awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("kms:DescribeKey"), Resources: &[]*string{keys},
		Conditions: &map[string]any{"StringEquals": map[string]any{"kms:RequestAlias": alias}},
	}), nil)
	nag.ExplainWildcards(scope.Node().FindChild(jsii.String("Lookup")),
		"the id of the primary key is what the call asks for; kms:RequestAlias narrows the statement to one alias, "+
			"and kms:DescribeKey reads no data",
		`/^Resource::arn:[^:]+:kms:`+p.PrimaryRegion+`:[^:]+:key\/mrk-\*$/`)
	return arn
}

func revised(id, revision string) string {
	if revision == "" {
		return id
	}
	return id + "/" + revision
}
