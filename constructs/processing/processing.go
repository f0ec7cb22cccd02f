package processing

import (
	"errors"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Processing works on what a region receives.
type Processing struct {
	constructs.Construct

	// Aggregator reads the stream of the readings, CsvProcessor the queue of CSV files.
	Aggregator, CsvProcessor awslambda.Function

	// AggregatorSource lets Aggregator follow the stream.
	AggregatorSource awslambda.EventSourceMapping

	// Repairer restates the rows of what the stream gave up. Auditor compares a sample of the rows with the readings.
	Repairer, Auditor awslambda.Function

	// CsvQueue carries the bucket's events and the ranges of large files. Messages that failed CsvReceivesMax times are
	// in CsvDeadLetters. Once the cause is repaired, SQS can move them back.
	CsvQueue, CsvDeadLetters awssqs.Queue

	// StreamFailures gets a message for each piece of the stream that was given up, with its shard and sequence
	// numbers, and feeds Repairer. What Repairer cannot repair is in StreamDeadLetters, with the reason.
	StreamFailures, StreamDeadLetters awssqs.Queue

	differences *awscloudwatch.MetricProps
}

// NewProcessing makes a Processing.
func NewProcessing(scope constructs.Construct, id string, props *ProcessingProps) *Processing {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	faults := rule.All(rule.Of(p.Validate()), rule.Adopted("Adopted[*]", p.Adopted, *awscdk.Stack_Of(scope).Region()))
	refuse.If(scope, id, errors.Join(faults.Err(), p.validateBucket(scope)))
	p = p.withDefaults()
	c := &Processing{}
	constructs.NewConstruct_Override(c, scope, &id)
	c.addQueues(p)
	c.addCsvProcessor(p)
	c.addAggregator(p)
	c.addRepairer(p)
	c.addAuditor(p)
	return c
}

// validateBucket checks what can only be checked with the scope.
func (p ProcessingProps) validateBucket(scope constructs.Construct) error {
	if p.Uploads == nil {
		return nil
	}
	bucket := p.Uploads.Bucket
	if p.Uploads.BucketExisted() {
		return storage.BucketFaults("Uploads.Bucket", bucket, awscdk.Stack_Of(scope)).Err()
	}
	if here, there := awscdk.Stack_Of(scope), awscdk.Stack_Of(bucket); *here.Node().Addr() != *there.Node().Addr() {
		return fmt.Errorf("Uploads must be in the same stack, got %s and %s; bucket and queue refer to each other",
			*there.Node().Path(), *here.Node().Path())
	}
	if bucket.Node().DefaultChild().(awss3.CfnBucket).NotificationConfiguration() != nil {
		return fmt.Errorf("Uploads has notifications already, of bucket %s; one Processing works off a bucket",
			*bucket.Node().Path())
	}
	return nil
}

// MetricAggregationLag is how old the last record of a batch is when the aggregator gets it, in milliseconds: how far
// the aggregates lag behind the readings. By default the maximum.
func (c *Processing) MetricAggregationLag(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	o := awscloudwatch.MetricOptions{}
	if options != nil {
		o = *options
	}
	if o.Statistic == nil {
		o.Statistic = jsii.String("Maximum")
	}
	return c.Aggregator.Metric(jsii.String("IteratorAge"), &o)
}

// MetricCsvBacklog is how many files and ranges of files wait for the CSV processor.
func (c *Processing) MetricCsvBacklog(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.CsvQueue.MetricApproximateNumberOfMessagesVisible(options)
}

// MetricCsvAge is how long the oldest file or range has been waiting, in seconds.
func (c *Processing) MetricCsvAge(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.CsvQueue.MetricApproximateAgeOfOldestMessage(options)
}

// MetricDeadLetters is how many messages of the CSV queue were given up. A person must act on more than none.
func (c *Processing) MetricDeadLetters(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.CsvDeadLetters.MetricApproximateNumberOfMessagesVisible(options)
}

// MetricStreamFailures is how many pieces of the stream were given up, by default in all of a period. Repairer sees to
// them; a person should see why.
func (c *Processing) MetricStreamFailures(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.StreamFailures.MetricNumberOfMessagesSent(options)
}

// MetricStreamDeadLetters is how many messages tell of rows that could not be repaired. A person must act on more than
// none.
func (c *Processing) MetricStreamDeadLetters(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.StreamDeadLetters.MetricApproximateNumberOfMessagesVisible(options)
}

// MetricDifferences is how many of the aggregates that an audit looks at are not what the readings give. A person must
// act on more than none. By default the maximum.
func (c *Processing) MetricDifferences(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	props := *c.differences
	if options != nil {
		props.Period, props.Label, props.Color = options.Period, options.Label, options.Color
		if options.Statistic != nil {
			props.Statistic = options.Statistic
		}
	}
	return awscloudwatch.NewMetric(&props)
}

// MetricAuditErrors is how many audits could not be finished, so that nothing was learned of the aggregates.
func (c *Processing) MetricAuditErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return c.Auditor.MetricErrors(options)
}
