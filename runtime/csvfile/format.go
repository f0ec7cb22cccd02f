package csvfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Format is how a file is written. The zero value of each field, and its absence in JSON, is the strict form: commas, decimal points,
// the columns equipmentId, timestamp and value, and timestamps of RFC 3339.
type Format struct {
	// Delimiter stands between the fields of a row: a comma, a semicolon or a tab.
	Delimiter string `json:"delimiter,omitempty"`
	// Decimal is the decimal mark of the values: a point or a comma.
	Decimal string `json:"decimal,omitempty"`
	// Columns are the header's names for the three columns. Default of each: its own name.
	Columns ColumnNames `json:"columns,omitzero"`
	// EquipmentID is the equipment of all rows, where the file has no column for it.
	EquipmentID string `json:"equipmentId,omitempty"`
	// OtherColumns tells whether a file may have further columns: OtherRefuse, or OtherIgnore.
	OtherColumns string `json:"otherColumns,omitempty"`
	// Timestamps is one of the Timestamps constants.
	Timestamps string `json:"timestamps,omitempty"`
	// Dates is the order of the dates of local timestamps: one of the Dates constants.
	Dates string `json:"dates,omitempty"`
	// Timezone is the IANA name of the zone whose clocks local timestamps are of.
	Timezone string `json:"timezone,omitempty"`
	// SkipLines is how many lines stand before the header.
	SkipLines int `json:"skipLines,omitempty"`
}

// ColumnNames are what a file's header calls the three columns. An empty name is the default.
type ColumnNames struct {
	EquipmentID string `json:"equipmentId,omitempty"`
	Timestamp   string `json:"timestamp,omitempty"`
	Value       string `json:"value,omitempty"`
}

// Values of Format.Delimiter. The first of each kind of value is the default.
const (
	Comma     = ","
	Semicolon = ";"
	Tab       = "\t"
)

// Values of Format.Decimal.
const (
	DecimalPoint = "."
	DecimalComma = ","
)

// Values of Format.OtherColumns.
const (
	OtherRefuse = "refuse"
	OtherIgnore = "ignore"
)

// Values of Format.Timestamps: as the API has them, as a zone's clocks show them, and counts since 1970.
const (
	TimestampsRFC3339 = "rfc3339"
	TimestampsLocal   = "local"
	TimestampsSeconds = "unix-seconds"
	TimestampsMillis  = "unix-millis"
)

// Values of Format.Dates: 2026-11-25, 25/11/2026 and 11/25/2026.
const (
	DatesISO        = "iso"
	DatesDayFirst   = "dmy"
	DatesMonthFirst = "mdy"
)

// Names of a format's fields, in JSON and in messages.
const (
	fieldDelimiter    = "format.delimiter"
	fieldDecimal      = "format.decimal"
	fieldColumns      = "format.columns"
	fieldEquipmentID  = "format.equipmentId"
	fieldOtherColumns = "format.otherColumns"
	fieldTimestamps   = "format.timestamps"
	fieldDates        = "format.dates"
	fieldTimezone     = "format.timezone"
	fieldSkipLines    = "format.skipLines"
)

// plain returns the format without what is the default anyway, so that two formats that say the same are equal.
func (f Format) plain() Format {
	for field, standard := range map[*string]string{
		&f.Delimiter: Comma, &f.Decimal: DecimalPoint, &f.OtherColumns: OtherRefuse, &f.Timestamps: TimestampsRFC3339, &f.Dates: DatesISO,
		&f.Columns.EquipmentID: reading.FieldEquipmentID, &f.Columns.Timestamp: reading.FieldTimestamp, &f.Columns.Value: reading.FieldValue,
	} {
		if *field == standard {
			*field = ""
		}
	}
	return f
}

