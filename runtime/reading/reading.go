package reading

import (
	"crypto/sha1" //nolint:gosec // UUIDs of version 5 are made with it
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// EquipmentID names an equipment: 1 to contract.EquipmentIDCharsMax of A-Z a-z 0-9 . _ : -
type EquipmentID string

// Reading is one value of one equipment at one instant. (EquipmentID, Timestamp) is its identity.
type Reading struct {
	EquipmentID EquipmentID
	Timestamp   time.Time // UTC
	Value       Decimal
}

// Key is a reading's identity in comparable form.
type Key struct {
	EquipmentID EquipmentID
	Timestamp   string // as FormatTimestamp writes it
}

// Stored is a reading together with when the service took it.
type Stored struct {
	Reading
	RegisterTime time.Time // UTC
}

// Limits are the rules for timestamps that depend on the moment and on the deployment.
type Limits struct {
	Now time.Time
	// Retention is how long raw readings are kept; 0 keeps them forever and accepts any age.
	Retention time.Duration
}

// Names of a reading's fields, in JSON, in CSV headers and in messages.
const (
	FieldEquipmentID = contract.AttrEquipmentID
	FieldTimestamp   = contract.AttrTimestamp
	FieldValue       = contract.AttrValue
)

var errEquipmentID = fmt.Errorf("must be 1 to %d characters of A-Z a-z 0-9 . _ : -", contract.EquipmentIDCharsMax)

// ParseEquipmentID checks an equipment id. The error states the rule.
func ParseEquipmentID(text string) (EquipmentID, error) {
	if len(text) == 0 || len(text) > contract.EquipmentIDCharsMax {
		return "", errEquipmentID
	}
	for i := range len(text) {
		if !equipmentIDByte(text[i]) {
			return "", errEquipmentID
		}
	}
	return EquipmentID(text), nil
}

// equipmentIDByte tells whether a byte may stand in an equipment id. Each bit of the masks is a character, those of the second one
// from 64 on.
func equipmentIDByte(c byte) bool {
	const digits, letters = 1<<10 - 1, 1<<26 - 1
	const low = digits<<'0' | 1<<'.' | 1<<':' | 1<<'-'
	const high = letters<<('A'-64) | letters<<('a'-64) | 1<<('_'-64)
	if c < 64 {
		return uint64(low)>>(c&63)&1 != 0
	}
	return c < 128 && uint64(high)>>(c&63)&1 != 0
}

// Parse makes a reading of the texts of its three fields and reports every field that breaks a rule. It is the one way
// in for JSON and CSV alike. The reading may share the memory of the texts.
func Parse(equipmentID, timestamp, value string, limits Limits) (Reading, []fault.FieldError) {
	var r Reading
	faults := r.Parse(equipmentID, timestamp, value, limits)
	return r, faults
}

// Parse is the function Parse for those who have a place for the reading.
func (r *Reading) Parse(equipmentID, timestamp, value string, limits Limits) (faults []fault.FieldError) {
	var err error
	if r.EquipmentID, err = ParseEquipmentID(equipmentID); err != nil {
		faults = append(faults, fault.FieldError{Field: FieldEquipmentID, Reason: err.Error()})
	}
	if r.Timestamp, err = ParseTimestamp(timestamp); err == nil {
		err = limits.Check(r.Timestamp)
	}
	if err != nil {
		faults = append(faults, fault.FieldError{Field: FieldTimestamp, Reason: err.Error()})
	}
	if r.Value, err = ParseValue(value); err != nil {
		faults = append(faults, fault.FieldError{Field: FieldValue, Reason: err.Error()})
	}
	return faults
}

// Forms read timestamps and values that are written in another way than the API's.
type Forms struct {
	Timestamp func(text string) (time.Time, error)
	Value     func(text string) (Decimal, error)
}

// Parse is Reading.Parse for texts in these forms.
func (f Forms) Parse(r *Reading, equipmentID, timestamp, value string, limits Limits) (faults []fault.FieldError) {
	var err error
	if r.EquipmentID, err = ParseEquipmentID(equipmentID); err != nil {
		faults = append(faults, fault.FieldError{Field: FieldEquipmentID, Reason: err.Error()})
	}
	if r.Timestamp, err = f.Timestamp(timestamp); err == nil {
		err = limits.Check(r.Timestamp)
	}
	if err != nil {
		faults = append(faults, fault.FieldError{Field: FieldTimestamp, Reason: err.Error()})
	}
	if r.Value, err = f.Value(value); err != nil {
		faults = append(faults, fault.FieldError{Field: FieldValue, Reason: err.Error()})
	}
	return faults
}

var errFuture = fmt.Errorf("must not be more than %d h in the future", int(contract.FutureMax/time.Hour))

// Check tells whether a reading of instant t may be stored now.
func (l Limits) Check(t time.Time) error {
	if t.After(l.Now.Add(contract.FutureMax)) {
		return errFuture
	}
	if l.Retention > 0 && t.Before(l.Now.Add(-l.Retention)) {
		return fmt.Errorf("must not be older than the retention of %s", l.Retention)
	}
	return nil
}

// Key returns the reading's identity.
func (r Reading) Key() Key { return Key{r.EquipmentID, FormatTimestamp(r.Timestamp)} }

// namespace makes the ids of readings; it is the UUIDv5 of "sensorflow/reading" in the URL namespace of RFC 9562 and must
// never change, since ids are stored and given to clients.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("sensorflow/reading"))

// ID returns the UUIDv5 of the reading's identity: the same reading has the same id wherever and however often it is sent.
func (r Reading) ID() string {
	var room [256]byte
	name := append(append(room[:0], namespace[:]...), r.EquipmentID...)
	name = append(name, contract.KeySeparator...)
	sum := sha1.Sum(AppendTimestamp(name, r.Timestamp)) //nolint:gosec // what RFC 9562 prescribes; it protects nothing
	id := uuid.UUID(sum[:16])
	id[6], id[8] = id[6]&0x0f|5<<4, id[8]&0x3f|0x80 // version and variant
	return id.String()
}

// ExpiresAt returns when the stored reading expires, and false where readings are kept forever. An item outlives the
// retention by contract.ExpiryMargin.
func (r Reading) ExpiresAt(retention time.Duration) (time.Time, bool) {
	if retention <= 0 {
		return time.Time{}, false
	}
	return r.Timestamp.Add(retention + contract.ExpiryMargin), true
}
