package csvfile

import (
	"math/bits"
	"regexp"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// mend changes a text that no format takes such that one may, and says what to do to the file.
type mend struct {
	of     func(text string) string
	advice string
}

var mends = []mend{
	{withSemicolons, "it looks like a file with | between its fields: put another delimiter in its place, such as a semicolon"},
	{withCommas, "it looks like a file with | between its fields: put another delimiter in its place, such as a comma"},
	{blankless, "it looks like a file with blanks beside its delimiters: remove them"},
	{in24Hours, "it looks like a file with AM and PM in its times: write them with 24 hours, such as 14:30"},
	{withCenturies, "it looks like a file with years of two digits: write them with four, such as 2026"},
	{withOneTime, "it looks like a file with date and time in two columns: put them into one, with a blank between them"},
	{withFirstName, `it looks like a file with no name of its first column: give it one, such as "index"`},
}

// mendedGuess is what a mended text looks like.
type mendedGuess struct {
	text   string
	advice []string // what to do to the file; none where nothing was mended
	found  *guessed // nil where the given format takes the mended text
}

// Bounds of the work on a file that nothing can be said of: each set of mends is another guess.
const (
	mendsMax     = 2
	mendBytesMax = 8 << 10 // of whole lines
)

// guessMended finds the fewest mends after which a format takes most of the first rows, and that format.
func guessMended(text string, given Format, limits reading.Limits) (mendedGuess, bool) {
	unmended := mendedGuess{text: text}
	if unmended.guess(text, given, limits) {
		return unmended, true
	}
	if len(text) > mendBytesMax {
		text = text[:strings.LastIndexByte(text[:mendBytesMax], '\n')+1]
	}
	for count := 1; count <= mendsMax; count++ {
		for set := range uint(1) << len(mends) {
			if bits.OnesCount(set) != count {
				continue
			}
			if m, ok := mendBy(set, text); ok && m.guess(text, given, limits) {
				return m, true
			}
		}
	}
	return mendedGuess{}, false
}

// mendBy applies a set of mends; ok tells that each of them changes something.
func mendBy(set uint, text string) (m mendedGuess, ok bool) {
	m.text = text
	for i, one := range mends {
		if set&(1<<i) == 0 {
			continue
		}
		after := one.of(m.text)
		if after == m.text {
			return mendedGuess{}, false
		}
		m.text, m.advice = after, append(m.advice, one.advice)
	}
	return m, true
}

// guess tells whether a format takes the mended text better than the given one takes the text as it was.
func (m *mendedGuess) guess(text string, given Format, limits reading.Limits) bool {
	g, better := guess(m.text, given, limits)
	if better {
		m.found = &g
		return true
	}
	before, _ := goodRowsOf(text, given, limits)
	return len(m.advice) > 0 && g.good > before && 2*g.good >= g.rows
}

// firstLines returns the lines at the beginning of a text that guesses are made by. A line that is cut off is left out.
func firstLines(text string, whole bool) string {
	const linesMax = contract.CSVSkipLinesMax + contract.CSVPreviewRows
	if len(text) > headBytes {
		text, whole = text[:headBytes], false
	}
	if !whole {
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	at := 0
	for range linesMax {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return text
		}
		at += end + 1
	}
	return text[:at]
}

// withSemicolons puts them in the place of bars in a text that has commas, which may be decimal ones; withCommas does it with commas where
// there are none.
func withSemicolons(text string) string {
	if strings.Contains(text, Comma) {
		return strings.ReplaceAll(text, "|", Semicolon)
	}
	return text
}

func withCommas(text string) string {
	if !strings.Contains(text, Comma) {
		return strings.ReplaceAll(text, "|", Comma)
	}
	return text
}

var blanksBeside = regexp.MustCompile(`(?m) *([,;\t|]) *|^ +| +(\r?)$`)

func blankless(text string) string { return blanksBeside.ReplaceAllString(text, "$1$2") }

// halfDay is a time with AM or PM, which some languages write with points, and some programs with a narrow blank before it.
var halfDay = regexp.MustCompile(`(?i)\b(1[0-2]|0?[0-9])(:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)[ \x{a0}\x{202f}]?([ap])\.?[ \x{a0}]?m\b\.?`)

func in24Hours(text string) string {
	return halfDay.ReplaceAllStringFunc(text, func(time string) string {
		parts := halfDay.FindStringSubmatch(time)
		hour, _ := strconv.Atoi(parts[1]) // digits
		if hour %= 12; strings.EqualFold(parts[3], "p") {
			hour += 12
		}
		two := strconv.Itoa(100 + hour)[1:]
		return two + parts[2]
	})
}

var shortYear = regexp.MustCompile(`\b([0-9]{1,2})([/.])([0-9]{1,2})([/.])([0-9]{2})([ T][0-9]{1,2}:)`)

func withCenturies(text string) string { return shortYear.ReplaceAllString(text, "$1$2$3${4}20$5$6") }

// dateThenTime is a date in a field before one of a time.
var dateThenTime = regexp.MustCompile(`([0-9][/.-][0-9]{1,4})"?[,;\t]"?([0-9]{1,2}:[0-9]{2})`)

// withOneTime puts a column of dates and the column of times behind it into one, also in the header.
func withOneTime(text string) string {
	at := dateThenTime.FindStringSubmatchIndex(text)
	if at == nil {
		return text
	}
	begin := strings.LastIndexByte(text[:at[0]], '\n') + 1
	delimiter := strings.Trim(text[at[3]:at[4]], `"`)
	column := strings.Count(text[begin:at[3]], delimiter)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if joined := dateThenTime.ReplaceAllString(line, "$1 $2"); joined != line {
			lines[i] = joined
			continue
		}
		if fields := strings.Split(line, delimiter); len(fields) > column+1 {
			fields[column] = strings.Replace(fields[column]+" "+fields[column+1], `" "`, " ", 1)
			lines[i] = strings.Join(append(fields[:column+1], fields[column+2:]...), delimiter)
		}
	}
	return strings.Join(lines, "\n")
}

// withFirstName names the column in which pandas writes an index that has no name.
func withFirstName(text string) string {
	if text != "" && strings.ContainsAny(text[:1], ",;\t") {
		return "index" + text
	}
	return text
}
