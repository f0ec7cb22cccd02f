package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// cursors write the place where a page ended as text for the client, and read it back. The text is base64 of a version, a
// digest of the query that the place belongs to, and the place as JSON. It is not secret, and with any place it leads only to
// what the same query could read anyway. A signature, if there is to be one, goes into seal and open, its key into the type.
type cursors struct{}

const (
	// cursorVersion changes when the meaning of a place does, so that an old cursor is refused rather than misread.
	cursorVersion     = 2
	cursorDigestBytes = 8
)

var (
	errCursor          = errors.New("is not one that this service gave out")
	errCursorElsewhere = errors.New("belongs to a query with other parameters; only limit may change from page to page")
)

// seal writes a place. The query is what the next page must have in common with this one: the kind of the listing and its
// parameters but for the limit.
func (cursors) seal(place any, query ...string) (string, error) {
	text, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorHead(query), text...)), nil
}

// open reads the place of a cursor into the struct that place points to. The error continues a sentence.
func (c cursors) open(cursor string, place any, query ...string) error {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	head := cursorHead(query)
	switch {
	case err != nil, len(raw) < len(head), raw[0] != cursorVersion:
		return errCursor
	case !bytes.HasPrefix(raw, head):
		return errCursorElsewhere
	case json.Unmarshal(raw[len(head):], place) != nil:
		return errCursor
	}
	// Base64 and JSON have several texts for one thing; this service has given out but one of them.
	if again, err := c.seal(place, query...); err != nil || again != cursor {
		return errCursor
	}
	return nil
}

func cursorHead(query []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(query, "\n")))
	return append([]byte{cursorVersion}, sum[:cursorDigestBytes]...)
}

// instant is a point in time as cursors hold it.
type instant time.Time

// MarshalText implements encoding.TextMarshaler.
func (i instant) MarshalText() ([]byte, error) {
	return []byte(reading.FormatTimestamp(time.Time(i))), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *instant) UnmarshalText(text []byte) error {
	t, err := reading.ParseTimestamp(string(text))
	*i = instant(t)
	return err
}

// equipment is an equipment's id as cursors hold it.
type equipment reading.EquipmentID

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *equipment) UnmarshalText(text []byte) error {
	id, err := reading.ParseEquipmentID(string(text))
	*e = equipment(id)
	return err
}

// uploadID is an upload's id as cursors hold it.
type uploadID string

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *uploadID) UnmarshalText(text []byte) error {
	id, err := uuid.ParseBytes(text)
	*i = uploadID(id.String()) // the one spelling that ids here have
	return err
}
