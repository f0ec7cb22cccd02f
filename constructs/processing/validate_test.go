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
	cdktest.Refuses(t, valid,
		cdktest.Row("rejects nothing at all", func(p *processing.ProcessingProps) { *p = processing.ProcessingProps{} },
			"Tables is required; give storage.NewGlobalTables or storage.ImportGlobalTables\n"+
				"Uploads is required; give storage.NewUploads\n"+
				"Key is required; give the Key of storage.NewKey or storage.NewReplicaKey"),
		cdktest.Row("a day", func(p *processing.ProcessingProps) { p.Retention = 24 * time.Hour }, ""),
		cdktest.Row("rejects less than a day", func(p *processing.ProcessingProps) { p.Retention = 24*time.Hour - 1 },
			"Retention must be at least 24h, got 23h59m59.999999999s; leave it out to keep readings for ever"),
		cdktest.Row("the ends of every range", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize = 1, 256, 2, 10, 10_000
			p.AggregationWindow = 2 * time.Second
		}, ""),
		cdktest.Row("the other ends", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize = 256, 1, 1000, 1, 1
			p.AggregationWindow = processing.NoAggregationWindow
		}, ""),
		cdktest.Row("an adopted region", func(p *processing.ProcessingProps) { p.Adopted = []string{"us-east-1"} }, ""),
		cdktest.Row("rejects a region twice", func(p *processing.ProcessingProps) {
			p.Adopted = []string{"us-east-1", "us-east-1"}
		}, `Adopted[1] must be given once, got "us-east-1" again`),
		cdktest.Row("rejects what is beyond, all at once", func(p *processing.ProcessingProps) {
			p.IndexShards, p.FleetBuckets, p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize, p.Architecture = 257, -1,
				1, 11, 10_001, 2
			p.AggregationWindow = 1500 * time.Millisecond
		}, "IndexShards must be 1 to 256, got 257; leave it out for 8\n"+
			"FleetBuckets must be 1 to 256, got -1; leave it out for 8\n"+
			"CsvConcurrency must be 2 to 1000, got 1; leave it out for 4\n"+
			"StreamLanes must be 1 to 10, got 11; leave it out for 1\n"+
			"StreamBatchSize must be 1 to 10000, got 10001; leave it out for 5000\n"+
			"AggregationWindow must be whole seconds up to 2s, got 1.5s; leave it out for 1s\n"+
			"Architecture must be goasset.ARM64 or goasset.AMD64, got Architecture(2)"),
	)
}

func TestProcessing_RefusesBeforeAnythingIsMade(t *testing.T) {
	app := cdktest.NewApp(t)
	stack, other := cdktest.NewStack(app, "Stack", "eu-west-1"), cdktest.NewStack(app, "Other", "eu-west-1")
	build := func(stack awscdk.Stack, id string, p processing.ProcessingProps) func() {
		return func() { processing.NewProcessing(stack, id, &p) }
	}
	props := required(t)(stack)
	cdktest.RefusesToBuild(t, "Stack/Nothing: Tables is required; give storage.NewGlobalTables or "+
		"storage.ImportGlobalTables\n"+
		"Uploads is required; give storage.NewUploads\n"+
		"Key is required; give the Key of storage.NewKey or storage.NewReplicaKey",
		func() { processing.NewProcessing(stack, "Nothing", nil) })
	cdktest.RefusesToBuild(t,
		"Other/Processing: Uploads must be in the same stack, got Stack and Other; bucket and queue refer to each "+
			"other",
		build(other, "Processing", props))
	build(stack, "Processing", props)()
	cdktest.RefusesToBuild(t,
		"Stack/Again: Uploads has notifications already, of bucket Stack/Uploads/Bucket; one Processing works off a "+
			"bucket",
		build(stack, "Again", props))
	if len(*stack.Node().Children()) != 4 {
		t.Error("what was refused has left something in the stack")
	}
	second := props
	second.Uploads, second.Architecture = storage.NewUploads(stack, "Second", &storage.UploadsProps{Key: props.Key}),
		goasset.AMD64
	build(stack, "Beside", second)() // two fit in one stack
}
