package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

var (
	_ aggregate.RowTable   = (*dynamo.Finder)(nil)
	_ aggregate.FleetTable = (*dynamo.Finder)(nil)
	_ repair.Finder        = (*dynamo.Finder)(nil)
)

// The exit statuses.
const (
	statusRight = 0
	statusWrong = 1 // something differs, or could not be mended
	statusUsage = 2 // or the work could not be finished
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "aggregates:", err)
	}
	if status != statusRight {
		fmt.Fprintf(os.Stderr, "aggregates: status %d: %s\n", status, meanings[status])
	}
	os.Exit(status)
}

// meanings stand in the last line: make ends with a status of its own.
var meanings = map[int]string{
	statusWrong: "something differs, or could not be mended",
	statusUsage: "the work could not be begun or finished",
}

func run(ctx context.Context, args, environ []string, out, progress io.Writer) (status int, err error) {
	c, err := config.LoadAggregator(environ)
	if err != nil {
		return statusUsage, fmt.Errorf("read the configuration from the environment: %w", err)
	}
	s, err := parse(args, c.Region, progress)
	if errors.Is(err, errHelp) {
		return statusRight, nil
	}
	if err != nil {
		return statusUsage, err
	}
	if err := s.permit(c.Region, c.Adopted); err != nil {
		return statusUsage, err
	}
	cfg, err := config.AWS()
	if err != nil {
		return statusUsage, fmt.Errorf("prepare the AWS client: %w", err)
	}
	client := dynamo.NewMetered(dynamo.NewClient(cfg), s.readsPerSecond)
	table := dynamo.NewFinder(client, c.ReadingsTable, c.AggregatesTable, c.IndexShards)
	fleet := aggregate.NewFleetRestater(table, c.FleetBuckets)
	rows := aggregate.NewAggregator(table, c.Region, aggregate.AggregatorOptions{FleetBuckets: c.FleetBuckets, Retention: c.Retention})
	t := &task{settings: s, out: out, progress: progress, readUnits: client.Used}
	o := repair.Options{
		FleetBuckets: c.FleetBuckets, Retention: c.Retention, Concurrency: s.concurrency, Settle: s.settle, Report: t.report, Keep: t.keep,
	}
	if c.Retention > 0 {
		t.sayf("readings are kept for %s: hours before %s are left out\n", c.Retention, o.OpenFrom().Format(hourLayout))
	}
	return t.do(ctx, repair.NewSweep(table, rows, fleet, o), fleet)
}
