package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// A cursor of GET /sensor-data is a digest of the query, without its limit, and the timestamp of the last reading given.
// It needs no signature: with any timestamp it leads only to what the same query could read anyway.
const cursorDigestBytes = 8

var errCursor = errors.New("is not one that this service gave out for this query")

func sealCursor(l listing, last time.Time) string {
	return base64.RawURLEncoding.EncodeToString(append(cursorDigest(l), reading.FormatTimestamp(last)...))
}

// openCursor returns the timestamp at which the query goes on. The error continues a sentence.
func openCursor(l listing, cursor string) (time.Time, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) <= cursorDigestBytes {
		return time.Time{}, errCursor
	}
	if string(raw[:cursorDigestBytes]) != string(cursorDigest(l)) {
		return time.Time{}, errCursor
	}
	t, err := reading.ParseTimestamp(string(raw[cursorDigestBytes:]))
	// Base64 and timestamps have several texts for one thing; this service has given out but one of them.
	if err != nil || sealCursor(l, t) != cursor {
		return time.Time{}, errCursor
	}
	return t, nil
}

func cursorDigest(l listing) []byte {
	sum := sha256.Sum256([]byte(string(l.equipmentID) + "\n" + bound(l.from) + "\n" + bound(l.to)))
	return sum[:cursorDigestBytes]
}

func bound(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return reading.FormatTimestamp(t)
}
