package csvfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
	// leftOut are the names of the other columns, quoted.
	leftOut []string
	// noID says what stands in place of ids in the equipment's column, empty where there are ids.
	noID string
	// withOffset tells that all local times have their offset.
	withOffset bool
	// ambiguous is a date that can be read in another order, empty where something tells the order; whenAt is its column.
	ambiguous string
	whenAt    int

	good, rows int // of the first rows, how many it takes, of how many
}

// guess finds the format that takes most of the rows of a text of whole lines, where it takes at least half of them and more than the
// given one. If there is none it tells how many rows the given one takes.
func guess(text string, given Format, limits reading.Limits) (best guessed, better bool) {
	best.good, best.rows = goodRowsOf(text, given, limits)
	for _, delimiter := range []string{Comma, Semicolon, Tab} {
		t, ok := newSample(text, delimiter)
		if !ok {
			continue
		}
		g, ok := t.guess(given, limits)
		if !ok || g.format.faultsKnown() {
			continue
		}
		g.judge(text, limits)
		if g.good > best.good && 2*g.good >= g.rows {
			best, better = g, true
		}
	}
	return best, better
}

// goodRowsOf counts of how many of the first rows a format makes readings.
func goodRowsOf(text string, f Format, limits reading.Limits) (good, all int) {
	rows, err := previewRows([]byte(text), true, f, limits)
	if err != nil {
		return 0, 0
	}
	for _, row := range rows {
		if len(row.Faults) == 0 {
			good++
		}
	}
	return good, len(rows)
}

// faultsKnown tells whether the format breaks a rule, apart from lacking what only the client knows.
func (f Format) faultsKnown() bool {
	if f.Timezone == "" && f.Timestamps == TimestampsLocal {
		f.Timezone = time.UTC.String()
	}
	return len(f.Faults()) > 0
}

// judge counts how many of the first rows the guess takes, once its ids are ids.
func (g *guessed) judge(text string, limits reading.Limits) {
	f := g.format
	if g.noZone() {
		f.Timezone = time.UTC.String()
	}
	if g.noEquipment || g.noID != "" {
		f.EquipmentID, f.Columns.EquipmentID = "E", ""
	}
	if g.noID != "" {
		f.OtherColumns = OtherIgnore
	}
	if g.headerLine != "" {
		text = g.headerLine + "\n" + text
	}
	g.good, g.rows = goodRowsOf(text, f, limits)
}

// sample is the beginning of a file, cut by one delimiter.
type sample struct {
	delimiter string
	header    []string
	headerAt  int        // the line
	first     string     // the first line of all
	rows      [][]string // behind the header
}

// newSample cuts the lines of a text. Most of its rows have the same width, and the header is the first line that is as wide.
func newSample(text, delimiter string) (sample, bool) {
	lines := strings.Split(text, "\n")
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
	c.unnamed = when.reads(s.header[at], limits)
	value, decimal, ok := c.values(at)
	if !ok {
		return guessed{}, false
	}
	g := guessed{whenAt: at, withOffset: when.withOffset, ambiguous: when.ambiguous, format: Format{
		Delimiter: s.delimiter, Decimal: decimal, EquipmentID: given.EquipmentID, Timestamps: when.timestamps, Dates: when.dates, SkipLines: s.headerAt,
	}}
	equipment := -1
	if given.EquipmentID == "" {
		equipment, g.noID = c.equipment(at, value)
		g.noEquipment = equipment < 0
	}
	g.format.Timezone = zoneOf(when, given)
	columns := Columns{EquipmentID: equipment, Timestamp: at, Value: value}
	if c.unnamed {
		g.headerLine = strings.Join(namesAt(columns, len(s.header)), s.delimiter)
	} else {
		g.format.Columns = namesIn(columns, s.header)
		g.leftOut = s.leftOut(columns)
	}
	g.others = s.otherColumns(columns)
	if g.others != "" {
		g.format.OtherColumns = OtherIgnore
	}
	g.before = s.beforeHeader()
	g.format = g.format.plain()
	return g, true
}

// zoneOf is the zone of local times, as far as it is known. Times that have their offset are the same in any.
func zoneOf(when timeForm, given Format) string {
	switch {
	case when.timestamps != TimestampsLocal:
		return ""
	case given.Timezone == "" && when.withOffset:
		return time.UTC.String()
	default:
		return given.Timezone
	}
}

// leftOut are the names of the columns beside the three, quoted.
func (s sample) leftOut(c Columns) (names []string) {
	for i, name := range s.header {
		if name != "" && i != c.EquipmentID && i != c.Timestamp && i != c.Value {
			names = append(names, fmt.Sprintf("%q", shorten(name)))
		}
	}
	return names
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
		case name != "" || s.holds(i):
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

// holds tells whether anything stands in a column.
func (s sample) holds(column int) bool {
	return slices.ContainsFunc(s.rows, func(row []string) bool { return column < len(row) && strings.Trim(row[column], " ") != "" })
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
	// unnamed tells that the header is the first row.
	unnamed bool
}

// rank is how well a column does: how many rows it can be read in, how well its name fits, and how many different texts it has,
// where that counts.
type rank struct{ good, named, distinct int }

func (r rank) above(o rank) bool {
	return cmp.Or(cmp.Compare(r.good, o.good), cmp.Compare(r.named, o.named), cmp.Compare(r.distinct, o.distinct)) > 0
}

// wanted is what a column is looked for by.
type wanted struct {
	reads func(text string) bool
	// fits tells how well a name does, as rank.named.
	fits func(name string) int
	// not tells of which columns it is none; nil of none.
	not func(column int) bool
	// varied tells that of columns that are alike the one with the most different texts is wanted, and not the first.
	varied bool
}

// find returns the column that does best, of those that can be read in at least half of the rows.
func (c columnsOf) find(w wanted, taken ...int) (at int, best rank) {
	at = -1
	for i, name := range c.header {
		if slices.Contains(taken, i) || name == "" || w.not != nil && w.not(i) {
			continue // a format cannot name a column that has no name
		}
		r := rank{named: w.fits(name)}
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
