package csvfile

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// MemoryLimit is what the process of a Processor should set as its limit (debug.SetMemoryLimit), in bytes. While a range is
// worked on, up to 41 MiB are the identities of the rows after it, in one block without pointers; by its usual rule the collector
// would let as much garbage gather on top of it. Collections are cheap, since the block need not be looked through.
const MemoryLimit = 64 << 20

// ProcessorOptions adjust a Processor. The zero value of a field selects its default.
type ProcessorOptions struct {
	// Retention is how long raw readings are kept; older ones are rejected. Default: forever.
	Retention time.Duration
	// Concurrency is how many batches are written at once; with 1 no goroutine is started. Default: 16, with which batches of
	// 25 that take 8 ms come to 50,000 readings a second.
	Concurrency int
	// RangeBytes is the size of the ranges. All processors that work on an upload must have the same. Default:
	// contract.CSVRangeBytes.
	RangeBytes int64
	// WindowBytes is the distance within which the later of two lines naming the same reading wins. Default:
	// contract.CSVWindowBytes.
	WindowBytes int64
	// ClaimLifetime is how long a range is claimed where the context has no deadline. Default: 15 min, which is the longest
	// that a Lambda invocation can take.
	ClaimLifetime time.Duration
	// ClaimMargin is how much longer than its deadline a worker keeps its claim, so that what it sent last has landed before
	// somebody else begins. Default: 5 s, which is longer than one call to the table may take.
	ClaimMargin time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Owner makes the token of a claim, unlike any other. Default: a random one.
	Owner func() string
	// Pacer makes the pauses between attempts.
	Pacer pacing.Pacer
	// Log receives what is no error of a message. Default: discarded.
	Log *slog.Logger
}

