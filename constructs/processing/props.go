package processing

import (
	"cmp"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Defaults and limits of ProcessingProps.
const (
	// CsvConcurrencyDefault is how many ranges of CSV files are worked on at once.
	CsvConcurrencyDefault = contract.CSVConcurrencyDefault

	// StreamLanesDefault keeps the records of a shard in order, so that recounts stay rare.
	StreamLanesDefault = 1
	StreamLanesMax     = 10

	// StreamBatchSizeDefault records cost one write for each equipment and hour among them. It is more than a shard
	// gets in the four seconds that the longest recount takes, so that the aggregates do not fall behind while a slice
	// is recounted batch by batch.
	StreamBatchSizeDefault = 5000
	StreamBatchSizeMax     = 10_000

	// AggregationWindowDefault is how long the aggregator's event source waits for more records of a shard.
	AggregationWindowDefault = contract.AggregationWindowDefault
	// NoAggregationWindow is the AggregationWindow of who does not want to wait.
	NoAggregationWindow time.Duration = -1

	LogRetentionDefault = awslogs.RetentionDays_ONE_MONTH
)

// ProcessingProps configure a Processing. The zero value of an optional field selects its default.
type ProcessingProps struct {
	// Tables are the global tables. Required.
	Tables *storage.GlobalTables

	// Uploads are this region's uploads, in the same stack. Their bucket's notifications are set here and nowhere else.
	// Required.
	Uploads *storage.Uploads

	// Key encrypts the queues and logs. Its policy must let S3 send events and CloudWatch Logs write, as that of
	// storage.Key does. Required.
	Key awskms.IKey

	// Retention is how long a raw reading is kept, the same as the API's. At least 24h. Default: for ever.
	Retention time.Duration

	// IndexShards and FleetBuckets spread the aggregates over partitions, 1 to 256 each, the same as the API's; both
	// may be raised and never lowered. Defaults: contract.IndexShardsDefault, contract.FleetBucketsDefault.
	IndexShards, FleetBuckets int

	// CsvConcurrency is how many ranges of CSV files are worked on at once, 2 to 1000. Default: CsvConcurrencyDefault.
	CsvConcurrency int

	// StreamLanes is how many batches of one shard of the stream are worked on at once, 1 to 10. More lanes cost
	// recounts, never exactness. Default: StreamLanesDefault.
	StreamLanes int

	// StreamBatchSize is how many records of the stream the aggregator gets at once, 1 to 10,000. Default:
	// StreamBatchSizeDefault.
	StreamBatchSize int

	// AggregationWindow is how long the aggregator waits for more records of a shard, in whole seconds up to 2 s: what an
	// equipment sends meanwhile costs one write. It is a part of the time after which a reading shows in the
	// aggregates. Default: AggregationWindowDefault; NoAggregationWindow does not wait.
	AggregationWindow time.Duration

	// Adopted are regions that have left for good and whose aggregates this one keeps equal to the readings that they
	// wrote. Exactly one region adopts another. Default: none.
	Adopted []string

	// LogRetention is how long the functions' logs are kept. Default: LogRetentionDefault.
	LogRetention awslogs.RetentionDays

	// Architecture is the processor that the functions are built for; prebuilt code must be built for the same.
	// Default: goasset.ARM64.
	Architecture goasset.Architecture

	// AggregatorCode and CsvProcessorCode were built elsewhere from runtime/cmd/aggregator and
	// runtime/cmd/csvprocessor, each as a program named bootstrap. Default: built from this module's sources.
	AggregatorCode, CsvProcessorCode awslambda.Code

	// RepairerCode and AuditorCode were built elsewhere from runtime/cmd/repairer and runtime/cmd/auditor, each as a
	// program named bootstrap. Default: built from this module's sources.
	RepairerCode, AuditorCode awslambda.Code

	// Disposable lets the logs be deleted with their stack. For test environments. Default: they stay when their stack
	// goes.
	Disposable bool
}

// Validate returns every problem of the props.
func (p ProcessingProps) Validate() error {
	d := p.withNumbers()
	return rule.All(
		prop.Required("Tables", p.Tables == nil, "storage.NewGlobalTables or storage.ImportGlobalTables"),
		prop.Required("Uploads", p.Uploads == nil, "storage.NewUploads"),
		prop.Required("Key", p.Key == nil, "the Key of storage.NewKey or storage.NewReplicaKey"),
		rule.Retention("Retention", p.Retention),
		rule.Shards("IndexShards", d.IndexShards),
		rule.Shards("FleetBuckets", d.FleetBuckets),
		rule.CSVConcurrency("CsvConcurrency", d.CsvConcurrency),
		rule.Between("StreamLanes", d.StreamLanes, 1, StreamLanesMax, StreamLanesDefault),
		rule.Between("StreamBatchSize", d.StreamBatchSize, 1, StreamBatchSizeMax, StreamBatchSizeDefault),
		rule.AggregationWindow("AggregationWindow", d.AggregationWindow),
		rule.Adopted("Adopted[*]", p.Adopted),
		rule.Of(p.Architecture.Validate()),
	).Err()
}

// withNumbers fills in the numbers that are left out.
func (p ProcessingProps) withNumbers() ProcessingProps {
	p.IndexShards = cmp.Or(p.IndexShards, contract.IndexShardsDefault)
	p.FleetBuckets = cmp.Or(p.FleetBuckets, contract.FleetBucketsDefault)
	p.CsvConcurrency = cmp.Or(p.CsvConcurrency, CsvConcurrencyDefault)
	p.StreamLanes = cmp.Or(p.StreamLanes, StreamLanesDefault)
	p.StreamBatchSize = cmp.Or(p.StreamBatchSize, StreamBatchSizeDefault)
	p.AggregationWindow = cmp.Or(p.AggregationWindow, AggregationWindowDefault)
	if p.AggregationWindow == NoAggregationWindow {
		p.AggregationWindow = 0
	}
	return p
}

func (p ProcessingProps) withDefaults() ProcessingProps {
	p = p.withNumbers()
	if p.LogRetention == "" {
		p.LogRetention = LogRetentionDefault
	}
	if p.AggregatorCode == nil {
		p.AggregatorCode = goasset.LambdaCode("aggregator", p.Architecture)
	}
	if p.RepairerCode == nil {
		p.RepairerCode = goasset.LambdaCode("repairer", p.Architecture)
	}
	if p.AuditorCode == nil {
		p.AuditorCode = goasset.LambdaCode("auditor", p.Architecture)
	}
	if p.CsvProcessorCode == nil {
		p.CsvProcessorCode = goasset.LambdaCode("csvprocessor", p.Architecture)
	}
	return p
}
