package sensorflow_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsgrafana"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// A network of your own, which needs private subnets with a way out and gateway endpoints for DynamoDB and S3.
func Example_ownNetwork() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), nil)
	vpc := awsec2.NewVpc(stack, jsii.String("Network"), &awsec2.VpcProps{
		MaxAzs: jsii.Number(2), NatGateways: jsii.Number(1),
		GatewayEndpoints: &map[string]*awsec2.GatewayVpcEndpointOptions{
			"DynamoDB": {Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()},
			"S3":       {Service: awsec2.GatewayVpcEndpointAwsService_S3()},
		},
	})
	sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{Vpc: vpc})

	printMade(app, "Telemetry", "AWS::EC2::VPC", "AWS::EC2::NatGateway", "AWS::ECS::Service")
	// Output:
	// Telemetry: 1 AWS::EC2::VPC, 1 AWS::EC2::NatGateway, 1 AWS::ECS::Service
}

// A domain of your own in place of CloudFront's address: the load balancer is public, with a certificate, and Route 53
// looks after it.
func Example_ownDomain() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
	})
	zone := awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"), &awsroute53.HostedZoneAttributes{
		HostedZoneId: jsii.String("Z0123456789ABCDEFGHIJ"), ZoneName: jsii.String("example.com"),
	})
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
		Domain: &apiservice.Domain{Name: "api.example.com", HostedZone: zone},
	})

	fmt.Println(*flow.Api.Url)
	printMade(app, "Telemetry", "AWS::CloudFront::Distribution", "AWS::CertificateManager::Certificate")
	// Output:
	// https://api.example.com
	// Telemetry: 0 AWS::CloudFront::Distribution, 1 AWS::CertificateManager::Certificate
}

// Two services in one stack, each with data and users of its own. Nothing has a fixed name, so that they do not meet.
func Example_twoInOneStack() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), nil)
	sensorflow.NewSensorFlow(stack, "Cold", &sensorflow.SensorFlowProps{VpcCidr: "10.1.0.0/16"})
	sensorflow.NewSensorFlow(stack, "Warm", &sensorflow.SensorFlowProps{VpcCidr: "10.2.0.0/16"})

	printMade(app, "Telemetry", "AWS::ECS::Service", "AWS::Cognito::UserPool", "AWS::KMS::Key")
	// Output:
	// Telemetry: 2 AWS::ECS::Service, 2 AWS::Cognito::UserPool, 2 AWS::KMS::Key
}

// Several regions inside a Stage, the unit that pipelines deploy. The names of the stacks stay as they are.
func Example_insideAStage() {
	app := awscdk.NewApp(nil)
	stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
	service := sensorflow.NewMultiRegion(stage, "Telemetry", &sensorflow.MultiRegionProps{
		Account: "111122223333", Regions: []string{"eu-west-1", "eu-central-1"},
	})

	fmt.Println(*service.Stacks["eu-central-1"].StackName(), *service.Stacks["eu-central-1"].Node().Path())
	// Output: Telemetry-eu-central-1 Prod/Telemetry-eu-central-1
}

// A delivery pipeline of your own with a smoke test after the deployment. The output is yours: constructs make none.
func Example_inAPipeline() {
	app := awscdk.NewApp(nil)
	env := &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")}
	delivery := awscdk.NewStack(app, jsii.String("Delivery"), &awscdk.StackProps{Env: env})
	source := pipelines.CodePipelineSource_Connection(jsii.String("acme/telemetry"), jsii.String("main"),
		&pipelines.ConnectionSourceOptions{
			ConnectionArn: jsii.String("arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b"),
		})
	pipeline := pipelines.NewCodePipeline(delivery, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		Synth: pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
			Input: source, Commands: jsii.Strings("npx cdk synth"),
		}),
	})
	stage := awscdk.NewStage(delivery, jsii.String("Prod"), &awscdk.StageProps{Env: env})
	stack := awscdk.NewStack(stage, jsii.String("Telemetry"), nil)
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", nil)
	url := awscdk.NewCfnOutput(stack, jsii.String("Url"), &awscdk.CfnOutputProps{Value: flow.Api.RegionUrl})
	pipeline.AddStage(stage, &pipelines.AddStageOpts{Post: &[]pipelines.Step{
		pipelines.NewShellStep(jsii.String("Smoke"), &pipelines.ShellStepProps{
			EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"URL": url},
			Commands:          jsii.Strings("curl --fail --silent --show-error $URL/readyz"),
		}),
	}})

	printMade(app, "Delivery", "AWS::CodePipeline::Pipeline")
	// Output: Delivery: 1 AWS::CodePipeline::Pipeline
}

