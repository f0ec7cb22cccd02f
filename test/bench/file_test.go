package bench_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/system"
)

const (
	// fileRowsDefault keeps the ordinary run short; ROWS=1000000 is what the figures are taken with.
	fileRowsDefault = 20_000
	// fileMemoryGoal is how far the CSV processor's memory may rise above what it holds when idle.
	fileMemoryGoal = 64 << 20
	fileEquipments = 100
)

// TestFile_GoesThroughInBoundedMemoryAndCountsExactly sends a CSV file of ROWS rows, one in a thousand of them broken, through a
// presigned address and reports how fast it went into DynamoDB Local and what the processor's memory came to.
func TestFile_GoesThroughInBoundedMemoryAndCountsExactly(t *testing.T) {
	rows := fileRowsDefault
	if text := os.Getenv("ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil || rows < 1 {
			t.Fatalf("ROWS must be a whole number above 0, got %q", text)
		}
	}
	ctx := t.Context()
	s := system.Start(t, stack.Options{})

	send := func(name string, content []byte) probe.Upload {
		t.Helper()
		id, err := s.Client.UploadFile(ctx, name, content)
		if err != nil {
			t.Fatal(err)
		}
		u, err := s.Client.WaitForUpload(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	first, one := makeFile(1)
	send("first.csv", first) // starts the function
	idle, _ := system.Memory(t, s.CSVProcessor.PIDs()...)

	content, valid := makeFile(rows)
	broken := rows - len(valid)
	began := time.Now()
	u := send("large.csv", content)
	took := time.Since(began)
	_, peak := system.Memory(t, s.CSVProcessor.PIDs()...)
	if u.Status != "completed-with-rejects" || u.RowsAccepted+u.RowsRejected != int64(rows) || u.RowsRejected != int64(broken) {
		t.Errorf("upload %+v, want %d rows of which %d are broken", u, rows, broken)
	}
	t.Logf("%d rows (%.1f MB) in %.1f s: %.0f rows/s; the memory of a processor: %.1f MiB idle, %.1f MiB at most, %.1f above",
		rows, float64(len(content))/1e6, took.Seconds(), float64(rows)/took.Seconds(),
		system.Mebibytes(idle), system.Mebibytes(peak), system.Mebibytes(peak-idle))
	if peak-idle > fileMemoryGoal {
		t.Errorf("the processor's memory rose by %.1f MiB, more than %.1f", system.Mebibytes(peak-idle), system.Mebibytes(fileMemoryGoal))
	}
	compare(ctx, t, s, append(valid, one...), began)
}

// compare holds the aggregates to the rows of the file once the aggregator has caught up.
func compare(ctx context.Context, t *testing.T, s *system.System, valid []probe.Stored, began time.Time) {
	t.Helper()
	if err := s.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	caughtUp := time.Since(began)
	// No answer is older than what the API may keep one for; the rest is for a busy machine.
	within, cancel := context.WithTimeout(ctx, contract.AggregateCacheTTLMax+time.Minute)
	defer cancel()
	var differences []string
	if err := await.Until(within, func() error {
		pages, err := s.Client.Aggregates(ctx, "1m", "", 10_000)
		if err != nil {
			return err
		}
		if differences = probe.Differences(valid, pages); len(differences) > 0 {
			return errors.New(differences[0])
		}
		return nil
	}); err != nil && len(differences) == 0 {
		t.Fatal(err)
	}
	for _, d := range differences[:min(len(differences), 10)] {
		t.Error(d)
	}
	t.Logf("%d readings; the aggregates held them %.1f s after the file was sent, %d differences", len(valid), caughtUp.Seconds(), len(differences))
}

// makeFile writes rows of a month, in the order of time as equipments send them, and returns the valid ones: of each thousand one is
// broken.
func makeFile(rows int) (content []byte, valid []probe.Stored) {
	dice := rand.New(rand.NewPCG(1, uint64(rows))) // the same file each time
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	step := 29 * 24 * time.Hour / time.Duration(rows/fileEquipments+1)
	first := time.Now().UTC().Add(-29 * 24 * time.Hour)
	for i := range rows {
		at := first.Add(step * time.Duration(i/fileEquipments))
		r := probe.Stored{
			EquipmentID: fmt.Sprintf("EQ-%05d", i%fileEquipments), At: at, Timestamp: reading.FormatTimestamp(at),
			Value: fmt.Sprintf("%d.%02d", dice.IntN(200)-50, dice.IntN(100)),
		}
		if i%1000 == 500 {
			r.Value = "broken"
		} else {
			valid = append(valid, r)
		}
		fmt.Fprintf(&b, "%s,%s,%s\n", r.EquipmentID, r.Timestamp, r.Value)
	}
	return b.Bytes(), valid
}
