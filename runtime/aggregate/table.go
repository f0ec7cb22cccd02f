package aggregate

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// RowTable is the table of one region's aggregate rows, together with the readings that they are counted from.
//
// After an error of kind fault.Unavailable it is not known whether a commit took place, and the call may succeed later. One
// of kind fault.Invalid means that some row of the transaction cannot be written. All other errors come back however
// often the call is made.
type RowTable interface {
	// Commit makes all writes of the transaction or none. A *Canceled in the error's chain says that none was made and why.
	// A transaction committed twice under one token takes place once.
	Commit(ctx context.Context, t Transaction) error
	// ReadRow returns the row as the last commit left it, and a row of revision 0 where there is none.
	ReadRow(ctx context.Context, key RowKey) (Row, error)
	// ReadHour returns the sum of the readings that the table holds of the key's equipment, hour and writing region. A
	// write that ended before the call began is seen.
	ReadHour(ctx context.Context, key RowKey) (Sum, error)
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

// RowWrite changes one row if its condition holds, and raises its revision. Exactly one of Apply and Replace is set.
type RowWrite struct {
	Key RowKey
	// AppliedThrough is what the row's becomes.
	AppliedThrough string
	Apply          *Apply
	Replace        *Replace
}

// Apply adds to a row on condition that it was not recounted and that its AppliedThrough is below Lowest (or that there is
// no row): none of the records of which Lowest is the first can then have been applied before.
type Apply struct {
	Delta  Sum
	Lowest string // as SequenceKey writes it
}

// Replace sets a row's sum on condition that its revision is still the one that was read, 0 meaning that there is no row.
type Replace struct {
	Sum       Sum
	Recounted bool
	Revision  int64
}

// Unit is the length of time that a fleet row covers.
type Unit int

// The units of fleet rows.
const (
	Hour Unit = iota
	Day
)

// FleetWrite adds to the fleet's total of one hour or day, without a condition.
type FleetWrite struct {
	Unit   Unit
	Start  time.Time // UTC, a full hour or day
	Region string
	Delta  Sum
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

// errRejected is what befalls a row that the table refuses.
var errRejected = &fault.Error{Kind: fault.Internal, Message: "the aggregate row cannot be written"}
