package processing_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// The smallest use: one key, the tables, the uploads, and the functions.
func ExampleNewProcessing() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Sensors"), nil)
	key := storage.NewKey(stack, "Key", nil).Key
	work := processing.NewProcessing(stack, "Processing", &processing.ProcessingProps{
		Tables:  storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Key: key}),
		Uploads: storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: key}),
		Key:     key,
	})
	fmt.Println(*work.Aggregator.Node().Path())
	fmt.Println(*work.MetricAggregationLag(nil).MetricName())
	// Output:
	// Sensors/Processing/Aggregator
	// IteratorAge
}
