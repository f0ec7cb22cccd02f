package csvfile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	madeHeader = "equipmentId,timestamp,value\n"
	madeRow    = "EQ00000,2026-03-01T00:00:00Z,12.345\n" // 36 bytes
	madeBad    = 997                                     // every so manieth row is rejected
)

// madeFile is a file of any size that exists only where it is read.
type madeFile struct{ rows int64 }

func (f madeFile) size() int64 { return int64(len(madeHeader)) + f.rows*int64(len(madeRow)) }

// read fills dst with the bytes of the file from an offset on.
func (f madeFile) read(dst []byte, offset int64) {
	if offset < int64(len(madeHeader)) {
		n := copy(dst, madeHeader[offset:])
		dst, offset = dst[n:], offset+int64(n)
	}
	var row [len(madeRow)]byte
	copy(row[:], madeRow)
	for len(dst) > 0 {
		at := offset - int64(len(madeHeader))
		number, within := at/int64(len(madeRow)), at%int64(len(madeRow))
		digits(row[2:7], number%100_000)
		digits(row[22:24], number/100_000%60)
		row[0] = 'E'
		if number%madeBad == 0 {
			row[0] = '?'
		}
		n := copy(dst, row[within:])
		dst, offset = dst[n:], offset+int64(n)
	}
}

func digits(dst []byte, n int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// madeBucket holds a made file and keeps rejects in the fixture.
type madeBucket struct {
	view
	file madeFile
}

func (b madeBucket) Stat(ctx context.Context, key string) (csvfile.Object, error) {
	if key != csvfile.UploadKey(uploadID) {
		return b.view.Stat(ctx, key)
	}
	return csvfile.Object{Size: b.file.size(), ETag: "made"}, nil
}

func (b madeBucket) Open(ctx context.Context, key, etag string, first, last int64) (io.ReadCloser, error) {
	if key != csvfile.UploadKey(uploadID) {
		return b.view.Open(ctx, key, etag, first, last)
	}
	return io.NopCloser(&madeReader{b.file, first, last + 1}), nil
}

type madeReader struct {
	file         madeFile
	offset, stop int64
}

func (r *madeReader) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), r.stop-r.offset))
	if n == 0 {
		return 0, io.EOF
	}
	r.file.read(p[:n], r.offset)
	r.offset += int64(n)
	return n, nil
}

// discard is a store that takes everything and watches what lives in the heap each so many calls. It has the garbage collected
// first: how much of that lies about depends on the machine.
type discard struct {
	every                int64
	written, calls, peak atomic.Int64
}

func (d *discard) Try(_ context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	d.written.Add(int64(len(attempts)))
	if d.calls.Add(1)%d.every == 0 {
		runtime.GC()
		if heap := heapBytes(); heap > d.peak.Load() {
			d.peak.Store(heap)
		}
	}
	return slices.Repeat([]ingest.Outcome{{Result: ingest.Made}}, len(attempts))
}

// Look is not called.
func (d *discard) Look(context.Context, []reading.Key) ([]ingest.Found, error) { return nil, nil }

func heapBytes() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// growthMax is how far the heap may grow over a file of any size and kind.
const growthMax = 16 << 20

// drain works until no message is left, and returns how far the heap grew.
func drain(t *testing.T, f *fixture, p *csvfile.Processor, store *discard) (growth int64) {
	t.Helper()
	runtime.GC()
	before := heapBytes()
	for len(f.queue) > 0 {
		body := f.queue[0]
		f.queue = f.queue[1:]
		if err := p.Process(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
	growth = store.peak.Load() - before
	if growth > growthMax {
		t.Errorf("the heap grew by %s, more than %s", mib(growth), mib(growthMax))
	}
	return growth
}

func TestProcessor_HoldsConstantMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes some seconds")
	}
	file := madeFile{rows: 112 << 20 / int64(len(madeRow))}
	f := newFixture(nil)
	f.upload.Bytes = file.size()
	v := view{f, func() error { return nil }}
	bucket, store := madeBucket{v, file}, &discard{every: 2000}
	p := csvfile.NewProcessor(v, bucket, v, store, csvfile.ProcessorOptions{Now: func() time.Time { return epoch }})
	began := time.Now()
	growth := drain(t, f, p, store)
	rejected := (file.rows + madeBad - 1) / madeBad
	if u := f.upload; u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != file.rows-rejected || u.RowsRejected != rejected {
		t.Errorf("%+v", u)
	}
	if f.upload.Plan.Ranges != int((file.size()+contract.CSVRangeBytes-1)/contract.CSVRangeBytes) {
		t.Error(f.upload.Plan)
	}
	took := time.Since(began)
	t.Logf("%d MiB in %v: %.0f rows/s, %d rows written; the heap grew by %.1f MiB at most", file.size()>>20, took.Round(time.Millisecond),
		float64(file.rows)/took.Seconds(), store.written.Load(), float64(growth)/(1<<20))
}

// TestProcessor_HoldsConstantMemoryWhereReadingsAreFarApart gives it a file of which each megabyte holds one reading: it may not keep
// the megabytes until it has gathered enough readings for a write.
func TestProcessor_HoldsConstantMemoryWhereReadingsAreFarApart(t *testing.T) {
	var file bytes.Buffer
	file.WriteString("timestamp,value,equipmentId\n")
	wrong := strings.Repeat(strings.Repeat("x", 4000)+"\n", 262)
	const megabytes = 64
	for i := range megabytes {
		fmt.Fprintf(&file, "2026-03-01T00:00:%02dZ,1,E\n%s", i%60, wrong)
	}
	f := newFixture(file.Bytes())
	v := view{f, func() error { return nil }}
	store := &discard{every: 1}
	p := csvfile.NewProcessor(v, forgetful{v}, v, store, csvfile.ProcessorOptions{
		RangeBytes: 2 * megabytes << 20, Now: func() time.Time { return epoch },
	})
	growth := drain(t, f, p, store)
	t.Logf("the heap grew by %s at most", mib(growth))
	if u := f.upload; u.RowsAccepted != megabytes || u.RowsRejected != 262*megabytes {
		t.Errorf("%+v", u)
	}
}

// forgetful is a bucket that does not keep rejected rows, which would take memory: what was put there is empty.
type forgetful struct{ view }

func (b forgetful) Stat(ctx context.Context, key string) (csvfile.Object, error) {
	if key != csvfile.UploadKey(uploadID) {
		return csvfile.Object{}, nil
	}
	return b.view.Stat(ctx, key)
}

func (b forgetful) Put(_ context.Context, _ string, body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