func (o ProcessorOptions) withDefaults() ProcessorOptions {
	o.Concurrency = cmp.Or(o.Concurrency, 16)
	o.RangeBytes = cmp.Or(o.RangeBytes, contract.CSVRangeBytes)
	o.WindowBytes = cmp.Or(o.WindowBytes, contract.CSVWindowBytes)
	o.ClaimLifetime = cmp.Or(o.ClaimLifetime, 15*time.Minute)
	o.ClaimMargin = cmp.Or(o.ClaimMargin, 5*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Owner == nil {
		o.Owner = rand.Text
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
	table   WorkTable
	bucket  WorkBucket
	queue   Queue
	writer  *ingest.Writer
	options ProcessorOptions

	buffer     []byte          // of records
	batch      []reading.Write // of store
	superseded keySet
}

// NewProcessor returns a Processor that writes readings to store. All collaborators are required.
func NewProcessor(table WorkTable, bucket WorkBucket, queue Queue, store ingest.Store, options ProcessorOptions) *Processor {
	options = options.withDefaults()
	return &Processor{
		table: table, bucket: bucket, queue: queue, options: options,
		writer: ingest.NewWriter(store, options.Concurrency, options.Pacer),
	}
}

// ErrBusy means that somebody else works on the range that a message names. The message is to come back, for the other may
// fail.
var ErrBusy = errors.New("somebody else works on the range")

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
	for _, id := range w.uploads {
		if err := p.processFile(ctx, id); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// processFile plans a file that has arrived, unless that is done, and sees to it that its ranges are worked on.
func (p *Processor) processFile(ctx context.Context, id string) error {
	u, err := p.readUpload(ctx, id)
	if err != nil {
		return err
	}
	if u.Status == AwaitingUpload {
		if u, err = p.begin(ctx, u); err != nil {
			return fmt.Errorf("plan upload %s: %w", id, err)
		}
	}
	switch {
	case u.Status != Processing:
		return nil // it has ended: a repeated event
	case u.Plan.Ranges == 1:
		return p.workOn(ctx, u, 0)
	case u.RangesDone == u.Plan.Ranges:
		return p.finish(ctx, u)
	default:
		return p.fanOut(ctx, u)
	}
}

// processRange works on one range of a file that was planned.
func (p *Processor) processRange(ctx context.Context, r RangeID) error {
	u, err := p.readUpload(ctx, r.UploadID)
	if err != nil {
		return err
	}
	switch {
	case u.Status.Ended():
		return nil
	case u.Status != Processing || r.Number < 0 || r.Number >= u.Plan.Ranges:
		return never(fmt.Sprintf("upload %s has no range %d", r.UploadID, r.Number), nil)
	}
	return p.workOn(ctx, u, r.Number)
}

func (p *Processor) readUpload(ctx context.Context, id string) (Upload, error) {
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

// begin looks at the file and plans it or ends the upload as failed. It returns the upload as it then is.
func (p *Processor) begin(ctx context.Context, u Upload) (Upload, error) {
	object, err := p.bucket.Stat(ctx, UploadKey(u.ID))
	if fault.KindOf(err) == fault.NotFound {
		return p.fail(ctx, u, reasonRemoved)
	}
	if err != nil {
		return Upload{}, fmt.Errorf("describe the file: %w", err)
	}
	if u.Bytes > 0 && object.Size > 0 && u.Bytes != object.Size {
		// The bucket holds a signed length against what is sent; this tells where the bucket let something else in.
		return p.fail(ctx, u, fmt.Sprintf("the file has %d bytes, the upload address was made for %d", object.Size, u.Bytes))
	}
	head := make([]byte, min(object.Size, headBytes))
	if len(head) > 0 {
		if err := p.fetcher(ctx, UploadKey(u.ID), object.ETag)(head, 0); err != nil {
			// Also where it was replaced since: nothing is planned yet, and the next attempt looks at the new content.
			return Upload{}, fmt.Errorf("read the beginning of the file: %w", err)
		}
	}
	columns, refusal := readHead(head, int64(len(head)) == object.Size)
	if refusal != "" {
		return p.fail(ctx, u, refusal)
	}
	begun, err := p.table.BeginUpload(ctx, u.ID, Plan{
		ETag: object.ETag, Bytes: object.Size, Ranges: p.rangesOf(object.Size), Columns: columns, At: p.options.Now().UTC(),
	})
	if err != nil {
		return Upload{}, fmt.Errorf("record the plan: %w", err)
	}
	return begun, nil
}

func (p *Processor) rangesOf(bytes int64) int {
	return int((bytes + p.options.RangeBytes - 1) / p.options.RangeBytes)
}

// Reasons for the client why an upload failed after its file had been there.
const (
	reasonReplaced  = "the file was replaced while it was being processed; upload it anew"
	reasonRemoved   = "the file was removed before it was processed; upload it anew"
	reasonReplanned = "the service was changed while the file was being processed; upload it anew"
)

// fail ends the upload. It returns the upload as failed, though it may have ended otherwise before.
func (p *Processor) fail(ctx context.Context, u Upload, reason string) (Upload, error) {
	if err := p.table.FailUpload(ctx, u.ID, reason, p.options.Now().UTC()); err != nil {
		return Upload{}, fmt.Errorf("end upload %s as failed: %w", u.ID, err)
	}
	p.options.Log.InfoContext(ctx, "upload failed", "upload_id", u.ID)
	u.Status, u.Reason = Failed, reason
	return u, nil
}

// fanOut sends a message for every range that is not committed. Those that are being worked on are among them, which does no
// harm: each range is claimed and committed once.
func (p *Processor) fanOut(ctx context.Context, u Upload) error {
	done, err := p.table.RangeResults(ctx, u.ID)
	if err != nil {
		return fmt.Errorf("read the ranges of upload %s: %w", u.ID, err)
	}
	var bodies []string
	for n := range u.Plan.Ranges {
		if _, committed := done[n]; committed {
			continue
		}
		body, err := encodeRange(RangeID{u.ID, n})
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
	}
	if len(bodies) == 0 {
		return p.finishIfDone(ctx, u.ID)
	}
	if err := p.queue.Send(ctx, bodies); err != nil {
		return fmt.Errorf("send the ranges of upload %s: %w", u.ID, err)
	}
	return nil
}

// fetcher reads one content of an object. A transfer that breaks off is taken up again where it broke: the SDK repeats calls,
// not the reading of their bodies.
func (p *Processor) fetcher(ctx context.Context, key, etag string) fetcher {
	const transfersMax = 3
	return func(dst []byte, offset int64) error {
		var err error
		for range transfersMax {
			var n int
			n, err = p.transfer(ctx, key, etag, dst, offset)
			dst, offset = dst[n:], offset+int64(n)
			if len(dst) == 0 {
				return nil
			}
			if kind := fault.KindOf(err); kind == fault.Conflict || kind == fault.NotFound || ctx.Err() != nil {
				break
			}
		}
		return fmt.Errorf("read %s: %w", key, err)
	}
}

// transferTimeout bounds the transfer of one block: 70 KB/s are enough.
const transferTimeout = 30 * time.Second

func (p *Processor) transfer(ctx context.Context, key, etag string, dst []byte, offset int64) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	body, err := p.bucket.Open(ctx, key, etag, offset, offset+int64(len(dst))-1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	n, err = io.ReadFull(body, dst)
	return n, err
}
