package main

import (
	"context"
	"sync/atomic"

	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	batchReadings = 1000
	batchClients  = 4
)

// batches compares batches and NDJSON with the single call, by the CPU time of a reading.
func batches(ctx context.Context, r *report) error {
	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return err
	}
	defer backend.Kill()
	api, err := startAPI(ctx, backend)
	if err != nil {
		return err
	}
	defer api.Kill()
	contend := func(name, path, mediaType string, body func([]byte, int64) []byte) *contender {
		return &contender{name: name, Process: api.Process, shot: shot{api.URL, path, api.Token, mediaType, body, new(atomic.Int64)}}
	}
	one := contend("single", "/sensor-data", "application/json", single)
	array := contend("batch", "/sensor-data/batch", "application/json", func(into []byte, number int64) []byte {
		return append(many(append(into, '['), number, ','), ']')
	})
	lines := contend("ndjson", "/sensor-data/batch", "application/x-ndjson", func(into []byte, number int64) []byte {
		return many(into, number, '\n')
	})
	for range rounds {
		if err := one.fire(ctx, pace{clients: closedClients, warm: warm, lasts: closedFor}, r); err != nil {
			return err
		}
		for _, c := range []*contender{array, lines} {
			if err := c.fire(ctx, pace{clients: batchClients, warm: warm, lasts: closedFor}, r); err != nil {
				return err
			}
		}
	}
	r.begin("Batches of %d readings from %d clients beside single readings from %d, closed loops. %s",
		batchReadings, batchClients, closedClients, standinNote)
	for _, c := range []*contender{array, lines} {
		r.add(c.name+"_vs_single", batchReadings/ratio(c, one, round.perRequest), "ratio", "readings for a CPU second, beside the single call")
		r.add(c.name+"_readings_per_core", 1e6*batchReadings/c.median(round.perRequest), "readings/s", "for a CPU second of the service")
		r.add(c.name+"_readings", c.median(round.perSecond)*batchReadings, "readings/s", "in all")
		r.add(c.name+"_failed", float64(c.failed()), "requests", "not answered with 201")
	}
	r.add("single_readings_per_core", 1e6/one.median(round.perRequest), "readings/s", "for a CPU second of the service")
	return nil
}

// many appends readings of one request.
func many(into []byte, number int64, between byte) []byte {
	for i := range int64(batchReadings) {
		if i > 0 {
			into = append(into, between)
		}
		into = single(into, number*batchReadings+i)
	}
	return into
}
