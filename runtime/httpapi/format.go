package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// fieldFormat is the name of a format in bodies and forms, and what the names of its fields begin with in errors.
const fieldFormat = "format"

// formatBody says how a CSV file is written. Package csvfile checks the values.
type formatBody struct {
	Delimiter    string          `json:"delimiter,omitempty"`
	Decimal      string          `json:"decimal,omitempty"`
	Columns      json.RawMessage `json:"columns,omitempty"`
	EquipmentID  string          `json:"equipmentId,omitempty"`
	OtherColumns string          `json:"otherColumns,omitempty"`
	Timestamps   string          `json:"timestamps,omitempty"`
	Dates        string          `json:"dates,omitempty"`
	Timezone     string          `json:"timezone,omitempty"`
	SkipLines    json.Number     `json:"skipLines,omitempty"`
}

type columnsBody struct {
	EquipmentID string `json:"equipmentId,omitempty"`
	Timestamp   string `json:"timestamp,omitempty"`
	Value       string `json:"value,omitempty"`
}

var (
	formatMembers  = membersOf[formatBody]()
	columnsMembers = membersOf[columnsBody]()
)

// readFormat reads a format from its JSON text and tells all that is wrong with it. No text is the strict format.
func readFormat(text []byte) (csvfile.Format, []fault.FieldError) {
	if len(text) == 0 {
		return csvfile.Format{}, nil
	}
	var b formatBody
	shape, err := decodeObject(text, formatMembers, &b)
	if err != nil {
		return csvfile.Format{}, []fault.FieldError{{Field: fieldFormat, Reason: err.Error()}}
	}
	faults := within(fieldFormat, shape)
	var columns columnsBody
	if len(b.Columns) > 0 {
		shape, err := decodeObject(b.Columns, columnsMembers, &columns)
		if err != nil { // unreachable: it is an object of a valid text
			return csvfile.Format{}, []fault.FieldError{{Field: fieldFormat + ".columns", Reason: err.Error()}}
		}
		faults = append(faults, within(fieldFormat+".columns", shape)...)
	}
	f := csvfile.Format{
		Delimiter: b.Delimiter, Decimal: b.Decimal, Columns: csvfile.ColumnNames(columns), EquipmentID: b.EquipmentID,
		OtherColumns: b.OtherColumns, Timestamps: b.Timestamps, Dates: b.Dates, Timezone: b.Timezone,
	}
	if b.SkipLines != "" {
		lines, err := whole(b.SkipLines)
		if err != nil {
			lines = -1 // which is refused with the rule
		}
		f.SkipLines = int(lines)
	}
	return f, oneEach(faults, f.Faults())
}

// within puts the name of an object before those of its fields.
func within(object string, faults []fault.FieldError) []fault.FieldError {
	placed := make([]fault.FieldError, len(faults))
	for i, f := range faults {
		placed[i] = fault.FieldError{Field: object + "." + f.Field, Reason: f.Reason}
	}
	return placed
}

// readFormatPart reads the format that a form holds.
func readFormatPart(part *multipart.Part) (csvfile.Format, error) {
	text, err := io.ReadAll(io.LimitReader(part, contract.CSVFormatBytesMax+1))
	switch {
	case err != nil:
		return csvfile.Format{}, malformedForm(err)
	case len(text) > contract.CSVFormatBytesMax:
		return csvfile.Format{}, invalidFields([]fault.FieldError{{
			Field: fieldFormat, Reason: "must be at most " + byteCount(contract.CSVFormatBytesMax) + " long",
		}})
	case len(skipSpace(text)) == 0:
		return csvfile.Format{}, invalidFields([]fault.FieldError{{Field: fieldFormat, Reason: "must be a JSON object, or left out"}})
	}
	format, faults := readFormat(text)
	if len(faults) > 0 {
		return csvfile.Format{}, invalidFields(faults)
	}
	return format, nil
}

func malformedForm(cause error) error {
	p := malformed("The form is not valid multipart/form-data.")
	p.cause = cause
	return p
}

// readForm reads a form up to its file: the format, if there is one, stands before it.
func readForm(form *multipart.Reader) (format csvfile.Format, file *onlyFile, err error) {
	given := false
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return csvfile.Format{}, nil, noFile()
		case err != nil:
			return csvfile.Format{}, nil, malformedForm(err)
		case part.FormName() == fieldFormat && given:
			return csvfile.Format{}, nil, invalidFields([]fault.FieldError{{Field: fieldFormat, Reason: "must not occur twice"}})
		case part.FormName() == fieldFormat:
			given = true
			if format, err = readFormatPart(part); err != nil {
				return csvfile.Format{}, nil, err
			}
		case part.FormName() != fieldFile || part.FileName() == "":
		case csvfile.IsCSV(part.FileName()):
			return format, &onlyFile{form: form, file: part}, nil
		default:
			return csvfile.Format{}, nil, &problem{
				kind: problemInvalid, message: messageNotCSV,
				fields: []fault.FieldError{{Field: fieldFile, Reason: "must have a name that ends in " + csvfile.Suffixes}},
			}
		}
	}
}

// onlyFile is the last of a form's parts that matter: where another file follows, or the format, which would be too late, reading it
// ends with an error, so that nothing is stored.
type onlyFile struct {
	form    *multipart.Reader
	file    *multipart.Part
	refusal *problem // of what follows
}

// Read implements io.Reader.
func (o *onlyFile) Read(p []byte) (int, error) {
	n, err := o.file.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for {
		next, formErr := o.form.NextPart()
		switch {
		case errors.Is(formErr, io.EOF):
			return n, io.EOF
		case formErr != nil:
			return n, io.ErrUnexpectedEOF // the form breaks off
		case next.FormName() == fieldFile:
			o.refusal = &problem{
				kind: problemInvalid, message: "The form holds more than one file; send one form for each.",
				fields: []fault.FieldError{{Field: fieldFile, Reason: "must not occur twice"}},
			}
			return n, errFollowed
		case next.FormName() == fieldFormat:
			o.refusal = invalidFields([]fault.FieldError{{Field: fieldFormat, Reason: "must stand before the file in the form"}})
			return n, errFollowed
		}
	}
}

var errFollowed = fmt.Errorf("the form holds a part behind its file that must not be there")
