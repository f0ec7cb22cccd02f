package csvfile_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// randomFile makes a file in which few identities recur often, among rows that are rejected for any reason.
func randomFile(rng *rand.Rand) []byte {
	var b strings.Builder
	if rng.IntN(4) == 0 {
		b.WriteString("\ufeff")
	}
	eol := []string{"\n", "\r\n"}[rng.IntN(2)]
	b.WriteString("timestamp,\"value\",equipmentId" + eol)
	count := rng.IntN(60)
	if rng.IntN(8) == 0 {
		count = 200 + rng.IntN(500) // more than the processor writes at a time
	}
	for i := range count {
		id, second := fmt.Sprintf("E%d", rng.IntN(3)), rng.IntN(3)
		at := fmt.Sprintf("2026-03-01T08:30:%02dZ", second)
		switch rng.IntN(15) {
		case 0:
			b.WriteString("") // an empty line
		case 1:
			fmt.Fprintf(&b, "%s,1", at)
		case 2:
			fmt.Fprintf(&b, "%s,\"%d,%s", at, i, id)
		case 3:
			fmt.Fprintf(&b, "2099-01-01T00:00:00Z,x%d,\"a \"\"b\"\"\"", i)
		case 4:
			fmt.Fprintf(&b, "%s,%d,\xff\xfe%s%[1]s,%[2]d,%[4]s%[3]s%[1]s,-%[2]d,%[4]s", at, i, eol, id) // not most lines
		case 5:
			if rng.IntN(5) == 0 {
				b.WriteString(strings.Repeat("z", contract.CSVRecordBytesMax-1+rng.IntN(5000)))
			}
		case 6:
			fmt.Fprintf(&b, "\"2026-03-01T10:30:%02d+02:00\",\"%d\",\"%s\"", second, i, id)
		case 7: // near the limit of what may lie in the future
			fmt.Fprintf(&b, "%s,%d,%s", epoch.Add(contract.FutureMax).Add(time.Duration(rng.IntN(1200))*time.Second).Format(time.RFC3339), i, id)
		default:
			fmt.Fprintf(&b, "%s,%d,%s", at, i, id)
		}
		b.WriteString(eol)
	}
	if file := b.String(); rng.IntN(3) == 0 {
		return []byte(strings.TrimSuffix(file, eol))
	}
	return []byte(b.String())
}

var fileColumns = csvfile.Columns{Timestamp: 0, Value: 1, EquipmentID: 2}

// run lets workers come, go on, fail and die in an order that the seed decides, until the queue is empty.
func (w *world) run(t *testing.T, rangeBytes int64) {
	var workers []*worker
	for steps := 0; len(w.queue) > 0 || len(workers) > 0; steps++ {
		if steps > 200_000 {
			t.Fatalf("not settled: %+v, queue %q", w.upload, w.queue)
		}
		w.advance(time.Duration(w.rng.IntN(40)) * time.Millisecond)
		if len(w.queue) > 0 && len(workers) < 4 && (len(workers) == 0 || w.rng.IntN(10) == 0) {
			i := w.rng.IntN(len(w.queue))
			body := w.queue[i]
			if w.faults == 0 || w.rng.IntN(8) > 0 {
				w.queue = slices.Delete(w.queue, i, i+1) // else it is delivered once more
			}
			workers = append(workers, w.start(body, rangeBytes))
			continue
		}
		if len(workers) == 0 {
			continue
		}
		i := w.rng.IntN(len(workers))
		worker := workers[i]
		if w.rng.Float64() < w.deaths || w.now.After(worker.deadline) {
			worker.stop()
			w.queue = append(w.queue, worker.body)
			workers = slices.Delete(workers, i, i+1)
			if pause := worker.deadline.Sub(w.now); w.rng.IntN(2) == 0 && pause > 0 {
				w.advance(pause + time.Second) // without its margin, the claim would have run out by now
			} else {
				w.advance(time.Duration(w.rng.IntN(600)) * time.Second) // its message is hidden for a while
			}
			continue
		}
		if _, running := worker.next(); running {
			continue
		}
		workers = slices.Delete(workers, i, i+1)
		if worker.err != nil {
			if fault.KindOf(worker.err) == fault.Invalid {
				t.Fatalf("%s: %v", worker.body, worker.err)
			}
			w.queue = append(w.queue, worker.body)
			w.advance(time.Duration(w.rng.IntN(600)) * time.Second)
		}
	}
	w.advance(time.Hour)
}

