package csvfile

import (
	"fmt"
	"io"
	"strings"
)

// blockBytes is how much of an object one call fetches. A block is taken off the wire at once and then worked on, so that no
// connection stays open while the table makes the processor wait: S3 ends connections that do not move.
const blockBytes = 2 << 20

// fetcher fills dst with the bytes of an object from an offset on, all of which exist.
type fetcher func(dst []byte, offset int64) error

// records cuts one range of a file into its records. A record ends with any LF, and the range owns those whose first byte
// lies in it: the first of them may begin after it, the last of them may end after it.
type records struct {
	fetch     fetcher
	lengthMax int    // a longer record is told as such, and its text cut
	end       int64  // records that begin here or later are not the range's
	stop      int64  // the bytes from here on are not needed
	offset    int64  // of the first byte not fetched yet
	buf       []byte // what is fetched next
	text      string // what was fetched and is not consumed
	began     int64  // the offset of the record last returned
	skipping  bool   // through the next LF, before the next record
	blocks    int    // how many were fetched
}

// newRecords reads the range [first, end) of a file of the given size through buf, which is made larger where it is too
// small and may be reused for the next range.
func newRecords(fetch fetcher, first, end, size int64, lengthMax int, buf []byte) *records {
	s := &records{fetch: fetch, lengthMax: lengthMax, end: end, offset: first}
	// A record that begins in the range is finished, or known to be too long, within this many bytes after the range.
	s.stop = min(end+s.lineMax(), size)
	if first > 0 {
		// The byte before the range tells whether a record begins with the range: if it is an LF, nothing is skipped.
		s.offset, s.skipping = first-1, true
	}
	if need := min(s.stop-s.offset, blockBytes) + s.lineMax(); int64(len(buf)) < need {
		buf = make([]byte, need)
	}
	s.buf = buf
	return s
}

// lineMax is how many bytes without an LF prove a record too long: one CR may belong to the line's end.
func (s *records) lineMax() int64 { return int64(s.lengthMax) + 2 }

// next returns the next record without its line end, and whether it is longer than the limit; its text is then cut. The error is
// io.EOF after the last record of the range.
func (s *records) next() (record string, long bool, err error) {
	if s.skipping {
		if err := s.skip(); err != nil {
			return "", false, err
		}
	}
	if s.began = s.offset - int64(len(s.text)); s.began >= s.end {
		return "", false, io.EOF
	}
	for scanned := 0; ; {
		if i := strings.IndexByte(s.text[scanned:], '\n'); i >= 0 {
			record, s.text = s.text[:scanned+i], s.text[scanned+i+1:]
			return s.trim(record)
		}
		scanned = len(s.text)
		if int64(scanned) >= s.lineMax() {
			record, s.text, s.skipping = s.text[:s.lengthMax], "", true
			return record, true, nil
		}
		switch err := s.fill(); {
		case err == io.EOF && scanned > 0: // the file's last record has no LF
			record, s.text = s.text, ""
			return s.trim(record)
		case err != nil:
			return "", false, err
		}
	}
}

// position is where the next record begins. Where the record last returned was too long, it lies within that one; a range that
// begins there skips the rest of it.
func (s *records) position() int64 { return s.offset - int64(len(s.text)) }

// trim takes the CR of the line's end off and cuts what is too long.
func (s *records) trim(record string) (string, bool, error) {
	if n := len(record); n > 0 && record[n-1] == '\r' {
		record = record[:n-1]
	}
	if len(record) > s.lengthMax {
		return record[:s.lengthMax], true, nil
	}
	return record, false, nil
}

// skip consumes everything through the next LF.
func (s *records) skip() error {
	for {
		if i := strings.IndexByte(s.text, '\n'); i >= 0 {
			s.text, s.skipping = s.text[i+1:], false
			return nil
		}
		s.text = ""
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// fill fetches the next block behind what is not consumed yet. The error is io.EOF where there is none.
func (s *records) fill() error {
	if s.offset >= s.stop {
		return io.EOF
	}
	kept := copy(s.buf, s.text)
	block := s.buf[kept:min(int64(len(s.buf)), int64(kept)+blockBytes, int64(kept)+s.stop-s.offset)]
	if err := s.fetch(block, s.offset); err != nil {
		return fmt.Errorf("fetch %d bytes from %d: %w", len(block), s.offset, err)
	}
	s.text = string(s.buf[:kept+len(block)])
	s.offset += int64(len(block))
	s.blocks++
	return nil
}

// rows walks through the data rows of a range: its records without the file's header and what stands before it, and without empty
// lines.
type rows struct {
	records   *records
	headerAt  int64 // rows begin behind the record that begins here
	delimiter byte
	// lines is how many lines of the range were read: the number of the row last returned, from 1, and in the end of all.
	lines int64
}

// next returns the next row as records.next does.
func (r *rows) next() (record string, long bool, err error) {
	for {
		record, long, err = r.records.next()
		if err != nil {
			return "", false, err
		}
		r.lines++
		if r.records.began > r.headerAt && (long || !blank(record, r.delimiter)) {
			return record, long, nil
		}
	}
}
