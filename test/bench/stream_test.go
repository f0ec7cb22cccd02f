package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// streamBatch is how many records the event source passes on at a time by default (processing.StreamBatchSizeDefault).
const streamBatch = 5000

// takeIn has records of new readings aggregated in batches: of the equipments in turn, in the order of time, two milliseconds apart.
func (u *units) takeIn(tb testing.TB, equipments, records int) {
	tb.Helper()
	value, err := reading.ParseValue("21.5")
	if err != nil {
		tb.Fatal(err)
	}
	for first := 0; first < records; first += streamBatch {
		batch := make([]aggregate.Change, 0, streamBatch)
		for i := first; i < min(first+streamBatch, records); i++ {
			image := aggregate.Image{Region: "eu-west-1", Reading: reading.Reading{
				EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%06d", i%equipments)), Value: value,
				Timestamp: unitsHour.Add(time.Duration(u.sequence) * 2 * time.Millisecond),
			}}
			u.sequence++
			batch = append(batch, aggregate.Change{Sequence: fmt.Sprintf("%021d", u.sequence), New: &image})
		}
		got, err := u.aggregator.Process(tb.Context(), batch)
		if err != nil {
			tb.Fatal(err)
		}
		u.total.Recounted += got.Recounted
	}
}

// fresh forgets what was counted.
func (u *units) fresh() {
	u.table, u.index, u.reads, u.ofReadings, u.stored, u.ofRows, u.ofFleet, u.ofList = 0, 0, 0, 0, 0, 0, 0, 0
}

// Ten thousand records of a hundred equipments are two batches, each of which writes a row once for each equipment, and shares what
// the fleet's rows take among the rows of a transaction. Nothing is recounted, since nothing went wrong.
func TestUnits_OfTenThousandRecordsOfAHundredEquipments(t *testing.T) {
	const rowWritesMax = 300
	u := newUnits()
	u.takeIn(t, 100, 2*streamBatch) // makes the rows and lists the equipments
	if u.ofList != 100 {
		t.Errorf("%d equipments were listed", u.ofList)
	}
	u.fresh()
	u.takeIn(t, 100, 2*streamBatch)
	t.Logf("%d writes of rows, %d of the fleet's, %d of the list; %d write units, %d of the index", u.ofRows, u.ofFleet, u.ofList, u.table, u.index)
	if all := u.ofRows + u.ofFleet + u.ofList; u.ofRows < 200 || all > rowWritesMax {
		t.Errorf("%d writes, of which %d are rows of equipments; there may be %d", all, u.ofRows, rowWritesMax)
	}
	if u.total.Recounted > 0 {
		t.Errorf("%d slices were recounted", u.total.Recounted)
	}
}

// BenchmarkAggregateUnits tells what records cost the table; `make bench` prints it. It counts, so one run is enough.
func BenchmarkAggregateUnits(b *testing.B) {
	for _, equipments := range []int{10, 100, 1000, 100_000} {
		b.Run(fmt.Sprintf("equipments=%d", equipments), func(b *testing.B) {
			// Of more equipments than a batch has records each batch writes as many rows as it has records: some batches tell.
			records := min(max(2*streamBatch, equipments), 4*streamBatch)
			u := newUnits()
			for b.Loop() {
				u.takeIn(b, equipments, records)
				u.fresh()
				u.takeIn(b, equipments, records)
			}
			b.ReportMetric(float64(u.table+u.index)*1000/float64(records), "write-units/1000")
			b.ReportMetric(float64(u.ofRows)*10_000/float64(records), "row-writes/10k")
			b.ReportMetric(float64(u.ofFleet)*10_000/float64(records), "fleet-writes/10k")
			b.ReportMetric(float64(u.total.Recounted), "recounts")
		})
	}
}
