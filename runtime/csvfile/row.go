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

// columnCount is how many fields a row has: the header must name exactly these columns.
const columnCount = 3

var (
	errQuoteInside   = errors.New("a quote stands inside a field that does not begin with one")
	errQuoteUnclosed = errors.New("a quoted field is not closed on its line")
	errQuoteFollowed = errors.New("a closing quote is not followed by a comma")
)

// splitFields appends the fields of a record to dst, unquoted as RFC 4180 has it.
func splitFields(dst []string, record string) ([]string, error) {
	if strings.IndexByte(record, '"') < 0 {
		for {
			i := strings.IndexByte(record, ',')
			if i < 0 {
				return append(dst, record), nil
			}
			dst = append(dst, record[:i])
			record = record[i+1:]
		}
	}
	for {
		field, rest, more, err := cutField(record)
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
func cutField(record string) (field, rest string, more bool, err error) {
	if record == "" || record[0] != '"' {
		field, rest, more = strings.Cut(record, ",")
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
		case rest[0] == ',':
			return field, rest[1:], true, nil
		}
		return "", "", false, errQuoteFollowed
	}
	return "", "", false, errQuoteUnclosed
}

// judge makes readings of the rows of one upload. What it says of a row depends on the plan and the retention alone.
type judge struct {
	columns Columns
	limits  reading.Limits
	fields  []string // reused
}

// read makes a reading of a row, or says why it is none: err where its fields cannot be told apart, else faults.
func (j *judge) read(r *reading.Reading, row string) (faults []fault.FieldError, err error) {
	if j.fields, err = splitFields(j.fields[:0], row); err != nil {
		return nil, err
	}
	if len(j.fields) != columnCount {
		return nil, fmt.Errorf("the row must have %d fields, has %d", columnCount, len(j.fields))
	}
	return r.Parse(j.fields[j.columns.EquipmentID], j.fields[j.columns.Timestamp], j.fields[j.columns.Value], j.limits), nil
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
		reasons = append(reasons, f.Error())
	}
	return strings.Join(reasons, "; ")
}
