package csvfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// columnCount is how many columns make a reading.
const columnCount = 3

var (
	errQuoteInside   = errors.New("a quote stands inside a field that does not begin with one")
	errQuoteUnclosed = errors.New("a quoted field is not closed on its line")
	errQuoteFollowed = errors.New("a closing quote is not followed by the delimiter or the end of the row")
)

// splitFields appends the fields of a record to dst, unquoted as RFC 4180 has it.
func splitFields(dst []string, record string, delimiter byte) ([]string, error) {
	if strings.IndexByte(record, '"') < 0 {
		for {
			i := strings.IndexByte(record, delimiter)
			if i < 0 {
				return append(dst, record), nil
			}
			dst = append(dst, record[:i])
			record = record[i+1:]
		}
	}
	for {
		field, rest, more, err := cutField(record, delimiter)
		if err != nil {
			return dst, err
		}
		dst = append(dst, field)
		if !more {
			return dst, nil
		}
		record = rest
	}
}

// cutField takes the first field off a record and tells whether another one follows.
func cutField(record string, delimiter byte) (field, rest string, more bool, err error) {
	if record == "" || record[0] != '"' {
		field = record
		if i := strings.IndexByte(record, delimiter); i >= 0 {
			field, rest, more = record[:i], record[i+1:], true
		}
		if strings.IndexByte(field, '"') >= 0 {
			return "", "", false, errQuoteInside
		}
		return field, rest, more, nil
	}
	doubled := false
	for i := 1; i < len(record); i++ {
		if record[i] != '"' {
			continue
		}
		if i+1 < len(record) && record[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		if field = record[1:i]; doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		switch rest = record[i+1:]; {
		case rest == "":
			return field, "", false, nil
		case rest[0] == delimiter:
			return field, rest[1:], true, nil
		}
		return "", "", false, errQuoteFollowed
	}
	return "", "", false, errQuoteUnclosed
}

// blank tells whether a record is empty but for delimiters and blanks. The first byte of a row tells that it is not: that is told here, in
// so few steps that they are taken where they are needed.
func blank(record string, delimiter byte) bool {
	return record == "" || (record[0] <= ' ' || record[0] == delimiter) && blankThroughout(record, delimiter)
}

func blankThroughout(record string, delimiter byte) bool {
	for i := range len(record) {
		if c := record[i]; c != delimiter && c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// judge makes readings of the rows of one upload. What it says of a row depends on the format, the plan and the retention alone.
type judge struct {
	format    Format
	layout    Layout
	limits    reading.Limits
	delimiter byte
	// forms are how timestamps and values are written, nil for the strict way, which is quicker.
	forms       *reading.Forms
	equipmentID string // of all rows, where they have no column for it
	ignoring    bool   // of other columns
	fields      []string
	times       []timeForm // of hints; nil before the first one
}

func newJudge(f Format, layout Layout, limits reading.Limits) (judge, error) {
	forms, err := f.forms()
	if err != nil {
		return judge{}, err
	}
	return judge{
		format: f.plain(), layout: layout, limits: limits, delimiter: f.delimiter(), forms: forms, equipmentID: f.EquipmentID,
		ignoring: f.OtherColumns == OtherIgnore,
	}, nil
}

// read makes a reading of a row, or says why it is none: err where its fields cannot be told apart, else faults.
func (j *judge) read(r *reading.Reading, row string) (faults []fault.FieldError, err error) {
	if j.fields, err = splitFields(j.fields[:0], row, j.delimiter); err != nil {
		return nil, err
	}
	if len(j.fields) != j.layout.Fields && !j.padded() {
		return nil, fmt.Errorf("the row must have %d fields, has %d", j.layout.Fields, len(j.fields))
	}
	c := &j.layout.Columns
	if j.forms == nil {
		return r.Parse(j.fields[c.EquipmentID], j.fields[c.Timestamp], j.fields[c.Value], j.limits), nil
	}
	id := j.equipmentID
	if c.EquipmentID >= 0 {
		id = j.fields[c.EquipmentID]
	}
	return j.forms.Parse(r, id, j.fields[c.Timestamp], j.fields[c.Value], j.limits), nil
}

// padded tells whether a row only has empty fields more than the header, as spreadsheets write them, in a file of which other columns
// are ignored. A field that holds something may be a part of a number, so that no reading can be made of the row.
func (j *judge) padded() bool {
	if !j.ignoring || len(j.fields) < j.layout.Fields {
		return false
	}
	for _, field := range j.fields[j.layout.Fields:] {
		if field != "" {
			return false
		}
	}
	return true
}

// row makes a reading of a row, or tells in one text all that is wrong with it.
func (j *judge) row(r *reading.Reading, row string, long bool) (reason string) {
	if long {
		return fmt.Sprintf("the row must be at most %d bytes long", contract.CSVRecordBytesMax)
	}
	faults, err := j.read(r, row)
	if err == nil && len(faults) == 0 {
		return "" // and so it is UTF-8: no valid field holds anything but ASCII
	}
	var reasons []string
	if !utf8.ValidString(row) {
		reasons = append(reasons, "the row must be UTF-8")
	}
	if err != nil {
		reasons = append(reasons, err.Error())
	}
	for _, f := range faults {
		reasons = append(reasons, f.Error()+j.hint(f))
	}
	return strings.Join(reasons, "; ")
}
