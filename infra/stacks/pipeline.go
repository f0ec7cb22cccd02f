package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/infra/config"
)

// PipelineName is the name of the pipeline's stack.
const PipelineName = config.StackPrefix + config.PipelineName

// CLIVersion is the version of the CDK's command line that fits the library in go.mod; the Makefile has the same.
const CLIVersion = "2.1148.1"

// assetsVersion is the version of the program that publishes assets. The library would install the newest one of the
// day.
const assetsVersion = "4.7.3"

// artifactDays is how long sources and assemblies are kept while they pass through the pipeline.
const artifactDays = 30

// NewPipeline adds the stack of the delivery pipeline: what is pushed to the branch is tested, synthesized and deployed
// to one environment after the other, in each to one region after the other, with a smoke test after each. The first
// failure stops it.
func NewPipeline(scope constructs.Construct, c config.Config) awscdk.Stack {
	p := *c.Pipeline
	stack := awscdk.NewStack(scope, jsii.String(PipelineName), &awscdk.StackProps{
		StackName: jsii.String(PipelineName), Description: jsii.String("SensorFlow: delivery pipeline"),
		Env:                   &awscdk.Environment{Account: &p.Account, Region: &p.Region},
		TerminationProtection: jsii.Bool(true),
	})
	key := newKey(stack)
	artifacts := newArtifacts(stack, key)
	logs := awslogs.NewLogGroup(stack, jsii.String("BuildLogs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_THREE_MONTHS, EncryptionKey: key, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	pipeline := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		PipelineName:   jsii.String(PipelineName),
		PipelineType:   awscodepipeline.PipelineType_V2,
		ArtifactBucket: artifacts,
		// Keys of other regions cost money and are needed only where roles of other accounts read from the pipeline's
		// buckets.
		CrossAccountKeys: jsii.Bool(crossesAccounts(c)), EnableKeyRotation: jsii.Bool(crossesAccounts(c)),
		CliVersion: jsii.String(CLIVersion), CdkAssetsCliVersion: jsii.String(assetsVersion),
		Synth: synthStep(p),
		CodeBuildDefaults: &pipelines.CodeBuildOptions{
			BuildEnvironment: &awscodebuild.BuildEnvironment{
				BuildImage:  awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2023_STANDARD_3_0(),
				ComputeType: awscodebuild.ComputeType_LARGE,
				EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{
					"CDK_DISABLE_CLI_TELEMETRY": {Value: "true"},
				},
			},
			Logging: &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: logs}},
		},
	})
	for _, name := range p.Environments {
		addEnvironment(stack, pipeline, c.Environments[name])
	}
	pipeline.BuildPipeline()
	allowConnection(pipeline, p.ConnectionARN)
	explainFindings(stack, pipeline, artifacts)
	return stack
}

// newKey makes the key of artifacts and logs.
func newKey(stack awscdk.Stack) awskms.Key {
	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), Description: jsii.String("Artifacts and logs of the SensorFlow pipeline"),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("logs."+*stack.Region()+
			".amazonaws.com"), nil)},
		Actions: jsii.Strings("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
			"kms:ReEncryptFrom", "kms:ReEncryptTo"),
		Resources: jsii.Strings("*"), // in a key's policy: this key
		Conditions: &map[string]any{"ArnLike": map[string]any{
			"kms:EncryptionContext:aws:logs:arn": "arn:" + *stack.Partition() + ":logs:" + *stack.Region() + ":" +
				*stack.Account() + ":log-group:*",
		}},
	}), nil)
	return key
}

// newArtifacts makes the bucket through which sources and assemblies pass from one step to the next.
func newArtifacts(stack awscdk.Stack, key awskms.IKey) awss3.Bucket {
	return awss3.NewBucket(stack, jsii.String("Artifacts"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_KMS,
		EncryptionKey:     key,
		BucketKeyEnabled:  jsii.Bool(true),
		EnforceSSL:        jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
		Versioned:         jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                  awscdk.Duration_Days(jsii.Number(artifactDays)),
			NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(artifactDays)),
		}},
	})
}

