package processing

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// CsvTimeout is the longest that Lambda allows. If all readings of a range are of one equipment, they are written
	// only as fast as one partition takes them, about 1,000 a second.
	CsvTimeout = 15 * time.Minute
	// CsvVisibilityTimeout must not be shorter than the function's timeout. It counts only until the function begins: the
	// function then hides its message for 30 s at a time for as long as it lives, and says when a message that failed
	// comes back. So a part of a file goes on within a minute after its function has died. AWS advises six times the
	// function's timeout, since messages could become visible while Lambda waits for a free instance
	// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html). Here the maximum concurrency of the
	// event source prevents that.
	CsvVisibilityTimeout = CsvTimeout + time.Minute
	// CsvReceivesMax is how often a message is received before it goes to the dead letters: failures for more than two
	// hours, or a few minutes where the function dies each time.
	CsvReceivesMax = contract.CSVReceivesMax
	// CsvMemoryMiB buys one whole virtual CPU, which the processor's 16 connections keep busy; it needs about 100 MiB.
	CsvMemoryMiB = 1769

	// csvRetention is long enough for CsvReceivesMax attempts. The other days are for the dead letters, whose age
	// counts from the first sending.
	csvRetention     = 4 * 24 * time.Hour
	failureRetention = 14 * 24 * time.Hour // SQS's longest
)

func (c *Processing) addQueues(p ProcessingProps) {
	c.CsvDeadLetters = c.newQueue("CsvDeadLetters", p, &awssqs.QueueProps{RetentionPeriod: duration(failureRetention)})
	c.addRepairQueues(p)
	c.CsvQueue = c.newQueue("CsvQueue", p, &awssqs.QueueProps{
		RetentionPeriod: duration(csvRetention), VisibilityTimeout: duration(CsvVisibilityTimeout),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: c.CsvDeadLetters, MaxReceiveCount: jsii.Number(CsvReceivesMax)},
	})
	c.sendBucketEvents(p)
}

func (c *Processing) newQueue(id string, p ProcessingProps, props *awssqs.QueueProps) awssqs.Queue {
	props.Encryption, props.EncryptionMasterKey, props.EnforceSSL = awssqs.QueueEncryption_KMS, p.Key, jsii.Bool(true)
	return awssqs.NewQueue(c, &id, props)
}

// sendBucketEvents lets the bucket tell the queue of new files. The CDK's own notifications need a custom resource,
// whose function may change the notifications of any bucket. Within one stack the bucket can simply name the queue.
func (c *Processing) sendBucketEvents(p ProcessingProps) {
	if p.Uploads.BucketExisted() {
		c.takeBucketEvents(p)
		return
	}
	// The bucket's address cannot be a condition: the bucket can be made only after S3 has seen that this policy lets
	// it send.
	c.CsvQueue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("BucketEvents"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("s3.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"), Resources: &[]*string{c.CsvQueue.QueueArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(c).Account()}},
	}))
	bucket := p.Uploads.Bucket.Node().DefaultChild().(awss3.CfnBucket)
	bucket.SetNotificationConfiguration(&awss3.CfnBucket_NotificationConfigurationProperty{
		QueueConfigurations: &[]*awss3.CfnBucket_QueueConfigurationProperty{{
			Event: jsii.String("s3:ObjectCreated:*"), Queue: c.CsvQueue.QueueArn(),
			Filter: &awss3.CfnBucket_NotificationFilterProperty{S3Key: &awss3.CfnBucket_S3KeyFilterProperty{
				Rules: &[]*awss3.CfnBucket_FilterRuleProperty{
					{Name: jsii.String("prefix"), Value: jsii.String(contract.UploadKeyPrefix)},
					{Name: jsii.String("suffix"), Value: jsii.String(contract.CSVKeySuffix)},
				},
			}},
		}},
	})
	bucket.Node().AddDependency(c.CsvQueue.Node().FindChild(jsii.String("Policy")))
}

// addCsvProcessor makes the function. It sends the ranges of a large file to its own queue, one step deep. Lambda's
// detection of loops acts only after sixteen steps.
func (c *Processing) addCsvProcessor(p ProcessingProps) {
	permissions := c.newPermissions("CsvProcessor", p)
	p.Tables.GrantSendReadings(permissions)
	p.Uploads.GrantProcessUploads(permissions)
	permissions.AddStatements(
		statement.Allow(c.CsvQueue.QueueArn(), "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
			"sqs:ReceiveMessage", "sqs:SendMessage"),
		allowKey(c, p.Key, "sqs", "kms:Decrypt", "kms:GenerateDataKey"),
	)
	c.CsvProcessor = c.newFunction("CsvProcessor", p, permissions, &awslambda.FunctionProps{
		Description: jsii.String("Stores the readings of CSV files"),
		Code:        p.CsvProcessorCode, MemorySize: jsii.Number(CsvMemoryMiB), Timeout: duration(CsvTimeout),
		Environment: environment(p, map[string]*string{
			contract.EnvReadingsTable: p.Tables.Readings.TableName(),
			contract.EnvUploadsTable:  p.Uploads.Table.TableName(),
			contract.EnvUploadsBucket: p.Uploads.Bucket.BucketName(),
			contract.EnvCSVQueueURL:   c.CsvQueue.QueueUrl(),
		}),
	})
	explainSource(c.CsvProcessor)
	awslambda.NewEventSourceMapping(c, jsii.String("CsvProcessorSource"), &awslambda.EventSourceMappingProps{
		Target: c.CsvProcessor, EventSourceArn: c.CsvQueue.QueueArn(),
		// A message can be minutes of work, and two messages in one invocation would share its time.
		BatchSize:               jsii.Number(1),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(p.CsvConcurrency),
	})
}
