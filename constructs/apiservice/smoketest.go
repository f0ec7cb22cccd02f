package apiservice

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	smokeTestCommand = "smoketest"
	// SmokeTestTimeout is for one invocation. A try that is not over by then goes on in the next one.
	SmokeTestTimeout   = 2 * time.Minute
	smokeTestMemoryMiB = 256
)

// addSmokeTest makes the function that tries the region, and lets ECS invoke it in each deployment that shifts
// requests. ECS does so after the test rule leads to the new tasks and before any client meets them: earlier there is
// no way to them, and later it is too late.
//
// The function comes from the internet, as clients do, and so tries the way in as well. It is in no network.
func (a *ApiService) addSmokeTest(p ApiServiceProps) {
	if p.SmokeTestCredentials == nil {
		return
	}
	a.SmokeTest = a.newSmokeTest(p)
	if !p.shifts() {
		return
	}
	policy := awsiam.NewManagedPolicy(a, jsii.String("HookPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Invoking the smoke test"),
		Statements: &[]awsiam.PolicyStatement{
			statement.Allow(a.SmokeTest.FunctionArn(), "lambda:InvokeFunction"),
		},
	})
	role := awsiam.NewRole(a, jsii.String("HookRole"), &awsiam.RoleProps{
		Description:     jsii.String("ECS tries new tasks"),
		AssumedBy:       awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{policy},
	})
	a.Service.AddLifecycleHook(awsecs.NewDeploymentLifecycleLambdaTarget(a.SmokeTest, jsii.String("SmokeTest"),
		&awsecs.DeploymentLifecycleLambdaTargetProps{
			LifecycleStages: &[]awsecs.DeploymentLifecycleStage{
				awsecs.DeploymentLifecycleStage_POST_TEST_TRAFFIC_SHIFT,
			},
			Role: role,
		}))
	a.Service.Node().AddDependency(role, a.SmokeTest)
	for _, way := range a.addresses { // the first deployment is tried, too
		a.Service.Node().AddDependency(way)
	}
}

func (a *ApiService) newSmokeTest(p ApiServiceProps) awslambda.Function {
	log := awslogs.NewLogGroup(a, jsii.String("SmokeTestLog"), &awslogs.LogGroupProps{
		EncryptionKey: p.Key, Retention: p.LogRetention, RemovalPolicy: removal.Policy(p.Disposable),
	})
	secret := p.SmokeTestCredentials.SecretArn()
	decrypt := statement.Allow(p.Key.KeyArn(), "kms:Decrypt")
	decrypt.AddCondition(jsii.String("StringEquals"), map[string]any{
		"kms:ViaService": "secretsmanager." + *awscdk.Stack_Of(a).Region() + ".amazonaws.com",
	})
	policy := awsiam.NewManagedPolicy(a, jsii.String("SmokeTestPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What the smoke test calls"),
		Statements: &[]awsiam.PolicyStatement{
			statement.Allow(log.LogGroupArn(), "logs:CreateLogStream", "logs:PutLogEvents"),
			statement.Allow(statement.Secret(p.SmokeTestCredentials), "secretsmanager:GetSecretValue"),
			decrypt,
		},
	})
	code := p.SmokeTestCode
	if code == nil {
		code = goasset.LambdaCode(smokeTestCommand, p.Architecture)
	}
	props := &awslambda.FunctionProps{
		Description: jsii.String("Tries the API: signs in, writes, reads the aggregate and deletes"),
		Code:        code, Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String(gobuild.FunctionBinary),
		Architecture: p.Architecture.Function(),
		MemorySize:   jsii.Number(smokeTestMemoryMiB),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(SmokeTestTimeout.Seconds())),
		LogGroup:     log,
		Role: awsiam.NewRole(a, jsii.String("SmokeTestRole"), &awsiam.RoleProps{
			AssumedBy:       awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
			ManagedPolicies: &[]awsiam.IManagedPolicy{policy},
		}),
		Environment: &map[string]*string{
			contract.EnvAPIURL: a.RegionUrl, contract.EnvMachineClient: secret,
		},
	}
	if p.SmokeTestName != "" {
		props.FunctionName = &p.SmokeTestName
	}
	function := awslambda.NewFunction(a, jsii.String("SmokeTest"), props)
	nag.Explain(function, "ECS and the delivery pipeline invoke the function and wait for its answer; nothing invokes "+
		"it asynchronously", "LambdaDLQ")
	nag.Explain(function, "one deployment at a time invokes the function; reserving a concurrency would take it from "+
		"the account's other functions", "LambdaConcurrency")
	nag.Explain(function, "the function tries the API from outside, as clients come, over HTTPS, and nothing connects "+
		"to it", "LambdaInsideVPC")
	return function
}
