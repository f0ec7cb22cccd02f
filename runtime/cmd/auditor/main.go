package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

var (
	_ aggregate.RowTable   = (*dynamo.Aggregates)(nil)
	_ aggregate.FleetTable = (*dynamo.Aggregates)(nil)
	_ repair.Finder        = (*dynamo.Finder)(nil)
	_ repair.Rows          = (*aggregate.Aggregator)(nil)
	_ repair.Fleet         = (*aggregate.FleetRestater)(nil)
	_ repair.FleetUnits    = (*aggregate.FleetRestater)(nil)
)

func main() { function.Start(config.LoadAggregator, build) }

// readsPerSecond bounds what an audit takes from the tables: some 25 rows a second with a few readings each.
const readsPerSecond = 200

func build(c config.Aggregator, cfg aws.Config, logs io.Writer) function.Handler[json.RawMessage, json.RawMessage] {
	client := dynamo.NewMetered(dynamo.NewClient(cfg), readsPerSecond)
	table := dynamo.NewFinder(client, c.ReadingsTable, c.AggregatesTable, c.IndexShards)
	fleet := aggregate.NewFleetRestater(table, c.FleetBuckets)
	rows := aggregate.NewAggregator(table, c.Region, aggregate.AggregatorOptions{FleetBuckets: c.FleetBuckets, Retention: c.Retention})
	h := &handler{regions: append([]string{c.Region}, c.Adopted...), draw: rand.IntN, now: time.Now, log: config.NewLogger(logs, c.LogLevel), readUnits: client.Used, fleet: fleet}
	h.sweep = func(report func(repair.Finding)) sampler {
		return repair.NewSweep(table, rows, fleet, repair.Options{FleetBuckets: c.FleetBuckets, Retention: c.Retention, Report: report})
	}
	return h.handle
}
