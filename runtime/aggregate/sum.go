package aggregate

import (
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Sum is what a set of readings adds up to, exactly. A difference of two sums is a Sum as well. The zero value is empty.
type Sum struct {
	Count int64
	Total reading.Total
}

// Add returns s + t.
func (s Sum) Add(t Sum) Sum { return Sum{s.Count + t.Count, s.Total.Add(t.Total)} }

// Sub returns s - t.
func (s Sum) Sub(t Sum) Sum { return Sum{s.Count - t.Count, s.Total.Sub(t.Total)} }

// IsZero tells whether adding s changes nothing.
func (s Sum) IsZero() bool { return s.Count == 0 && s.Total.IsZero() }

// SumOf returns the sum of one reading's value.
func SumOf(value reading.Decimal) Sum { return Sum{1, reading.TotalOf(value)} }

// RowKey names an aggregate row: one equipment, one full UTC hour, one writing region.
type RowKey struct {
	EquipmentID reading.EquipmentID
	Hour        time.Time // UTC, a full hour
	Region      string
}

// Row is an aggregate row as it is stored. A row that does not exist has revision 0.
type Row struct {
	RowKey
	Sum
	// AppliedThrough is the highest sequence number that the row has taken in, as SequenceKey writes it.
	AppliedThrough string
	// Revision rises with every write of the row.
	Revision int64
	// Recounted is set for good by the first recount. The query of a recount may see writes whose records are still to
	// come, so that nothing may be added to such a row any more.
	Recounted bool
}
