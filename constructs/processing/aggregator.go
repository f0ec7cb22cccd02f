package processing

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// AggregatorTimeout leaves time for the aggregator's own attempts at rows that others write too or that DynamoDB
	// throttles. Most batches take much less than a second.
	AggregatorTimeout = time.Minute
	// AggregatorMemoryMiB buys more than half a virtual CPU, so that decoding a batch of six megabytes does not delay
	// its shard. The aggregator itself needs about 100 MiB.
	AggregatorMemoryMiB = 1024

	// StreamRetries is how often a batch that fails as a whole is tried again before it goes to the failures. A record
	// that can never succeed fails at once each time, so that its shard waits for minutes. While a table cannot be
	// written, a batch fails only after the aggregator's own attempts, so that the retries last for hours.
	StreamRetries = 500
	// StreamRecordAgeMax sends older records to the failures. After 24 hours the stream would drop them without a
	// trace.
	StreamRecordAgeMax = 22 * time.Hour
)

func (c *Processing) addAggregator(p ProcessingProps) {
	permissions := c.newPermissions("Aggregator", p)
	p.Tables.GrantFollowReadings(permissions)
	p.Tables.GrantUpdateAggregates(permissions)
	permissions.AddStatements(
		statement.Allow(c.StreamFailures.QueueArn(), "sqs:SendMessage"),
		allowKey(c, p.Key, "sqs", "kms:Decrypt", "kms:GenerateDataKey"),
	)
	c.Aggregator = c.newFunction("Aggregator", p, permissions, &awslambda.FunctionProps{
		Description: jsii.String("Keeps the aggregates equal to the readings"),
		Code:        p.AggregatorCode,
		MemorySize:  jsii.Number(AggregatorMemoryMiB),
		Timeout:     duration(AggregatorTimeout),
		Environment: environment(p, ofAggregates(p)),
	})
	explainSource(c.Aggregator)
	props := &awslambda.EventSourceMappingProps{
		Target: c.Aggregator, EventSourceArn: p.Tables.ReadingsStreamArn,
		// LATEST can miss records while a mapping is made or changed.
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
		Filters:          ofRegions(append([]string{*awscdk.Stack_Of(c).Region()}, p.Adopted...)),
		BatchSize:        jsii.Number(p.StreamBatchSize), ParallelizationFactor: jsii.Number(p.StreamLanes),
		MaxBatchingWindow:       duration(p.AggregationWindow),
		ReportBatchItemFailures: jsii.Bool(true), BisectBatchOnError: jsii.Bool(true),
		RetryAttempts: jsii.Number(StreamRetries), MaxRecordAge: duration(StreamRecordAgeMax),
	}
	c.AggregatorSource = awslambda.NewEventSourceMapping(c, jsii.String("AggregatorSource"), props)
	// It is set on the raw resource: the CDK's own destination would add wildcard actions on the key to the function's
	// role.
	c.AggregatorSource.Node().DefaultChild().(awslambda.CfnEventSourceMapping).
		SetDestinationConfig(&awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: c.StreamFailures.QueueArn()},
		})
}

// ofAggregates is what every function needs that goes through the aggregates.
func ofAggregates(p ProcessingProps) map[string]*string {
	own := map[string]*string{
		contract.EnvReadingsTable:   p.Tables.Readings.TableName(),
		contract.EnvAggregatesTable: p.Tables.Aggregates.TableName(),
		contract.EnvIndexShards:     jsii.String(strconv.Itoa(p.IndexShards)),
		contract.EnvFleetBuckets:    jsii.String(strconv.Itoa(p.FleetBuckets)),
	}
	if len(p.Adopted) > 0 {
		own[contract.EnvAdoptedRegions] = jsii.String(strings.Join(p.Adopted, ","))
	}
	return own
}

// ofRegions passes the records whose new or old image this region wrote, or one that it has adopted. What another
// region wrote is counted there, and its replicas invoke nothing here.
func ofRegions(regions []string) *[]*map[string]any {
	image := func(which string) *map[string]any {
		return awslambda.FilterCriteria_Filter(&map[string]any{
			"dynamodb": map[string]any{which: map[string]any{contract.AttrRegion: map[string]any{"S": regions}}},
		})
	}
	return &[]*map[string]any{image("NewImage"), image("OldImage")}
}
