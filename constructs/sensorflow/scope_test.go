package sensorflow_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/operations"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// constructors are those of everything that belongs in a stack, each called without props.
func constructors() map[string]func(scope constructs.Construct) {
	return map[string]func(scope constructs.Construct){
		"NewSensorFlow":        func(s constructs.Construct) { sensorflow.NewSensorFlow(s, "It", nil) },
		"NewKey":               func(s constructs.Construct) { storage.NewKey(s, "It", nil) },
		"NewReplicaKey":        func(s constructs.Construct) { storage.NewReplicaKey(s, "It", nil) },
		"NewGlobalTables":      func(s constructs.Construct) { storage.NewGlobalTables(s, "It", nil) },
		"ImportGlobalTables":   func(s constructs.Construct) { storage.ImportGlobalTables(s, "It", nil) },
		"NewReplicaStream":     func(s constructs.Construct) { storage.NewReplicaStream(s, "It", nil) },
		"NewUploads":           func(s constructs.Construct) { storage.NewUploads(s, "It", nil) },
		"NewIdentity":          func(s constructs.Construct) { identity.NewIdentity(s, "It", nil) },
		"ImportSettings":       func(s constructs.Construct) { identity.ImportSettings(s, "It", "Name", nil) },
		"NewReplicaActivation": func(s constructs.Construct) { identity.NewReplicaActivation(s, "It", nil) },
		"NewProcessing":        func(s constructs.Construct) { processing.NewProcessing(s, "It", nil) },
		"NewApiService":        func(s constructs.Construct) { apiservice.NewApiService(s, "It", nil) },
		"NewOperations":        func(s constructs.Construct) { operations.NewOperations(s, "It", nil) },
	}
}

func TestConstructs_RefuseAScopeThatIsNil(t *testing.T) {
	for name, construct := range constructors() {
		t.Run(name, func(t *testing.T) {
			cdktest.RefusesToBuild(t, "It: the scope must be a Stack or a construct in one, got nil; make one with "+
				"awscdk.NewStack, or those of several regions with sensorflow.NewMultiRegion",
				func() { construct(nil) })
		})
	}
	t.Run("NewMultiRegion", func(t *testing.T) {
		cdktest.RefusesToBuild(t, "It: the scope of several stacks must be an App or a Stage, got nil; make an App with "+
			"awscdk.NewApp", func() { sensorflow.NewMultiRegion(nil, "It", deployment(t, "eu-west-1")) })
	})
}

// TestConstructs_RefuseAScopeOutsideAStack gives them an App and a Stage, for which the CDK would end in a trace of
// JavaScript.
func TestConstructs_RefuseAScopeOutsideAStack(t *testing.T) {
	app := cdktest.NewApp(t)
	stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
	const want = "the scope must be a Stack or a construct in one; make one with awscdk.NewStack, " +
		"or those of several regions with sensorflow.NewMultiRegion"
	for name, construct := range constructors() {
		for path, scope := range map[string]constructs.Construct{"It": app, "Prod/It": stage} {
			t.Run(name+" in "+path, func(t *testing.T) {
				cdktest.RefusesToBuild(t, path+": "+want, func() { construct(scope) })
			})
		}
	}
	if n := len(*stage.Node().Children()) + len(*app.Node().Children()); n != 1 {
		t.Errorf("%d constructs were made before they were refused", n-1)
	}
}

// TestSensorFlow_RefusesABucketOfAnotherRegion does so before any part of it exists.
func TestSensorFlow_RefusesABucketOfAnotherRegion(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	bucket := awss3.Bucket_FromBucketAttributes(stack, jsii.String("Files"), &awss3.BucketAttributes{
		BucketName: jsii.String("acme-files"), Region: jsii.String("us-east-1"),
	})
	cdktest.RefusesToBuild(t, `Stack/SensorFlow: UploadsBucket must be of the stack's region eu-west-1, got "us-east-1"; `+
		"EventBridge tells of new objects in the region and the account of the bucket alone", func() {
		sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{UploadsBucket: bucket})
	})
	if stack.Node().TryFindChild(jsii.String("SensorFlow")) != nil {
		t.Error("parts were made before it was refused")
	}
}
