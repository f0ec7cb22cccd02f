package httpapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// cursors write the place where a page ended as text for the client, and read it back. The text is base64 of a version, a
// digest of the query that the place belongs to, a signature, and the place as JSON. A place is not secret, but what reading
// on from it costs depends on it, so that clients cannot make one up.
type cursors struct {
	// key is the same in all processes of a deployment, so that the next page may come from another one.
	key []byte
}

const (
	// cursorVersion changes when the meaning of a place does, so that an old cursor is refused rather than misread.
	cursorVersion     = 3
	cursorDigestBytes = 8
	// cursorSignatureBytes of HMAC-SHA256 are what RFC 2104 asks for at least: half of it.
	cursorSignatureBytes = sha256.Size / 2
)

var (
	errCursor          = errors.New("is not one that this service gave out")
	errCursorElsewhere = errors.New("belongs to a query with other parameters; only limit may change from page to page")
)

// seal writes a place. The query is what the next page must have in common with this one: the kind of the listing and its
// parameters, except the limit.
func (c cursors) seal(place any, query ...string) (string, error) {
	text, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	head := cursorHead(query)
	return base64.RawURLEncoding.EncodeToString(slices.Concat(head, c.sign(head, text), text)), nil
}

// open reads the place of a cursor into the struct that place points to. The error continues a sentence.
func (c cursors) open(cursor string, place any, query ...string) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	head := cursorHead(query)
	if err != nil || len(raw) < len(head)+cursorSignatureBytes || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return errCursor // the last one is for line breaks, which the decoder passes over
	}
	given, signature, text := raw[:len(head)], raw[len(head):len(head)+cursorSignatureBytes], raw[len(head)+cursorSignatureBytes:]
	switch {
	case given[0] != cursorVersion, !hmac.Equal(signature, c.sign(given, text)):
		return errCursor
	case !bytes.Equal(given, head):
		return errCursorElsewhere
	case json.Unmarshal(text, place) != nil:
		return errCursor
	}
	return nil
}

func (c cursors) sign(head, text []byte) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write(head)
	mac.Write(text)
	return mac.Sum(nil)[:cursorSignatureBytes]
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

// equipmentID is an equipment's id as cursors hold it.
type equipmentID reading.EquipmentID

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *equipmentID) UnmarshalText(text []byte) error {
	id, err := reading.ParseEquipmentID(string(text))
	*e = equipmentID(id)
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