// allowConnection adds the permission under the name that it has for connections made since July 2024. The library
// knows only the old name.
func allowConnection(pipeline pipelines.CodePipeline, connection string) {
	source := (*pipeline.Pipeline().Node().FindChild(jsii.String("Source")).Node().Children())[0]
	role := source.Node().FindChild(jsii.String("CodePipelineActionRole")).(awsiam.Role)
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codeconnections:UseConnection"), Resources: jsii.Strings(connection),
	}))
}

// crossesAccounts tells whether the pipeline deploys to another account than its own.
func crossesAccounts(c config.Config) bool {
	for _, name := range c.Pipeline.Environments {
		if c.Environments[name].Account != c.Pipeline.Account {
			return true
		}
	}
	return false
}

// synthStep tests before it synthesizes, so that nothing untested is deployed.
func synthStep(p config.Pipeline) pipelines.ShellStep {
	return pipelines.NewCodeBuildStep(jsii.String("TestAndSynth"), &pipelines.CodeBuildStepProps{
		Input: pipelines.CodePipelineSource_Connection(&p.Repository, &p.Branch, &pipelines.ConnectionSourceOptions{
			ConnectionArn: &p.ConnectionARN, TriggerOnPush: jsii.Bool(true),
		}),
		Commands:               jsii.Strings("make check", "make test", "make synth VALIDATE=yes"),
		PrimaryOutputDirectory: jsii.String("cdk.out"),
		Timeout:                awscdk.Duration_Hours(jsii.Number(2)),
		PartialBuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]any{
			"version": "0.2",
			"phases": map[string]any{"install": map[string]any{"runtime-versions": map[string]any{
				"golang": "latest", "nodejs": "20", "java": "corretto17",
			}}},
		}),
	})
}

func addEnvironment(stack awscdk.Stack, pipeline pipelines.CodePipeline, e config.Environment) {
	stage := awscdk.NewStage(stack, &e.Name, &awscdk.StageProps{
		Env: &awscdk.Environment{Account: &e.Account, Region: jsii.String(e.Primary())},
	})
	deployment := NewEnvironment(stage, e, true)
	options := &pipelines.AddStageOpts{}
	if e.Approval {
		options.Pre = &[]pipelines.Step{pipelines.NewManualApprovalStep(jsii.String("Approve-"+e.Name),
			&pipelines.ManualApprovalStepProps{
				Comment: jsii.String(fmt.Sprintf("Deploy to %s?", e.Name)),
			})}
	}
	steps := []*pipelines.StackSteps{}
	for _, region := range e.Regions {
		steps = append(steps, &pipelines.StackSteps{
			Stack: deployment.Stacks[region],
			Post:  &[]pipelines.Step{smokeTest(e, region, deployment.RegionUrls[region])},
		})
	}
	options.StackSteps = &steps
	pipeline.AddStage(stage, options)
}

// smokeTest asks a region that was just deployed whether all of it serves. It also finds what Route 53 ignores, such as
// a bucket that the new version may not use, and it makes a call that must be refused without a token.
func smokeTest(e config.Environment, region string, url awscdk.CfnOutput) pipelines.Step {
	return pipelines.NewShellStep(jsii.String("Smoke-"+e.Name+"-"+region), &pipelines.ShellStepProps{
		EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"REGION_URL": url},
		Commands: jsii.Strings(
			`curl --fail --silent --show-error --retry 20 --retry-delay 6 --retry-all-errors --max-time 10 "$REGION_URL/readyz" | tee /dev/stderr | grep --quiet '"status":"ready"'`,
			`status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$REGION_URL/sensor-data/aggregated?interval=24h"); echo "without a token: $status"; test "$status" = 401`,
		),
	})
}
