package processing

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Defaults and limits of ProcessingProps.
const (
	// CsvConcurrencyDefault functions write as many readings as a table takes that has not been used before: each sends 16
	// batches at once, up to 50,000 readings a second.
	CsvConcurrencyDefault = 4
	CsvConcurrencyMin     = 2 // Lambda's bounds
	CsvConcurrencyMax     = 1000

	// StreamLanesDefault keeps the records of a shard in order, so that recounts stay rare.
	StreamLanesDefault = 1
	StreamLanesMax     = 10

	// StreamBatchSizeDefault records cost one write for each equipment and hour among them.
	StreamBatchSizeDefault = 1000
	StreamBatchSizeMax     = 10_000

	LogRetentionDefault = awslogs.RetentionDays_ONE_MONTH
)

// ProcessingProps configure a Processing. The zero value of an optional field selects its default.
type ProcessingProps struct {
	// Tables are the global tables. Required.
	Tables *storage.GlobalTables

	// Uploads are this region's uploads, in the same stack. Their bucket's notifications are set here and nowhere else.
	// Required.
	Uploads *storage.Uploads

	// Key encrypts the queues and logs. Its policy must let S3 send events and CloudWatch Logs write, as that of storage.Key does.
	// Required.
	Key awskms.IKey

	// Retention is how long a raw reading is kept, the same as the API's. At least 24h. Default: for ever.
	Retention time.Duration

	// IndexShards and FleetBuckets spread the aggregates over partitions, 1 to 256 each, the same as the API's; both may be
	// raised and never lowered. Defaults: contract.IndexShardsDefault, contract.FleetBucketsDefault.
	IndexShards, FleetBuckets int

	// CsvConcurrency is how many ranges of CSV files are worked on at once, 2 to 1000. Default: CsvConcurrencyDefault.
	CsvConcurrency int

	// StreamLanes is how many batches of one shard of the stream are worked on at once, 1 to 10. More lanes cost recounts, never
	// exactness. Default: StreamLanesDefault.
	StreamLanes int

	// StreamBatchSize is how many records of the stream the aggregator gets at once, 1 to 10,000. Default: StreamBatchSizeDefault.
	StreamBatchSize int

	// LogRetention is how long the functions' logs are kept. Default: LogRetentionDefault.
	LogRetention awslogs.RetentionDays

	// Architecture is what the functions are built for; prebuilt code must be of it. Default: goasset.ARM64.
	Architecture goasset.Architecture

	// AggregatorCode and CsvProcessorCode are made elsewhere of runtime/cmd/aggregator and runtime/cmd/csvprocessor, as a program
	// named bootstrap. Default: built from this module's sources.
	AggregatorCode, CsvProcessorCode awslambda.Code

	// Disposable lets the logs be deleted with their stack. For test environments. Default: they stay when their stack goes.
	Disposable bool
}

// Validate returns every problem of the props.
func (p ProcessingProps) Validate() error {
	var problems []error
	for _, required := range []struct {
		missing bool
		field   string
		advice  string
	}{
		{p.Tables == nil, "Tables", "storage.NewGlobalTables or storage.ImportGlobalTables"},
		{p.Uploads == nil, "Uploads", "storage.NewUploads"},
		{p.Key == nil, "Key", "the Key of storage.NewKey or storage.NewReplicaKey"},
	} {
		if required.missing {
			problems = append(problems, fmt.Errorf("%s is required: give %s", required.field, required.advice))
		}
	}
	if p.Retention != 0 && p.Retention < contract.RetentionMin {
		problems = append(problems, fmt.Errorf("Retention must be at least 24h, got %v; leave it out to keep readings for ever", p.Retention))
	}
	for _, bounded := range []struct {
		field         string
		got, min, max int
		byDefault     int
	}{
		{"IndexShards", p.IndexShards, 1, contract.ShardsMax, contract.IndexShardsDefault},
		{"FleetBuckets", p.FleetBuckets, 1, contract.ShardsMax, contract.FleetBucketsDefault},
		{"CsvConcurrency", p.CsvConcurrency, CsvConcurrencyMin, CsvConcurrencyMax, CsvConcurrencyDefault},
		{"StreamLanes", p.StreamLanes, 1, StreamLanesMax, StreamLanesDefault},
		{"StreamBatchSize", p.StreamBatchSize, 1, StreamBatchSizeMax, StreamBatchSizeDefault},
	} {
		if bounded.got != 0 && (bounded.got < bounded.min || bounded.got > bounded.max) {
			problems = append(problems, fmt.Errorf("%s must be %d to %d, got %d; leave it out for %d",
				bounded.field, bounded.min, bounded.max, bounded.got, bounded.byDefault))
		}
	}
	if err := p.Architecture.Validate(); err != nil {
		problems = append(problems, fmt.Errorf("Architecture: %w", err))
	}
	return errors.Join(problems...)
}

func (p ProcessingProps) withDefaults() ProcessingProps {
	for _, number := range []struct {
		value     *int
		byDefault int
	}{
		{&p.IndexShards, contract.IndexShardsDefault},
		{&p.FleetBuckets, contract.FleetBucketsDefault},
		{&p.CsvConcurrency, CsvConcurrencyDefault},
		{&p.StreamLanes, StreamLanesDefault},
		{&p.StreamBatchSize, StreamBatchSizeDefault},
	} {
		if *number.value == 0 {
			*number.value = number.byDefault
		}
	}
	if p.LogRetention == "" {
		p.LogRetention = LogRetentionDefault
	}
	if p.AggregatorCode == nil {
		p.AggregatorCode = goasset.LambdaCode("aggregator", p.Architecture)
	}
	if p.CsvProcessorCode == nil {
		p.CsvProcessorCode = goasset.LambdaCode("csvprocessor", p.Architecture)
	}
	return p
}
