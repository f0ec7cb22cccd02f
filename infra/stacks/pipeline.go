package stacks

import (
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

// Versions of what builds and tests. Go's is at least that of go.mod.
const (
	GoVersion   = "1.26.8"
	NodeVersion = "20.20.2"
	nodeMajor   = "20"
)

// artifactDays is how long sources and assemblies are kept while they pass through the pipeline.
const artifactDays = 30

// NewPipeline adds the stack of the delivery pipeline: what is pushed to the branch is tested, synthesized and deployed
// to one environment after the other, in each to one region after the other, with a smoke test after each, and after a
// look whether anybody has changed the environment by hand. The first failure stops it.
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
		Synth: synthStep(p),
		CodeBuildDefaults: &pipelines.CodeBuildOptions{
			BuildEnvironment: &awscodebuild.BuildEnvironment{
				BuildImage:  awscodebuild.LinuxArmBuildImage_FromCodeBuildImageId(jsii.String(BuildImage)),
				ComputeType: awscodebuild.ComputeType_LARGE,
				EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{
					"CDK_DISABLE_CLI_TELEMETRY": {Value: "true"},
				},
			},
			Logging: &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: logs}},
		},
	})
	for _, name := range p.Environments {
		addEnvironment(stack, pipeline, p, c.Environments[name])
	}
	pipeline.BuildPipeline()
	allowConnection(pipeline, p.ConnectionARN)
	replaceInstallation(stack, pipeline)
	narrowPolicies(stack, pipeline)
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
		// The image brings some version of each, which changes under the same name. What builds and tests is what was
		// chosen here: Go fetches exactly this version, and checks it against its public log of checksums.
		InstallCommands:        jsii.Strings("n "+NodeVersion, "go version | grep -F 'go"+GoVersion+" '"),
		Env:                    &map[string]*string{"GOTOOLCHAIN": jsii.String("go" + GoVersion)},
		Commands:               jsii.Strings("make check", "make test", "make synth VALIDATE=yes", bringPrograms),
		PrimaryOutputDirectory: jsii.String("cdk.out"),
		Timeout:                awscdk.Duration_Hours(jsii.Number(2)),
		PartialBuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]any{
			"version": "0.2",
			"phases": map[string]any{"install": map[string]any{"runtime-versions": map[string]any{
				"golang": "latest", "nodejs": nodeMajor, "java": "corretto17",
			}}},
		}),
	})
}
