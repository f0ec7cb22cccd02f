package processing_test

import (
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestProcessing_SaysWhatIsWrongWithItsProps(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	valid := required(t)(stack)
	for _, c := range []struct {
		name   string
		change func(*processing.ProcessingProps)
		want   string
	}{
		{"valid", func(*processing.ProcessingProps) {}, ""},
		{"rejects nothing at all", func(p *processing.ProcessingProps) { *p = processing.ProcessingProps{} },
			"Tables is required; give storage.NewGlobalTables or storage.ImportGlobalTables\n" +
				"Uploads is required; give storage.NewUploads\n" +
				"Key is required; give the Key of storage.NewKey or storage.NewReplicaKey"},
		{"a day", func(p *processing.ProcessingProps) { p.Retention = 24 * time.Hour }, ""},
		{"rejects less than a day", func(p *processing.ProcessingProps) { p.Retention = 24*time.Hour - 1 },
			"Retention must be at least 24h, got 23h59m59.999999999s; leave it out to keep readings for ever"},
		{"the ends of every range", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize = 1, 256, 2, 10, 10_000
		}, ""},
		{"the other ends", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize = 256, 1, 1000, 1, 1
		}, ""},
		{"rejects what is beyond, all at once", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize, p.Architecture = 257, -1, 1, 11, 10_001, 2
		}, "IndexShards must be 1 to 256, got 257; leave it out for 8\n" +
			"FleetBuckets must be 1 to 256, got -1; leave it out for 8\n" +
			"CsvConcurrency must be 2 to 1000, got 1; leave it out for 4\n" +
			"StreamLanes must be 1 to 10, got 11; leave it out for 1\n" +
			"StreamBatchSize must be 1 to 10000, got 10001; leave it out for 1000\n" +
			"Architecture must be goasset.ARM64 or goasset.AMD64, got Architecture(2)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := valid
			c.change(&p)
			got := ""
			if err := p.Validate(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("it said\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestProcessing_RefusesBeforeAnythingIsMade(t *testing.T) {
	app := cdktest.NewApp(t)
	stack, other := cdktest.NewStack(app, "Stack", "eu-west-1"), cdktest.NewStack(app, "Other", "eu-west-1")
	build := func(stack awscdk.Stack, id string, p processing.ProcessingProps) func() {
		return func() { processing.NewProcessing(stack, id, &p) }
	}
	props := required(t)(stack)
	want := "Stack/Nothing: Tables is required; give storage.NewGlobalTables or storage.ImportGlobalTables\n" +
		"Uploads is required; give storage.NewUploads\nKey is required; give the Key of storage.NewKey or storage.NewReplicaKey"
	if got := cdktest.Panic(t, func() { processing.NewProcessing(stack, "Nothing", nil) }); got != want {
		t.Errorf("it said %s", got)
	}
	want = "Other/Processing: Uploads must be in the same stack, got Stack and Other; bucket and queue refer to each other"
	if got := cdktest.Panic(t, build(other, "Processing", props)); got != want {
		t.Errorf("it said %s", got)
	}
	build(stack, "Processing", props)()
	want = "Stack/Again: Uploads has notifications already, of bucket Stack/Uploads/Bucket; one Processing works off a bucket"
	if got := cdktest.Panic(t, build(stack, "Again", props)); got != want {
		t.Errorf("it said %s", got)
	}
	if len(*stack.Node().Children()) != 4 {
		t.Error("what was refused has left something in the stack")
	}
	second := props
	second.Uploads, second.Architecture = storage.NewUploads(stack, "Second", &storage.UploadsProps{Key: props.Key}), goasset.AMD64
	build(stack, "Beside", second)() // two fit in one stack
}
