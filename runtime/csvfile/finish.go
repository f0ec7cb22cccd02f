package csvfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// finisher is the last step: it ends an upload whose ranges are all committed.
type finisher struct {
	progress
	files

	buffer []byte // of the parts' lines
}

// finish puts the rejected rows together and then sets the final status, so that an upload that has ended has its rejects. Two
// workers may do it at the same time: what they write is the same.
func (f *finisher) finish(ctx context.Context, u Upload) error {
	status := Completed
	var parts []string
	if u.RowsRejected > 0 {
		status = CompletedWithRejects
	}
	if u.RowsRejected > 0 {
		var err error
		if parts, err = f.mergeRejects(ctx, u); err != nil {
			// Another worker may have finished the upload and deleted the parts.
			if again, readErr := f.read(ctx, u.ID); readErr == nil && again.Status.Ended() {
				return nil
			}
			return fmt.Errorf("put the rejected rows of upload %s together: %w", u.ID, err)
		}
	}
	if err := f.table.FinishUpload(ctx, u.ID, status, f.now().UTC()); err != nil {
		return fmt.Errorf("finish upload %s: %w", u.ID, err)
	}
	f.log.InfoContext(ctx, "upload finished", "upload_id", u.ID, "status", string(status),
		"rows_accepted", u.RowsAccepted, "rows_rejected", u.RowsRejected)
	if len(parts) > 0 {
		if err := f.bucket.Delete(ctx, parts); err != nil {
			// The parts expire together with the rejects. Until then they do no harm.
			f.log.WarnContext(ctx, "parts of the rejects stay behind", "upload_id", u.ID, "error", err.Error())
		}
	}
	return nil
}

// mergeRejects writes the final file of rejected rows out of the ranges' parts, whose keys it returns. There are none where a file
// of one range was worked on at once: its rejected rows are the final file already.
func (f *finisher) mergeRejects(ctx context.Context, u Upload) (parts []string, err error) {
	results, err := f.table.RangeResults(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("read the ranges: %w", err)
	}
	if u.Plan.Ranges == 1 && len(results[0].Pieces) == 0 {
		return nil, nil
	}
	merge := &merge{}
	before := int64(0)
	for n := range u.Plan.Ranges {
		result := results[n]
		if !result.Done() {
			return nil, fmt.Errorf("range %d is not done though all are", n)
		}
		for _, key := range rejectsPartKeys(RangeID{u.ID, n}, result) {
			parts = append(parts, key)
			merge.parts = append(merge.parts, part{before: before, open: func() (*records, error) { return f.openPart(ctx, key) }})
		}
		before += result.Lines
	}
	body := &madeText{pending: []byte(rejectsHeader), more: merge.next}
	if err := f.bucket.Put(ctx, RejectsKey(u.ID), body); err != nil {
		return nil, putError(RejectsKey(u.ID), body, err)
	}
	return parts, nil
}

// openPart reads a part line by line.
func (f *finisher) openPart(ctx context.Context, key string) (*records, error) {
	object, err := f.bucket.Stat(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", key, err)
	}
	lines := newRecords(f.fetcher(ctx, key, object.ETag), 0, object.Size, object.Size, partLineBytesMax, f.buffer)
	f.buffer = lines.buf
	return lines, nil
}

// part is the rejected rows of a range or of a piece of one.
type part struct {
	before int64 // how many lines of the file come before the range
	open   func() (*records, error)
}

// merge makes the final rejects out of parts, one at a time.
type merge struct {
	parts   []part
	current *records
}

var errPartDamaged = errors.New("a part of the rejects is damaged")

// next appends the next line to dst.
func (m *merge) next(dst []byte) (_ []byte, err error) {
	for len(m.parts) > 0 {
		if m.current == nil {
			if m.current, err = m.parts[0].open(); err != nil {
				return dst, err
			}
		}
		line, long, err := m.current.next()
		if err == io.EOF {
			m.parts, m.current = m.parts[1:], nil
			continue
		}
		if err != nil {
			return dst, err
		}
		number, rest, found := strings.Cut(line, ",")
		relative, numberErr := strconv.ParseInt(number, 10, 64)
		if long || !found || numberErr != nil {
			return dst, errPartDamaged
		}
		dst = strconv.AppendInt(dst, m.parts[0].before+relative, 10)
		dst = append(append(dst, ','), rest...)
		return append(dst, '\n'), nil
	}
	return dst, io.EOF
}
