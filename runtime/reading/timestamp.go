package reading

import (
	"errors"
	"strings"
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
	errTimestampDigit = errors.New("must have at most 9 fractional digits of a second")
	errTimestampYear  = errors.New("must lie between the years 0001 and 9999 in UTC")
)

// errHour is of a key that this service did not write.
var errHour = errors.New("does not name an hour such as 2026-03-01T08")

// timestampShape is the part of a timestamp that has a fixed form; 0 stands for any digit.
const timestampShape = "0000-00-00T00:00:00"

// ParseTimestamp parses an RFC 3339 timestamp with an offset and up to nine fractional digits and returns it in UTC.
// Leap seconds are refused: Go cannot represent them. The error states the rule.
func ParseTimestamp(text string) (time.Time, error) {
	if len(text) <= len(timestampShape) {
		return time.Time{}, errTimestamp
	}
	// RFC 3339 allows a lower-case t and z, Go's parser does not.
	if text[len("0000-00-00")] == 't' || text[len(text)-1] == 'z' {
		text = strings.ToUpper(text)
	}
	fraction, ok := timestampFraction(text)
	if !ok {
		return time.Time{}, errTimestamp
	}
	if len(fraction) > 9 {
		return time.Time{}, errTimestampDigit
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errTimestamp
	}
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errTimestampYear
	}
	return t, nil
}

// timestampFraction returns the fractional digits of a second, and whether the text has the form of RFC 3339 to the letter.
// Go's parser is lenient, UnmarshalText included (https://go.dev/issue/54580): it takes a comma for the point, hours of one
// digit and offsets of 24 hours or 60 minutes.
func timestampFraction(text string) (fraction string, ok bool) {
	if !hasShape(text, timestampShape) {
		return "", false
	}
	rest := text[len(timestampShape):]
	if after, found := strings.CutPrefix(rest, "."); found {
		if fraction = leadingDigits(after); fraction == "" {
			return "", false
		}
		rest = after[len(fraction):]
	}
	if rest == "Z" {
		return fraction, true
	}
	const offset = "+00:00"
	if len(rest) != len(offset) || rest[0] != '+' && rest[0] != '-' || !hasShape(rest[1:], offset[1:]) {
		return "", false
	}
	return fraction, rest[1:3] <= "23" && rest[4:6] <= "59"
}

// hasShape tells whether the text begins like the shape, in which 0 stands for any digit.
func hasShape(text, shape string) bool {
	if len(text) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if shape[i] == '0' && (text[i] < '0' || text[i] > '9') || shape[i] != '0' && text[i] != shape[i] {
			return false
		}
	}
	return true
}

// FormatTimestamp writes t in UTC with nine fractional digits: the form that is stored and whose text order is time order.
func FormatTimestamp(t time.Time) string { return t.UTC().Format(timestampLayout) }

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
