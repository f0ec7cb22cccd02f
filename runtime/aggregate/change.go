package aggregate

import (
	"errors"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Image is a stored reading before or after a change.
type Image struct {
	reading.Reading
	// Region is the region whose service wrote the item.
	Region string
	// ExpiresAt is when the item may be removed by itself; zero where readings are kept forever.
	ExpiresAt time.Time
}

// Change is one record of the readings' stream. Both images are of the same reading.
type Change struct {
	// Sequence is the record's sequence number: 1 to contract.SequenceDigits digits.
	Sequence string
	// At is when the change was recorded, cut to the second or to the minute; zero when it is not known.
	At time.Time
	// Expired is set where the record itself says that the item was removed because it expired. In a replica a record
	// never says so.
	Expired bool
	// Deleted is set where a tombstone took the reading's place: it is gone, and not because it expired.
	Deleted bool
	// Old is nil where the reading did not exist before, New where it does not exist any more. A change without both
	// changes nothing.
	Old, New *Image
}

var (
	errSequence = fmt.Errorf("the sequence number must be 1 to %d digits", contract.SequenceDigits)
	errMoved    = errors.New("a change must not move a reading to another identity")
)

// SequenceKey returns a sequence number padded with zeros, so that text order is numeric order.
func SequenceKey(sequence string) (string, error) {
	if len(sequence) == 0 || len(sequence) > contract.SequenceDigits {
		return "", errSequence
	}
	for i := range len(sequence) {
		if sequence[i] < '0' || sequence[i] > '9' {
			return "", errSequence
		}
	}
	return sequenceZeros[:contract.SequenceDigits-len(sequence)] + sequence, nil
}

// sequenceZeros has contract.SequenceDigits characters.
const sequenceZeros = "0000000000000000000000000000000000000000"

// moves tells whether the images are of different readings, which no change of an item can be.
func (c Change) moves() bool {
	return c.Old != nil && c.New != nil && (c.Old.EquipmentID != c.New.EquipmentID || !c.Old.Timestamp.Equal(c.New.Timestamp))
}

// concerns tells whether the change can matter to the region's rows. A reading that is stored again as it was (a retry)
// changes nothing and needs no write; forgetting its sequence number is safe, as applying it any number of times is.
func (c Change) concerns(region string) bool {
	ofOld, ofNew := c.Old != nil && c.Old.Region == region, c.New != nil && c.New.Region == region
	if ofOld && ofNew {
		return c.Old.Value != c.New.Value || !c.Old.ExpiresAt.Equal(c.New.ExpiresAt)
	}
	return ofOld || ofNew
}

// isExpiry tells whether the item went because it had expired, which is not a deletion: aggregates outlive raw readings.
// The old image is what tells, since in a replica the record does not name who removed the item.
func (c Change) isExpiry(now time.Time) bool {
	if c.New != nil || c.Deleted {
		return false
	}
	if c.Expired {
		return true
	}
	return c.Old != nil && !c.Old.ExpiresAt.IsZero() && !c.Old.ExpiresAt.After(c.latest(now))
}

// latest returns the latest instant at which the change can have been made. A record that waits in the stream until its
// reading is due is still a deletion, so what counts is not the present but when it was recorded, as far as that is known.
func (c Change) latest(now time.Time) time.Time {
	if c.At.IsZero() {
		return now
	}
	if !c.At.Truncate(time.Minute).Equal(c.At) {
		return c.At
	}
	// A full minute may have been cut, as DynamoDB Local does.
	end := c.At.Add(time.Minute - time.Second)
	if end.After(now) {
		end = now
	}
	if end.Before(c.At) {
		return c.At
	}
	return end
}
