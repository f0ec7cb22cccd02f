package csvfile_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// The reference says slowly and plainly, of a whole file in memory, what the processor must come to.

// line is a record of the reference: its text without the line end, cut where it is too long.
type line struct {
	text string
	long bool
}

func referenceLines(file []byte, lengthMax int) []line {
	texts := bytes.Split(file, []byte("\n"))
	if len(texts[len(texts)-1]) == 0 {
		texts = texts[:len(texts)-1] // the last line is ended, or the file is empty
	}
	var lines []line
	for _, text := range texts {
		text = bytes.TrimSuffix(text, []byte("\r"))
		l := line{text: string(text), long: len(text) > lengthMax}
		if l.long {
			l.text = l.text[:lengthMax]
		}
		lines = append(lines, l)
	}
	return lines
}

// empty tells whether a line counts for nothing: it has nothing but delimiters and blanks.
func (l line) empty() bool { return !l.long && strings.Trim(l.text, ", \t") == "" }

// referenceFields walks through a record character by character, as RFC 4180 describes a record on one line.
func referenceFields(record string) (fields []string, ok bool) {
	const begin, plain, quoted, closed = 0, 1, 2, 3
	var field strings.Builder
	state := begin
	for i := range len(record) {
		c := record[i]
		switch {
		case state == begin && c == '"':
			state = quoted
		case state == quoted && c == '"':
			state = closed
		case state == closed && c == '"':
			field.WriteByte('"')
			state = quoted
		case state == quoted:
			field.WriteByte(c)
		case c == ',':
			fields = append(fields, field.String())
			field.Reset()
			state = begin
		case state == closed || c == '"':
			return nil, false
		default:
			field.WriteByte(c)
			state = plain
		}
	}
	return append(fields, field.String()), state != quoted
}

// outcome is what a file must come to: the readings that are left, the counts, and the lines that are rejected.
type outcome struct {
	values             map[reading.Key]string
	accepted, rejected int64
	rejects            []string // line and row
}

func referenceOutcome(file []byte, columns csvfile.Columns, limits reading.Limits) outcome {
	o := outcome{values: map[reading.Key]string{}}
	for i, l := range referenceLines(file, contract.CSVRecordBytesMax) {
		if i == 0 || l.empty() {
			continue
		}
		fields, ok := referenceFields(l.text)
		if ok && !l.long && len(fields) == 3 {
			r, faults := reading.Parse(fields[columns.EquipmentID], fields[columns.Timestamp], fields[columns.Value], limits)
			if len(faults) == 0 {
				o.accepted++
				o.values[r.Key()] = r.Value.String()
				continue
			}
		}
		o.rejected++
		row := l.text
		if !utf8.ValidString(row) {
			row = strings.ToValidUTF8(row, "\uFFFD")
		}
		o.rejects = append(o.rejects, fmt.Sprintf("%d:%s", i+1, row))
	}
	return o
}

var fileColumns = csvfile.Columns{Timestamp: 0, Value: 1, EquipmentID: 2}

// check compares what became of the upload with the reference.
func (f *fixture) check(t *testing.T, file []byte) {
	t.Helper()
	want := referenceOutcome(file, fileColumns, reading.Limits{Now: f.upload.Plan.At})
	u := f.upload
	status := csvfile.Completed
	if want.rejected > 0 {
		status = csvfile.CompletedWithRejects
	}
	if u.Status != status || u.RowsAccepted != want.accepted || u.RowsRejected != want.rejected || u.BytesProcessed != int64(len(file)) {
		t.Fatalf("%s, %d accepted, %d rejected, %d bytes (%s); want %s, %d, %d, %d", u.Status, u.RowsAccepted, u.RowsRejected,
			u.BytesProcessed, u.Reason, status, want.accepted, want.rejected, len(file))
	}
	if got := f.rejects(t); !slices.Equal(got, want.rejects) {
		t.Fatalf("rejects %q\nwant %q", got, want.rejects)
	}
	if got := f.values(); !maps.Equal(got, want.values) {
		t.Fatalf("the readings are %v, want %v", got, want.values)
	}
}

// rejects reads the file of rejected rows: line and row of each.
func (f *fixture) rejects(t *testing.T) (rejects []string) {
	t.Helper()
	content, found := f.objects[csvfile.RejectsKey(uploadID)]
	if !found {
		return nil
	}
	records, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil || len(records) < 2 || strings.Join(records[0], ",") != "line,reason,row" {
		t.Fatalf("rejects %q: %v", content, err)
	}
	for _, r := range records[1:] {
		if r[1] == "" {
			t.Errorf("line %s has no reason", r[0])
		}
		rejects = append(rejects, r[0]+":"+r[2])
	}
	return rejects
}
