package csvfile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// rejectsHeader is the first line of the file of rejected rows.
const rejectsHeader = "line,reason,row\n"

// partLineBytesMax bounds a line of a part: a row in quotes, of which each byte may have become three, and its reasons.
const partLineBytesMax = 4*contract.CSVRecordBytesMax + 4<<10

// rejectsPartKey is the object key of the rejected rows of one range.
func rejectsPartKey(r RangeID) string {
	return fmt.Sprintf("%s%s/%06d%s", contract.RejectsKeyPrefix, r.UploadID, r.Number, contract.CSVKeySuffix)
}

// rejectsPieceKey is the object key of the rejected rows of a piece of a range. It names the whole piece: what stands under a key is
// the same whoever writes it.
func rejectsPieceKey(r RangeID, p Piece) string {
	return fmt.Sprintf("%s%s/%06d-%d-%d%s", contract.RejectsKeyPrefix, r.UploadID, r.Number, p.From, p.To, contract.CSVKeySuffix)
}

// rejectsPartKeys are the object keys of what was committed of a range, in their order.
func rejectsPartKeys(r RangeID, result RangeResult) []string {
	if result.RowsRejected == 0 {
		return nil
	}
	if len(result.Pieces) == 0 {
		return []string{rejectsPartKey(r)}
	}
	keys := make([]string, 0, len(result.Pieces))
	for _, p := range result.Pieces {
		keys = append(keys, rejectsPieceKey(r, p))
	}
	return keys
}

// putError adds the reason why the body ended, which the bucket's error may not hold.
func putError(key string, body *madeText, err error) error {
	if body.failed != nil && !errors.Is(err, body.failed) {
		err = fmt.Errorf("%w: %w", body.failed, err)
	}
	return fmt.Errorf("put %s: %w", key, err)
}

// appendReject appends a line of the rejects. The row is as the client sent it, except for bytes that are not UTF-8.
func appendReject(dst []byte, line int64, reason, row string) []byte {
	dst = strconv.AppendInt(dst, line, 10)
	dst = append(dst, ',')
	dst = appendField(dst, reason)
	dst = append(dst, ',')
	dst = appendField(dst, strings.ToValidUTF8(row, "\uFFFD"))
	return append(dst, '\n')
}

// appendField appends a field and quotes it where RFC 4180 needs that.
func appendField(dst []byte, field string) []byte {
	if !strings.ContainsAny(field, "\",\r\n") {
		return append(dst, field...)
	}
	dst = append(dst, '"')
	for i := strings.IndexByte(field, '"'); i >= 0; i = strings.IndexByte(field, '"') {
		dst = append(append(dst, field[:i]...), `""`...)
		field = field[i+1:]
	}
	return append(append(dst, field...), '"')
}

// madeText is a reader of a text that is made piece by piece as it is read.
type madeText struct {
	pending []byte
	buf     []byte
	// more appends the next piece to dst; io.EOF ends the text.
	more   func(dst []byte) ([]byte, error)
	failed error // what ended it, unless io.EOF did
}

// Read implements io.Reader. It fills p as far as the text goes, so that small pieces do not make small transfers.
func (t *madeText) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(t.pending) == 0 {
			if t.buf, err = t.more(t.buf[:0]); err != nil {
				if err != io.EOF { //nolint:errorlint // as a Read does, more ends with io.EOF itself; one that is wrapped is a failure
					t.failed = err
				} else if n > 0 {
					err = nil
				}
				return n, err
			}
			t.pending = t.buf
		}
		c := copy(p[n:], t.pending)
		n, t.pending = n+c, t.pending[c:]
	}
	return n, nil
}