// Text returns the format as JSON, as a client would send it: without defaults.
func (f Format) Text() string {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(f.plain()); err != nil {
		panic(fmt.Sprintf("csvfile: encode a format: %v", err)) // unreachable: strings and a number only
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseFormat reads what Format.Text wrote.
func ParseFormat(text string) (Format, error) {
	var f Format
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return Format{}, fmt.Errorf("decode a format: %w", err)
	}
	return f, nil
}

// Faults tells all that is wrong with a format; the fields are named as in JSON, such as format.delimiter.
func (f Format) Faults() (faults []fault.FieldError) {
	say := func(field, reason string, args ...any) {
		faults = append(faults, fault.FieldError{Field: field, Reason: fmt.Sprintf(reason, args...)})
	}
	if !oneOf(f.Delimiter, Comma, Semicolon, Tab) {
		say(fieldDelimiter, `must be ",", ";" or "\t"`)
	}
	if !oneOf(f.Decimal, DecimalPoint, DecimalComma) {
		say(fieldDecimal, `must be "." or ","`)
	}
	faults = append(faults, f.columnFaults()...)
	if !oneOf(f.OtherColumns, OtherRefuse, OtherIgnore) {
		say(fieldOtherColumns, "must be refuse or ignore")
	}
	faults = append(faults, f.timeFaults()...)
	if f.SkipLines < 0 || f.SkipLines > contract.CSVSkipLinesMax {
		say(fieldSkipLines, "must be from 0 to %d", contract.CSVSkipLinesMax)
	}
	return faults
}

// oneOf tells whether a text is empty or one of those that are known.
func oneOf(text string, known ...string) bool { return text == "" || slices.Contains(known, text) }

// columnFaults tells what is wrong with the names of the columns.
func (f Format) columnFaults() (faults []fault.FieldError) {
	say := func(field, reason string, args ...any) {
		faults = append(faults, fault.FieldError{Field: field, Reason: fmt.Sprintf(reason, args...)})
	}
	given := [columnCount]string{f.Columns.EquipmentID, f.Columns.Timestamp, f.Columns.Value}
	for i, name := range given {
		if name != "" && !isColumnName(name) {
			say(fieldColumns+"."+columnNames[i], "must be a name of 1 to %d characters, without control characters", contract.CSVColumnCharsMax)
		}
	}
	if f.EquipmentID != "" {
		if _, err := reading.ParseEquipmentID(f.EquipmentID); err != nil {
			say(fieldEquipmentID, "%v", err)
		}
		if f.Columns.EquipmentID != "" {
			say(fieldEquipmentID, "must be left out where format.columns.equipmentId names a column")
		}
	}
	seen := map[string]bool{}
	for i, name := range f.names() {
		if name != "" && seen[name] {
			say(fieldColumns+"."+columnNames[i], "must name another column than the others do")
		}
		seen[name] = true
	}
	return faults
}

// isColumnName tells whether a text can be the name of a column.
func isColumnName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= contract.CSVColumnCharsMax &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// names returns what the header calls the columns, in the order of columnNames; the equipment's is empty where there is no such
// column.
func (f Format) names() [columnCount]string {
	names := [columnCount]string{f.Columns.EquipmentID, f.Columns.Timestamp, f.Columns.Value}
	for i, name := range names {
		if name == "" {
			names[i] = columnNames[i]
		}
	}
	if f.EquipmentID != "" {
		names[0] = ""
	}
	return names
}

// timeFaults tells what is wrong with how timestamps are written.
func (f Format) timeFaults() (faults []fault.FieldError) {
	say := func(field, reason string) { faults = append(faults, fault.FieldError{Field: field, Reason: reason}) }
	if !oneOf(f.Timestamps, TimestampsRFC3339, TimestampsLocal, TimestampsSeconds, TimestampsMillis) {
		say(fieldTimestamps, "must be rfc3339, local, unix-seconds or unix-millis")
		return faults
	}
	local := f.Timestamps == TimestampsLocal
	switch {
	case !oneOf(f.Dates, DatesISO, DatesDayFirst, DatesMonthFirst):
		say(fieldDates, "must be iso, dmy or mdy")
	case !local && f.Dates != "" && f.Dates != DatesISO:
		say(fieldDates, "must be left out unless format.timestamps is local")
	}
	switch {
	case local && f.Timezone == "":
		say(fieldTimezone, "is required where format.timestamps is local")
	case !local && f.Timezone != "":
		say(fieldTimezone, "must be left out unless format.timestamps is local")
	case local:
		if _, err := reading.ParseZone(f.Timezone); err != nil {
			say(fieldTimezone, err.Error())
		}
	}
	return faults
}

// delimiter returns the byte between fields.
func (f Format) delimiter() byte {
	if f.Delimiter == "" {
		return Comma[0]
	}
	return f.Delimiter[0]
}

// forms returns how timestamps and values are read, nil where that is the strict way.
func (f Format) forms() (*reading.Forms, error) {
	f = f.plain()
	if f.Decimal == "" && f.Timestamps == "" && f.EquipmentID == "" {
		return nil, nil
	}
	forms := reading.Forms{Timestamp: reading.ParseTimestamp, Value: reading.ParseValue}
	if f.Decimal == DecimalComma {
		forms.Value = reading.ParseCommaValue
	}
	switch f.Timestamps {
	case TimestampsSeconds:
		forms.Timestamp = f.unix(time.Second)
	case TimestampsMillis:
		forms.Timestamp = f.unix(time.Millisecond)
	case TimestampsLocal:
		zone, err := reading.ParseZone(f.Timezone)
		if err != nil {
			return nil, fmt.Errorf("time zone %q: %w", f.Timezone, err)
		}
		orders := map[string]reading.DateOrder{DatesDayFirst: reading.DayFirst, DatesMonthFirst: reading.MonthFirst}
		forms.Timestamp = reading.NewLocalClock(zone, orders[f.Dates]).Parse
	}
	return &forms, nil
}

// unix reads counts of a unit since 1970, whose fractions have the file's decimal mark.
func (f Format) unix(unit time.Duration) func(string) (time.Time, error) {
	return func(text string) (time.Time, error) {
		if f.Decimal == DecimalComma && !strings.Contains(text, DecimalPoint) {
			text = strings.Replace(text, DecimalComma, DecimalPoint, 1)
		}
		return reading.ParseUnix(text, unit)
	}
}
