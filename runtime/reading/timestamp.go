package reading

import (
	"errors"
	"time"
)

// timestampLayout is fixed in width, so that text order is time order.
const timestampLayout = "2006-01-02T15:04:05.000000000Z"

// The layouts of hours, days and minutes in sort keys; text order is time order.
const (
	hourLayout   = "2006-01-02T15"
	dayLayout    = "2006-01-02"
	minuteLayout = "2006-01-02T15:04"
)

var (
	errTimestamp      = errors.New("must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00")
	errTimestampDay   = errors.New("must name a day of the calendar; there is no such day in that month")
	errTimestampLeap  = errors.New("must have less than 60 seconds; leap seconds are not taken")
	errTimestampDigit = errors.New("must have at most 9 fractional digits of a second")
	errTimestampYear  = errors.New("must lie between the years 0001 and 9999 in UTC")
)

// errHour is of a key that this service did not write.
var errHour = errors.New("does not name an hour such as 2026-03-01T08")

// ParseTimestamp parses an RFC 3339 timestamp with an offset and up to nine fractional digits and returns it in UTC.
// Leap seconds are refused: Go cannot represent them. The error states the rule.
//
// time.Parse is lenient, UnmarshalText included (https://go.dev/issue/54580): it takes a comma for the point, hours of one digit
// and offsets of 24 hours or 60 minutes. And it takes twice as long.
func ParseTimestamp(text string) (time.Time, error) {
	t, err := wholeSeconds(text)
	if err != nil {
		return time.Time{}, timestampError(err, text)
	}
	rest, nanoseconds, digits := text[timestampWhole:], 0, 0
	if rest[0] == '.' {
		if nanoseconds, digits = fraction(rest[1:]); digits == 0 {
			return time.Time{}, errTimestamp
		}
		rest = rest[1+digits:]
	}
	offset, ok := offsetOf(rest)
	if !ok {
		return time.Time{}, timestampError(errTimestamp, text)
	}
	if digits > fractionDigitsMax {
		return time.Time{}, errTimestampDigit
	}
	if more := time.Duration(nanoseconds) - offset; more != 0 {
		t = t.Add(more)
	}
	return withinYears(t)
}

// wholeSeconds reads a timestamp up to its whole seconds, as if it was of UTC. Something follows them.
func wholeSeconds(text string) (time.Time, error) {
	if len(text) <= timestampWhole || !separated(text) {
		return time.Time{}, errTimestamp
	}
	year, month, day := 100*twoDigits(text, 0)+twoDigits(text, 2), twoDigits(text, 5), twoDigits(text, 8)
	hour, minute, second := twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)
	if !validDate(year, month, day) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, whyNoTime(year, month, day, second)
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), nil
}

// timestampWhole is the length of a timestamp up to its whole seconds.
const timestampWhole = len("2006-01-02T15:04:05")

// separated tells whether between the numbers of a timestamp stands what must.
func separated(text string) bool {
	return text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') && text[13] == ':' && text[16] == ':'
}

func validDate(year, month, day int) bool {
	return year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && (day <= 28 || day <= daysOf(year, month))
}

// offsetOf reads the end of a timestamp: Z, or an offset of less than a day.
func offsetOf(text string) (offset time.Duration, ok bool) {
	if text == "Z" || text == "z" { // RFC 3339 allows both
		return 0, true
	}
	if len(text) != len("+00:00") || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, minutes := twoDigits(text, 1), twoDigits(text, 4)
	if offset = time.Duration(60*hours+minutes) * time.Minute; text[0] == '-' {
		offset = -offset
	}
	return offset, hours <= 23 && minutes <= 59
}

// whyNoTime says what is wrong with the numbers of a timestamp.
func whyNoTime(year, month, day, second int) error {
	switch {
	case year <= 9999 && 1 <= month && month <= 12 && daysOf(year, month) < day && day <= 31:
		return errTimestampDay
	case second == 60:
		return errTimestampLeap
	default:
		return errTimestamp
	}
}

// twoDigits returns the number that two characters make, and one above all of two digits where they are none.
func twoDigits(text string, at int) int {
	const none = 1 << 20
	tens, ones := text[at]-'0', text[at+1]-'0'
	if tens > 9 || ones > 9 {
		return none
	}
	return 10*int(tens) + int(ones)
}

// daysOf is how many days a month has.
func daysOf(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4, month == 6, month == 9, month == 11:
		return 30
	default:
		return 31
	}
}

// fractionDigitsMax is how many digits nanoseconds have.
const fractionDigitsMax = 9

// fraction reads the digits of a fraction of a second, of which there may be more than nanoseconds have.
func fraction(text string) (nanoseconds, digits int) {
	for digits < len(text) && text[digits]-'0' <= 9 {
		if digits < fractionDigitsMax {
			nanoseconds = 10*nanoseconds + int(text[digits]-'0')
		}
		digits++
	}
	for n := digits; n < fractionDigitsMax; n++ {
		nanoseconds *= 10
	}
	return nanoseconds, digits
}

// FormatTimestamp writes t in UTC with nine fractional digits: the form that is stored and whose text order is time order.
func FormatTimestamp(t time.Time) string {
	var text [timestampChars]byte
	return string(AppendTimestamp(text[:0], t))
}

// timestampChars is the length of what FormatTimestamp writes.
const timestampChars = len("2006-01-02T15:04:05.000000000Z")

// AppendTimestamp appends to dst what FormatTimestamp returns. It takes a third of the time that the same layout takes.
func AppendTimestamp(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, timestampLayout)
	}
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), int(month))
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), hour)
	dst = appendTwo(append(dst, ':'), minute)
	dst = appendTwo(append(dst, ':'), second)
	dst = append(dst, ".000000000Z"...)
	for i, n := len(dst)-2, t.Nanosecond(); n > 0; i, n = i-1, n/10 {
		dst[i] = decimalDigits[n%10]
	}
	return dst
}

const decimalDigits = "0123456789"

// appendTwo appends two digits.
func appendTwo(dst []byte, n int) []byte {
	return append(dst, decimalDigits[n/10], decimalDigits[n%10])
}

// Hour returns the start of the full UTC hour that holds t.
func Hour(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// Day returns the start of the UTC day that holds t.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// FormatHour names the UTC hour that holds t, such as 2026-03-01T08; text order is time order.
func FormatHour(t time.Time) string { return t.UTC().Format(hourLayout) }

// ParseHour parses the name of an hour as FormatHour writes it.
func ParseHour(text string) (time.Time, error) {
	t, err := time.Parse(hourLayout, text)
	if err != nil || FormatHour(t) != text {
		return time.Time{}, errHour
	}
	return t, nil
}

// FormatMinute names the UTC minute that holds t, such as 2026-03-01T08:05; text order is time order.
func FormatMinute(t time.Time) string { return t.UTC().Format(minuteLayout) }

// FormatDay names the UTC day that holds t, such as 2026-03-01; text order is time order.
func FormatDay(t time.Time) string { return t.UTC().Format(dayLayout) }
