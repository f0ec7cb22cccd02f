package aggregate

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// RowKey names an aggregate row: one equipment, one full UTC hour, one writing region.
type RowKey struct {
	EquipmentID reading.EquipmentID
	Hour        time.Time // UTC, a full hour
	Region      string
}

// SliceStart returns when a slice of the row's hour begins.
func (k RowKey) SliceStart(slice int) time.Time {
	return k.Hour.Add(time.Duration(slice) * contract.SliceLength)
}

// sliceOf returns the number of the slice of its hour in which an instant lies.
func sliceOf(t time.Time) int { return int(t.Sub(reading.Hour(t)) / contract.SliceLength) }

// Row is an aggregate row as it is stored.
type Row struct {
	RowKey
	// Figures are the hour's: what the slices give together.
	Figures
	Slices [contract.SlicesPerHour]Slice
	// AppliedThrough is the highest sequence number that was applied, as SequenceKey writes it. A recount leaves it as it is.
	AppliedThrough string
	// AdoptedThrough is the same of the stream of the region that has adopted the row's. Only closed hours have it.
	AdoptedThrough string
	// Exists tells whether the row is stored at all.
	Exists bool
}

// Slice is five minutes of a row.
type Slice struct {
	Figures
	// Revision rises with every write of the slice; 0 means that it was never written.
	Revision int64
	// Recounted is set for good by the first recount. The query of a recount may see writes whose records are still to
	// come, so that nothing may be added to such a slice any more.
	Recounted bool
}
