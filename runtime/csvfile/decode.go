package csvfile

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// repaired returns the beginning of a file as it would be in UTF-8 with an LF at the end of each line, and what to do about its line
// ends where these are wrong.
func repaired(head []byte) (text, repair string) {
	text = decoded(head)
	if line, rest, _ := strings.Cut(text, "\n"); !utf8.ValidString(line) || mostlyNotUTF8([]byte(rest), true) {
		text = fromWindows(text)
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

// decoded undoes UTF-32 and UTF-16, with a mark or without, and takes marks of UTF-8 off.
func decoded(head []byte) string {
	zero := func(at int) bool { return len(head) > at && head[at] == 0 }
	switch {
	case bytes.HasPrefix(head, utf32Marks[0]), !zero(0) && zero(1) && zero(2) && zero(3):
		return fromUTF32(bytes.TrimPrefix(head, utf32Marks[0]), binary.LittleEndian)
	case bytes.HasPrefix(head, utf32Marks[1]), zero(0) && zero(1) && zero(2):
		return fromUTF32(bytes.TrimPrefix(head, utf32Marks[1]), binary.BigEndian)
	case bytes.HasPrefix(head, utf16Marks[0]), zero(1):
		return fromUTF16(bytes.TrimPrefix(head, utf16Marks[0]), binary.LittleEndian)
	case bytes.HasPrefix(head, utf16Marks[1]), zero(0):
		return fromUTF16(bytes.TrimPrefix(head, utf16Marks[1]), binary.BigEndian)
	}
	for bytes.HasPrefix(head, byteOrderMark) {
		head = head[len(byteOrderMark):]
	}
	return string(head)
}

func fromUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) > 1; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return string(utf16.Decode(units))
}

func fromUTF32(data []byte, order binary.ByteOrder) string {
	var b strings.Builder
	for ; len(data) > 3; data = data[4:] {
		char := order.Uint32(data)
		if char > utf8.MaxRune {
			char = utf8.RuneError
		}
		b.WriteRune(rune(char)) // of no character, the mark of one that is wrong
	}
	return b.String()
}

// windows1252 are the characters of Windows-1252 from 0x80 to 0x9f, where it differs from Latin-1.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// fromWindows decodes a text of one byte a character, as spreadsheets of Western Europe and America write it.
func fromWindows(text string) string {
	const first, last = 0x80, 0x9f
	runes, differ := make([]rune, len(text)), []rune(windows1252)
	for i := range len(text) {
		if runes[i] = rune(text[i]); first <= text[i] && text[i] <= last {
			runes[i] = differ[text[i]-first]
		}
	}
	return string(runes)
}
