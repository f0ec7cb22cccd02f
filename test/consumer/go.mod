module example.com/coldchain

go 1.26.0

require (
	github.com/aws/aws-cdk-go/awscdk/v2 v2.276.0
	github.com/aws/constructs-go/constructs/v10 v10.8.1
	github.com/aws/jsii-runtime-go v1.142.0
	github.com/sensorflow/sensorflow v0.1.0
)

// For trying things out in this checkout, after go mod tidy. An app of another team has no such line.
replace github.com/sensorflow/sensorflow => ../..