// A Grafana workspace that shows what is in the tables: its role may read readings and aggregates, and write nothing.
func Example_grafana() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), nil)
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", nil)
	role := awsiam.NewRole(stack, jsii.String("Grafana"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("grafana.amazonaws.com"), nil),
	})
	flow.GrantReadTables(role)
	awsgrafana.NewCfnWorkspace(stack, jsii.String("Workspace"), &awsgrafana.CfnWorkspaceProps{
		AccountAccessType:       jsii.String("CURRENT_ACCOUNT"),
		AuthenticationProviders: jsii.Strings("AWS_SSO"),
		PermissionType:          jsii.String("CUSTOMER_MANAGED"),
		RoleArn:                 role.RoleArn(),
	})

	printMade(app, "Telemetry", "AWS::Grafana::Workspace")
	// Output: Telemetry: 1 AWS::Grafana::Workspace
}

// A function of your own on the stream of the readings, beside the aggregator. DynamoDB takes two readers of a stream,
// and one only where the tables have replicas in other regions: there, let the function read the tables instead.
func Example_functionOnTheStream() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), nil)
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", nil)
	function := awslambda.NewFunction(stack, jsii.String("Follower"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_NODEJS_22_X(),
		Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String(
			"exports.handler = async (event) => console.log(event.Records.length)")),
	})
	flow.Tables.GrantFollowReadings(function)
	function.AddEventSourceMapping(jsii.String("Readings"), &awslambda.EventSourceMappingOptions{
		EventSourceArn:   flow.Tables.ReadingsStreamArn,
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON, // LATEST can miss readings while it is made
		BatchSize:        jsii.Number(1000),
	})

	printMade(app, "Telemetry", "AWS::Lambda::EventSourceMapping")
	// Output: Telemetry: 4 AWS::Lambda::EventSourceMapping
}

// A bucket and a user pool that you have already. The bucket tells EventBridge of new objects; its owner lets the pages
// of Api.Url send files to it.
func Example_existingBucketAndUserPool() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
	})
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
		UploadsBucket: awss3.Bucket_FromBucketName(stack, jsii.String("Files"), jsii.String("acme-files")),
		UserPool: awscognito.UserPool_FromUserPoolId(stack, jsii.String("Employees"),
			jsii.String("eu-west-1_AbCdEfGhI")),
		UserPoolDomain: awscognito.UserPoolDomain_FromDomainName(stack, jsii.String("SignIn"), jsii.String("acme")),
	})

	fmt.Println(*flow.Identity.TokenURL)
	printMade(app, "Telemetry", "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient", "AWS::Events::Rule")
	// Output:
	// https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token
	// Telemetry: 0 AWS::Cognito::UserPool, 3 AWS::Cognito::UserPoolClient, 2 AWS::Events::Rule
}

// printMade synthesizes an app and prints how many resources of each type a stack has.
func printMade(app awscdk.App, stack string, types ...string) {
	template, _ := app.Synth(nil).GetStackByName(&stack).Template().(map[string]any)
	resources, _ := template["Resources"].(map[string]any)
	count := map[string]int{}
	for _, resource := range resources {
		body, _ := resource.(map[string]any)
		kind, _ := body["Type"].(string)
		count[kind]++
	}
	var made []string
	for _, kind := range types {
		made = append(made, fmt.Sprintf("%d %s", count[kind], kind))
	}
	fmt.Println(stack + ": " + strings.Join(made, ", "))
}
