package storage_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
)

// A function follows the replica of a global table that another stack made in another region.
func ExampleNewReplicaStream() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Ireland"),
		&awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String("eu-west-1")}})
	function := awslambda.NewFunction(stack, jsii.String("Follower"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_NODEJS_22_X(),
		Handler: jsii.String("index.handler"),
		Code:    awslambda.Code_FromInline(jsii.String("exports.handler = async () => {}")),
	})

	stream := storage.NewReplicaStream(stack, "Stream", &storage.ReplicaStreamProps{
		Table: awsdynamodb.TableV2_FromTableName(stack, jsii.String("Orders"), jsii.String("orders")),
	})
	stream.GrantRead(function)
	function.AddEventSourceMapping(jsii.String("Orders"), &awslambda.EventSourceMappingOptions{
		EventSourceArn: stream.StreamArn, StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
	})
	fmt.Println("follows orders")
	// Output: follows orders
}

// The tables of two regions, each encrypted with the key of its region.
func ExampleNewGlobalTables() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("State"),
		&awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String("us-east-1")}})
	key := storage.NewKey(stack, "Key", &storage.KeyProps{Alias: "SensorFlow-dev", MultiRegion: true})
	tables := storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{
		Name: "SensorFlow-dev", Key: key.Key, Replicas: []storage.Replica{key.Replica("eu-west-1")},
	})
	fmt.Println(*awscdk.Token_IsUnresolved(tables.ReadingsStreamArn))
	// Output: true
}
