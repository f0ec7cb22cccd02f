package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	process "github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	// floodBytes is the size of the file that exists only where it is read, and floodFor how long it may take at most.
	floodBytes = 10_000 * megabyte
	floodFor   = 150 * time.Second
	// floodLook is how often the process is looked at.
	floodLook = 100 * time.Millisecond
)

// flooded is what the process of a flood prints at its end.
type flooded struct {
	Bytes, Rows int64
	Took        time.Duration
}

// flood measures the memory of a process that works a file of 10 GB off. The file is generated, and its writes are answered inside
// the process: what would wait for a table does not.
func flood(ctx context.Context, r *report) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	var printed bytes.Buffer
	p, err := standin.StartProcess(process.Program{Path: program, Args: []string{"child", "flood"}, Output: &printed})
	if err != nil {
		return err
	}
	defer p.Kill()
	most, began := int64(0), time.Now()
	for ended := false; !ended; {
		if _, peak, err := p.Memory(); err == nil { // it may just have ended
			most = max(most, peak)
		}
		if err := pacing.Sleep(ctx, floodLook); err != nil {
			return err
		}
		select {
		case <-p.Exited():
			ended = true
		default:
		}
	}
	var got flooded
	if err := json.Unmarshal(printed.Bytes(), &got); err != nil {
		return fmt.Errorf("a file of %d MB: %s", floodBytes/megabyte, &printed)
	}
	r.progress("%d MB after %s", got.Bytes/megabyte, time.Since(began).Round(time.Second))
	r.begin("A file of %d MB that is generated as it is read, with its writes answered inside the process: %d MB, %d rows, were worked off in "+
		"%.0f s (it is given %.0f s). No backend.", floodBytes/megabyte, got.Bytes/megabyte, got.Rows, got.Took.Seconds(), floodFor.Seconds())
	r.add("csv_memory_10gb", mib(most), "MiB", "at most in memory, as far as it went")
	r.add("csv_flood_bytes", float64(got.Bytes)/megabyte, "MB", "worked off")
	r.add("csv_flood_rows", float64(got.Rows)/got.Took.Seconds(), "rows/s", "by the clock")
	return nil
}

// made takes all writes and keeps none.
type made struct{ rows atomic.Int64 }

func (m *made) Try(_ context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	m.rows.Add(int64(len(attempts)))
	return slices.Repeat([]ingest.Outcome{{Result: ingest.Made}}, len(attempts))
}

// Look is never needed: nothing is refused.
func (m *made) Look(context.Context, []reading.Key) ([]ingest.Found, error) { return nil, nil }

// generated is a bucket in which every object is the file.
type generated struct{ file standin.File }

func (g generated) Stat(context.Context, string) (csvfile.Object, error) {
	return csvfile.Object{Size: g.file.Size(), ETag: "generated"}, nil
}

func (g generated) Open(_ context.Context, _, _ string, first, last int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(g.file, first, last+1-first)), nil
}

func (g generated) Put(_ context.Context, key string, _ io.Reader) error {
	return fmt.Errorf("%s was put: every row is valid", key)
}

func (g generated) Delete(context.Context, []string) error { return nil }

// messages is the queue.
type messages struct{ bodies []string }

func (m *messages) Send(_ context.Context, bodies []string) error {
	m.bodies = append(m.bodies, bodies...)
	return nil
}

// floodAll is the process of a flood.
func floodAll(ctx context.Context) error {
	file, began := standin.FileOfBytes(floodBytes), time.Now()
	database := dynamodel.NewDatabase(standin.Region, time.Now)
	database.Create("uploads", contract.UploadsTable())
	uploads := dynamo.NewUploads(database, "uploads")
	u := csvfile.Upload{ID: "flood", FileName: "flood.csv", Status: csvfile.AwaitingUpload, Bytes: file.Size(), CreatedAt: began, UpdatedAt: began}
	if err := uploads.CreateUpload(ctx, u); err != nil {
		return err
	}
	store := &made{}
	queue := &messages{[]string{fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":%q}}}]}`,
		csvfile.UploadKey(u.ID))}}
	p := csvfile.NewProcessor(uploads, generated{file}, queue, store, csvfile.ProcessorOptions{})
	for len(queue.bodies) > 0 && time.Since(began) < floodFor {
		body := queue.bodies[0]
		queue.bodies = queue.bodies[1:]
		if err := p.Process(ctx, body); err != nil {
			return err
		}
	}
	u, err := uploads.ReadUpload(ctx, u.ID)
	if err != nil {
		return err
	}
	if u.RowsRejected > 0 || u.RowsAccepted != store.rows.Load() {
		return fmt.Errorf("%d rows were accepted, %d rejected, and %d written", u.RowsAccepted, u.RowsRejected, store.rows.Load())
	}
	return json.NewEncoder(os.Stdout).Encode(flooded{u.BytesProcessed, u.RowsAccepted, time.Since(began)})
}
