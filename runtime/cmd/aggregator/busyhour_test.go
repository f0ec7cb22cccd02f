package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// An hour of one equipment in which one batch of the stream comes again in the middle: 300,000 readings where BUSY_HOUR is
// "full", which takes minutes, and a hundredth of that otherwise. test/simulation has the same with 3.6 million in virtual time.
func TestBinary_ABusyHourStaysExactThoughABatchComesAgain(t *testing.T) {
	n, size := 3000, 50
	if busyHourFull() {
		n, size = 300_000, 1000
	}
	d := deploy(t)
	all := make([]reading.Reading, n)
	for i := range all {
		v, err := reading.ParseValue(fmt.Sprintf("%d.%03d", i%977-400, i%1000)) // goes up and down
		if err != nil {
			t.Fatal(err)
		}
		all[i] = reading.Reading{EquipmentID: "BUSY", Timestamp: theHour.Add(time.Duration(i) * time.Hour / time.Duration(n)), Value: v}
	}
	began := time.Now()
	d.put(t, region, all...)
	records := d.records(t, n)
	stored := time.Since(began)

	began = time.Now()
	middle := n/2 + size // in the middle of a slice or near its beginning, wherever the batches are cut
	failed := d.deliverAll(t, records[:middle], size)
	before := time.Since(began)
	failed += d.deliverAll(t, records[middle-size:middle], size) // once more
	began = time.Now()
	failed += d.deliverAll(t, records[middle:], size)
	after := time.Since(began)

	if rows := d.wantExact(t); rows != 1 {
		t.Errorf("%d rows", rows)
	}
	key := aggregate.RowKey{EquipmentID: "BUSY", Hour: theHour, Region: region}
	rows, err := d.table.ReadRows(t.Context(), []aggregate.RowKey{key})
	if err != nil {
		t.Fatal(err)
	}
	first, last := (middle-size)*contract.SlicesPerHour/n, (middle-1)*contract.SlicesPerHour/n
	for i, s := range rows[key].Slices {
		if want := i >= first && i <= last; s.Recounted != want && failed == 0 {
			t.Errorf("slice %d was recounted: %t, want %t", i, s.Recounted, want)
		}
	}
	t.Logf("%d readings stored in %v; %d in batches of %d aggregated in %v before the repeat, %d in %v after it; %d batches had to come again",
		n, stored.Round(time.Millisecond), middle, size, before.Round(time.Millisecond), n-middle, after.Round(time.Millisecond), failed)
}

func busyHourFull() bool { return os.Getenv("BUSY_HOUR") == "full" }

// deliverAll delivers batches as Lambda does, which gives a batch again while records of it fail: a busy machine may be too slow
// for the function's calls. It returns how often that was.
func (d *deployment) deliverAll(t *testing.T, records []json.RawMessage, size int) (failed int) {
	t.Helper()
	const failedMax = 100
	for len(records) > 0 {
		n := min(size, len(records))
		answer, err := d.Invoke(t.Context(), encode(t, records[:n]))
		if err == nil && string(answer) == `{"batchItemFailures":[]}` {
			records = records[n:]
			continue
		}
		if failed++; failed > failedMax {
			t.Fatalf("got %.200s, %v", answer, err)
		}
	}
	return failed
}
