package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	process "github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	megabyte = 1_000_000
	// csvLarge is the largest file that goes through the deployed program, for csvFor at most: with a latency of 4 ms it takes five
	// to six minutes on two cores that have nothing else to do. Where they have, the page says how far it went.
	csvLarge = 1000 * megabyte
	csvFor   = 7 * time.Minute
	// csvRivalFor is how long rows are put one by one.
	csvRivalFor = 10 * time.Second
)

// files measures the CSV processor, as it is deployed, from the bucket to the table.
func files(ctx context.Context, r *report) error {
	parse, err := goBench(ctx, r, "./runtime/csvfile", "^BenchmarkParse$", "3s")
	if err != nil {
		return err
	}
	r.begin("Rows of a file, read and judged, beside `encoding/csv` (which reuses its record) with `strconv` and `time.Parse`, " +
		"in turns in one process. No backend.")
	r.add("csv_vs_encoding_csv", parse["csv_vs_encoding_csv"], "ratio", "rows a second")
	r.add("csv_parse", parse["ns/row"], "ns/row", "on one core")
	r.add("csv_parse_bytes", parse["MB/s"], "MB/s", "on one core")

	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return err
	}
	defer backend.Kill()
	perRow, err := throughBucket(ctx, r, backend)
	if err != nil {
		return err
	}
	return putRows(ctx, r, backend, perRow)
}

// csvFunction is the processor with what its queue does.
type csvFunction struct {
	*lambdalocal.Function
	backend *standin.Backend
	uploads *dynamo.Uploads
}

func startCSV(ctx context.Context, backend *standin.Backend) (*csvFunction, error) {
	dir, err := gobuild.Function("csvprocessor", runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	f, err := lambdalocal.New(ctx, lambdalocal.Options{
		Name: "csvprocessor", Binary: filepath.Join(dir, gobuild.FunctionBinary), Env: append(backend.Environment(), "LOG_LEVEL=warn"),
		Timeout: 10 * time.Minute, MemoryMegabytes: 1769, Log: os.Stderr,
	})
	if err != nil {
		return nil, err
	}
	uploads := dynamo.NewUploads(dynamo.NewClient(backend.Config()), standin.TableName(contract.UploadsTable()))
	return &csvFunction{f, backend, uploads}, nil
}

// process is the process that works, once there was an invocation.
func (f *csvFunction) process() (standin.Process, error) {
	pids := f.PIDs()
	if len(pids) != 1 {
		return standin.Process{}, fmt.Errorf("the CSV processor has %d processes", len(pids))
	}
	return standin.ProcessOf(pids[0]), nil
}

// invoke has one message worked on.
func (f *csvFunction) invoke(ctx context.Context, body string) error {
	payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "1", "body": body}}})
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	answer, err := f.Invoke(ctx, payload)
	if err == nil && string(answer) != `{"batchItemFailures":[]}` {
		err = fmt.Errorf("a message failed: %s", answer)
	}
	return err
}

