package ingest

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// lastOfEach drops all but the last write of each identity and keeps the order of those that stay.
func lastOfEach(ws []reading.Write) []reading.Write {
	if len(ws) < 2 {
		return ws
	}
	// A map of identities would do, for six times the memory and twice the time.
	last := make([]int, 1<<bits.Len(uint(2*len(ws)))) // each a write's place, from 1, at its hash or behind that
	seed, distinct := maphash.MakeSeed(), len(ws)
	for i := range ws {
		at := hash(seed, &ws[i])
		for at &= len(last) - 1; last[at] != 0; at = (at + 1) & (len(last) - 1) {
			if sameIdentity(&ws[last[at]-1], &ws[i]) {
				distinct--
				break
			}
		}
		last[at] = i + 1
	}
	if distinct == len(ws) {
		return ws
	}
	kept := make([]reading.Write, 0, distinct)
	slices.Sort(last)
	for _, place := range last[len(last)-distinct:] {
		kept = append(kept, ws[place-1])
	}
	return kept
}

func sameIdentity(a, b *reading.Write) bool {
	return a.Timestamp.Equal(b.Timestamp) && a.EquipmentID == b.EquipmentID
}

// hash is that of a write's identity.
func hash(seed maphash.Seed, w *reading.Write) int {
	var room [contract.EquipmentIDCharsMax + 8 + 4]byte
	text := append(room[:0], w.EquipmentID...)
	text = binary.NativeEndian.AppendUint64(text, uint64(w.Timestamp.Unix()))
	text = binary.NativeEndian.AppendUint32(text, uint32(w.Timestamp.Nanosecond()))
	return int(maphash.Bytes(seed, text) >> 1)
}
