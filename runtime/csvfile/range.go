package csvfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	// roundsPerWrite is how many batches each of the concurrent writers gets at a time. The more there are, the less of the time
	// is spent waiting for the last of them.
	roundsPerWrite = 8
	// blocksPerWrite is of how many blocks the readings are gathered at most. They keep the blocks in memory, also where nearly all
	// rows are rejected and a block holds one reading.
	blocksPerWrite = 2
	// commitAttemptsMax bounds the attempts to commit a range.
	commitAttemptsMax = 8
)

// ranger is the second step: it stores the readings of a range and commits what its rows came to.
type ranger struct {
	progress
	files
	writer     *ingest.Writer
	pacer      pacing.Pacer
	rangeBytes int64
	retention  time.Duration
	writesMax  int // that are gathered before they are made

	buffer []byte // of records, kept from one range to the next
	writes []reading.Write
}

// run does all of the work on a range. It is nil also where the file turned out not to be the one that was planned, and the
// upload has failed.
func (w *ranger) run(ctx context.Context, u Upload, r RangeID) error {
	if rangesOf(u.Plan.Bytes, w.rangeBytes) != u.Plan.Ranges {
		_, err := w.fail(ctx, u, reasonReplanned)
		return err
	}
	began := w.now()
	result, err := w.store(ctx, u, r)
	if errors.Is(err, errChanged) {
		reason := reasonReplaced
		if fault.KindOf(err) == fault.NotFound {
			reason = reasonRemoved
		}
		_, err := w.fail(ctx, u, reason)
		return err
	}
	if err != nil {
		return err
	}
	// Ranges of one upload that are committed at one moment refuse each other; that must not cost the work.
	if err := w.pacer.Retry(ctx, commitAttemptsMax, func() error {
		return w.table.CommitRange(ctx, r, result, w.now().UTC())
	}); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	w.log.InfoContext(ctx, "range committed", "upload_id", u.ID, "range", r.Number, "bytes", result.Bytes,
		"rows_accepted", result.RowsAccepted, "rows_rejected", result.RowsRejected, "took_ms", w.now().Sub(began).Milliseconds())
	return nil
}

// store writes the readings of a range and its rejected rows in one pass over the file, and returns what they came to. All it
// does is the same however often it is done.
//
// Rejected rows are rare. At the first one, the bucket begins to store them, and the rest of the range is worked on as it reads
// on: it takes some megabytes at a time, so that no transfer waits for the table. If the range is the only one, the rejected rows
// are the final file. Otherwise they are a part of it: without header, and with lines counted from the beginning of the range, since
// the number of lines before the range is not known yet.
func (w *ranger) store(ctx context.Context, u Upload, r RangeID) (RangeResult, error) {
	p, err := w.pass(ctx, u, r)
	if err != nil {
		return RangeResult{}, err
	}
	rejected, err := p.next(nil)
	if err == io.EOF {
		return p.result, nil
	}
	if err != nil {
		return RangeResult{}, err
	}
	key, header := RejectsKey(u.ID), rejectsHeader
	if u.Plan.Ranges > 1 {
		key, header = rejectsPartKey(r), ""
	}
	body := &madeText{pending: append([]byte(header), rejected...), more: p.next}
	if err := w.bucket.Put(ctx, key, body); err != nil {
		return RangeResult{}, putError(key, body, err)
	}
	return p.result, nil
}

// errChanged means that the file is not, or no longer, the one that was planned.
var errChanged = errors.New("the file has changed")

// pass begins to read a range. Only one may be in use at a time, since all share buffers.
func (w *ranger) pass(ctx context.Context, u Upload, r RangeID) (*pass, error) {
	judge, err := newJudge(u.Format, u.Plan.Layout, reading.Limits{Now: u.Plan.At, Retention: w.retention})
	if err != nil {
		return nil, err
	}
	fetch := w.fetcher(ctx, UploadKey(u.ID), u.Plan.ETag)
	first, end := u.Plan.bounds(r.Number, w.rangeBytes)
	records := newRecords(func(dst []byte, offset int64) error {
		err := fetch(dst, offset)
		if kind := fault.KindOf(err); err != nil && (kind == fault.Conflict || kind == fault.NotFound) {
			return fmt.Errorf("%w: %w", errChanged, err)
		}
		return err
	}, first, end, u.Plan.Bytes, contract.CSVRecordBytesMax, w.buffer)
	w.buffer, w.writes = records.buf, w.writes[:0]
	return &pass{
		ranger: w, result: RangeResult{Bytes: end - first}, judge: judge,
		rows:    rows{records: records, headerAt: u.Plan.Layout.HeaderAt, delimiter: judge.delimiter},
		version: reading.VersionAt(u.Plan.At), write: func(writes []reading.Write) error { return w.writer.Write(ctx, writes) },
	}, nil
}

// pass is one way through the rows of a range.
type pass struct {
	*ranger
	rows    rows
	judge   judge
	version reading.Version // of the file
	write   func([]reading.Write) error
	flushed int         // the blocks that were fetched when the writes were last made
	result  RangeResult // so far
}

// next stores the readings up to the next row that is rejected, which it appends to dst. The error is io.EOF after the last row,
// when all readings are durable.
func (p *pass) next(dst []byte) ([]byte, error) {
	for {
		row, long, err := p.rows.next()
		p.result.Lines = p.rows.lines
		if err == io.EOF {
			if err := p.flush(); err != nil {
				return dst, err
			}
			return dst, io.EOF
		}
		if err != nil {
			return dst, err
		}
		// A row gives way to a later one that is written already, of this file or by a call.
		w := reading.Write{Version: p.version.Row(p.rows.records.began), Yields: true}
		if reason := p.judge.row(&w.Reading, row, long); reason != "" {
			p.result.RowsRejected++
			return appendReject(dst, p.rows.lines, reason, row), nil
		}
		p.result.RowsAccepted++
		p.writes = append(p.writes, w)
		if len(p.writes) >= p.writesMax || p.rows.records.blocks-p.flushed >= blocksPerWrite {
			if err := p.flush(); err != nil {
				return dst, err
			}
		}
	}
}

// flush makes the writes that have gathered.
func (p *pass) flush() error {
	if err := p.write(p.writes); err != nil {
		return fmt.Errorf("store the readings: %w", err)
	}
	clear(p.writes)
	p.writes, p.flushed = p.writes[:0], p.rows.records.blocks
	return nil
}
