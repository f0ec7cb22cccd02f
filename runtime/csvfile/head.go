package csvfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// headBytes is how much of a file is looked at before it is planned.
const headBytes = 64 << 10

// The first bytes of files that are not CSV in UTF-8.
var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	gzipMagic     = []byte("\x1f\x8b")
	zipMagic      = []byte("PK\x03\x04")
	utf16Marks    = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
)

// readHead finds the columns in the beginning of a file; whole tells that this is the whole file. If the file cannot be taken
// it returns the reason, in one sentence for the client.
func readHead(head []byte, whole bool) (columns Columns, refusal string) {
	switch {
	case len(head) == 0:
		return Columns{}, "the file is empty"
	case bytes.HasPrefix(head, gzipMagic):
		return Columns{}, "the file is compressed with gzip; compress it once, and give it a name that ends in " + contract.CSVPackedSuffix
	case bytes.HasPrefix(head, zipMagic):
		return Columns{}, "the file is a ZIP archive or a workbook; upload it as CSV"
	case bytes.HasPrefix(head, utf16Marks[0]), bytes.HasPrefix(head, utf16Marks[1]):
		return Columns{}, "the file is in UTF-16; save it as UTF-8"
	}
	header, rest, ended := bytes.Cut(bytes.TrimPrefix(head, byteOrderMark), []byte("\n"))
	header = bytes.TrimSuffix(header, []byte("\r"))
	switch {
	case bytes.IndexByte(header, 0) >= 0:
		return Columns{}, "the header holds NUL bytes, as UTF-16 has them; save the file as UTF-8"
	case len(header) > contract.CSVRecordBytesMax || !ended && !whole:
		return Columns{}, fmt.Sprintf("the header is longer than %d bytes; %s", contract.CSVRecordBytesMax, headerRule)
	case !utf8.Valid(header):
		return Columns{}, "the header is not UTF-8; save the file as UTF-8"
	}
	if columns, refusal = readHeader(string(header)); refusal != "" {
		return Columns{}, refusal
	}
	if mostlyNotUTF8(rest, whole) {
		return Columns{}, "the file is not UTF-8; save it as UTF-8"
	}
	return columns, ""
}

// columnNames are the columns in the order of the Columns fields.
var columnNames = [columnCount]string{reading.FieldEquipmentID, reading.FieldTimestamp, reading.FieldValue}

var headerRule = fmt.Sprintf("expected the columns %s, %s and %s, each once, in any order", columnNames[0], columnNames[1], columnNames[2])

// readHeader finds the columns in the header, or says in one sentence what is wrong with it.
func readHeader(header string) (Columns, string) {
	refuse := func(problem string) (Columns, string) {
		return Columns{}, fmt.Sprintf("the header %q is wrong: %s; %s", shorten(header), problem, headerRule)
	}
	names, err := splitFields(nil, header)
	if err != nil {
		return refuse(err.Error())
	}
	var at [columnCount]int
	var problems []string
	for i, name := range columnNames {
		if at[i] = slices.Index(names, name); at[i] < 0 {
			problems = append(problems, fmt.Sprintf("%s is missing", name))
		} else if slices.Contains(names[at[i]+1:], name) {
			problems = append(problems, fmt.Sprintf("%s occurs twice", name))
		}
	}
	for _, name := range names {
		if !slices.Contains(columnNames[:], name) {
			problems = append(problems, fmt.Sprintf("%q is unknown", shorten(name)))
		}
	}
	if len(problems) > 0 {
		const problemsMax = 6
		if more := len(problems) - problemsMax; more > 0 {
			problems = append(problems[:problemsMax], fmt.Sprintf("and %d more", more))
		}
		return refuse(strings.Join(problems, ", "))
	}
	return Columns{EquipmentID: at[0], Timestamp: at[1], Value: at[2]}, ""
}

// shorten cuts a text of the client's down to what a sentence can quote.
func shorten(text string) string {
	const charsMax = 80
	if runes := []rune(text); len(runes) > charsMax {
		return string(runes[:charsMax]) + "…"
	}
	return text
}

// mostlyNotUTF8 tells whether more than half of the lines are not UTF-8: then the file is in another encoding, whereas a few
// such lines are rejected one by one.
func mostlyNotUTF8(lines []byte, whole bool) bool {
	total, bad := 0, 0
	for len(lines) > 0 {
		line, rest, ended := bytes.Cut(lines, []byte("\n"))
		if !ended && !whole {
			break // cut off anywhere, also inside a character
		}
		if lines = rest; len(bytes.TrimSuffix(line, []byte("\r"))) == 0 {
			continue
		}
		if total++; !utf8.Valid(line) {
			bad++
		}
	}
	return 2*bad > total
}
