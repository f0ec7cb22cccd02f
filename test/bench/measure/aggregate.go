package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/infra/pricing"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	// streamBatch is how many records the event source passes on at a time (processing.StreamBatchSizeDefault).
	streamBatch  = 5000
	aggregateFor = 12 * time.Second
)

// aggregates measures the aggregator, as it is deployed, from the event of the stream to the rows.
func aggregates(ctx context.Context, r *report) error {
	r.begin("Batches of %d new readings of the stream through the deployed aggregator, one instance, one after the other. "+
		"The backend is a stand-in for DynamoDB that answers after 4 ms and keeps the rows.", streamBatch)
	for _, equipments := range []int{1, 100, 1000} {
		got, err := aggregated(ctx, shape{streamBatch, equipments})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("aggregate_records_per_core_%d", equipments)
		if equipments == 100 {
			name = "aggregate_records_per_core"
		}
		r.add(name, float64(got.records)/got.cpu.Seconds(), "records/s", fmt.Sprintf("for a CPU second of the aggregator, of %d equipments", equipments))
		r.add(fmt.Sprintf("aggregate_records_%d", equipments), float64(got.records)/got.took.Seconds(), "records/s", "by the clock")
		if equipments == 100 {
			r.add("aggregate_recounts", float64(got.log.Recounted), "slices", "recounted, without a fault")
			r.add("aggregate_memory", mib(got.memory), "MiB", "at most in memory")
		}
	}
	if err := fleets(ctx, r); err != nil {
		return err
	}
	return unitsOfAggregates(ctx, r)
}

// shape is what a batch holds: so many records of so many equipments in turn.
type shape struct{ records, equipments int }

// The fleets that runtime/SCALING.md reckons with send a million readings a second to three regions.
const (
	fleetRate    = 1_000_000
	fleetRegions = 3
)

// fleetShape is what a batch of a fleet's holds by the arithmetic of that page.
func fleetShape(equipments int) shape {
	fleet := pricing.Usage{ReadingsPerSecond: fleetRate, ReadingsPerRequest: 1, Equipments: equipments}
	s := fleet.Stream(fleetRegions, contract.AggregationWindowDefault.Seconds())
	return shape{int(math.Round(fleetRate / fleetRegions / s.Batches)), int(math.Round(s.Equipments))}
}

// fleets measures the aggregator with the batches of large fleets, which are spread over many shards: few records a batch, and in
// those of the largest hardly two of one equipment.
func fleets(ctx context.Context, r *report) error {
	r.begin("The same with the batches that a shard gives where a fleet sends %d readings a second to %d regions, "+
		"beside the same stand-in.", fleetRate, fleetRegions)
	for _, equipments := range []int{10_000, 1_000_000} {
		of := fleetShape(equipments)
		got, err := aggregated(ctx, of)
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("aggregate_records_per_core_fleet_%d", equipments), float64(got.records)/got.cpu.Seconds(), "records/s",
			fmt.Sprintf("for a CPU second of the aggregator, %d records of %d equipments a batch", of.records, of.equipments))
	}
	return nil
}

// unitsOfAggregates adds what does not depend on the machine, which benchmarks beside the tests count.
func unitsOfAggregates(ctx context.Context, r *report) error {
	units, err := goBench(ctx, r, "./test/bench", "^BenchmarkAggregateUnits$", "1x")
	if err != nil {
		return err
	}
	r.begin("What a batch of %d records costs the table, counted by DynamoDB's rules over the simulation's model of it: the same on every "+
		"machine. The rows were there before.", streamBatch)
	for _, equipments := range []int{10, 100, 1000, 100_000} {
		name := fmt.Sprintf("equipments=%d/", equipments)
		r.add(fmt.Sprintf("aggregate_write_units_%d", equipments), units[name+"write-units/1000"], "units",
			fmt.Sprintf("for 1,000 records of %d equipments", equipments))
	}
	r.add("aggregate_row_writes_per_10k", units["equipments=100/row-writes/10k"], "writes", "of rows of 100 equipments for 10,000 records")
	r.add("aggregate_fleet_writes_per_10k", units["equipments=100/fleet-writes/10k"], "writes", "of the fleet's rows for the same")
	return nil
}

// taken is what some batches came to.
type taken struct {
	records   int64
	cpu, took time.Duration
	memory    int64
	log       batchLog
}

// batchLog sums the lines that the aggregator logs about batches.
type batchLog struct {
	mu        sync.Mutex
	part      []byte
	Recounted int64
}

// Write implements io.Writer.
func (l *batchLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.part = rest
		var entry struct{ Recounted int64 }
		if json.Unmarshal(line, &entry) == nil {
			l.Recounted += entry.Recounted
		}
	}
}

// aggregated has batches of a shape taken in for a while.
func aggregated(ctx context.Context, of shape) (got *taken, err error) {
	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return nil, err
	}
	defer backend.Kill()
	dir, err := gobuild.Function("aggregator", runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	got = &taken{}
	f, err := lambdalocal.New(ctx, lambdalocal.Options{
		Name: "aggregator", Binary: filepath.Join(dir, gobuild.FunctionBinary), Env: append(backend.Environment(), "LOG_LEVEL=info"),
		Timeout: time.Minute, MemoryMegabytes: 1024, Log: &got.log,
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	invoke := func(number int) error {
		answer, err := f.Invoke(ctx, batchOfStream(number, of))
		if err == nil && string(answer) != `{"batchItemFailures":[]}` {
			err = fmt.Errorf("records failed: %.200s", answer)
		}
		return err
	}
	if err := invoke(0); err != nil { // makes the rows
		return nil, err
	}
	pids := f.PIDs()
	if len(pids) != 1 {
		return nil, fmt.Errorf("the aggregator has %d processes", len(pids))
	}
	p := standin.ProcessOf(pids[0])
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for number := 1; time.Since(began) < aggregateFor; number++ {
		if err := invoke(number); err != nil {
			return nil, err
		}
		got.records += int64(of.records)
	}
	after, err := p.CPU()
	if err != nil {
		return nil, err
	}
	got.cpu, got.took = after-before, time.Since(began)
	_, got.memory, err = p.Memory()
	return got, err
}

// batchOfStream is an event of Lambda's with new readings, those of the n-th batch within ten seconds of the n-th minute.
func batchOfStream(number int, of shape) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i := range of.records {
		at := reading.FormatTimestamp(morning.Add(time.Duration(number)*time.Minute + time.Duration(i)*2*time.Millisecond))
		if i > 0 {
			b.WriteByte(',')
		}
		key := fmt.Sprintf(`"equipmentId":{"S":"EQ-%05d"},"timestamp":{"S":%q}`, i%of.equipments, at)
		fmt.Fprintf(&b, `{"eventID":"%032d","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":%q,`+
			`"dynamodb":{"ApproximateCreationDateTime":%d,"Keys":{%s},"NewImage":{%s,"value":{"N":"%d.%d"},"registerTime":{"S":%q},`+
			`"region":{"S":%q},"id":{"S":"0b5f9c3e-0000-5000-8000-%012d"}},"SequenceNumber":"4%020d","SizeBytes":190,`+
			`"StreamViewType":"NEW_AND_OLD_IMAGES"},`+
			`"eventSourceARN":"arn:aws:dynamodb:%s:111122223333:table/standin-readings/stream/2026-03-01T00:00:00.000"}`,
			i, standin.Region, morning.Unix(), key, key, 20+i%9, 1+i%9, at, standin.Region, i, number*of.records+i, standin.Region)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}
