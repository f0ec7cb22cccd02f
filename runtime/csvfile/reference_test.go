package csvfile_test

import (
	"bytes"
	"fmt"
	"strings"
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
		if i == 0 || l.text == "" {
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
