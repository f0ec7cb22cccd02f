package processing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
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
	rule.Want(t, []any{"acme-files"}, "EventPattern", "detail", "bucket", "name")
	rule.Want(t, []any{map[string]any{"wildcard": "uploads/*.csv"}}, "EventPattern", "detail", "object", "key")
	rule.Want(t, []any{"Object Created"}, "EventPattern", "detail-type")
	target := cdktest.At(rule.Property("Targets"), 0, "InputTransformer")
	text, _ := cdktest.At(target, "InputTemplate").(string)
	taken, _ := cdktest.At(target, "InputPathsMap").(map[string]any)
	if taken["bucket"] != "$.detail.bucket.name" || taken["key"] != "$.detail.object.key" {
		t.Errorf("the event is written from %v", taken)
	}
	text = strings.NewReplacer("<bucket>", `"acme-files"`, "<key>", `"uploads/1.csv"`).Replace(text)
	var event struct {
		Records []struct {
			EventName string
			S3        struct {
				Bucket struct{ Name string }
				Object struct{ Key string }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if r := event.Records; len(r) != 1 || !strings.HasPrefix(r[0].EventName, "ObjectCreated:") ||
		r[0].S3.Bucket.Name != "acme-files" || r[0].S3.Object.Key != "uploads/1.csv" {
		t.Errorf("the queue is sent %s", text)
	}
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
