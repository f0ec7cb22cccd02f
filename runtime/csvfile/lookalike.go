package csvfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// lookalike tells what a file looks like that its format does not fit: in a sentence that goes on after the reason why it cannot be taken,
// and as a format that takes it better, nil where no format does it alone.
func lookalike(head []byte, whole bool, given Format, limits reading.Limits) (*Format, string) {
	text, repair := repaired(head)
	found, ok := guess(text, whole, given, limits)
	var hints []string
	if repair != "" {
		hints = append(hints, repair)
	}
	if ok {
		hints = append(hints, found.advice(given))
	}
	hint := strings.Join(hints, "; ")
	if !ok || found.headerLine != "" || text != string(bytes.TrimPrefix(head, byteOrderMark)) {
		return nil, hint
	}
	return &found.format, hint
}

// repaired returns the beginning of a file as it would be in UTF-8 with an LF at the end of each line, and what to do about its line
// ends where these are wrong.
func repaired(head []byte) (text, repair string) {
	switch {
	case bytes.HasPrefix(head, utf16Marks[0]):
		text = fromUTF16(head[2:], 0)
	case bytes.HasPrefix(head, utf16Marks[1]):
		text = fromUTF16(head[2:], 1)
	case len(head) > 1 && head[1] == 0:
		text = fromUTF16(head, 0)
	case len(head) > 0 && head[0] == 0:
		text = fromUTF16(head, 1)
	default:
		text = string(bytes.TrimPrefix(head, byteOrderMark))
	}
	if line, _, _ := strings.Cut(text, "\n"); !utf8.ValidString(line) || mostlyNotUTF8([]byte(text), false) {
		text = fromLatin1(text)
	}
	switch {
	case strings.Contains(text, "\r\r\n"):
		return strings.ReplaceAll(text, "\r\r\n", "\r\n"),
			"its lines end in CR CR LF, of which one CR was added by mistake: write it with CRLF (in Python, open it with newline='')"
	case strings.Contains(text, "\r") && !strings.Contains(text, "\n"):
		return strings.ReplaceAll(text, "\r", "\n"),
			`its lines end in CR alone, as on old Macs: save it with LF or CRLF (in Excel as "CSV UTF-8" and not as "CSV (Macintosh)")`
	}
	return text, ""
}

// fromUTF16 decodes UTF-16 whose lower bytes stand at even (0) or odd (1) offsets.
func fromUTF16(data []byte, low int) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i+low])|uint16(data[i+1-low])<<8)
	}
	return string(utf16.Decode(units))
}

// fromLatin1 decodes a text of one byte a character, as spreadsheets of Western Europe and America write it.
func fromLatin1(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

// unknowns are what the format lacks and only the client knows, each with a place in it.
func (g guessed) unknowns() (shown Format, what []string) {
	shown = g.format
	if shown.Timestamps == TimestampsLocal && shown.Timezone == "" {
		shown.Timezone = unknown
		what = append(what, "the name of your time zone, such as America/Sao_Paulo")
	}
	if g.noEquipment {
		shown.EquipmentID = unknown
		what = append(what, "the equipment that the values are of")
	}
	return shown, what
}

// unknown stands in a format for what only the client knows. It is no valid value, so that nobody sends it by mistake.
const unknown = "…"

// advice says in one sentence what the file looks like and what to do about it.
func (g guessed) advice(given Format) string {
	var steps []string
	if g.headerLine != "" {
		steps = append(steps, fmt.Sprintf("put the line %q before its first row", g.headerLine))
	}
	if shown, what := g.unknowns(); shown != given.plain() {
		step := "send it with the format " + shown.Text()
		if len(what) > 0 {
			step += ", where " + unknown + " is " + list(what)
		}
		steps = append(steps, step)
	}
	return "it looks like a file with " + list(g.differences(given)) + ": " + list(steps)
}

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
	add(is.Delimiter != was.Delimiter, map[string]string{"": "commas", Semicolon: "semicolons", Tab: "tabs"}[is.Delimiter]+" between its fields")
	add(is.Columns != was.Columns, "other names of columns")
	add(g.noEquipment, "no column for the equipment")
	add(is.OtherColumns != was.OtherColumns, g.others)
	add(is.Decimal != was.Decimal, map[string]string{"": "decimal points", DecimalComma: "decimal commas"}[is.Decimal])
	add(is.Timestamps != was.Timestamps, map[string]string{
		"": "timestamps of RFC 3339", TimestampsLocal: "times without an offset", TimestampsSeconds: "times in seconds since 1970",
		TimestampsMillis: "times in milliseconds since 1970",
	}[is.Timestamps])
	add(is.Dates != was.Dates, map[string]string{
		"": "dates as year-month-day", DatesDayFirst: "dates as day/month/year", DatesMonthFirst: "dates as month/day/year",
	}[is.Dates])
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
