package csvfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// fits tells how well a header's name is one of a column: 2 where it is the very one, 1 where it holds one of some words.
func fits(name, given string, words []string) int {
	if name == given {
		return 2
	}
	name = strings.ToLower(name)
	if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) }) {
		return 1
	}
	return 0
}

// fitsValue is fits for the column of the values. An interval is a time, though it begins like a value in many languages.
func (c columnsOf) fitsValue(name string) int {
	return fits(strings.NewReplacer("interval", "", "Interval", "").Replace(name), c.given.names()[2], valueWords)
}

// Words that names of columns often hold, in languages of Europe and America.
var (
	equipmentWords = []string{"equip", "sensor", "device", "machine", "maquina", "máquina", "maschine", "anlage", "gerät", "asset", "tagname"}
	timestampWords = []string{"time", "date", "data", "hora", "zeit", "datum", "fecha"}
	valueWords     = []string{"val", "wert", "reading", "leitura", "medi"}
	// equipmentNames are too short to be looked for within other words.
	equipmentNames = []string{"id", "tag", "name", "nome", "nombre", "ponto", "point", "node", "meter"}
	// besideWords are of columns that tell more of a value, also where their texts could be ids.
	besideWords = []string{"unit", "unid", "einheit", "quali", "status", "state", "estado", "note", "comment", "coment", "observ", "bemerkung"}
)

// named tells how well a name is one of the equipment's column.
func (c columnsOf) named(name string) int {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(equipmentNames, word) }) {
		return max(1, fits(name, c.given.names()[0], nil))
	}
	return fits(name, c.given.names()[0], equipmentWords)
}

// equipment finds the column of the equipment, -1 where there is none. Where its texts are no ids, noID says so.
func (c columnsOf) equipment(taken ...int) (at int, noID string) {
	isID := func(text string) bool { _, err := reading.ParseEquipmentID(text); return err == nil }
	w := wanted{reads: isID, fits: c.named, not: c.notEquipment}
	if at, _ = c.find(w, taken...); at >= 0 {
		return at, ""
	}
	for i, name := range c.header {
		if c.unnamed || name == "" || slices.Contains(taken, i) || c.named(name) == 0 {
			continue
		}
		for _, row := range c.rows {
			if i < len(row) && row[i] != "" && !isID(row[i]) {
				return i, fmt.Sprintf("texts such as %q in its column %q, which are no ids", shorten(row[i]), shorten(name))
			}
		}
	}
	return -1, ""
}

// notEquipment tells that a column is not the equipment's though its texts could be ids: where its name does not say that it is,
// numbers are values, and other words may tell more of these.
func (c columnsOf) notEquipment(column int) bool {
	if c.unnamed || c.named(c.header[column]) > 0 {
		return false
	}
	if fits(c.header[column], "", besideWords) > 0 {
		return true
	}
	return slices.ContainsFunc(c.rows, func(row []string) bool {
		if column >= len(row) {
			return false
		}
		_, err := reading.ParseValue(row[column])
		return err == nil
	})
}

// values finds the column of the values, and their decimal mark.
func (c columnsOf) values(taken int) (at int, decimal string, ok bool) {
	var best rank
	at = -1
	marks := []string{DecimalPoint, DecimalComma}
	if c.given.Decimal == DecimalComma {
		slices.Reverse(marks)
	}
	for _, mark := range marks {
		parse := map[string]func(string) (reading.Decimal, error){DecimalPoint: reading.ParseValue, DecimalComma: reading.ParseCommaValue}[mark]
		reads := func(text string) bool { _, err := parse(text); return err == nil }
		w := wanted{reads: reads, fits: c.fitsValue, varied: true}
		if column, r := c.find(w, taken); column >= 0 && r.above(best) {
			at, decimal, best = column, mark, r
		}
	}
	return at, decimal, at >= 0
}

// timeForm is a way in which timestamps are written.
type timeForm struct {
	timestamps, dates string
	parse             func(text string) (time.Time, error)
	// withOffset tells of local times that all of them have their offset.
	withOffset bool
	// ambiguous is one of local dates that are as well of the other order, empty where they are not.
	ambiguous string
}

// reads tells whether a text is a timestamp of the form that can be stored.
func (f timeForm) reads(text string, limits reading.Limits) bool {
	t, err := f.parse(text)
	if err != nil || limits.Check(t) != nil {
		return false
	}
	counted := f.timestamps == TimestampsSeconds || f.timestamps == TimestampsMillis
	const earliest = 2000 // any small number is a count of seconds, too
	return !counted || t.Year() >= earliest
}

