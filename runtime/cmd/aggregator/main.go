package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

var _ aggregate.RowTable = (*dynamo.Aggregates)(nil)

func main() {
	start, err := build(context.Background(), os.Environ(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(start.handle)
}

// build makes the handler in the init phase of the function's instance, so that no invocation pays for it.
func build(ctx context.Context, environ []string, logs io.Writer) (*handler, error) {
	c, err := config.LoadAggregator(environ)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := config.AWS(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the AWS client: %w", err)
	}
	table := dynamo.NewAggregates(dynamo.NewClient(cfg), c.ReadingsTable, c.AggregatesTable, c.IndexShards)
	return &handler{
		aggregator: aggregate.NewAggregator(table, c.Region, aggregate.AggregatorOptions{
			FleetBuckets: c.FleetBuckets, Retention: c.Retention,
		}),
		now: time.Now, log: config.NewLogger(logs, c.LogLevel),
	}, nil
}
