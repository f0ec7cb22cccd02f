package csvfile_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

var epoch = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// fixture is one upload, the bucket, the queue and the readings, in memory and as the interfaces promise them. Nothing goes
// wrong in it by itself: several regions under every fault are test/simulation's.
type fixture struct {
	now     time.Time
	upload  csvfile.Upload
	ranges  map[int]csvfile.RangeResult // what is committed of each
	refused int                         // commits behind which the range had moved on
	tried   int                         // attempts to write a reading
	objects map[string][]byte
	table   ingesttest.Table // of readings
	queue   []string
	begun   int

	bytesRead int // of the upload's file

	retention time.Duration
	bucket    string
	// pieces makes workers write each reading by itself and commit after each row; every look at the clock takes a moment then.
	pieces bool
	// tick is that moment, and commitEvery how often a worker commits at least; a nanosecond each where they are 0.
	tick, commitEvery time.Duration
	commits           []time.Time
}

const uploadID = "0b5f9c3e-0000-4000-8000-000000000001"

func newFixture(file []byte) *fixture {
	return &fixture{
		now:     epoch,
		upload:  csvfile.Upload{ID: uploadID, FileName: "a.csv", Status: csvfile.AwaitingUpload, Bytes: int64(len(file)), CreatedAt: epoch},
		ranges:  map[int]csvfile.RangeResult{},
		objects: map[string][]byte{csvfile.UploadKey(uploadID): file},
		queue:   []string{s3Event("uploads/" + uploadID + ".csv")},
	}
}

