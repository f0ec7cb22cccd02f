package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// plain is all that it takes, in a stack that is tied to no account and no region.
func plain(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("Plain"), nil)
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", nil)
	awscdk.NewCfnOutput(stack, jsii.String("ApiUrl"), &awscdk.CfnOutputProps{Value: flow.Api.Url})
}
