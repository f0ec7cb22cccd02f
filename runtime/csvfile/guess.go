package csvfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// guessed is what a file looks like.
type guessed struct {
	format      Format
	noEquipment bool
	// headerLine is the header that the file lacks, empty where it has one.
	headerLine string
	// before and others say what stands before the header and beside the three columns.
	before, others string
	good, rows     int // of the first rows, how many it takes, of how many
}

// guess finds the format that takes most of the first rows of a text, where it takes at least half of them and more than the given one.
func guess(text string, whole bool, given Format, limits reading.Limits) (guessed, bool) {
	best := guessed{}
	head := []byte(text[:min(len(text), headBytes)])
	if rows, err := previewRows(head, whole, given, limits); err == nil {
		best.good, _ = goodRows(rows)
	}
	found := false
	for _, delimiter := range []string{Comma, Semicolon, Tab} {
		t, ok := newSample(text, whole, delimiter)
		if !ok {
			continue
		}
		g, ok := t.guess(given, limits)
		if !ok || g.format.faultsKnown() {
			continue
		}
		g.judge(head, whole, limits)
		if g.good > best.good && 2*g.good >= g.rows {
			best, found = g, true
		}
	}
	return best, found
}

// faultsKnown tells whether the format breaks a rule, apart from lacking what only the client knows.
func (f Format) faultsKnown() bool {
	if f.Timezone == "" && f.Timestamps == TimestampsLocal {
		f.Timezone = time.UTC.String()
	}
	return len(f.Faults()) > 0
}

// judge counts how many of the first rows the guess takes.
func (g *guessed) judge(head []byte, whole bool, limits reading.Limits) {
	f := g.format
	if f.Timezone == "" && f.Timestamps == TimestampsLocal {
		f.Timezone = time.UTC.String()
	}
	if g.noEquipment {
		f.EquipmentID = "E"
	}
	if g.headerLine != "" {
		head = append([]byte(g.headerLine+"\n"), head...)
	}
	if rows, err := previewRows(head, whole, f, limits); err == nil {
		g.good, g.rows = goodRows(rows)
	}
}

func goodRows(rows []PreviewRow) (good, all int) {
	for _, row := range rows {
		if len(row.Faults) == 0 {
			good++
		}
	}
	return good, len(rows)
}

// sample is the beginning of a file, cut by one delimiter.
type sample struct {
	delimiter string
	header    []string
	headerAt  int        // the line
	first     string     // the first line of all
	rows      [][]string // behind the header
}

// newSample cuts the first lines of a text. Most of its rows have the same width, and the header is the first line that is as wide.
func newSample(text string, whole bool, delimiter string) (sample, bool) {
	const linesMax = contract.CSVSkipLinesMax + contract.CSVPreviewRows
	if cut := strings.LastIndexByte(text, '\n'); !whole {
		text = text[:cut+1]
	}
	lines := strings.SplitN(text, "\n", linesMax+1)
	lines = lines[:min(len(lines), linesMax)]
	s := sample{delimiter: delimiter, first: lines[0]}
	fields, width := cutLines(lines, delimiter[0])
	if width < 2 {
		return sample{}, false
	}
	s.headerAt = slices.IndexFunc(fields, func(f []string) bool { return widthOf(f) >= width && !isHint(f) })
	s.header = fields[s.headerAt]
	for _, f := range fields[s.headerAt+1:] {
		if widthOf(f) > 0 {
			s.rows = append(s.rows, f)
		}
	}
	return s, true
}

// cutLines cuts lines into fields, and finds the width that most of them have.
func cutLines(lines []string, delimiter byte) (cut [][]string, width int) {
	counts := map[int]int{}
	for _, line := range lines {
		fields, err := splitFields(nil, strings.TrimSuffix(line, "\r"), delimiter)
		if err != nil {
			fields = nil
		}
		cut = append(cut, fields)
		if w := widthOf(fields); w > 1 && !isHint(fields) {
			counts[w]++
			if counts[w] > counts[width] || counts[w] == counts[width] && w > width {
				width = w
			}
		}
	}
	return cut, width
}

// isHint tells whether a line is the one in which Excel names the delimiter.
func isHint(fields []string) bool { return len(fields) > 0 && strings.HasPrefix(fields[0], "sep=") }

// widthOf is how many fields a row has up to the last one that holds something.
func widthOf(fields []string) int {
	for n := len(fields); n > 0; n-- {
		if strings.Trim(fields[n-1], " ") != "" {
			return n
		}
	}
	return 0
}

// guess makes a format of what the columns hold.
func (s sample) guess(given Format, limits reading.Limits) (guessed, bool) {
	rows := s.rows
	if len(rows) == 0 {
		rows = [][]string{s.header} // which may be a row without header
	}
	c := columnsOf{header: s.header, rows: rows, given: given}
	when, at, ok := c.timestamps(limits)
	if !ok {
		return guessed{}, false
	}
	value, decimal, ok := c.values(at)
	if !ok {
		return guessed{}, false
	}
	g := guessed{format: Format{
		Delimiter: s.delimiter, Decimal: decimal, EquipmentID: given.EquipmentID, Timestamps: when.timestamps, Dates: when.dates, SkipLines: s.headerAt,
	}}
	equipment := -1
	if given.EquipmentID == "" {
		if equipment, ok = c.equipment(at, value); !ok {
			g.noEquipment = true
		}
	}
	if when.timestamps == TimestampsLocal {
		g.format.Timezone = given.Timezone
	}
	columns := Columns{EquipmentID: equipment, Timestamp: at, Value: value}
	if when.reads(s.header[at], limits) {
		g.headerLine = strings.Join(namesAt(columns, len(s.header)), s.delimiter)
	} else {
		g.format.Columns = namesIn(columns, s.header)
	}
	g.others = s.otherColumns(columns)
	if g.others != "" {
		g.format.OtherColumns = OtherIgnore
	}
	g.before = s.beforeHeader()
	g.format = g.format.plain()
	return g, true
}

