package ingest

import (
	"hash/maphash"
	"math/bits"
	"slices"

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

// identity is what two writes have in common that cannot both be kept. A time.Time would bring its zone with it.
type identity struct {
	equipmentID reading.EquipmentID
	seconds     int64
	nanoseconds int
}

// hash is that of a write's identity.
func hash(seed maphash.Seed, w *reading.Write) int {
	return int(maphash.Comparable(seed, identity{w.EquipmentID, w.Timestamp.Unix(), w.Timestamp.Nanosecond()}) >> 1)
}