// hasOffset tells whether a local time has its offset: it is then the same whatever the zone.
func (f timeForm) hasOffset(text string) bool {
	here, err := f.parse(text)
	if err != nil || f.timestamps != TimestampsLocal {
		return false
	}
	order := map[string]reading.DateOrder{DatesDayFirst: reading.DayFirst, DatesMonthFirst: reading.MonthFirst}[f.dates]
	there, err := reading.NewLocalClock(time.FixedZone("", 60*60), order).Parse(text)
	return err == nil && there.Equal(here)
}

// timeForms are the ways in which timestamps are written, those first that say more.
func timeForms() []timeForm {
	form := func(timestamps, dates string, parse func(string) (time.Time, error)) timeForm {
		return timeForm{timestamps: timestamps, dates: dates, parse: parse}
	}
	local := func(dates string, order reading.DateOrder) timeForm {
		return form(TimestampsLocal, dates, reading.NewLocalClock(time.UTC, order).Parse)
	}
	return []timeForm{
		form(TimestampsRFC3339, DatesISO, reading.ParseTimestamp),
		local(DatesISO, reading.YearFirst), local(DatesDayFirst, reading.DayFirst), local(DatesMonthFirst, reading.MonthFirst),
		form(TimestampsSeconds, DatesISO, Format{Decimal: DecimalComma}.unix(time.Second)),
		form(TimestampsMillis, DatesISO, Format{Decimal: DecimalComma}.unix(time.Millisecond)),
	}
}

// timestamps finds the column of the timestamps. What the given format says of the order of dates decides where nothing else does.
func (c columnsOf) timestamps(limits reading.Limits) (form timeForm, at int, ok bool) {
	var best rank
	at = -1
	forms := timeForms()
	slices.SortStableFunc(forms, func(a, b timeForm) int { return c.asGiven(b) - c.asGiven(a) })
	for _, f := range forms {
		column, r := c.find(wanted{
			reads: func(text string) bool { return f.reads(text, limits) },
			fits:  func(name string) int { return fits(name, c.given.names()[1], timestampWords) },
		})
		if column >= 0 && r.above(best) {
			form, at, best = f, column, r
		}
	}
	if at < 0 {
		return form, at, false
	}
	form.withOffset = form.timestamps == TimestampsLocal && !slices.ContainsFunc(c.rows, func(row []string) bool {
		return at < len(row) && form.reads(row[at], limits) && !form.hasOffset(row[at])
	})
	if !form.withOffset && c.asGiven(form) == 0 {
		form.ambiguous = c.ambiguous(form, at, limits)
	}
	return form, at, true
}

// asGiven is 1 for the order of dates that the client gave, and 0 for others.
func (c columnsOf) asGiven(f timeForm) int {
	if c.given.Timestamps == TimestampsLocal && f.timestamps == TimestampsLocal && f.dates == cmp.Or(c.given.Dates, DatesISO) {
		return 1
	}
	return 0
}

// otherOrder is the form in which day and month stand the other way round; ok is false where there is none.
func (f timeForm) otherOrder() (timeForm, bool) {
	other, ok := map[string]string{DatesDayFirst: DatesMonthFirst, DatesMonthFirst: DatesDayFirst}[f.dates]
	if !ok {
		return timeForm{}, false
	}
	forms := timeForms()
	return forms[slices.IndexFunc(forms, func(g timeForm) bool { return g.dates == other })], true
}

// ambiguous returns a date of a column if all that are of a form are of the other order as well.
func (c columnsOf) ambiguous(f timeForm, at int, limits reading.Limits) (date string) {
	other, ok := f.otherOrder()
	if !ok {
		return ""
	}
	for _, row := range c.rows {
		if at >= len(row) || !f.reads(row[at], limits) {
			continue
		}
		if date = row[at]; !other.reads(date, limits) {
			return ""
		}
	}
	return date
}

// decideDates looks through all rows of a text for one that tells the order of dates which the first ones leave open.
func (g *guessed) decideDates(text string, limits reading.Limits) {
	forms := timeForms()
	at := slices.IndexFunc(forms, func(f timeForm) bool { return f.dates == g.format.Dates })
	if g.ambiguous == "" || at < 0 {
		return
	}
	taken := forms[at]
	other, _ := taken.otherOrder()
	var fields []string
	for line := range strings.SplitSeq(text, "\n") {
		var err error
		if fields, err = splitFields(fields[:0], strings.TrimSuffix(line, "\r"), g.format.delimiter()); err != nil || g.whenAt >= len(fields) {
			continue
		}
		switch one, two := taken.reads(fields[g.whenAt], limits), other.reads(fields[g.whenAt], limits); {
		case one && !two:
			g.ambiguous = ""
			return
		case two && !one:
			g.ambiguous, g.format.Dates = "", other.dates
			return
		}
	}
}
