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
	"github.com/sensorflow/sensorflow/runtime/memory"
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

// cushionBytes lets 18 MB of garbage gather, and two fifths of what lives, before the collector runs: at the default a fifth of a row's time
// is the collector's, and at a multiple of what lives a large file takes 25 MB more than one that fits into a block.
const cushionBytes = 45 << 20

func main() {
	if os.Getenv("GOGC") == "" { // an instance that says it knows better
		debug.SetGCPercent(memory.GarbagePercent)
		defer memory.Cushion(cushionBytes)()
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