// check compares what became of the upload with the reference.
func (w *world) check(t *testing.T, file []byte, rangeBytes int64) {
	t.Helper()
	want := referenceOutcome(file, fileColumns, reading.Limits{Now: w.upload.Plan.At})
	u := w.upload
	status := csvfile.Completed
	if want.rejected > 0 {
		status = csvfile.CompletedWithRejects
	}
	if u.Status != status || u.RowsAccepted != want.accepted || u.RowsRejected != want.rejected || u.BytesProcessed != int64(len(file)) {
		t.Fatalf("%s, %d accepted, %d rejected, %d bytes (%s); want %s, %d, %d, %d", u.Status, u.RowsAccepted, u.RowsRejected,
			u.BytesProcessed, u.Reason, status, want.accepted, want.rejected, len(file))
	}
	if got := w.rejects(t); !slices.Equal(got, want.rejects) {
		t.Fatalf("rejects %q\nwant %q", got, want.rejects)
	}
	if len(w.readings) != len(want.values) {
		t.Fatalf("%d readings, want %d", len(w.readings), len(want.values))
	}
	for key, values := range lastValues(file, w.window(rangeBytes), w.upload.Plan.At) {
		if !slices.Contains(values, w.readings[key]) {
			t.Fatalf("%v is %s, want one of %v", key, w.readings[key], values)
		}
	}
}

// rejects reads the file of rejected rows: line and row of each.
func (w *world) rejects(t *testing.T) (rejects []string) {
	t.Helper()
	content, found := w.objects[csvfile.RejectsKey(uploadID)]
	if !found {
		return nil
	}
	records, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil || len(records) < 2 || strings.Join(records[0], ",") != "line,reason,row" {
		t.Fatalf("rejects %q: %v", content, err)
	}
	for _, r := range records[1:] {
		if r[1] == "" {
			t.Errorf("line %s has no reason", r[0])
		}
		rejects = append(rejects, r[0]+":"+r[2])
	}
	return rejects
}

// lastValues gives for each identity the values that may be left: those of valid lines that no other valid line follows less
// than the window later. In a file that the window covers that is one value.
func lastValues(file []byte, windowBytes int64, at time.Time) map[reading.Key][]string {
	type occurrence struct {
		offset int64
		value  string
	}
	seen := map[reading.Key][]occurrence{}
	offset := int64(0)
	for _, text := range strings.SplitAfter(string(file), "\n") {
		header := "timestamp,value,equipmentId\n"
		o := referenceOutcome([]byte(header+text), fileColumns, reading.Limits{Now: at})
		for key, value := range o.values {
			seen[key] = append(seen[key], occurrence{offset, value})
		}
		offset += int64(len(text))
	}
	left := map[reading.Key][]string{}
	for key, all := range seen {
		for i, o := range all {
			if i == len(all)-1 || all[i+1].offset-o.offset >= windowBytes {
				left[key] = append(left[key], o.value)
			}
		}
	}
	return left
}

// TestProcessor_IsExactHoweverItsWorkIsRepeated runs the whole way with several workers at once, calls that fail before or
// after their effect, messages delivered more than once and workers that die at any call. SEED replays one seed.
func TestProcessor_IsExactHoweverItsWorkIsRepeated(t *testing.T) {
	seeds := []uint64{}
	for seed := range uint64(1000) {
		seeds = append(seeds, seed)
	}
	if text := os.Getenv("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	several, deaths := 0, 0
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			file := randomFile(rng)
			rangeBytes := 1 + rng.Int64N(int64(len(file))+200)
			if rng.IntN(3) > 0 {
				rangeBytes = 60 + rng.Int64N(300) + int64(len(file)/10)
			}
			w := newWorld(seed, file)
			if rng.IntN(2) == 0 {
				w.windowBytes = 1 + rng.Int64N(3*rangeBytes)
			}
			if seed%3 > 0 {
				w.faults = []float64{0.002, 0.01, 0.03}[rng.IntN(3)]
				w.deaths = w.faults / 10
				deaths++
			}
			if rng.IntN(3) == 0 {
				w.queue = append(w.queue, w.queue[0])
			}
			w.run(t, rangeBytes)
			w.check(t, file, rangeBytes)
			if w.begun != 1 {
				t.Errorf("planned %d times", w.begun)
			}
			if w.upload.Plan.Ranges > 1 {
				several++
			}
			before := w.upload
			for _, body := range []string{s3Event("uploads/" + uploadID + ".csv"), rangeBody("0")} {
				if err := w.processor(rangeBytes, nil, w.now).Process(t.Context(), body); err != nil || w.upload != before {
					t.Errorf("a repeated message: %v, %+v", err, w.upload)
				}
			}
		})
	}
	if os.Getenv("SEED") == "" && (several < 300 || deaths < 300) {
		t.Errorf("only %d runs had several ranges and %d had faults", several, deaths)
	}
}

// TestProcessor_ALateWriteOfADeadWorkerIsNotLeftOver has workers die all the time in a range of several writes, whose older
// lines may land until a little after the worker's deadline.
func TestProcessor_ALateWriteOfADeadWorkerIsNotLeftOver(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			var b strings.Builder
			b.WriteString("timestamp,value,equipmentId\n")
			for i := range 1000 {
				fmt.Fprintf(&b, "2026-03-01T08:30:00Z,%d,E%d\n", i, i%3)
			}
			w := newWorld(seed, []byte(b.String()))
			w.deaths = 0.02
			w.run(t, int64(b.Len()))
			w.check(t, []byte(b.String()), int64(b.Len()))
		})
	}
}
