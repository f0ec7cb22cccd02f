package aggregate

import (
	"context"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// WindowTable reads the rows of all regions. A read may lag a moment behind the writes. Errors of kind fault.Unavailable
// may pass.
type WindowTable interface {
	// EquipmentRows calls take with one equipment's rows of a range of hours, in the order of the hours.
	EquipmentRows(ctx context.Context, rows EquipmentHours, take func(RegionFigures)) error
	// SlicedRows returns the rows of at most contract.BatchGetItemsMax different keys with their slices, in any order. Those that do
	// not exist are left out.
	SlicedRows(ctx context.Context, keys []RowKey) ([]RegionFigures, error)
	// IndexRows returns at most page.Limit rows of one index shard, ordered by position, and whether there may be more.
	IndexRows(ctx context.Context, shard int, page IndexPage) (rows []RegionFigures, more bool, err error)
	// FleetSum returns what the fleet rows of one bucket and span add up to.
	FleetSum(ctx context.Context, bucket int, span FleetSpan) (Sum, error)
}

// RegionFigures are one region's share of an equipment's hour.
type RegionFigures struct {
	RowKey
	Figures
	// Slices are the figures of the hour's slices, nil where they were not asked for.
	Slices *[contract.SlicesPerHour]Figures
}

// EquipmentHours asks for one equipment's rows of a range of hours, both ends included.
type EquipmentHours struct {
	EquipmentID   reading.EquipmentID
	From, Through time.Time // UTC, full hours
	// Sliced asks for the slices as well.
	Sliced bool
}

// IndexPage asks for the rows of a range of hours, both ends included, that lie after a position.
type IndexPage struct {
	From, Through time.Time
	// After is exclusive. Without an hour the page begins with the first row; without a region it begins after the rows that
	// all regions have of the hour and equipment.
	After RowKey
	Limit int
}

// FleetSpan is a range of fleet rows, both ends included.
type FleetSpan struct {
	Unit          Unit
	From, Through time.Time // UTC, at full units
}
