package processing

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// newPermissions makes the policy that a function's role will have. It is a policy of its own and not part of the role,
// as the security packs want it. It takes the place of AWSLambdaBasicExecutionRole, which may write to every log of the
// account. It is made before role, function and event source, so that it is in force when Lambda checks what an event
// source needs.
func (c *Processing) newPermissions(function string, p ProcessingProps) awsiam.ManagedPolicy {
	log := awslogs.NewLogGroup(c, jsii.String(function+"Log"), &awslogs.LogGroupProps{
		EncryptionKey: p.Key, Retention: p.LogRetention, RemovalPolicy: removal.Policy(p.Disposable),
	})
	policy := awsiam.NewManagedPolicy(c, jsii.String(function+"Policy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What the function " + function + " calls"),
	})
	policy.AddStatements(statement.Allow(log.LogGroupArn(), "logs:CreateLogStream", "logs:PutLogEvents"))
	return policy
}

// newFunction makes a function with these permissions. The caller sets the props that differ between functions.
//
// Functions stay outside the VPC. They call only DynamoDB, S3 and SQS, whose endpoints require TLS and a signature, and
// nothing connects to them. Inside, each would wait for a network interface and pay for NAT or interface endpoints.
// Tracing is off: X-Ray bills each trace, and every batch has its line in the log, with its times.
func (c *Processing) newFunction(
	id string, p ProcessingProps, permissions awsiam.ManagedPolicy, props *awslambda.FunctionProps,
) awslambda.Function {
	props.Role = awsiam.NewRole(c, jsii.String(id+"Role"), &awsiam.RoleProps{
		AssumedBy:       awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{permissions},
	})
	props.LogGroup = c.Node().FindChild(jsii.String(id + "Log")).(awslogs.LogGroup)
	props.Runtime, props.Handler, props.Architecture = awslambda.Runtime_PROVIDED_AL2023(),
		jsii.String(gobuild.FunctionBinary), p.Architecture.Function()
	// Each version that was deployed stays, so that a rollback finds the program that ran before. Nothing else uses them:
	// event sources invoke the function itself. They go with their function, and a version costs nothing.
	props.CurrentVersionOptions = &awslambda.VersionOptions{
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	}
	function := awslambda.NewFunction(c, &id, props)
	function.CurrentVersion() // which adds it to the stack
	const outside = "the function calls DynamoDB, S3 and SQS only, over TLS and with its role's signature, and " +
		"nothing connects to it; a VPC would add network interfaces and NAT or endpoints to fail and to pay for, " +
		"and no protection"
	nag.Explain(function, outside, "LambdaInsideVPC")
	return function
}

// explainSource answers what the security packs ask about a function that an event source invokes.
func explainSource(function awslambda.Function) {
	const (
		sources = "only an event source invokes the function, never an asynchronous call; what fails for good goes " +
			"to the dead letters of the queue or to the failure destination of the stream"
		bounded = "the event source bounds the concurrency (ScalingConfig of the queue, one batch per shard and lane " +
			"of the stream); reserving it would take it from the account's other functions, and new accounts have " +
			"too little to reserve any"
	)
	nag.Explain(function, sources, "LambdaDLQ")
	nag.Explain(function, bounded, "LambdaConcurrency")
}

// environment completes the environment of a function. The region is set by Lambda itself.
func environment(p ProcessingProps, own map[string]*string) *map[string]*string {
	if p.Retention != 0 {
		own[contract.EnvRetention] = jsii.String(p.Retention.String())
	}
	return &own
}

// allowKey allows the use of a key through one service of the region only.
func allowKey(scope constructs.Construct, key awskms.IKey, service string, actions ...string) awsiam.PolicyStatement {
	allowed := statement.Allow(key.KeyArn(), actions...)
	allowed.AddCondition(jsii.String("StringEquals"), map[string]any{
		"kms:ViaService": service + "." + *awscdk.Stack_Of(scope).Region() + ".amazonaws.com",
	})
	return allowed
}

func duration(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
