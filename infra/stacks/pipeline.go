package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/infra/config"
)

// PipelineName is the name of the pipeline's stack.
const PipelineName = prefix + "pipeline"

// CLIVersion is the version of the CDK's command line that fits the library in go.mod; the Makefile has the same.
const CLIVersion = "2.1148.1"

// artifactDays is how long sources and assemblies on their way are kept.
const artifactDays = 30

// NewPipeline adds the stack of the delivery pipeline: what is pushed to the branch is tested, synthesized and deployed to one
// environment after the other, in each to one region after the other, with a smoke test after each. The first failure stops it.
func NewPipeline(scope constructs.Construct, c config.Config) awscdk.Stack {
	p := *c.Pipeline
	stack := awscdk.NewStack(scope, jsii.String(PipelineName), &awscdk.StackProps{
		StackName: jsii.String(PipelineName), Description: jsii.String("SensorFlow: delivery pipeline"),
		Env:                   &awscdk.Environment{Account: &p.Account, Region: &p.Region},
		TerminationProtection: jsii.Bool(true),
	})
	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), Description: jsii.String("Artifacts of the SensorFlow pipeline"),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	artifacts := awss3.NewBucket(stack, jsii.String("Artifacts"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: key, BucketKeyEnabled: jsii.Bool(true), EnforceSSL: jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), RemovalPolicy: awscdk.RemovalPolicy_DESTROY, Versioned: jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: awscdk.Duration_Days(jsii.Number(artifactDays)), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(artifactDays)),
		}},
	})
	logs := awslogs.NewLogGroup(stack, jsii.String("BuildLogs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_THREE_MONTHS, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	pipeline := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		PipelineName: jsii.String(PipelineName), PipelineType: awscodepipeline.PipelineType_V2, ArtifactBucket: artifacts,
		CrossAccountKeys: jsii.Bool(true), EnableKeyRotation: jsii.Bool(true), CliVersion: jsii.String(CLIVersion),
		Synth: synthStep(p),
		CodeBuildDefaults: &pipelines.CodeBuildOptions{
			BuildEnvironment: &awscodebuild.BuildEnvironment{
				BuildImage: awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2_STANDARD_3_0(), ComputeType: awscodebuild.ComputeType_LARGE,
			},
			Logging: &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: logs}},
		},
	})
	for _, name := range p.Environments {
		addEnvironment(stack, pipeline, c.Environments[name])
	}
	pipeline.BuildPipeline()
	return stack
}

// synthStep tests before it synthesizes, so that nothing untested is deployed.
func synthStep(p config.Pipeline) pipelines.ShellStep {
	return pipelines.NewCodeBuildStep(jsii.String("TestAndSynth"), &pipelines.CodeBuildStepProps{
		Input: pipelines.CodePipelineSource_Connection(&p.Repository, &p.Branch, &pipelines.ConnectionSourceOptions{
			ConnectionArn: &p.ConnectionARN, TriggerOnPush: jsii.Bool(true),
		}),
		Commands:               jsii.Strings("make check", "make test", "make synth"),
		PrimaryOutputDirectory: jsii.String("cdk.out"),
		Timeout:                awscdk.Duration_Hours(jsii.Number(2)),
		PartialBuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]interface{}{
			"version": "0.2",
			"phases": map[string]interface{}{"install": map[string]interface{}{"runtime-versions": map[string]interface{}{
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
		options.Pre = &[]pipelines.Step{pipelines.NewManualApprovalStep(jsii.String("Approve-"+e.Name), &pipelines.ManualApprovalStepProps{
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

// smokeTest asks a region that was just deployed whether it can serve: the readiness that the load balancer goes by, and a call that
// must be refused without a token.
func smokeTest(e config.Environment, region string, url awscdk.CfnOutput) pipelines.Step {
	return pipelines.NewShellStep(jsii.String("Smoke-"+e.Name+"-"+region), &pipelines.ShellStepProps{
		EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"REGION_URL": url},
		Commands: jsii.Strings(
			`curl --fail --silent --show-error --retry 20 --retry-delay 6 --retry-all-errors --max-time 10 "$REGION_URL/readyz"`,
			`status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$REGION_URL/sensor-data/aggregated?interval=24h"); echo "without a token: $status"; test "$status" = 401`,
		),
	})
}