// namesIn returns what a header calls the columns.
func namesIn(c Columns, header []string) ColumnNames {
	names := ColumnNames{Timestamp: header[c.Timestamp], Value: header[c.Value]}
	if c.EquipmentID >= 0 {
		names.EquipmentID = header[c.EquipmentID]
	}
	return names
}

// namesAt makes a header of so many fields.
func namesAt(c Columns, fields int) []string {
	names := make([]string, fields)
	for i := range names {
		switch i {
		case c.EquipmentID:
			names[i] = reading.FieldEquipmentID
		case c.Timestamp:
			names[i] = reading.FieldTimestamp
		case c.Value:
			names[i] = reading.FieldValue
		default:
			names[i] = fmt.Sprintf("column%d", i+1)
		}
	}
	return names
}

// otherColumns says what is in the rows beside the three columns, nothing where that is nothing.
func (s sample) otherColumns(c Columns) string {
	others := ""
	for i, name := range s.header {
		switch {
		case i == c.EquipmentID || i == c.Timestamp || i == c.Value:
		case name != "":
			return "further columns"
		default:
			others = "delimiters at the end of its rows"
		}
	}
	for _, row := range s.rows {
		if len(row) > len(s.header) {
			others = "delimiters at the end of its rows"
		}
	}
	return others
}

// beforeHeader says what stands before the header.
func (s sample) beforeHeader() string {
	switch {
	case s.headerAt == 1 && strings.HasPrefix(strings.Trim(s.first, `"`), "sep="):
		return "a sep= line before its header"
	case s.headerAt == 1:
		return "a line before its header"
	default:
		return fmt.Sprintf("%d lines before its header", s.headerAt)
	}
}

// columnsOf tells columns apart by what they hold, and by their names where they hold alike.
type columnsOf struct {
	header []string
	rows   [][]string
	given  Format
}

// rank is how well a column does: how many rows it can be read in, how well its name fits, and how many different texts it has,
// where that counts.
type rank struct{ good, named, distinct int }

func (r rank) above(o rank) bool {
	return cmp.Or(cmp.Compare(r.good, o.good), cmp.Compare(r.named, o.named), cmp.Compare(r.distinct, o.distinct)) > 0
}

// wanted is what a column is looked for by: how its texts are read, and how it may be named.
type wanted struct {
	reads func(text string) bool
	name  string
	words []string
	// varied tells that of columns that are alike the one with the most different texts is wanted, and not the first.
	varied bool
}

// find returns the column that does best, of those that can be read in at least half of the rows.
func (c columnsOf) find(w wanted, taken ...int) (at int, best rank) {
	at = -1
	for i, name := range c.header {
		if slices.Contains(taken, i) {
			continue
		}
		r := rank{named: fits(name, w.name, w.words)}
		texts := map[string]bool{}
		for _, row := range c.rows {
			if i < len(row) && w.reads(row[i]) {
				r.good++
				texts[row[i]] = true
			}
		}
		if w.varied {
			r.distinct = len(texts)
		}
		if 2*r.good >= len(c.rows) && r.above(best) {
			at, best = i, r
		}
	}
	return at, best
}

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

// Words that names of columns often hold, in languages of Europe and America.
var (
	equipmentWords = []string{"equip", "sensor", "device", "machine", "maquina", "máquina", "gerät", "asset"}
	timestampWords = []string{"time", "date", "data", "hora", "zeit", "datum", "fecha"}
	valueWords     = []string{"val", "wert", "reading", "leitura", "medi"}
)

// timeForm is a way in which timestamps are written.
type timeForm struct {
	timestamps, dates string
	parse             func(text string) (time.Time, error)
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

// timeForms are the ways in which timestamps are written, those first that say more.
func timeForms() []timeForm {
	local := func(order reading.DateOrder) func(string) (time.Time, error) {
		return reading.NewLocalClock(time.UTC, order).Parse
	}
	return []timeForm{
		{TimestampsRFC3339, DatesISO, reading.ParseTimestamp},
		{TimestampsLocal, DatesISO, local(reading.YearFirst)},
		{TimestampsLocal, DatesDayFirst, local(reading.DayFirst)},
		{TimestampsLocal, DatesMonthFirst, local(reading.MonthFirst)},
		{TimestampsSeconds, DatesISO, Format{Decimal: DecimalComma}.unix(time.Second)},
		{TimestampsMillis, DatesISO, Format{Decimal: DecimalComma}.unix(time.Millisecond)},
	}
}

// timestamps finds the column of the timestamps.
func (c columnsOf) timestamps(limits reading.Limits) (form timeForm, at int, ok bool) {
	var best rank
	at = -1
	for _, f := range timeForms() {
		column, r := c.find(wanted{
			reads: func(text string) bool { return f.reads(text, limits) }, name: c.given.names()[1], words: timestampWords,
		})
		if column >= 0 && r.above(best) {
			form, at, best = f, column, r
		}
	}
	return form, at, at >= 0
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
		if column, r := c.find(wanted{reads, c.given.names()[2], valueWords, true}, taken); column >= 0 && r.above(best) {
			at, decimal, best = column, mark, r
		}
	}
	return at, decimal, at >= 0
}

// equipment finds the column of the equipment.
func (c columnsOf) equipment(taken ...int) (at int, ok bool) {
	reads := func(text string) bool { _, err := reading.ParseEquipmentID(text); return err == nil }
	at, _ = c.find(wanted{reads, c.given.names()[0], equipmentWords, false}, taken...)
	return at, at >= 0
}
