package deletion

import (
	"context"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Readings is what is needed of the table of readings; they are written through package ingest. Errors of kind
// fault.Unavailable may pass.
type Readings interface {
	// Deletable returns a part of r, oldest first, as one call to the table gives it: at most limit of the readings and
	// tombstones whose place is above after. It sees every write that was acknowledged in the region before, and leaves out what
	// has expired.
	Deletable(ctx context.Context, r Range, after string, limit int) (Part, error)
}

// Range names the readings of from <= t < to of one equipment.
type Range struct {
	EquipmentID reading.EquipmentID
	From, To    time.Time // UTC
}

// Part is what one call to the table gives of a range.
type Part struct {
	Readings []Found
	// Tombstones are what deletions have left in the part.
	Tombstones []Found
	// Place is how far the part reaches, and More is set where the range goes on above it.
	Place string
	More  bool
}

// Found is a reading that is stored, without its value, or a tombstone.
type Found struct {
	reading.Reading
	Version reading.Version
}

// Table keeps long deletions. Errors of kind fault.Unavailable may pass.
type Table interface {
	// CreateDeletion stores a new deletion.
	CreateDeletion(ctx context.Context, d Deletion) error
	// ReadDeletion returns a deletion as the last write left it; the error is of kind fault.NotFound where there is none.
	ReadDeletion(ctx context.Context, id string) (Deletion, error)
	// RunningDeletions returns the ids of at most limit deletions that run, oldest first. It may lag a moment behind.
	RunningDeletions(ctx context.Context, limit int) (ids []string, err error)
	// ClaimDeletion leases a deletion that runs to a worker, unless another one's lease lasts beyond now. It returns the
	// deletion, and whether the worker has it.
	ClaimDeletion(ctx context.Context, id string, l Lease) (d Deletion, claimed bool, err error)
	// AdvanceDeletion records that a deletion that was at a place is now as d says, and renews the lease, or ends it where d is
	// completed. It returns false, and changes nothing, where the deletion runs no longer or is at another place.
	AdvanceDeletion(ctx context.Context, d Deletion, from Progress, l Lease) (advanced bool, err error)
}

// Lease lets a worker have a deletion to itself for a while.
type Lease struct {
	Worker     string
	Now, Until time.Time
}
