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
	twoMarks      = []byte("\xef\xbb\xbf\xef\xbb\xbf")
	gzipMagic     = []byte("\x1f\x8b")
	zipMagic      = []byte("PK\x03\x04")
	utf16Marks    = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
	utf32Marks    = [][]byte{[]byte("\xff\xfe\x00\x00"), []byte("\x00\x00\xfe\xff")} // the first begins with one of UTF-16
)

// readHead finds the rows and their columns in the beginning of a file of a format; whole tells that this is the whole file. If the file
// cannot be taken it returns the reason, in one sentence for the client.
func readHead(head []byte, whole bool, f Format) (layout Layout, refusal string) {
	if refusal := notText(head); refusal != "" {
		return Layout{}, refusal
	}
	at, refusal := headerAt(head, f.SkipLines)
	if refusal != "" {
		return Layout{}, refusal
	}
	header, rest, ended := bytes.Cut(bytes.TrimPrefix(head[at:], markAt(at)), []byte("\n"))
	header = bytes.TrimSuffix(header, []byte("\r"))
	switch {
	case bytes.IndexByte(header, 0) >= 0:
		return Layout{}, "the header holds NUL bytes, as UTF-16 and UTF-32 have them; " + saveAsUTF8
	case len(header) > contract.CSVRecordBytesMax || !ended && !whole:
		return Layout{}, fmt.Sprintf("the header is longer than %d bytes; %s", contract.CSVRecordBytesMax, f.headerRule())
	case !utf8.Valid(header):
		return Layout{}, "the header is not UTF-8; " + saveAsUTF8
	}
	if layout, refusal = readHeader(string(header), f); refusal != "" {
		return Layout{}, refusal
	}
	if mostlyNotUTF8(rest, whole) {
		return Layout{}, "the file is not UTF-8; " + saveAsUTF8
	}
	layout.HeaderAt = int64(at)
	return layout, ""
}

// notText says by the first bytes why a file is no text in UTF-8, nothing where it may be one.
func notText(head []byte) (refusal string) {
	switch {
	case len(head) == 0:
		return "the file is empty"
	case bytes.HasPrefix(head, gzipMagic):
		return "the file is compressed with gzip; compress it once, and give it a name that ends in " + contract.CSVPackedSuffix
	case bytes.HasPrefix(head, zipMagic):
		return "the file is a ZIP archive or a workbook; upload it as CSV"
	case bytes.HasPrefix(head, twoMarks):
		return "the file begins with two byte order marks; write it with one or with none (in Python, with the encoding utf-8-sig at one place alone)"
	case bytes.HasPrefix(head, utf32Marks[0]), bytes.HasPrefix(head, utf32Marks[1]):
		return "the file is in UTF-32; " + saveAsUTF8
	case bytes.HasPrefix(head, utf16Marks[0]), bytes.HasPrefix(head, utf16Marks[1]):
		return "the file is in UTF-16; " + saveAsUTF8
	}
	return ""
}

// saveAsUTF8 says how the programs do it that write most such files.
const saveAsUTF8 = `save it as UTF-8: in Excel as "CSV UTF-8", in a text editor with the encoding UTF-8`

// markAt returns the byte order mark that may stand at an offset.
func markAt(offset int) []byte {
	if offset > 0 {
		return nil
	}
	return byteOrderMark
}

// headerAt returns where the header begins, behind lines that are skipped.
func headerAt(head []byte, skipLines int) (at int, refusal string) {
	for n := range skipLines {
		end := bytes.IndexByte(head[at:], '\n')
		if end < 0 {
			return 0, fmt.Sprintf("no header follows line %d in the first %d KiB of the file, though format.skipLines is %d", n+1, headBytes>>10, skipLines)
		}
		at += end + 1
	}
	return at, ""
}

// columnNames are the columns in the order of the Columns fields.
var columnNames = [columnCount]string{reading.FieldEquipmentID, reading.FieldTimestamp, reading.FieldValue}

// headerRule says which columns a header must name.
func (f Format) headerRule() string {
	var names []string
	for _, name := range f.names() {
		if name != "" {
			names = append(names, name)
		}
	}
	last := len(names) - 1
	rule := fmt.Sprintf("expected the columns %s and %s, each once, in any order", strings.Join(names[:last], ", "), names[last])
	if f.OtherColumns == OtherIgnore {
		rule += ", among any others"
	}
	return rule
}

// readHeader finds the columns in the header, or says in one sentence what is wrong with it.
func readHeader(header string, f Format) (Layout, string) {
	refuse := func(problem string) (Layout, string) {
		return Layout{}, fmt.Sprintf("the header %q is wrong: %s; %s", shorten(header), problem, f.headerRule())
	}
	names, err := splitFields(nil, header, f.delimiter())
	if err != nil {
		return refuse(err.Error())
	}
	if f.OtherColumns == OtherIgnore { // delimiters at its end may be more than those of the rows
		for len(names) > 1 && names[len(names)-1] == "" {
			names = names[:len(names)-1]
		}
	}
	columns, problems := findColumns(names, f)
	if len(problems) > 0 {
		const problemsMax = 6
		if more := len(problems) - problemsMax; more > 0 {
			problems = append(problems[:problemsMax], fmt.Sprintf("and %d more", more))
		}
		return refuse(strings.Join(problems, ", "))
	}
	return Layout{Columns: columns, Fields: len(names)}, ""
}

// findColumns finds the columns among the names of a header, and tells what is wrong with these.
func findColumns(names []string, f Format) (c Columns, problems []string) {
	wanted := f.names()
	at := [columnCount]int{-1, -1, -1}
	for i, name := range wanted {
		if name == "" {
			continue
		}
		if at[i] = slices.Index(names, name); at[i] < 0 {
			problems = append(problems, fmt.Sprintf("%s is missing", name))
		} else if slices.Contains(names[at[i]+1:], name) {
			problems = append(problems, fmt.Sprintf("%s occurs twice", name))
		}
	}
	if f.OtherColumns != OtherIgnore {
		for _, name := range names {
			if name == "" || !slices.Contains(wanted[:], name) {
				problems = append(problems, fmt.Sprintf("%q is unknown", shorten(name)))
			}
		}
	}
	return Columns{EquipmentID: at[0], Timestamp: at[1], Value: at[2]}, problems
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
