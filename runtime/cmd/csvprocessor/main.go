package main

import (
	"io"
	"os"
	"runtime/debug"
	"time"
	_ "time/tzdata" // the image that is deployed holds the program alone; files may hold times of any zone

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/s3store"
	"github.com/sensorflow/sensorflow/runtime/sqsqueue"
)

var (
	_ csvfile.WorkTable  = (*dynamo.Uploads)(nil)
	_ csvfile.WorkBucket = (*s3store.Bucket)(nil)
	_ csvfile.Queue      = (*sqsqueue.Sender)(nil)
	_ messageQueue       = (*sqsqueue.Sender)(nil)
	_ ingest.Store       = (*dynamo.Readings)(nil)
)

// collectAbove is by how many percent the heap grows before the collector runs again. What lives is some ten megabytes of hundreds, and
// at the default of 100 the collector takes a fifth of a row's time. An instance that says GOGC knows better.
const collectAbove = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAbove)
	}
	function.Start(config.LoadCSVProcessor, build)
}

func build(c config.CSVProcessor, cfg aws.Config, logs io.Writer) function.Handler[events.SQSEvent, events.SQSEventResponse] {
	log := config.NewLogger(logs, c.LogLevel)
	client := dynamo.NewClient(cfg)
	queue := sqsqueue.NewSender(sqs.NewFromConfig(cfg), c.QueueURL)
	h := &handler{
		processor: csvfile.NewProcessor(
			dynamo.NewUploads(client, c.UploadsTable),
			s3store.New(s3store.NewClient(cfg), c.UploadsBucket),
			queue,
			dynamo.NewReadings(client, c.ReadingsTable, c.Region, c.Retention),
			csvfile.ProcessorOptions{Retention: c.Retention, Bucket: c.UploadsBucket, Log: log},
		),
		queue: queue, now: time.Now, log: log,
	}
	return h.handle
}
