package csvfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	// rejectsBytesMax is how much text of rejected rows is gathered before it is stored.
	rejectsBytesMax = 2 << 20
	// commitEveryDefault is a sixth of the minute within which an upload goes on whose worker has died: its message comes back,
	// and what the worker did since its last commit is done again.
	commitEveryDefault = 10 * time.Second
	// commitFirst is when a worker commits for the first time in a range, and after twice as long each time after that, up to
	// CommitEvery: who has just sent a file sees it move. A range costs up to four commits more, of four write units each.
	commitFirst = time.Second
	// commitAttemptsMax bounds the attempts to commit where the work cannot go on without.
	commitAttemptsMax = 8
)

// ranger is the second step: it stores the readings of a range and commits what its rows came to.
type ranger struct {
	progress
	files
	writer      *ingest.Writer
	pacer       pacing.Pacer
	rangeBytes  int64
	retention   time.Duration
	commitEvery time.Duration
	writesMax   int // that are gathered before they are made

	buffer  []byte // of records, kept from one range to the next
	writes  []reading.Write
	rejects []byte
}

var (
	// errChanged means that the file is not, or no longer, the one that was planned.
	errChanged = errors.New("the file has changed")
	// errMoved means that another worker has committed more of the range.
	errMoved = errors.New("another worker has moved the range on")
)

// run does all of the work on a range that goes beyond what is committed. It is nil also where the file turned out not to be the
// one that was planned, and the upload has failed.
//
// Where another worker moves the range on meanwhile, run goes on from there. It does not leave the range to the other one, which may
// have died since: only a range that is done may take its message out of the queue. fetch gives the text.
func (w *ranger) run(ctx context.Context, u Upload, r RangeID, committed RangeResult, fetch fetcher) error {
	if rangesOf(u.Plan.text(), w.rangeBytes) != u.Plan.Ranges {
		_, err := w.fail(ctx, u, reasonReplanned)
		return err
	}
	judge, err := newJudge(u.Format, u.Plan.Layout, reading.Limits{Now: u.Plan.At, Retention: w.retention})
	if err != nil {
		return err
	}
	for !committed.Done() {
		err := w.pass(u, r, committed, fetch, judge).run(ctx)
		if !errors.Is(err, errMoved) {
			return w.ended(ctx, u, err)
		}
		if committed, err = w.table.ReadRange(ctx, r); err != nil {
			return fmt.Errorf("read what is committed: %w", err)
		}
	}
	return nil
}

// ended fails the upload where the work on a range ended because of the file.
func (w *ranger) ended(ctx context.Context, u Upload, err error) error {
	if !errors.Is(err, errChanged) {
		return err
	}
	reason := reasonReplaced
	if fault.KindOf(err) == fault.NotFound {
		reason = reasonRemoved
	}
	_, err = w.fail(ctx, u, reason)
	return err
}

// pass begins to read a range behind what is committed of it. Only one may be in use at a time, since all share buffers.
func (w *ranger) pass(u Upload, r RangeID, committed RangeResult, fetch fetcher, judge judge) *pass {
	first, end := u.Plan.bounds(r.Number, w.rangeBytes)
	at := first + committed.Bytes
	records := newRecords(func(dst []byte, offset int64) error {
		err := fetch(dst, offset)
		if kind := fault.KindOf(err); err != nil && (kind == fault.Conflict || kind == fault.NotFound) {
			return fmt.Errorf("%w: %w", errChanged, err)
		}
		return err
	}, at, end, u.Plan.text(), contract.CSVRecordBytesMax, w.buffer)
	w.buffer, w.writes, w.rejects = records.buf, w.writes[:0], w.rejects[:0]
	return &pass{
		ranger: w, id: r, alone: u.Plan.Ranges == 1, first: first, end: end,
		rows:  rows{records: records, headerAt: u.Plan.Layout.HeaderAt, delimiter: judge.delimiter, lines: committed.Lines},
		judge: judge, version: reading.VersionAt(u.Plan.At),
		committed: committed, result: committed, began: w.now(), committedAt: w.now(), commitAfter: min(commitFirst, w.commitEvery),
	}
}

// pass is one way through the rows of a range. All it does is the same however often it is done.
type pass struct {
	*ranger
	id         RangeID
	alone      bool  // the range is the whole file
	first, end int64 // of the range
	rows       rows
	judge      judge
	version    reading.Version // of the file
	flushed    int             // the blocks that were fetched when the writes were last made

	result      RangeResult // so far
	committed   RangeResult // of it
	began       time.Time
	committedAt time.Time
	commitAfter time.Duration // committedAt it is time for the next commit on the way
}

