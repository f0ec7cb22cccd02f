package aggregate

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// cursorVersion changes when the meaning of a cursor does, so that an old one is refused rather than misread.
const cursorVersion = 1

// cursorLifetime is how long a listing can be continued. The window stays where it was when the listing began, so that no
// row is skipped or repeated when an hour ends meanwhile.
const cursorLifetime = 24 * time.Hour

// cursor is where a page ended. It is not secret and grants nothing, so that it is checked but not signed.
type cursor struct {
	Version     int    `json:"v"`
	Interval    string `json:"i"`
	Filter      string `json:"f,omitempty"`
	From        int64  `json:"w"` // Unix seconds of the window's first hour
	Hour        int64  `json:"h"` // Unix seconds; the last row's hour
	EquipmentID string `json:"e"` // the last row's
}

func encodeCursor(q Query, w window, last Item) (string, error) {
	text, err := json.Marshal(cursor{
		cursorVersion, q.Interval.name, string(q.EquipmentID), w.from.Unix(), last.IntervalStart.Unix(), string(last.EquipmentID),
	})
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

var (
	errCursorDamaged  = errors.New("is damaged")
	errCursorMismatch = errors.New("belongs to a query with another interval or equipmentId")
	errCursorExpired  = errors.New("is too old; begin again without it")
)

// position is where a query begins: in which window, and after which row.
type position struct {
	window
	after RowKey // without an hour: from the beginning
}

// decodeCursor returns where the query goes on. The error is of kind fault.Invalid and names the cursor.
func decodeCursor(q Query, now time.Time) (position, error) {
	if q.Cursor == "" {
		return position{window: q.Interval.windowAt(now)}, nil
	}
	p, err := parseCursor(q, now)
	if err != nil {
		return position{}, &fault.Error{
			Kind: fault.Invalid, Message: "The cursor " + err.Error(),
			Fields: []fault.FieldError{{Field: "cursor", Reason: err.Error()}}, Cause: err,
		}
	}
	return p, nil
}

func parseCursor(q Query, now time.Time) (position, error) {
	c, err := readCursor(q.Cursor)
	if err != nil {
		return position{}, err
	}
	if c.Interval != q.Interval.name || c.Filter != string(q.EquipmentID) || c.Filter != "" && c.Filter != c.EquipmentID {
		return position{}, errCursorMismatch
	}
	from, hour := time.Unix(c.From, 0).UTC(), time.Unix(c.Hour, 0).UTC()
	current := q.Interval.windowAt(now)
	w := window{from, from.Add(current.through.Sub(current.from))}
	if !reading.Hour(from).Equal(from) || !reading.Hour(hour).Equal(hour) || hour.Before(w.from) || hour.After(w.through) {
		return position{}, errCursorDamaged
	}
	// Another server's clock may already be in the next hour.
	if from.After(current.from.Add(time.Hour)) {
		return position{}, errCursorDamaged
	}
	if from.Before(current.from.Add(-cursorLifetime)) {
		return position{}, errCursorExpired
	}
	return position{w, RowKey{EquipmentID: reading.EquipmentID(c.EquipmentID), Hour: hour}}, nil
}

// readCursor takes a cursor's text apart, without a look at the query that it comes with.
func readCursor(encoded string) (c cursor, err error) {
	if len(encoded) > contract.CursorCharsMax {
		return cursor{}, errCursorDamaged
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return cursor{}, errCursorDamaged
	}
	if err := json.Unmarshal(text, &c); err != nil || c.Version != cursorVersion {
		return cursor{}, errCursorDamaged
	}
	if _, err := reading.ParseEquipmentID(c.EquipmentID); err != nil {
		return cursor{}, errCursorDamaged
	}
	return c, nil
}
