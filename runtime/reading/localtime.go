package reading

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DateOrder is the order in which a local date names its parts.
type DateOrder int

// The orders of dates: 2026-11-25, 25/11/2026 and 11/25/2026.
const (
	YearFirst DateOrder = iota
	DayFirst
	MonthFirst
)

var (
	errLocal = errors.New("must be a local time such as 2026-11-25T14:30 or 2026-11-25 14:30:05.5, or one with its offset, such as 2026-11-25T14:30-03:00")
	errDMY   = errors.New("must be a local time with day, month and year, such as 25/11/2026 14:30 or 25/11/2026 14:30:05")
	errMDY   = errors.New("must be a local time with month, day and year, such as 11/25/2026 14:30 or 11/25/2026 14:30:05")
	errUnix  = errors.New("must be a count since 1970 in digits, such as 1772353800 seconds or 1772353800000 milliseconds")
	errZone  = errors.New("must be the name of a time zone of the IANA, such as America/Sao_Paulo")
)

// ParseZone returns the time zone of an IANA name. The error states the rule. A program that calls it imports time/tzdata, since
// the image that is deployed holds the program alone.
func ParseZone(name string) (*time.Location, error) {
	// The package time takes this for the machine's own zone, which says nothing to a client. That zone's name may be UTC: in an image
	// without files, and in a function of Lambda.
	const machines = "Local"
	// All names of the IANA begin with a capital letter. What else lies among a machine's zones (posix/, right/, localtime) are other
	// countings of its own, which another machine does not have.
	if name == "" || name == machines || name[0] < 'A' || name[0] > 'Z' {
		return nil, errZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	return zone, nil
}

// ZoneBounds returns a stretch of time that holds t, in which a zone's clock is not changed; a zero time leaves that end open. It is
// Time.ZoneBounds, of which the end always lies after t: on the last day of a leap year after 2037, that one names the day's beginning,
// since it takes every year for one of 365 days, and who goes on from there never arrives.
func ZoneBounds(t time.Time, zone *time.Location) (since, until time.Time) {
	since, until = t.In(zone).ZoneBounds()
	if !until.IsZero() && !until.After(t) {
		until = time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	return since, until
}

// LocalClock reads times as the clocks of one time zone show them. It is not safe for concurrent use.
type LocalClock struct {
	zone  *time.Location
	order DateOrder
	// From first to last, in seconds as the clock shows them, the clock has this offset alone and is not changed.
	first, last, offset int64
}

// NewLocalClock returns a LocalClock that reads dates in an order.
func NewLocalClock(zone *time.Location, order DateOrder) *LocalClock {
	return &LocalClock{zone: zone, order: order, first: 1}
}

// Parse reads a local time: a date, T or a blank, hours and minutes, and maybe seconds with up to nine digits of a fraction. A time
// that the clock does not show because it is put forward, or shows twice because it is put back, is an error; the error states the
// rule that is broken.
//
// Behind the time may stand the offset that is meant, or Z. It is then taken whatever the clock shows, and its date may begin with the
// year in any order of dates, as RFC 3339 has it.
func (c *LocalClock) Parse(text string) (time.Time, error) {
	local, offset, given := cutOffset(text)
	order := c.order
	if _, _, ok := cutDate(local, YearFirst); given && ok {
		order = YearFirst
	}
	shown, nanosecond, err := c.read(local, order)
	if err != nil {
		return time.Time{}, withHint(err, c.timestampHint(text))
	}
	at := shown - offset
	if !given {
		if at, err = c.instant(shown); err != nil {
			return time.Time{}, err
		}
	}
	return withinYears(time.Unix(at, int64(nanosecond)).UTC())
}

// cutOffset cuts an offset, in seconds, off the end of a local time.
func cutOffset(text string) (local string, offset int64, given bool) {
	for _, width := range []int{len("Z"), len("+00:00")} {
		if at := len(text) - width; at > 0 {
			if offset, ok := offsetOf(text[at:]); ok {
				return text[:at], int64(offset / time.Second), true
			}
		}
	}
	return text, 0, false
}

// read returns the Unix second that a local time without an offset would name in UTC, and its fraction.
func (c *LocalClock) read(text string, order DateOrder) (shown int64, nanosecond int, err error) {
	date, rest, ok := cutDate(text, order)
	if !ok || rest == "" || rest[0] != ' ' && rest[0] != 'T' && rest[0] != 't' {
		return 0, 0, c.formError()
	}
	clock, digits, ok := readClock(rest[1:], order != YearFirst)
	if !ok {
		return 0, 0, c.formError()
	}
	if digits > fractionDigitsMax {
		return 0, 0, errTimestampDigit
	}
	if !validDate(date.year, date.month, date.day) || !clock.valid() {
		err := whyNoTime(date.year, date.month, date.day, clock.second)
		if errors.Is(err, errTimestamp) {
			err = c.formError()
		}
		return 0, 0, err
	}
	at := time.Date(date.year, time.Month(date.month), date.day, clock.hour, clock.minute, clock.second, 0, time.UTC)
	return at.Unix(), clock.nanosecond, nil
}

// formError says how the clock's times are written.
func (c *LocalClock) formError() error {
	switch c.order {
	case DayFirst:
		return errDMY
	case MonthFirst:
		return errMDY
	default:
		return errLocal
	}
}

const (
	// changeMargin is more than any clock was ever changed by: a day, where the date line moved.
	changeMargin = 48 * time.Hour
	// changeStep is less than the time between two changes of a clock.
	changeStep = time.Hour
)

// instant returns the Unix second in which the clock shows a time, which is given as if the clock was one of UTC.
//
// It looks at the offsets that the zone has around that time one by one, which is about as much work as to find where they change.
func (c *LocalClock) instant(shown int64) (int64, error) {
	if c.first <= shown && shown <= c.last {
		return shown - c.offset, nil
	}
	near := time.Unix(shown, 0).In(c.zone)
	var offsets, found []int64
	for after := -changeMargin; after <= changeMargin; after += changeStep {
		_, seconds := near.Add(after).Zone()
		offset := int64(seconds)
		if slices.Contains(offsets, offset) {
			continue
		}
		offsets = append(offsets, offset)
		if _, has := time.Unix(shown-offset, 0).In(c.zone).Zone(); has == seconds {
			found = append(found, shown-offset)
		}
	}
	if len(offsets) == 1 {
		const half = int64(changeMargin / time.Second / 2)
		c.first, c.last, c.offset = shown-half, shown+half, offsets[0]
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("must be a time that the clocks of %s show; they are put forward over this one", c.zone)
	case 1:
		return found[0], nil
	default:
		return 0, fmt.Errorf("must be a time that the clocks of %s show once; they are put back over this one, so write it with its offset, %s",
			c.zone, offsetsOf(shown, found))
	}
}

// offsetsOf names the offsets of the instants in which a clock shows one time.
func offsetsOf(shown int64, instants []int64) string {
	var names []string
	for _, at := range instants {
		names = append(names, time.Unix(at, 0).In(time.FixedZone("", int(shown-at))).Format("-07:00"))
	}
	return strings.Join(names, " or ")
}

type localDate struct{ year, month, day int }

// cutDate cuts a date off the front of a text.
func cutDate(text string, order DateOrder) (d localDate, rest string, ok bool) {
	if order != YearFirst {
		return cutShortDate(text, order)
	}
	const width = len("2006-01-02")
	if len(text) < width || text[4] != '-' || text[7] != '-' {
		return localDate{}, "", false
	}
	d = localDate{100*twoDigits(text, 0) + twoDigits(text, 2), twoDigits(text, 5), twoDigits(text, 8)}
	return d, text[width:], d.year <= 9999
}

// cutShortDate is cutDate for dates whose year comes last, and whose day and month may have one digit.
func cutShortDate(text string, order DateOrder) (d localDate, rest string, ok bool) {
	one, rest, ok := cutShort(text)
	if !ok || rest == "" || strings.IndexByte("/.-", rest[0]) < 0 {
		return localDate{}, "", false
	}
	const width = len("/2006")
	mark := rest[0]
	two, rest, ok := cutShort(rest[1:])
	if !ok || len(rest) < width || rest[0] != mark {
		return localDate{}, "", false
	}
	d = localDate{100*twoDigits(rest, 1) + twoDigits(rest, 3), two, one}
	if order == MonthFirst {
		d.month, d.day = one, two
	}
	return d, rest[width:], d.year <= 9999
}

// cutShort cuts a number of one or two digits off the front of a text.
func cutShort(text string) (n int, rest string, ok bool) {
	digits := leadingDigits(text)
	if len(digits) == 0 || len(digits) > 2 {
		return 0, text, false
	}
	for _, c := range []byte(digits) {
		n = 10*n + int(c-'0')
	}
	return n, text[len(digits):], true
}

type localClock struct{ hour, minute, second, nanosecond int }

func (c localClock) valid() bool { return c.hour <= 23 && c.minute <= 59 && c.second <= 59 }

// readClock reads the time of a day, and tells how many digits its fraction of a second has. The hour may have one digit where
// short.
func readClock(text string, short bool) (c localClock, digits int, ok bool) {
	hour, rest, ok := cutShort(text)
	if !ok || !short && len(text)-len(rest) < 2 {
		return localClock{}, 0, false
	}
	c.hour = hour
	if c.minute, rest, ok = cutSixtieth(rest); !ok || rest == "" {
		return c, 0, ok
	}
	if c.second, rest, ok = cutSixtieth(rest); !ok || rest == "" {
		return c, 0, ok
	}
	if rest[0] != '.' && rest[0] != ',' { // ISO 8601 has both
		return localClock{}, 0, false
	}
	c.nanosecond, digits = fraction(rest[1:])
	return c, digits, digits > 0 && digits == len(rest)-1
}

// cutSixtieth cuts a colon and the two characters of minutes or seconds off the front of a text.
func cutSixtieth(text string) (n int, rest string, ok bool) {
	const width = len(":04")
	if len(text) < width || text[0] != ':' {
		return 0, "", false
	}
	return twoDigits(text, 1), text[width:], true
}

// ParseUnix reads a count of units since 1970, of seconds or milliseconds, that may have a fraction down to nanoseconds. The error
// states the rule.
func ParseUnix(given string, unit time.Duration) (time.Time, error) {
	text, negative := strings.CutPrefix(given, "-")
	whole := leadingDigits(text)
	nanoseconds, digits, ok := countFraction(text[len(whole):])
	if !ok || whole == "" || len(whole) > 1 && whole[0] == '0' {
		return time.Time{}, withHint(errUnix, unixHint(given))
	}
	perSecond := int64(time.Second / unit)
	if nanoseconds%int(perSecond) != 0 || digits > fractionDigitsMax {
		return time.Time{}, errTimestampDigit
	}
	if len(whole) > len("253402300799000") { // the last millisecond of 9999
		return time.Time{}, errTimestampYear
	}
	count, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, errUnix // unreachable: they are digits, and few
	}
	seconds, parts := count/perSecond, count%perSecond*int64(unit)+int64(nanoseconds)/perSecond
	if negative {
		seconds, parts = -seconds, -parts
	}
	return withinYears(time.Unix(seconds, parts).UTC())
}

// countFraction reads the fraction of a count, in billionths, which is all of a text.
func countFraction(text string) (billionths, digits int, ok bool) {
	if text == "" {
		return 0, 0, true
	}
	if text[0] == '.' {
		billionths, digits = fraction(text[1:])
	}
	return billionths, digits, digits > 0 && digits == len(text)-1
}

// withinYears refuses times outside of the years that timestamps can have.
func withinYears(t time.Time) (time.Time, error) {
	const first, last = -62_135_596_800, 253_402_300_799 // seconds of the years 0001 and 9999
	if seconds := t.Unix(); seconds < first || seconds > last {
		return time.Time{}, errTimestampYear
	}
	return t, nil
}
