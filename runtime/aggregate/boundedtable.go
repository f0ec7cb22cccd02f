package aggregate

import (
	"context"

	"github.com/sensorflow/sensorflow/runtime/admission"
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

func (b boundedTable) EquipmentRows(ctx context.Context, rows EquipmentHours, take func(RegionFigures)) error {
	_, err := bounded(ctx, b.reads, func() (none struct{}, err error) { return none, b.table.EquipmentRows(ctx, rows, take) })
	return err
}

func (b boundedTable) SlicedRows(ctx context.Context, keys []RowKey) ([]RegionFigures, error) {
	return bounded(ctx, b.reads, func() ([]RegionFigures, error) { return b.table.SlicedRows(ctx, keys) })
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
