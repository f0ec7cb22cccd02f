package csvfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// ProcessorOptions adjust a Processor. The zero value of a field selects its default.
type ProcessorOptions struct {
	// Retention is how long raw readings are kept; older ones are rejected. Default: forever.
	Retention time.Duration
	// Concurrency is how many batches are written at once; with 1 no goroutine is started. Default: 16, with which batches of
	// 25 that take 8 ms come to 50,000 readings a second.
	Concurrency int
	// Bucket is the name of the bucket whose events are taken; those of others can never succeed. The queue takes events of all
	// buckets of the account: its policy must be there before the bucket is, and so cannot name it. Default: any.
	Bucket string
	// WritesMax is how many readings are gathered before they are written. Default: eight batches for each of the concurrent writers.
	WritesMax int
	// CommitEvery is how long a worker goes on in a range at most before it commits what it has done of it: at its beginning it does so
	// sooner. What a worker that dies did since then is done again. Default: 10 s.
	CommitEvery time.Duration
	// RangeBytes is the size of the ranges. All processors that work on an upload must have the same. Default:
	// contract.CSVRangeBytes.
	RangeBytes int64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Pacer makes the pauses between attempts. Default: those of package pacing.
	Pacer pacing.Pacer
	// Log receives what is no error of a message. Default: discarded.
	Log *slog.Logger
}

