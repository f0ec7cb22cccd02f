package csvfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// roundsPerWrite is how many batches each of the concurrent writers gets at a time. All must be stored before the next rows
// are begun with, so that a later line is never overtaken; the more rounds, the less of the time is spent waiting for the last.
const roundsPerWrite = 8

// commitAttemptsMax is how often the commit of one range is tried before its message comes back.
const commitAttemptsMax = 8

// workOn claims a range, does all of its work, and finishes the upload if this was the last one.
func (p *Processor) workOn(ctx context.Context, u Upload, number int) error {
	if p.rangesOf(u.Plan.Bytes) != u.Plan.Ranges {
		_, err := p.fail(ctx, u, reasonReplanned)
		return err
	}
	r := RangeID{UploadID: u.ID, Number: number}
	owner := p.options.Owner()
	now := p.options.Now().UTC()
	until, limited := ctx.Deadline()
	if !limited {
		until = now.Add(p.options.ClaimLifetime)
	}
	claim, err := p.table.ClaimRange(ctx, r, owner, now, until.Add(p.options.ClaimMargin).UTC())
	switch {
	case err != nil:
		return fmt.Errorf("claim range %d of upload %s: %w", number, u.ID, err)
	case claim == Busy:
		return fmt.Errorf("claim range %d of upload %s: %w", number, u.ID, ErrBusy)
	case claim == Done:
		return p.finishIfDone(ctx, u.ID)
	}
	result, err := p.storeRange(ctx, u, number)
	if ended, failErr := p.failIfChanged(ctx, u, err); ended || failErr != nil {
		return failErr
	}
	if err != nil {
		// The claim is left to run out. To release it would invite another worker in while calls of ours that timed out may
		// still land, and what they carry may be older than what the other writes.
		return fmt.Errorf("range %d of upload %s: %w", number, u.ID, err)
	}
	// Ranges of one upload that are committed at one moment refuse each other; that must not cost the work.
	if err := p.options.Pacer.Retry(ctx, commitAttemptsMax, func() error {
		return p.table.CommitRange(ctx, r, owner, result, p.options.Now().UTC())
	}); err != nil {
		return fmt.Errorf("commit range %d of upload %s: %w", number, u.ID, err)
	}
	p.options.Log.InfoContext(ctx, "range committed", "upload_id", u.ID, "range", number, "bytes", result.Bytes,
		"rows_accepted", result.RowsAccepted, "rows_rejected", result.RowsRejected, "took_ms", p.options.Now().Sub(now).Milliseconds())
	return p.finishIfDone(ctx, u.ID)
}

// errChanged means that the file is not, or no longer, the one that was planned.
var errChanged = errors.New("the file has changed")

// failIfChanged ends the upload where err says that its file changed, and tells whether it did.
func (p *Processor) failIfChanged(ctx context.Context, u Upload, err error) (ended bool, failErr error) {
	if !errors.Is(err, errChanged) {
		return false, nil
	}
	reason := reasonReplaced
	if fault.KindOf(err) == fault.NotFound {
		reason = reasonRemoved
	}
	_, failErr = p.fail(ctx, u, reason)
	return failErr == nil, failErr
}

// source reads the file of an upload and marks errors that mean that it changed.
func (p *Processor) source(ctx context.Context, u Upload) fetcher {
	fetch := p.fetcher(ctx, UploadKey(u.ID), u.Plan.ETag)
	return func(dst []byte, offset int64) error {
		err := fetch(dst, offset)
		if kind := fault.KindOf(err); err != nil && (kind == fault.Conflict || kind == fault.NotFound) {
			return fmt.Errorf("%w: %w", errChanged, err)
		}
		return err
	}
}

// storeRange writes the readings of a range and its rejected rows, and returns what they came to. All it does is the same
// however often it is done.
func (p *Processor) storeRange(ctx context.Context, u Upload, number int) (RangeResult, error) {
	if err := p.readSuperseded(ctx, u, number); err != nil {
		return RangeResult{}, fmt.Errorf("look ahead: %w", err)
	}
	result, err := p.writeReadings(ctx, u, number)
	if err != nil {
		return RangeResult{}, fmt.Errorf("store the readings: %w", err)
	}
	if result.RowsRejected == 0 {
		return result, nil
	}
	if err := p.writeRejects(ctx, u, number); err != nil {
		return RangeResult{}, fmt.Errorf("store the rejected rows: %w", err)
	}
	return result, nil
}

// readSuperseded collects the identities that are named after a range but less than the window away from its last byte: they
// are later ranges' to write.
func (p *Processor) readSuperseded(ctx context.Context, u Upload, number int) error {
	_, first := p.bounds(u.Plan, number)
	end := min(first+p.options.WindowBytes, u.Plan.Bytes)
	p.superseded.reset(end - first)
	if first == end {
		return nil
	}
	rows, judge := p.rows(p.source(ctx, u), u.Plan, first, end), p.judge(u.Plan)
	for {
		row, long, err := rows.next()
		if err == io.EOF {
			p.superseded.sort()
			return nil
		}
		if err != nil {
			return err
		}
		if long {
			continue
		}
		if r, faults, err := judge.read(string(row)); err == nil && len(faults) == 0 {
			p.superseded.add(r)
		}
	}
}

// writeReadings writes the readings of a range, but for those that are named again in the window after it. They are accepted all the same:
// what they say is durable in the words of a later line.
func (p *Processor) writeReadings(ctx context.Context, u Upload, number int) (RangeResult, error) {
	first, end := p.bounds(u.Plan, number)
	result := RangeResult{Bytes: end - first}
	rows, judge := p.rows(p.source(ctx, u), u.Plan, first, end), p.judge(u.Plan)
	readingsMax := p.options.Concurrency * contract.BatchStatementsMax * roundsPerWrite
	p.batch = p.batch[:0]
	version := reading.VersionAt(u.Plan.At)
	for {
		row, long, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return RangeResult{}, err
		}
		var r reading.Reading
		var faults []fault.FieldError
		var unreadable error
		if !long {
			r, faults, unreadable = judge.read(string(row))
		}
		if long || unreadable != nil || len(faults) > 0 {
			result.RowsRejected++
			continue
		}
		result.RowsAccepted++
		if p.superseded.has(r) {
			continue
		}
		p.batch = append(p.batch, reading.Write{Reading: r, Version: version.Row(rows.records.began), Yields: true})
		if len(p.batch) == readingsMax {
			if err := p.flush(ctx); err != nil {
				return RangeResult{}, err
			}
		}
	}
	result.Lines = rows.lines
	return result, p.flush(ctx)
}

// flush stores what has gathered. The writer keeps the last reading of each identity and returns only once all are durable.
func (p *Processor) flush(ctx context.Context) error {
	if err := p.writer.Write(ctx, p.batch); err != nil {
		return err
	}
	clear(p.batch)
	p.batch = p.batch[:0]
	return nil
}
