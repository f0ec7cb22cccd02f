package reading

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Version orders the writes of one reading within a region: the text order of versions is their order. It is the moment at
// which the service took the write, as FormatTimestamp writes it, and for the row of a file also where the row begins. The
// empty version is older than all others.
type Version string

// versionRow separates the moment of a row's version from the row's place. It sorts above the end of the text, and a longer
// moment there is none, so that the versions of rows lie between their moment and the next nanosecond.
const (
	versionRow = "+"
	// versionRowDigits are enough for a place in a file of 900 GiB.
	versionRowDigits = 12
)

// VersionAt is the version of what the service took at a moment.
func VersionAt(t time.Time) Version { return Version(FormatTimestamp(t)) }

// Row is the version of a row that begins at the given byte of a file, whose version this is: a later row's is newer, and all
// are older than whatever was taken after the file.
func (v Version) Row(offset int64) Version {
	var text, digits [64]byte
	place := strconv.AppendInt(digits[:0], offset, 10)
	dst := append(append(text[:0], v...), versionRow...)
	for range versionRowDigits - len(place) {
		dst = append(dst, '0')
	}
	return Version(append(dst, place...))
}

// Next is the version just above: nothing that was taken at a moment lies between. The error tells that there is none.
func (v Version) Next() (Version, error) {
	if v == "" {
		return VersionAt(time.Time{}), nil
	}
	t, err := v.Time()
	if err != nil {
		return "", err
	}
	if next := VersionAt(t.Add(1)); next > v {
		return next, nil
	}
	return "", fmt.Errorf("no version is above %s", v)
}

// Time is the moment of the version, UTC.
func (v Version) Time() (time.Time, error) {
	moment, _, _ := strings.Cut(string(v), versionRow)
	t, err := ParseTimestamp(moment)
	if err != nil {
		return time.Time{}, fmt.Errorf("the version %.60q %w", string(v), err)
	}
	return t, nil
}

// Write is one version of one reading, to be stored.
type Write struct {
	// Reading is what is stored; its value does not matter where Deleted is set.
	Reading
	// Deleted leaves a tombstone in place of the value, which keeps older writes from bringing the reading back.
	Deleted bool
	Version Version
	// Yields makes the write give way to a newer version that is stored already. Other writes take a newer version then, as
	// long as their sender waits for the answer.
	Yields bool
}
