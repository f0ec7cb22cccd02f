package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/s3store"
	"github.com/sensorflow/sensorflow/runtime/sqsqueue"
)

var (
	_ csvfile.WorkTable  = (*dynamo.Uploads)(nil)
	_ csvfile.WorkBucket = (*s3store.Bucket)(nil)
	_ csvfile.Queue      = (*sqsqueue.Sender)(nil)
	_ ingest.Store       = (*dynamo.Readings)(nil)
)

func main() {
	debug.SetMemoryLimit(csvfile.MemoryLimit)
	start, err := build(context.Background(), os.Environ(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(start.handle)
}

// build makes the handler in the init phase of the function's instance, so that no invocation pays for it.
func build(ctx context.Context, environ []string, logs io.Writer) (*handler, error) {
	c, err := config.LoadCSVProcessor(environ)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := config.AWS(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the AWS client: %w", err)
	}
	log := config.NewLogger(logs, c.LogLevel)
	client := dynamo.NewClient(cfg)
	return &handler{
		processor: csvfile.NewProcessor(
			dynamo.NewUploads(client, c.UploadsTable),
			s3store.New(s3store.NewClient(cfg), c.UploadsBucket),
			sqsqueue.NewSender(sqs.NewFromConfig(cfg), c.QueueURL),
			dynamo.NewReadings(client, c.ReadingsTable, c.Region, c.Retention),
			csvfile.ProcessorOptions{Retention: c.Retention, Log: log},
		),
		now: time.Now, log: log,
	}, nil
}
