package client_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// BenchmarkSendBatch measures what a reading costs the sender, with the compression of its batch and without the network.
func BenchmarkSendBatch(b *testing.B) {
	const readings = 1000
	n := &network{}
	n.set("a", n.service(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusCreated, fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, readings))
	}))
	c, err := client.New(machine, []client.Region{regionAt("a")}, client.Options{HTTP: &http.Client{Transport: n}})
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]client.Reading, readings)
	first := one(b, "EQ-12001", "2026-03-01T08:00:00Z", "78.42")
	for i := range batch {
		batch[i] = first
		batch[i].Timestamp = first.Timestamp.Add(time.Duration(i) * time.Second)
	}
	b.ReportAllocs()
	for b.Loop() {
		if rejected, err := c.SendBatch(b.Context(), batch); err != nil || rejected != nil {
			b.Fatal(rejected, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/readings, "ns/reading")
}
