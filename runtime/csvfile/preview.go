package csvfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Preview is what would become of the beginning of a file.
type Preview struct {
	// Rows are the first ones. Where the file cannot be taken at all there is one, with the reason.
	Rows []PreviewRow
	// Suggested is a format that takes the file better than the given one, nil where there is none. What only the client knows is
	// missing in it: the time zone of local times, and the equipment of a file without a column for it.
	Suggested *Format
	// Missing names the fields that Suggested lacks.
	Missing []string
	// Suggestion says in a sentence what the file looks like and what to do about it; empty where nothing is to be said.
	Suggestion string
}

// PreviewRow is what would become of one row: a reading, or what is wrong with it.
type PreviewRow struct {
	Line    int64 // from 1
	Reading reading.Reading
	Faults  []fault.FieldError // none where it is a reading
}

// Fields that faults of a preview name, beside those of readings.
const (
	fieldFile = "file"
	fieldRow  = "row"
)

// Beginning is the first bytes of a file, or all of them.
type Beginning struct {
	FileName string
	Bytes    []byte
	Whole    bool
}

// PreviewFile tells what would become of a file of a format. The error is of kind fault.Invalid where the format is wrong.
func PreviewFile(b Beginning, format Format, limits reading.Limits) (Preview, error) {
	if faults := format.Faults(); len(faults) > 0 {
		return Preview{}, invalid(faults)
	}
	head, whole, refusal := b.text()
	if refusal != "" {
		return Preview{Rows: []PreviewRow{{Line: 1, Faults: []fault.FieldError{{Field: fieldFile, Reason: refusal}}}}}, nil
	}
	_, refusal = readHead(head, whole, format)
	like := lookalike(head, whole, format, limits)
	preview := Preview{Suggested: like.format, Missing: like.missing, Suggestion: like.hint}
	if refusal != "" {
		refused := []fault.FieldError{{Field: fieldFile, Reason: withHint(refusal, like.hint)}}
		preview.Rows = []PreviewRow{{Line: int64(format.SkipLines) + 1, Faults: refused}}
		return preview, nil
	}
	rows, err := previewRows(head, whole, format, limits)
	if err != nil {
		return Preview{}, err
	}
	preview.Rows = rows
	return preview, nil
}

// text is the beginning of the file's text and whether that is all of it, or the reason why it cannot be read.
func (b Beginning) text() (head []byte, whole bool, refusal string) {
	if isPacked(b.FileName) && len(b.Bytes) > 0 {
		return unpackBeginning(b.Bytes, b.Whole)
	}
	n := min(len(b.Bytes), headBytes)
	return b.Bytes[:n], b.Whole && n == len(b.Bytes), ""
}

// withHint adds to a reason what the file looks like.
func withHint(reason, hint string) string {
	if hint == "" {
		return reason
	}
	return reason + "; " + hint
}

// previewRows judges the first rows of a file whose header can be taken.
func previewRows(head []byte, whole bool, format Format, limits reading.Limits) (shown []PreviewRow, err error) {
	layout, refusal := readHead(head, whole, format)
	if refusal != "" {
		return nil, nil
	}
	if !whole { // its last line may be cut
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	judge, err := newJudge(format, layout, limits)
	if err != nil {
		return nil, err
	}
	size := int64(len(head))
	fetch := func(dst []byte, offset int64) error { copy(dst, head[offset:]); return nil }
	rows := rows{
		records:  newRecords(fetch, 0, size, size, contract.CSVRecordBytesMax, nil),
		headerAt: layout.HeaderAt, delimiter: judge.delimiter,
	}
	for len(shown) < contract.CSVPreviewRows {
		row, long, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		one := PreviewRow{Line: rows.lines}
		one.Faults = judge.faults(&one.Reading, row, long)
		shown = append(shown, one)
	}
	return shown, nil
}

// faults makes a reading of a row, or tells all that is wrong with it.
func (j *judge) faults(r *reading.Reading, row string, long bool) []fault.FieldError {
	if long {
		return []fault.FieldError{{Field: fieldRow, Reason: fmt.Sprintf("must be at most %d bytes long", contract.CSVRecordBytesMax)}}
	}
	faults, err := j.read(r, row)
	if err != nil {
		faults = []fault.FieldError{{Field: fieldRow, Reason: strings.TrimPrefix(err.Error(), "the row ")}}
	}
	for i, f := range faults {
		faults[i].Reason += j.hint(f)
	}
	if len(faults) > 0 && !utf8.ValidString(row) {
		faults = append([]fault.FieldError{{Field: fieldRow, Reason: "must be UTF-8"}}, faults...)
	}
	return faults
}
