package csvfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// digest stands for a reading's identity in 16 bytes: half of its SHA-256. Two identities of one digest would lose a reading
// that was counted as accepted. Among the 2.7 million shortest rows of two ranges this has a chance of 1 in 10^25, and unlike
// a faster hash, this one leaves nobody a way to bring it about.
type digest struct{ high, low uint64 }

func digestOf(r reading.Reading) digest {
	var text [contract.EquipmentIDCharsMax + 12]byte // the instant has a fixed width, so that no two identities read alike
	b := append(text[:0], r.EquipmentID...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Timestamp.Unix())) //nolint:gosec // a bijection is all that is needed
	b = binary.BigEndian.AppendUint32(b, uint32(r.Timestamp.Nanosecond()))
	sum := sha256.Sum256(b)
	return digest{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])}
}

func compareDigests(a, b digest) int {
	if c := cmp.Compare(a.high, b.high); c != 0 {
		return c
	}
	return cmp.Compare(a.low, b.low)
}

// rowBytesMin is the length of the shortest line that makes a reading: "E,2026-03-01T08:30:00Z,1" and its LF.
const rowBytesMin = 25

// keySet holds identities: 16 bytes each, in a sorted slice.
type keySet struct{ digests []digest }

// reset empties the set and makes room for all the readings that so many bytes can name. It is one allocation, kept for the
// next range: growing step by step would hold nearly twice the memory for a moment.
func (s *keySet) reset(bytes int64) {
	if room := bytes/rowBytesMin + 1; int64(cap(s.digests)) < room {
		s.digests = nil // the collector may take the old one before the new one is there
		s.digests = make([]digest, 0, room)
	}
	s.digests = s.digests[:0]
}

func (s *keySet) add(r reading.Reading) { s.digests = append(s.digests, digestOf(r)) }

// sort makes the set ready for has.
func (s *keySet) sort() { slices.SortFunc(s.digests, compareDigests) }

func (s *keySet) has(r reading.Reading) bool {
	if len(s.digests) == 0 {
		return false
	}
	_, found := slices.BinarySearchFunc(s.digests, digestOf(r), compareDigests)
	return found
}
