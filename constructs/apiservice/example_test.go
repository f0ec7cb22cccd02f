package apiservice_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// The API with an image from a registry, on tables and a user pool of its own.
func ExampleNewApiService() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Sensors"),
		&awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String("eu-west-1")}})
	key := storage.NewKey(stack, "Key", nil).Key
	api := apiservice.NewApiService(stack, "Api", &apiservice.ApiServiceProps{
		Tables:   storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Key: key}),
		Uploads:  storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: key}),
		Settings: identity.NewIdentity(stack, "Identity", &identity.IdentityProps{Key: key}).Settings,
		Key:      key,
		Image:    awsecs.ContainerImage_FromRegistry(jsii.String("registry.example.com/sensorflow-api:1"), nil),
		TasksMin: 6, SpotPercent: 50,
	})
	fmt.Println(*api.Service.Node().Path())
	fmt.Println(*api.MetricLatency(nil).Statistic())
	// Output:
	// Sensors/Api/Service
	// p99
}
