package aggregate

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// RowTable is the table of one region's aggregate rows, together with the readings that they are counted from.
//
// After an error of kind fault.Unavailable it is not known whether a write took place, and the call may succeed later. One
// of kind fault.Invalid means that some row of the transaction cannot be written. All other errors come back however
// often the call is made.
type RowTable interface {
	// Commit makes all writes of the transaction or none. A *Canceled in the error's chain says that none was made and why.
	// A transaction committed twice under one token takes place once.
	Commit(ctx context.Context, t Transaction) error
	// ReadRows returns the rows of at most contract.BatchGetItemsMax different keys as the last commits left them, also those
	// that do not exist. A row that could not be read for the moment is missing from the map.
	ReadRows(ctx context.Context, keys []RowKey) (map[RowKey]Row, error)
	// ReadSlices returns the figures of the readings that the table holds of the key's equipment and writing region in the
	// slices first to last of the key's hour: of the first one, and of as many more as take little reading. A write that
	// ended before the call began is seen.
	ReadSlices(ctx context.Context, key RowKey, first, last int) ([]Figures, error)
	// PutEquipment adds an equipment to the list of those that have rows of a region. It does nothing where it is there.
	PutEquipment(ctx context.Context, id reading.EquipmentID, region string) error
}

// Transaction is a set of row writes with the fleet's share of them: at most contract.TransactionItemsMax items, each of
// another row.
type Transaction struct {
	// Token names the transaction: at most 36 characters, used again only for the very same content.
	Token string
	Rows  []RowWrite
	// Bucket is the fleet partition that takes Fleet.
	Bucket int
	Fleet  []FleetWrite
}

// RowWrite changes one row if all of its conditions hold, and makes it where there is none.
type RowWrite struct {
	Key RowKey
	// Slices are those that are written, each once and at least one; the revision of each rises.
	Slices []SliceWrite
	// Guards are the slices that must not have been written since they were read.
	Guards []Guard
	// Delta is what the hour's sum changes by.
	Delta Sum
	// Extremes are what the hour's become, by End; nil leaves one as it is.
	Extremes [2]*Extreme
	// Through is set where stream records are applied.
	Through *Through
	// Bounds are further conditions.
	Bounds []Bound
}

// SliceWrite changes a slice.
type SliceWrite struct {
	Slice int
	// Delta is what the slice's sum changes by.
	Delta Sum
	// Extremes are what the slice's become, by End; nil leaves one as it is.
	Extremes [2]*Extreme
	// Unmarked is the condition that the slice was never recounted.
	Unmarked bool
	// Recounted marks the slice as recounted.
	Recounted bool
}

// Guard is the condition that a slice still has the revision that was read.
type Guard struct {
	Slice    int
	Revision int64 // 0 where the slice was never written
}

// Through sets the row's AppliedThrough to Highest on condition that it is below Lowest, or that there is none. None of the
// records, of which Lowest is the first and Highest the last, can then have been applied before. Both are as SequenceKey
// writes them.
type Through struct {
	Lowest, Highest string
	// Adopted makes it the row's AdoptedThrough in place of its AppliedThrough.
	Adopted bool
}

// Relation is how a stored extreme must stand to a given one.
type Relation int

// The relations.
const (
	// Is demands the same value, or none where none is given.
	Is Relation = iota
	// Within demands that the stored extreme does not lie beyond the given one, or that there is none.
	Within
	// Reaches demands that the stored extreme is the given one or lies beyond it.
	Reaches
	// Beyond demands that the stored extreme lies beyond the given one.
	Beyond
)

// WholeHour stands in place of a slice's number for the hour itself.
const WholeHour = -1

// Bound is a condition on an extreme as it is stored.
type Bound struct {
	Slice    int // or WholeHour
	End      End
	Relation Relation
	Extreme  Extreme // Any, except for Is
}

// Unit is the length of time that a fleet row covers.
type Unit int

// The units of fleet rows, each of which fills the next one.
const (
	FiveMinutes Unit = iota
	Hour
	Day
)

func (u Unit) length() time.Duration {
	return [...]time.Duration{contract.SliceLength, time.Hour, 24 * time.Hour}[u]
}

// FleetKey names what a fleet row of each bucket holds a share of.
type FleetKey struct {
	Unit   Unit
	Start  time.Time // UTC, at the beginning of a unit
	Region string
}

// FleetWrite adds to the fleet's total, and raises the fleet row's revision, without a condition.
type FleetWrite struct {
	FleetKey
	Delta Sum
}

// Canceled says why a transaction wrote nothing. The rows that it does not name would have been written.
type Canceled struct {
	// Stale are the indexes of the rows whose condition did not hold.
	Stale []int
	// Rejected are the indexes of the rows whose write is not possible at all.
	Rejected []int
	// FleetBusy tells that another transaction held a fleet row of the bucket.
	FleetBusy bool
	// FleetRejected tells that adding to a fleet row is not possible at all.
	FleetRejected bool
	// Throttled counts the items that could not be written for the moment, fleet rows included.
	Throttled int
}

func (c *Canceled) Error() string {
	return fmt.Sprintf("transaction canceled: %d rows stale, %d rejected, %d items busy or throttled, fleet busy %t, fleet rejected %t",
		len(c.Stale), len(c.Rejected), c.Throttled, c.FleetBusy, c.FleetRejected)
}

// errRejected is the reason of a row that the table refuses.
var errRejected = &fault.Error{Kind: fault.Internal, Message: "the aggregate row cannot be written"}
