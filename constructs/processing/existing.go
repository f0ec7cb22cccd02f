package processing

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// takeBucketEvents lets EventBridge tell the queue of new files in a bucket that exists. S3's own notifications are one
// list a bucket, which only its owner can add to without taking away what is there.
//
// The rule writes each event as S3 would, but for the keys: EventBridge cannot encode them.
func (c *Processing) takeBucketEvents(p ProcessingProps) {
	paths := map[string]*string{}
	for name, path := range contract.BucketEventPaths() {
		paths[name] = &path
	}
	rule := awsevents.NewCfnRule(c, jsii.String("BucketEvents"), &awsevents.CfnRuleProps{
		Description: jsii.String("New files in the bucket of uploads"),
		EventPattern: map[string]any{
			"source": []string{"aws.s3"}, "detail-type": []string{"Object Created"},
			"account": []*string{awscdk.Stack_Of(c).Account()},
			"detail": map[string]any{
				"bucket": map[string]any{"name": []*string{p.Uploads.Bucket.BucketName()}},
				"object": map[string]any{"key": []map[string]string{
					{"wildcard": contract.UploadKeyPrefix + "*" + contract.CSVKeySuffix},
				}},
			},
		},
		Targets: &[]*awsevents.CfnRule_TargetProperty{{
			Id: jsii.String("Queue"), Arn: c.CsvQueue.QueueArn(),
			InputTransformer: &awsevents.CfnRule_InputTransformerProperty{
				InputPathsMap: &paths, InputTemplate: jsii.String(contract.BucketEventTemplate),
			},
		}},
	})
	c.CsvQueue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("BucketEvents"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"), Resources: &[]*string{c.CsvQueue.QueueArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rule.AttrArn()}},
	}))
}
