package sensorflow_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// The whole service in one stack, with every default.
func ExampleNewSensorFlow() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Telemetry"), nil)
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", nil)
	for name, value := range map[string]*string{
		"ApiUrl": flow.Api.Url, "TokenUrl": flow.Identity.TokenURL, "UserPoolId": flow.Identity.UserPool.UserPoolId(),
	} {
		awscdk.NewCfnOutput(stack, &name, &awscdk.CfnOutputProps{Value: value})
	}

	fmt.Println(*flow.Node().Path())
	// Output: Telemetry/SensorFlow
}

// Two regions that serve together; `cdk deploy --all` deploys the stacks in this order.
func ExampleNewMultiRegion() {
	app := awscdk.NewApp(nil)
	service := sensorflow.NewMultiRegion(app, "Telemetry", &sensorflow.MultiRegionProps{
		Account: "111122223333",
		Regions: []string{"eu-west-1", "eu-central-1"},
	})
	for _, stack := range service.All() {
		fmt.Println(*stack.StackName(), *stack.Region())
	}
	// Output:
	// Telemetry-keys-eu-west-1 eu-west-1
	// Telemetry-keys-eu-central-1 eu-central-1
	// Telemetry-state eu-west-1
	// Telemetry-eu-west-1 eu-west-1
	// Telemetry-eu-central-1 eu-central-1
}