func (o ProcessorOptions) withDefaults() ProcessorOptions {
	o.Concurrency = cmp.Or(o.Concurrency, 16)
	o.WritesMax = cmp.Or(o.WritesMax, o.Concurrency*contract.BatchStatementsMax*roundsPerWrite)
	o.CommitEvery = cmp.Or(o.CommitEvery, commitEveryDefault)
	o.RangeBytes = cmp.Or(o.RangeBytes, contract.CSVRangeBytes)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Processor stores the readings of uploaded files. It works on one message at a time and keeps its buffers from one to the
// next, as an instance of a Lambda function does: it is not safe for concurrent use. Any number of processors may work on
// one upload.
type Processor struct {
	progress
	expires  bool   // whether readings have a retention
	bucket   string // as in ProcessorOptions
	planner  planner
	ranger   ranger
	finisher finisher
}

// NewProcessor returns a Processor that writes readings to store. All collaborators are required.
func NewProcessor(table WorkTable, bucket WorkBucket, queue Queue, store ingest.Store, options ProcessorOptions) *Processor {
	options = options.withDefaults()
	p, f := progress{table, options.Now, options.Log}, files{bucket}
	return &Processor{
		progress: p,
		expires:  options.Retention > 0,
		bucket:   options.Bucket,
		planner:  planner{progress: p, files: f, queue: queue, rangeBytes: options.RangeBytes, retention: options.Retention},
		ranger: ranger{
			progress: p, files: f, writer: ingest.NewWriter(store, options.Concurrency, options.Pacer), pacer: options.Pacer,
			rangeBytes: options.RangeBytes, retention: options.Retention, commitEvery: options.CommitEvery,
			writesMax: options.WritesMax,
		},
		finisher: finisher{progress: p, files: f},
	}
}

// Process does what the body of a queue message asks for: an S3 event of new files, or a range of a large one. It returns nil
// once the message is done with, also where it had been before, and where the file turned out to be none that can be taken.
// After an error the message is to come again; where the error is of kind fault.Invalid that will never help.
func (p *Processor) Process(ctx context.Context, body string) error {
	w, err := decodeMessage(body)
	if err != nil {
		return err
	}
	if w.rng != nil {
		return p.processRange(ctx, *w.rng)
	}
	var failures []error
	for i, id := range w.uploads {
		if p.bucket != "" && w.buckets[i] != p.bucket {
			failures = append(failures, never(fmt.Sprintf("the S3 event is of another bucket: %.80q", w.buckets[i]), nil))
			continue
		}
		if err := p.processFile(ctx, id); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// processFile plans a file that has arrived, unless that is done, and sees to it that its ranges are worked on.
func (p *Processor) processFile(ctx context.Context, id string) error {
	u, err := p.read(ctx, id)
	if err != nil {
		return err
	}
	if u.Status == AwaitingUpload {
		if u, err = p.planner.plan(ctx, u); err != nil {
			return fmt.Errorf("plan upload %s: %w", id, err)
		}
	}
	switch {
	case u.Status != Processing:
		return nil // it has ended: a repeated event
	case u.Plan.Unpacked > 0:
		return p.unpack(ctx, u)
	case u.Plan.Ranges == 1:
		return p.workPlain(ctx, u, 0)
	case u.RangesDone == u.Plan.Ranges:
		return p.finisher.finish(ctx, u)
	case p.abandoned(u):
		_, err := p.fail(ctx, u, reasonAbandoned)
		return err
	default:
		return p.planner.shareOut(ctx, u)
	}
}

// processRange works on one range of a file that was planned.
func (p *Processor) processRange(ctx context.Context, r RangeID) error {
	u, err := p.read(ctx, r.UploadID)
	if err != nil {
		return err
	}
	switch {
	case u.Status.Ended():
		return nil
	case u.Status != Processing || r.Number < 0 || r.Number >= u.Plan.Ranges:
		return never(fmt.Sprintf("upload %s has no range %d", r.UploadID, r.Number), nil)
	}
	if u.Plan.Unpacked > 0 {
		return p.unpack(ctx, u)
	}
	return p.workPlain(ctx, u, r.Number)
}

// workPlain is work for a range of a file that is its text.
func (p *Processor) workPlain(ctx context.Context, u Upload, number int) error {
	_, err := p.work(ctx, u, number, p.ranger.fetcher(ctx, UploadKey(u.ID), u.Plan.ETag))
	return err
}

// unpack works through the ranges of a packed file, one after the other, from the first one on that is not committed. After
// contract.CSVUnpackTime a message takes the file on: whoever gets it unpacks again what is committed, which takes seconds.
func (p *Processor) unpack(ctx context.Context, u Upload) error {
	if u.RangesDone == u.Plan.Ranges {
		return p.finisher.finish(ctx, u)
	}
	done, err := p.table.RangeResults(ctx, u.ID)
	if err != nil {
		return fmt.Errorf("read the ranges of upload %s: %w", u.ID, err)
	}
	began := p.now()
	text := p.planner.unpacker(ctx, UploadKey(u.ID), Object{Size: u.Plan.Bytes, ETag: u.Plan.ETag})
	for n := 0; n < u.Plan.Ranges && u.Status == Processing; n++ {
		// Whoever committed the last range may have died since: work looks whether to finish in its place.
		if done[n].Done() && n < u.Plan.Ranges-1 {
			continue
		}
		if p.now().Sub(began) >= contract.CSVUnpackTime {
			return p.planner.handOn(ctx, u, n)
		}
		if u, err = p.work(ctx, u, n, text.fetch); err != nil {
			return err
		}
	}
	return nil
}

// work stores and commits a range, unless that is done, and finishes the upload if this was the last one. Whoever commits the
// last range sees that, since everybody looks after committing. It returns the upload as it was then. fetch gives the text.
func (p *Processor) work(ctx context.Context, u Upload, number int, fetch fetcher) (Upload, error) {
	r := RangeID{UploadID: u.ID, Number: number}
	committed, err := p.table.ReadRange(ctx, r)
	if err != nil {
		return u, fmt.Errorf("read range %d of upload %s: %w", number, u.ID, err)
	}
	if !committed.Done() && p.abandoned(u) {
		return p.fail(ctx, u, reasonAbandoned)
	}
	if !committed.Done() {
		if err := p.ranger.run(ctx, u, r, committed, fetch); err != nil {
			return u, fmt.Errorf("range %d of upload %s: %w", number, u.ID, err)
		}
	}
	if u, err = p.read(ctx, u.ID); err != nil {
		return u, err
	}
	if u.Status != Processing || u.RangesDone < u.Plan.Ranges {
		return u, nil
	}
	return u, p.finisher.finish(ctx, u)
}

// abandoned tells whether an upload has made no progress for so long that the readings of its file may have expired. Those
// that were stored have been aggregated; to store them again would count them once more.
func (p *Processor) abandoned(u Upload) bool {
	since := u.Plan.At
	if u.UpdatedAt.After(since) { // something was last committed then
		since = u.UpdatedAt
	}
	return p.expires && p.now().Sub(since) >= contract.UploadIdleMax
}

// progress is what all steps know of uploads: how far each is, and when that is.
type progress struct {
	table WorkTable
	now   func() time.Time
	log   *slog.Logger
}

func (p progress) read(ctx context.Context, id string) (Upload, error) {
	u, err := p.table.ReadUpload(ctx, id)
	switch {
	case err == nil:
		return u, nil
	case fault.KindOf(err) == fault.NotFound:
		return Upload{}, never(fmt.Sprintf("there is no upload %.60q", id), err)
	default:
		return Upload{}, fmt.Errorf("read upload %s: %w", id, err)
	}
}

// Reasons for the client why an upload failed after its file had been there.
const (
	reasonReplaced  = "the file was replaced while it was being processed; upload it anew"
	reasonRemoved   = "the file was removed before it was processed; upload it anew"
	reasonAbandoned = "the file could not be processed for 24 h, in which its readings may have expired; upload it anew"
	reasonReplanned = "the service was changed while the file was being processed; upload it anew"
)

// fail ends an upload. It returns the upload as failed, though it may have ended otherwise before.
func (p progress) fail(ctx context.Context, u Upload, reason string) (Upload, error) {
	if err := p.table.FailUpload(ctx, u.ID, Failure{Reason: reason, Bytes: u.Bytes, At: p.now().UTC()}); err != nil {
		return Upload{}, fmt.Errorf("end upload %s as failed: %w", u.ID, err)
	}
	p.log.InfoContext(ctx, "upload failed", "upload_id", u.ID)
	u.Status, u.Reason = Failed, reason
	return u, nil
}