func s3Event(key string) string {
	return fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"ours"},"object":{"key":%q}}}]}`, key)
}

// view is the fixture as one worker sees it.
type view struct {
	*fixture
	// step is called before and after the effect of each call; an error of it is the call's.
	step func() error
}

// processor returns a new one that looks at the fixture through step; nil never fails.
func (f *fixture) processor(rangeBytes int64, step func() error) *csvfile.Processor {
	if step == nil {
		step = func() error { return nil }
	}
	v := view{f, step}
	writesMax, now := 0, func() time.Time { return f.now }
	if f.pieces {
		writesMax = 1
		now = func() time.Time { f.now = f.now.Add(max(f.tick, 1)); return f.now }
	}
	return csvfile.NewProcessor(v, v, v, v, csvfile.ProcessorOptions{
		Concurrency: 1, RangeBytes: rangeBytes, Retention: f.retention, Bucket: f.bucket, Now: now, WritesMax: writesMax, CommitEvery: max(f.commitEvery, 1),
		Pacer: pacing.Pacer{
			Sleep: func(context.Context, time.Duration) error { return nil }, Jitter: func() float64 { return 0 },
		},
	})
}

// call makes an effect between two steps.
func (v view) call(effect func() error) error {
	if err := v.step(); err != nil {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	return v.step()
}

func (v view) ReadUpload(_ context.Context, id string) (u csvfile.Upload, err error) {
	err = v.call(func() error {
		if id != v.upload.ID {
			return &fault.Error{Kind: fault.NotFound, Message: "none"}
		}
		u = v.upload
		return nil
	})
	return u, err
}

func (v view) BeginUpload(_ context.Context, _ string, plan csvfile.Plan) (u csvfile.Upload, err error) {
	err = v.call(func() error {
		if v.upload.Status == csvfile.AwaitingUpload {
			v.upload.Status, v.upload.Plan, v.upload.Bytes = csvfile.Processing, plan, plan.Bytes
			v.begun++
		}
		u = v.upload
		return nil
	})
	return u, err
}

func (v view) FailUpload(_ context.Context, _ string, f csvfile.Failure) error {
	return v.call(func() error {
		if !v.upload.Status.Ended() {
			v.upload.Status, v.upload.Reason, v.upload.UpdatedAt = csvfile.Failed, f.Reason, f.At
			if f.Bytes > 0 {
				v.upload.Bytes = f.Bytes
			}
		}
		return nil
	})
}

func (v view) ReadRange(_ context.Context, r csvfile.RangeID) (committed csvfile.RangeResult, err error) {
	err = v.call(func() error { committed = v.ranges[r.Number]; return nil })
	return committed, err
}

func (v view) CommitRange(_ context.Context, r csvfile.RangeID, from, to csvfile.RangeResult, at time.Time) error {
	return v.call(func() error {
		if v.ranges[r.Number].Bytes != from.Bytes || v.ranges[r.Number].Done() {
			v.refused++
			return &fault.Error{Kind: fault.Conflict, Message: "moved on"}
		}
		v.ranges[r.Number] = to
		if to.Done() {
			v.upload.RangesDone++
		}
		v.upload.BytesProcessed += to.Bytes - from.Bytes
		v.upload.RowsAccepted += to.RowsAccepted - from.RowsAccepted
		v.upload.RowsRejected += to.RowsRejected - from.RowsRejected
		v.upload.UpdatedAt = at
		v.commits = append(v.commits, at)
		return nil
	})
}

func (v view) RangeResults(context.Context, string) (results map[int]csvfile.RangeResult, err error) {
	err = v.call(func() error { results = maps.Clone(v.ranges); return nil })
	return results, err
}

func (v view) FinishUpload(_ context.Context, _ string, status csvfile.Status, at time.Time) error {
	return v.call(func() error {
		if v.upload.Status == csvfile.Processing && v.upload.RangesDone == v.upload.Plan.Ranges {
			v.upload.Status, v.upload.UpdatedAt = status, at
		}
		return nil
	})
}

func etagOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func (v view) Stat(_ context.Context, key string) (o csvfile.Object, err error) {
	err = v.call(func() error {
		content, found := v.objects[key]
		if !found {
			return &fault.Error{Kind: fault.NotFound, Message: "no object"}
		}
		o = csvfile.Object{Size: int64(len(content)), ETag: etagOf(content)}
		return nil
	})
	return o, err
}

func (v view) Open(_ context.Context, key, etag string, first, last int64) (body io.ReadCloser, err error) {
	err = v.call(func() error {
		content, found := v.objects[key]
		switch {
		case !found:
			return &fault.Error{Kind: fault.NotFound, Message: "no object"}
		case etagOf(content) != etag:
			return &fault.Error{Kind: fault.Conflict, Message: "other content"}
		case first < 0 || last < first || last >= int64(len(content)):
			return fmt.Errorf("bytes %d to %d of %d", first, last, len(content))
		}
		body = io.NopCloser(bytes.NewReader(content[first : last+1]))
		if key == csvfile.UploadKey(v.upload.ID) {
			v.bytesRead += int(last + 1 - first)
		}
		return nil
	})
	return body, err
}

func (v view) Put(_ context.Context, key string, body io.Reader) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	return v.call(func() error {
		v.objects[key] = content
		return nil
	})
}

func (v view) Delete(_ context.Context, keys []string) error {
	return v.call(func() error {
		for _, key := range keys {
			delete(v.objects, key)
		}
		return nil
	})
}

func (v view) Send(_ context.Context, bodies []string) error {
	for _, body := range bodies { // not all or nothing
		if err := v.call(func() error { v.queue = append(v.queue, body); return nil }); err != nil {
			return err
		}
	}
	return nil
}

func (v view) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	if err := v.step(); err != nil {
		return slices.Repeat([]ingest.Outcome{{Result: ingest.Busy, Err: err}}, len(attempts))
	}
	v.tried += len(attempts)
	outcomes := v.table.Try(ctx, attempts)
	if err := v.step(); err != nil {
		return slices.Repeat([]ingest.Outcome{{Result: ingest.Unknown, Err: err}}, len(attempts))
	}
	return outcomes
}

func (v view) Look(ctx context.Context, keys []reading.Key) (found []ingest.Found, err error) {
	err = v.call(func() (err error) { found, err = v.table.Look(ctx, keys); return err })
	return found, err
}

// values are the readings that are stored.
func (f *fixture) values() map[reading.Key]string {
	values := map[reading.Key]string{}
	for key := range f.table.Rows() {
		values[key] = f.table.Value(key)
	}
	return values
}

// keysOf lists the objects below a prefix.
func (f *fixture) keysOf(prefix string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if bytes.HasPrefix([]byte(key), []byte(prefix)) {
			keys = append(keys, key)
		}
	}
	return keys
}
