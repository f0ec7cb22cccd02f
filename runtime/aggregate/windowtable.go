package aggregate

import (
	"context"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// WindowTable reads the rows of all regions. A read may lag a moment behind the writes. Errors of kind fault.Unavailable
// may pass.
type WindowTable interface {
	// EquipmentRows returns one equipment's rows of a range of hours, both ends included, ordered by hour.
	EquipmentRows(ctx context.Context, id reading.EquipmentID, from, through time.Time) ([]RegionFigures, error)
	// IndexRows returns at most page.Limit rows of one index shard, ordered by position, and whether there may be more.
	IndexRows(ctx context.Context, shard int, page IndexPage) (rows []RegionFigures, more bool, err error)
	// FleetSum returns what the fleet rows of one bucket and span add up to.
	FleetSum(ctx context.Context, bucket int, span FleetSpan) (Sum, error)
}

// RegionFigures are one region's share of an equipment's hour.
type RegionFigures struct {
	RowKey
	Figures
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
