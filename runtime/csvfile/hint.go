package csvfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// hint says after a fault of a field what its text looks like and what takes it: of what is not to be seen in the header, the rows alone
// can tell. It is empty where there is nothing to say.
func (j *judge) hint(f fault.FieldError) string {
	text, ok := j.text(f.Field)
	if !ok || j.takes(f.Field, text) && !j.counts(f.Field) { // what can be read is refused for another reason
		return ""
	}
	if trimmed := strings.TrimSpace(text); trimmed != text && j.takes(f.Field, trimmed) {
		return "; remove the blanks around it"
	}
	switch f.Field {
	case reading.FieldValue:
		return j.valueHint(text)
	case reading.FieldTimestamp:
		return j.timeHint(text)
	}
	return ""
}

// counts tells whether a field is a count since 1970: one in the wrong unit is far from today.
func (j *judge) counts(field string) bool {
	return field == reading.FieldTimestamp && (j.format.Timestamps == TimestampsSeconds || j.format.Timestamps == TimestampsMillis)
}

// text is what stands in a field of the row last read.
func (j *judge) text(field string) (text string, ok bool) {
	c := j.layout.Columns
	at, ok := map[string]int{
		reading.FieldEquipmentID: c.EquipmentID, reading.FieldTimestamp: c.Timestamp, reading.FieldValue: c.Value,
	}[field]
	if !ok || at < 0 || at >= len(j.fields) {
		return "", false
	}
	return j.fields[at], true
}

// takes tells whether a text can be read as a field is.
func (j *judge) takes(field, text string) bool {
	forms := reading.Forms{Timestamp: reading.ParseTimestamp, Value: reading.ParseValue}
	if j.forms != nil {
		forms = *j.forms
	}
	var err error
	switch field {
	case reading.FieldEquipmentID:
		_, err = reading.ParseEquipmentID(text)
	case reading.FieldTimestamp:
		_, err = forms.Timestamp(text)
	case reading.FieldValue:
		_, err = forms.Value(text)
	}
	return err == nil
}

func (j *judge) valueHint(text string) string {
	if j.format.Decimal == DecimalComma {
		if _, err := reading.ParseValue(text); err == nil {
			return `; it has a decimal point, as values of a file have without "decimal":"," in its format`
		}
		return ""
	}
	if _, err := reading.ParseCommaValue(text); err != nil {
		return ""
	}
	return "; it has a decimal comma, as values of a file have with the format " + Format{Decimal: DecimalComma}.Text()
}

// timeHint says in which form a timestamp is written.
func (j *judge) timeHint(text string) string {
	if in24Hours(text) != text {
		return "; write it with 24 hours, such as 14:30, without AM or PM"
	}
	if withCenturies(text) != text {
		return "; write its year with four digits"
	}
	if j.times == nil {
		j.times = timeForms()
		// What is of the given form is refused for another reason, such as a clock that is put back.
		slices.SortStableFunc(j.times, func(a, b timeForm) int { return j.given(b) - j.given(a) })
	}
	at := slices.IndexFunc(j.times, func(form timeForm) bool { return form.reads(text, j.limits) })
	switch {
	case at < 0:
		return tooFine(text)
	case j.given(j.times[at]) > 0:
		return ""
	case j.times[at].timestamps == TimestampsRFC3339:
		return `; it is a timestamp of RFC 3339, which a format without "timestamps" takes`
	default:
		return "; it is one of " + j.timeTrait(j.times[at], text) + ", which the format " + j.timeFormat(j.times[at], text)
	}
}

// tooFine says of a count since 1970 that its unit is one that no format takes.
func tooFine(text string) string {
	unit := map[int]string{len("1772353800000000"): "microseconds", len("1772353800000000000"): "nanoseconds"}[len(text)]
	if unit == "" || strings.Trim(text, "0123456789") != "" {
		return ""
	}
	return "; it looks like a time in " + unit + " since 1970, which no format takes: write it in milliseconds"
}

// given is 1 for the form that the file's format says, and 0 for others.
func (j *judge) given(form timeForm) int {
	if (Format{Timestamps: form.timestamps, Dates: form.dates}).plain() == (Format{Timestamps: j.format.Timestamps, Dates: j.format.Dates}) {
		return 1
	}
	return 0
}

// timeTrait says what a timestamp of a form is like.
func (j *judge) timeTrait(form timeForm, text string) string {
	if form.hasOffset(text) {
		return offsetTrait
	}
	if form.dates == DatesISO {
		return timeTraits[form.timestamps]
	}
	traits := dateTraits[form.dates]
	if other, ok := form.otherOrder(); ok && other.reads(text, j.limits) {
		traits += " or " + dateTraits[other.dates]
	}
	return timeTraits[form.timestamps] + " and " + traits
}

// timeFormat says which format takes a timestamp of a form.
func (j *judge) timeFormat(form timeForm, text string) string {
	f, what := Format{Timestamps: form.timestamps, Dates: form.dates}.plain(), ""
	if form.timestamps == TimestampsLocal {
		if f.Timezone = j.format.Timezone; f.Timezone == "" {
			f.Timezone, what = unknown, ", where "+unknown+" is "+zoneUnknown
		}
	}
	other, ok := form.otherOrder()
	if ok && other.reads(text, j.limits) {
		what = `, or with "dates":"` + cmp.Or(other.dates, DatesISO) + `"` + what
	}
	return f.Text() + " takes" + what
}
