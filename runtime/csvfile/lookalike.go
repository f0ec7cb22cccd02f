package csvfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// looks is what a file looks like that its format does not fit. The zero value says nothing.
type looks struct {
	// hint is a sentence that goes on after the reason why the file cannot be taken.
	hint string
	// format takes the file better; nil where no format does it alone.
	format *Format
	// missing names the fields which that format lacks, since only the client knows them.
	missing []string
}

// lookalike tells what the beginning of a file looks like that a format does not fit.
func lookalike(head []byte, whole bool, given Format, limits reading.Limits) looks {
	text, repair := repaired(head)
	var hints []string
	if repair != "" {
		hints = append(hints, repair)
	}
	var found looks
	if m, ok := guessMended(firstLines(text, whole), given, limits); ok {
		hints = append(hints, m.advice...)
		if m.found != nil {
			rows := m.text
			if len(m.advice) == 0 {
				rows = text
			}
			m.found.decideDates(rows, limits)
			hints = append(hints, m.found.advice(given, len(m.advice) > 0))
		}
		if m.found != nil && len(m.advice) == 0 && m.found.alone() && text == string(bytes.TrimPrefix(head, byteOrderMark)) {
			found.format, found.missing = &m.found.format, m.found.missing()
		}
	}
	found.hint = strings.Join(hints, "; ")
	return found
}

// alone tells whether the format takes the file without any change to the file.
func (g guessed) alone() bool { return g.headerLine == "" && g.noID == "" }

// missing names what the format lacks and only the client knows.
func (g guessed) missing() (fields []string) {
	if g.noZone() {
		fields = append(fields, "timezone")
	}
	if g.noEquipment {
		fields = append(fields, reading.FieldEquipmentID)
	}
	return fields
}

func (g guessed) noZone() bool {
	return g.format.Timestamps == TimestampsLocal && g.format.Timezone == ""
}

// unknowns are what the format lacks and only the client knows, each with a place in it.
func (g guessed) unknowns() (shown Format, what []string) {
	shown = g.format
	if g.noZone() {
		shown.Timezone = unknown
		what = append(what, zoneUnknown)
	}
	if g.noEquipment {
		shown.EquipmentID = unknown
		what = append(what, "the equipment that the values are of")
	}
	return shown, what
}

const (
	// unknown stands in a format for what only the client knows. It is no valid value, so that nobody sends it by mistake.
	unknown     = "…"
	zoneUnknown = "the name of your time zone, such as America/Sao_Paulo"
)

// advice says in one sentence what the file looks like, then where it is mended, and what to do about it.
func (g guessed) advice(given Format, then bool) string {
	var steps []string
	if g.headerLine != "" {
		steps = append(steps, fmt.Sprintf("put the line %q before its first row", g.headerLine))
	}
	if g.noID != "" {
		steps = append(steps, "give each equipment an id of A-Z, a-z, 0-9 and . _ : - alone")
	}
	if shown, what := g.unknowns(); shown != given.plain() {
		step := "send it with the format " + shown.Text()
		if len(what) > 0 {
			step += ", where " + unknown + " is " + list(what)
		}
		steps = append(steps, step)
	}
	looks := "it looks like"
	if then {
		looks = "it then looks like"
	}
	sentence := looks + " a file with " + list(g.differences(given)) + ": " + list(steps)
	for _, more := range []string{g.dropped(), g.ambiguity()} {
		if more != "" {
			sentence += "; " + more
		}
	}
	return sentence
}

// dropped says which columns the format leaves out where one of them may be the equipment's.
func (g guessed) dropped() string {
	if !g.noEquipment || len(g.leftOut) == 0 {
		return ""
	}
	const namesMax = 4
	names := g.leftOut
	if more := len(names) - namesMax; more > 0 {
		names = append(names[:namesMax:namesMax], fmt.Sprintf("%d more", more))
	}
	if len(g.leftOut) == 1 {
		return "the column " + names[0] + " is then left out"
	}
	return "the columns " + list(names) + " are then left out"
}

// ambiguity says that dates can be read in another order, where no row tells.
func (g guessed) ambiguity() string {
	if g.ambiguous == "" {
		return ""
	}
	other := DatesMonthFirst
	if g.format.Dates == DatesMonthFirst {
		other = DatesDayFirst
	}
	return fmt.Sprintf(`its dates, such as %q, are ambiguous: this format reads %s; with "dates":%q it reads %s`,
		shorten(g.ambiguous), dateTraits[g.format.Dates], other, dateTraits[other])
}

var (
	dateTraits = map[string]string{
		"": "dates as year-month-day", DatesDayFirst: "dates as day/month/year", DatesMonthFirst: "dates as month/day/year",
	}
	timeTraits = map[string]string{
		"": "timestamps of RFC 3339", TimestampsLocal: "times without an offset", TimestampsSeconds: "times in seconds since 1970",
		TimestampsMillis: "times in milliseconds since 1970",
	}
	decimalTraits   = map[string]string{"": "decimal points", DecimalComma: "decimal commas"}
	delimiterTraits = map[string]string{"": "commas", Semicolon: "semicolons", Tab: "tabs"}
)

// offsetTrait is that of times with an offset which only a format of local times takes.
const offsetTrait = "times with an offset that are not written as RFC 3339 has them"

// differences tells what the file has that the given format has not.
func (g guessed) differences(given Format) (traits []string) {
	is, was := g.format, given.plain()
	add := func(differs bool, trait string) {
		if differs {
			traits = append(traits, trait)
		}
	}
	add(g.headerLine != "", "no header row")
	add(is.SkipLines != was.SkipLines, g.before)
	add(is.Delimiter != was.Delimiter, delimiterTraits[is.Delimiter]+" between its fields")
	add(is.Columns != was.Columns, "other names of columns")
	add(g.noID != "", g.noID)
	add(g.noEquipment, "no column for the equipment")
	add(is.OtherColumns != was.OtherColumns, g.others)
	add(is.Decimal != was.Decimal, decimalTraits[is.Decimal])
	switch {
	case is.Timestamps == was.Timestamps:
	case g.withOffset:
		traits = append(traits, offsetTrait)
	default:
		traits = append(traits, timeTraits[is.Timestamps])
	}
	add(is.Dates != was.Dates, dateTraits[is.Dates])
	return traits
}

// list joins parts of a sentence.
func list(parts []string) string {
	last := len(parts) - 1
	if last < 1 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}
