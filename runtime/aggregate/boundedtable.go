package aggregate

import (
	"context"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// boundedTable bounds the reads of a table that all queries together have at work, first come, first served: each may bring a
// megabyte, which takes several times as much while it is decoded.
type boundedTable struct {
	table WindowTable
	reads *admission.Gate
}

func bounded[V any](ctx context.Context, reads *admission.Gate, read func() (V, error)) (V, error) {
	hold, err := reads.Enter(ctx, admission.CallerOf(ctx), 1)
	if err != nil {
		var none V
		return none, busy(err)
	}
	defer hold.Leave()
	return read()
}

func (b boundedTable) EquipmentRows(ctx context.Context, id reading.EquipmentID, from, through time.Time) ([]RegionFigures, error) {
	return bounded(ctx, b.reads, func() ([]RegionFigures, error) { return b.table.EquipmentRows(ctx, id, from, through) })
}

func (b boundedTable) IndexRows(ctx context.Context, shard int, page IndexPage) (rows []RegionFigures, more bool, err error) {
	rows, err = bounded(ctx, b.reads, func() (rows []RegionFigures, err error) {
		rows, more, err = b.table.IndexRows(ctx, shard, page)
		return rows, err
	})
	return rows, more, err
}

func (b boundedTable) FleetSum(ctx context.Context, bucket int, span FleetSpan) (Sum, error) {
	return bounded(ctx, b.reads, func() (Sum, error) { return b.table.FleetSum(ctx, bucket, span) })
}