// run stores the readings and the rejected rows through the end of the range, and commits them: now and then on the way, and at
// the end.
func (p *pass) run(ctx context.Context) error {
	for {
		err := p.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if !p.full() {
			continue
		}
		if err := p.flush(ctx); err != nil {
			return err
		}
		if err := p.commitOnTheWay(ctx); err != nil {
			return err
		}
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	p.result.Bytes, p.result.Left = p.end-p.first, 0
	if err := p.commit(ctx, commitAttemptsMax); err != nil {
		return err
	}
	p.log.InfoContext(ctx, "range committed", "upload_id", p.id.UploadID, "range", p.id.Number, "bytes", p.result.Bytes,
		"rows_accepted", p.result.RowsAccepted, "rows_rejected", p.result.RowsRejected, "took_ms", p.now().Sub(p.began).Milliseconds())
	return nil
}

// next takes the next row: a reading to be written, or the text of a rejected row. The error is io.EOF after the last one.
func (p *pass) next() error {
	row, long, err := p.rows.next()
	p.result.Lines = p.rows.lines
	if err != nil {
		return err
	}
	// A row gives way to a later one that is written already, of this file or by a call.
	w := reading.Write{Version: p.version.Row(p.rows.records.began), Yields: true}
	if reason := p.judge.row(&w.Reading, row, long); reason != "" {
		p.result.RowsRejected++
		p.rejects = appendReject(p.rejects, p.rows.lines, reason, row)
		return nil
	}
	p.result.RowsAccepted++
	p.writes = append(p.writes, w)
	return nil
}

// full tells whether what was gathered must be written, lest more memory be taken.
func (p *pass) full() bool {
	return len(p.writes) >= p.writesMax || p.rows.records.blocks-p.flushed >= blocksPerWrite || len(p.rejects) >= rejectsBytesMax
}

// flush makes the writes that have gathered.
func (p *pass) flush(ctx context.Context) error {
	if err := p.writer.Write(ctx, p.writes); err != nil {
		return fmt.Errorf("store the readings: %w", err)
	}
	clear(p.writes)
	p.writes, p.flushed = p.writes[:0], p.rows.records.blocks
	return nil
}

// commitOnTheWay commits what was done of the range if it is time to, or if too many rejected rows have gathered. All readings up to
// here are durable.
func (p *pass) commitOnTheWay(ctx context.Context) error {
	must := len(p.rejects) >= rejectsBytesMax
	if !must && p.now().Sub(p.committedAt) < p.commitAfter {
		return nil
	}
	at := p.rows.records.position()
	if at >= p.end {
		return nil // the end is next
	}
	p.result.Bytes, p.result.Left = at-p.first, p.end-at
	p.commitAfter = min(2*p.commitAfter, p.commitEvery)
	if must {
		return p.commit(ctx, commitAttemptsMax)
	}
	err := p.commit(ctx, 1)
	if fault.KindOf(err) == fault.Unavailable && ctx.Err() == nil {
		p.committedAt = p.now() // another range was committed at this moment; the next time will do
		return nil
	}
	return err
}

// commit stores the rejected rows and then commits what was done since the last time.
func (p *pass) commit(ctx context.Context, attemptsMax int) error {
	to := p.result
	if len(p.rejects) > 0 {
		key, header := p.rejectsKey(&to)
		body := io.MultiReader(bytes.NewReader([]byte(header)), bytes.NewReader(p.rejects))
		if err := p.bucket.Put(ctx, key, body); err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
	}
	// Ranges of one upload that are committed at one moment refuse each other; that must not cost the work.
	err := p.pacer.Retry(ctx, attemptsMax, func() error {
		return p.table.CommitRange(ctx, p.id, p.committed, to, p.now().UTC())
	})
	if fault.KindOf(err) == fault.Conflict {
		return errMoved
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	p.result, p.committed, p.committedAt, p.rejects = to, to, p.now(), p.rejects[:0]
	return nil
}

// rejectsKey is where the rejected rows belong that are committed with to, which learns of a new piece. Lines are counted from the
// beginning of the range, since the number of lines before the range is not known yet. The rejected rows of a whole file are the final
// ones, and have a header.
func (p *pass) rejectsKey(to *RangeResult) (key, header string) {
	whole := p.committed.Bytes == 0 && to.Left == 0
	switch {
	case whole && p.alone:
		return RejectsKey(p.id.UploadID), rejectsHeader
	case whole:
		return rejectsPartKey(p.id), ""
	default:
		piece := Piece{From: p.committed.Bytes, To: to.Bytes}
		to.Pieces = append(slices.Clone(to.Pieces), piece)
		return rejectsPieceKey(p.id, piece), ""
	}
}
