package processing_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
	"github.com/sensorflow/sensorflow/test/eventbridge"
)

// TestProcessing_HearsOfFilesInABucketThatExists sees that EventBridge sends what S3 would send, and that nobody else
// may send.
func TestProcessing_HearsOfFilesInABucketThatExists(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t)(stack)
	props.Key = storage.NewKey(stack, "EventsKey", &storage.KeyProps{BucketEvents: true}).Key
	props.Uploads = storage.NewUploads(stack, "Existing", &storage.UploadsProps{
		Key: props.Key, Bucket: awss3.Bucket_FromBucketName(stack, jsii.String("Bucket"), jsii.String("acme-files")),
	})
	processing.NewProcessing(stack, "Processing", &props)
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	rule := template.Find(t, "AWS::Events::Rule", "ProcessingBucketEvents")
	checkBucketRule(t, rule)
	queue := template.Find(t, "AWS::SQS::Queue", "ProcessingCsvQueue")
	for _, policy := range template.All("AWS::SQS::QueuePolicy") {
		body := cdktest.JSON(t, policy.Body)
		if !strings.Contains(body, queue.ID) {
			continue
		}
		if !strings.Contains(body, "events.amazonaws.com") || !strings.Contains(body, rule.ID) ||
			strings.Contains(body, "s3.amazonaws.com") {
			t.Errorf("the queue's policy is %s", body)
		}
	}
	key := cdktest.JSON(t, template.Find(t, "AWS::KMS::Key", "EventsKey").Body)
	if !strings.Contains(key, "events.amazonaws.com") {
		t.Errorf("EventBridge may not use the key: %s", key)
	}
	out.NoFindings(t)
	out.LeastPrivilege(t)
	out.NoCircles(t)
}

// checkBucketRule gives the rule events as EventBridge has them. What it writes to the queue is what the function takes
// (runtime/csvfile and runtime/cmd/csvprocessor try that).
func checkBucketRule(t *testing.T, rule cdktest.Resource) {
	t.Helper()
	pattern, _ := rule.Property("EventPattern").(map[string]any)
	for event, want := range map[string]bool{
		eventbridge.Created(cdktest.Account, "eu-west-1", "acme-files", "uploads/1.csv"):        true,
		eventbridge.Created(cdktest.Account, "eu-west-1", "acme-files", "rejects/1/000000.csv"): false,
		eventbridge.Created(cdktest.Account, "eu-west-1", "acme-files", "uploads/1.txt"):        false,
		eventbridge.Created(cdktest.Account, "eu-west-1", "others", "uploads/1.csv"):            false,
		eventbridge.Created("222222222222", "eu-west-1", "acme-files", "uploads/1.csv"):         false,
		strings.Replace(eventbridge.Created(cdktest.Account, "eu-west-1", "acme-files", "uploads/1.csv"),
			"Object Created", "Object Deleted", 1): false,
	} {
		if got, err := eventbridge.Matches(pattern, event); err != nil || got != want {
			t.Errorf("the rule takes it: %v, %v, want %v: %s", got, err, want, event)
		}
	}
	transformer := cdktest.At(rule.Property("Targets"), 0, "InputTransformer")
	template, _ := cdktest.At(transformer, "InputTemplate").(string)
	taken, _ := cdktest.At(transformer, "InputPathsMap").(map[string]any)
	paths := map[string]string{}
	for name, path := range taken {
		paths[name], _ = path.(string)
	}
	if template != contract.BucketEventTemplate || !maps.Equal(paths, contract.BucketEventPaths()) {
		t.Errorf("the queue is sent %s of %v", template, paths)
	}
}
