package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// existing puts the service on a network, a key, tables and a user pool that are there already, and runs programs that
// a release pipeline has built.
func existing(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("Existing"), &awscdk.StackProps{Env: in("eu-central-1")})
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"),
		jsii.String("arn:aws:kms:eu-central-1:"+account+":key/mrk-1234abcd12ab34cd56ef1234567890ab"))
	releases := awss3.Bucket_FromBucketName(stack, jsii.String("Releases"), jsii.String("coldchain-releases"))
	sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
		Vpc: network(stack),
		Key: key,
		Tables: storage.ImportGlobalTables(stack, "Tables",
			&storage.ImportGlobalTablesProps{Name: "SensorFlow-prod", Key: key}),
		UploadsBucket:        awss3.Bucket_FromBucketName(stack, jsii.String("Files"), jsii.String("coldchain-files")),
		Settings:             identity.ImportSettings(stack, "Settings", "SensorFlow-prod", key),
		SettingsRevision:     "2", // raised when the pool gets another client, so that tasks learn of it
		UserPoolRegion:       "eu-west-1",
		Architecture:         goasset.AMD64,
		SmokeTestCredentials: identity.ImportSmokeTest(stack, "SmokeTest", "SensorFlow-prod", key),
		SmokeTestName:        "coldchain-smoketest",
		ApiImage: awsecs.ContainerImage_FromRegistry(jsii.String(account+
			".dkr.ecr.eu-central-1.amazonaws.com/sensorflow-api:v0.1.0"), nil),
		AggregatorCode:   awslambda.Code_FromBucketV2(releases, jsii.String("v0.1.0/aggregator.zip"), nil),
		CsvProcessorCode: awslambda.Code_FromBucketV2(releases, jsii.String("v0.1.0/csvprocessor.zip"), nil),
		RepairerCode:     awslambda.Code_FromBucketV2(releases, jsii.String("v0.1.0/repairer.zip"), nil),
		SmokeTestCode:    awslambda.Code_FromBucketV2(releases, jsii.String("v0.1.0/smoketest.zip"), nil),
		AuditorCode:      awslambda.Code_FromBucketV2(releases, jsii.String("v0.1.0/auditor.zip"), nil),
	})
}

func network(stack awscdk.Stack) awsec2.IVpc {
	return awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Network"), &awsec2.VpcAttributes{
		VpcId:                      jsii.String("vpc-0a1b2c3d4e5f67890"),
		VpcCidrBlock:               jsii.String("10.64.0.0/16"),
		AvailabilityZones:          jsii.Strings("eu-central-1a", "eu-central-1b"),
		PublicSubnetIds:            jsii.Strings("subnet-0000000000000000a", "subnet-0000000000000000b"),
		PublicSubnetRouteTableIds:  jsii.Strings("rtb-0000000000000000a", "rtb-0000000000000000b"),
		PrivateSubnetIds:           jsii.Strings("subnet-0000000000000000c", "subnet-0000000000000000d"),
		PrivateSubnetRouteTableIds: jsii.Strings("rtb-0000000000000000c", "rtb-0000000000000000d"),
	})
}

// people puts the service on a user pool that is there already, with its address and the issuer that its owner chose.
func people(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("People"), &awscdk.StackProps{Env: in("eu-central-1")})
	sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
		UserPool: awscognito.UserPool_FromUserPoolId(stack, jsii.String("Employees"),
			jsii.String("eu-central-1_AbCdEfGhI")),
		UserPoolDomain: awscognito.UserPoolDomain_FromDomainName(stack, jsii.String("SignIn"), jsii.String("coldchain")),
		UserPoolIssuer: "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
		MachineClients: []identity.MachineClient{{Name: "gateways"}},
	})
}
