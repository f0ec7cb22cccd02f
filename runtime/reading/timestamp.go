package reading

import (
	"errors"
	"strings"
	"time"
)

// timestampLayout is fixed in width, so that text order is time order.
const timestampLayout = "2006-01-02T15:04:05.000000000Z"

// hourLayout names a full UTC hour in sort keys; text order is time order.
const (
	hourLayout = "2006-01-02T15"
	dayLayout  = "2006-01-02"
)

var (
	errTimestamp      = errors.New("must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00")
	errTimestampDigit = errors.New("must have at most 9 fractional digits of a second")
	errTimestampYear  = errors.New("must lie between the years 0001 and 9999 in UTC")
)

// ParseTimestamp parses an RFC 3339 timestamp with an offset and up to nine fractional digits and returns it in UTC.
// Leap seconds are refused, since UTC as Go and DynamoDB's neighbours count it has none. The error states the rule.
func ParseTimestamp(text string) (time.Time, error) {
	// "2006-01-02T15:04:05" and an offset are the least; RFC 3339 allows a lower-case t and z, Go's parser does not.
	const dateTimeChars = len("2006-01-02T15:04:05")
	if len(text) <= dateTimeChars {
		return time.Time{}, errTimestamp
	}
	if text[10] == 't' || text[len(text)-1] == 'z' {
		text = strings.ToUpper(text)
	}
	var t time.Time
	// UnmarshalText is the strict form: Parse also takes hours of one digit, commas and offsets out of range.
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return time.Time{}, errTimestamp
	}
	if text[dateTimeChars] == '.' && len(leadingDigits(text[dateTimeChars+1:])) > 9 {
		return time.Time{}, errTimestampDigit
	}
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errTimestampYear
	}
	return t, nil
}

// FormatTimestamp writes t in UTC with nine fractional digits: the form that is stored and whose text order is time order.
func FormatTimestamp(t time.Time) string { return t.UTC().Format(timestampLayout) }

// Hour returns the start of the full UTC hour that holds t.
func Hour(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// Day returns the start of the UTC day that holds t.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// FormatHour names the UTC hour that holds t, such as 2026-03-01T08; text order is time order.
func FormatHour(t time.Time) string { return t.UTC().Format(hourLayout) }

// FormatDay names the UTC day that holds t, such as 2026-03-01; text order is time order.
func FormatDay(t time.Time) string { return t.UTC().Format(dayLayout) }