// arrive has a file of that many bytes worked on, until it is done or the time is over, and returns how it stands then.
func (f *csvFunction) arrive(ctx context.Context, bytes int64, lasts time.Duration) (csvfile.Upload, error) {
	if err := f.backend.Set(ctx, standin.Options{FileBytes: bytes}); err != nil {
		return csvfile.Upload{}, err
	}
	began, u := time.Now(), csvfile.Upload{
		ID: uuid.NewString(), FileName: "bench.csv", Status: csvfile.AwaitingUpload, Bytes: standin.FileOfBytes(bytes).Size(),
		CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
	}
	if err := f.uploads.CreateUpload(ctx, u); err != nil {
		return u, err
	}
	body := fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q}}}]}`,
		standin.Bucket, csvfile.UploadKey(u.ID))
	for body != "" && (lasts == 0 || time.Since(began) < lasts) {
		if err := f.invoke(ctx, body); err != nil {
			return u, err
		}
		var err error
		if body, err = f.backend.Receive(ctx); err != nil {
			return u, err
		}
	}
	for left := body; left != ""; { // the next file finds an empty queue
		var err error
		if left, err = f.backend.Receive(ctx); err != nil {
			return u, err
		}
	}
	return f.uploads.ReadUpload(ctx, u.ID)
}

// throughBucket sends files of several sizes through the deployed program and returns the CPU time of a row in microseconds.
func throughBucket(ctx context.Context, r *report, backend *standin.Backend) (perRow float64, err error) {
	f, err := startCSV(ctx, backend)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	one, err := f.whole(ctx, r, megabyte)
	if err != nil {
		return 0, err
	}
	two, err := f.whole(ctx, r, 32*megabyte)
	if err != nil {
		return 0, err
	}
	large, err := f.large(ctx, r)
	if err != nil {
		return 0, err
	}
	u := large.upload
	rows, bytes := float64(u.RowsAccepted), float64(u.BytesProcessed)/megabyte
	perRow = float64(large.cpu.Microseconds()) / rows
	r.begin("A file of %d MB from the bucket to the table through the deployed CSV processor, one instance; %.0f MB of it were worked off in %.0f s. "+
		"The backend is a stand-in for S3 and DynamoDB that answers after 4 ms.", csvLarge/megabyte, bytes, large.took.Seconds())
	r.add("csv_rows_per_core", rows/large.cpu.Seconds(), "rows/s", "for a CPU second of the processor, parsed, judged and written")
	r.add("csv_bytes_per_core", bytes/large.cpu.Seconds(), "MB/s", "the same in bytes")
	r.add("csv_rows", rows/large.took.Seconds(), "rows/s", "by the clock")
	r.add("csv_row_cpu", perRow, "µs/row", "CPU of the processor")
	r.add("csv_memory_1mb", mib(one), "MiB", "at most in memory after a file of 1 MB, which is half a block")
	r.add("csv_memory_32mb", mib(two), "MiB", "after one of 32 MB, which is two ranges in blocks of 2 MB")
	r.add("csv_memory_1gb", mib(large.peak), "MiB", fmt.Sprintf("after the large one, of which %.0f MB were worked off", bytes))
	return perRow, nil
}

// whole has a file worked off and returns the most that the process had in memory by then.
func (f *csvFunction) whole(ctx context.Context, r *report, bytes int64) (peak int64, err error) {
	r.progress("a file of %d MB", bytes/megabyte)
	u, err := f.arrive(ctx, bytes, 0)
	if err != nil {
		return 0, err
	}
	if u.Status != csvfile.Completed {
		return 0, fmt.Errorf("a file of %d MB: %s, %s", bytes/megabyte, u.Status, u.Reason)
	}
	p, err := f.process()
	if err != nil {
		return 0, err
	}
	_, peak, err = p.Memory()
	return peak, err
}

// worked is how far a large file came, and at what cost.
type worked struct {
	upload    csvfile.Upload
	cpu, took time.Duration
	peak      int64
}

// large has the large file worked on for a while.
func (f *csvFunction) large(ctx context.Context, r *report) (w worked, err error) {
	p, err := f.process()
	if err != nil {
		return w, err
	}
	before, err := p.CPU()
	if err != nil {
		return w, err
	}
	r.progress("a file of %d MB, for %v at most", csvLarge/megabyte, csvFor)
	began := time.Now()
	if w.upload, err = f.arrive(ctx, csvLarge, csvFor); err != nil {
		return w, err
	}
	w.took = time.Since(began)
	after, err := p.CPU()
	if err != nil {
		return w, err
	}
	w.cpu = after - before
	if _, w.peak, err = p.Memory(); err != nil {
		return w, err
	}
	if w.upload.RowsAccepted == 0 || w.upload.RowsRejected > 0 {
		return w, fmt.Errorf("the large file: %d rows accepted, %d rejected", w.upload.RowsAccepted, w.upload.RowsRejected)
	}
	return w, nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// putRows measures the plain way to store a file: one PutItem a row.
func putRows(ctx context.Context, r *report, backend *standin.Backend, perRow float64) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	p, err := standin.StartProcess(process.Program{Path: program, Args: []string{"child", "putrows", backend.URL}, Output: os.Stderr})
	if err != nil {
		return err
	}
	defer p.Kill()
	r.progress("one PutItem a row")
	if err := pacing.Sleep(ctx, warm); err != nil {
		return err
	}
	read := func() (rows int64, cpu time.Duration, err error) {
		c, err := backend.Counts(ctx)
		if err == nil {
			cpu, err = p.CPU()
		}
		return c.Accepted, cpu, err
	}
	rowsBefore, before, err := read()
	if err != nil {
		return err
	}
	if err := pacing.Sleep(ctx, csvRivalFor); err != nil {
		return err
	}
	rows, after, err := read()
	if err != nil || rows == rowsBefore {
		return errors.Join(err, fmt.Errorf("%d rows were put", rows-rowsBefore))
	}
	theirs := float64((after - before).Microseconds()) / float64(rows-rowsBefore)
	r.add("csv_row_cpu_vs_putitem", perRow/theirs, "ratio",
		fmt.Sprintf("CPU a row beside `encoding/csv` and one PutItem a row through the SDK, %d in flight", rivalInFlight))
	r.add("csv_row_cpu_putitem", theirs, "µs/row", "that one's")
	return nil
}

// putAllRows is that process. It reads the same file, without a bucket, until it is ended.
func putAllRows(ctx context.Context, backend string) error {
	file := standin.FileOfBytes(csvLarge)
	rows := csv.NewReader(io.NewSectionReader(file, 0, file.Size()))
	rows.ReuseRecord = true
	if _, err := rows.Read(); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	type row struct{ equipmentID, timestamp, value string }
	p, todo := newPutter(backend, rivalInFlight), make(chan row, rivalInFlight)
	failed := make(chan error, rivalInFlight)
	for range rivalInFlight {
		go func() {
			for one := range todo {
				if err := p.put(ctx, one.equipmentID, one.timestamp, one.value); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	for {
		fields, err := rows.Read()
		if err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		select {
		case todo <- row{fields[0], fields[1], fields[2]}: // the texts are new each time; only their slice is reused
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}
