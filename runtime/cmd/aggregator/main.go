package main

import (
	"io"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/function"
)

var _ aggregate.RowTable = (*dynamo.Aggregates)(nil)

func main() { function.Start(config.LoadAggregator, build) }

func build(c config.Aggregator, cfg aws.Config, logs io.Writer) function.Handler[function.Payload, events.DynamoDBEventResponse] {
	table := dynamo.NewAggregates(dynamo.NewClient(cfg), c.ReadingsTable, c.AggregatesTable, c.IndexShards)
	h := &handler{
		aggregator: aggregate.NewAggregator(table, c.Region, aggregate.AggregatorOptions{
			FleetBuckets: c.FleetBuckets, Retention: c.Retention, Adopted: c.Adopted,
		}),
		now: time.Now, log: config.NewLogger(logs, c.LogLevel),
	}
	return h.handle
}
