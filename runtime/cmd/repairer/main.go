package main

import (
	"io"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/repair"
	"github.com/sensorflow/sensorflow/runtime/sqsqueue"
)

var (
	_ aggregate.RowTable = (*dynamo.Aggregates)(nil)
	_ repair.Rows        = (*aggregate.Aggregator)(nil)
	_ repair.Stream      = (*dynamo.Stream)(nil)
	_ repair.Queue       = (*sqsqueue.Sender)(nil)
)

func main() { function.Start(config.LoadRepairer, build) }

func build(c config.Repairer, cfg aws.Config, logs io.Writer) function.Handler[events.SQSEvent, events.SQSEventResponse] {
	table := dynamo.NewAggregates(dynamo.NewClient(cfg), c.ReadingsTable, c.AggregatesTable, c.IndexShards)
	rows := aggregate.NewAggregator(table, c.Region, aggregate.AggregatorOptions{FleetBuckets: c.FleetBuckets, Retention: c.Retention})
	queues := sqs.NewFromConfig(cfg)
	h := &handler{
		mender: repair.NewMender(dynamo.NewStream(cfg), rows, sqsqueue.NewSender(queues, c.FailuresURL), sqsqueue.NewSender(queues, c.DeadLettersURL),
			repair.MenderOptions{Regions: append([]string{c.Region}, c.Adopted...)}),
		now: time.Now, log: config.NewLogger(logs, c.LogLevel),
	}
	return h.handle
}
