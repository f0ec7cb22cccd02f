package reading

import (
	"fmt"
	"strings"
	"time"
)

// withHint adds to a rule what the text that breaks it looks like.
func withHint(rule error, hint string) error {
	if hint == "" {
		return rule
	}
	return fmt.Errorf("%w; %s", rule, hint)
}

// timestampHint says what a text looks like that is no timestamp, and is empty where nothing is to be said. A clock of YearFirst reads
// what RFC 3339 has, too.
func (c *LocalClock) timestampHint(text string) string {
	if text == "" {
		return hintEmpty
	}
	if dateAlone(text) {
		return "it is a date without a time of day"
	}
	at, offset := shortOffset(text)
	if offset == "" {
		return ""
	}
	if _, err := c.Parse(text[:at] + offset); err != nil {
		return ""
	}
	return "write its offset with hours and minutes, " + offset
}

// dateAlone tells whether a text is a day of the calendar and nothing else, in any order of dates.
func dateAlone(text string) bool {
	for _, order := range []DateOrder{YearFirst, DayFirst, MonthFirst} {
		if d, rest, ok := cutDate(text, order); ok && rest == "" && validDate(d.year, d.month, d.day) {
			return true
		}
	}
	return false
}

// shortOffset finds an offset at the end of a time that is written as +03 or +0300, and writes it as +03:00. It is empty where there is
// none.
func shortOffset(text string) (at int, offset string) {
	at = strings.LastIndexAny(text, "+-")
	if at < 0 || strings.IndexByte(text[:at], ':') < 0 { // the mark stands in the date
		return 0, ""
	}
	switch sign, digits := text[at:at+1], text[at+1:]; len(digits) {
	case len("03"):
		return at, sign + digits + ":00"
	case len("0300"):
		return at, sign + digits[:2] + ":" + digits[2:]
	default:
		return 0, ""
	}
}

// timestampError is a rule that a text breaks as a timestamp of RFC 3339, with what it looks like.
func timestampError(rule error, text string) error {
	return withHint(rule, NewLocalClock(time.UTC, YearFirst).timestampHint(text))
}

// unixHint says what a text looks like that is no count since 1970.
func unixHint(text string) string {
	if text == "" {
		return hintEmpty
	}
	if _, err := scanNumber(text); err == nil && strings.ContainsAny(text, "eE") {
		return "write it without an exponent, which may have cost it digits"
	}
	return ""
}

// HintNotFinite is said of what NotFinite finds.
const HintNotFinite = "NaN and infinities are not taken"

const hintEmpty = "it is empty"

// hintCharsMax bounds the texts that NumberHint repeats.
const hintCharsMax = 64

// NumberHint says what a text looks like that is no number whose decimal mark is a point, and how to write it. It is empty where
// nothing is to be said.
func NumberHint(text string) string { return numberHint(text, ".") }

// numberHint is NumberHint for any decimal mark.
func numberHint(text, decimal string) string {
	if text == "" {
		return hintEmpty
	}
	if NotFinite(strings.TrimLeft(text, "+-")) {
		return HintNotFinite
	}
	if len(text) > hintCharsMax {
		return ""
	}
	sign, rest := "", text
	if rest[0] == '-' || rest[0] == '+' {
		sign, rest = strings.TrimPrefix(rest[:1], "+"), rest[1:]
	}
	if plain, ok := ungrouped(rest, decimal); ok {
		return "write it as " + sign + plain
	}
	whole, fraction, _ := strings.Cut(rest, decimal)
	if whole+fraction == "" || leadingDigits(whole) != whole || leadingDigits(fraction) != fraction {
		return ""
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = decimal + fraction
	}
	return "write it as " + sign + whole + fraction
}

// NotFinite tells whether a text is what programs write in place of a number that is none or has no bounds, without its sign.
func NotFinite(text string) bool {
	for _, word := range []string{"nan", "inf", "infinity", "∞"} {
		if strings.EqualFold(text, word) {
			return true
		}
	}
	return false
}

// groupMarks are what people write between groups of three digits.
var groupMarks = []string{".", ",", " ", "'", "’", "_", "\u00a0", "\u202f"}

// ungrouped writes a number without sign and without the marks between its groups of three digits. ok is false where there are none, and
// where the one mark may as well be the decimal one.
func ungrouped(text, decimal string) (plain string, ok bool) {
	whole, rest, mark, groups := cutGroups(text)
	switch {
	case groups == 0, groups == 1 && rest == "" && (mark == "." || mark == ","):
		return "", false
	case rest == "":
		return whole, true
	}
	fraction := rest[1:]
	if rest[0] != '.' && rest[0] != ',' || fraction == "" || leadingDigits(fraction) != fraction {
		return "", false
	}
	return whole + decimal + fraction, true
}

// cutGroups cuts groups of digits with one mark between them off the front of a text, and joins them. There are none where one of them has
// other than three digits; the first may have fewer.
func cutGroups(text string) (whole, rest, mark string, groups int) {
	whole = leadingDigits(text)
	if whole == "" || len(whole) > 3 || whole[0] == '0' {
		return "", text, "", 0
	}
	rest = text[len(whole):]
	for _, m := range groupMarks {
		if strings.HasPrefix(rest, m) {
			mark = m
		}
	}
	for mark != "" && strings.HasPrefix(rest, mark) {
		group := leadingDigits(rest[len(mark):])
		if len(group) != 3 {
			return "", text, "", 0
		}
		whole, rest, groups = whole+group, rest[len(mark)+len(group):], groups+1
	}
	return whole, rest, mark, groups
}
