package aggregate_test

import (
	"context"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// steppedTable is a region's table as one invocation sees it: others go on before each call, and calls fail as they may.
type steppedTable struct {
	world  *world
	region *region
	step   func()
}

var errBusy = &fault.Error{Kind: fault.Unavailable, Message: "busy"}

func (t *steppedTable) throttled() bool {
	return t.world.faults.throttles && t.world.random.IntN(8) == 0
}

func (t *steppedTable) Commit(ctx context.Context, tx aggregate.Transaction) error {
	t.step()
	w := t.world
	if t.throttled() {
		switch w.random.IntN(3) {
		case 0:
			return errBusy // it did not take place, which the caller cannot know
		case 1:
			return &aggregate.Canceled{Throttled: 1, FleetBusy: true}
		default:
			return &aggregate.Canceled{Throttled: 1}
		}
	}
	err := t.region.table.Commit(ctx, tx)
	t.step() // a crash here is one after the commit
	if err == nil && w.faults.lost && w.random.IntN(6) == 0 {
		return errBusy
	}
	return err
}

func (t *steppedTable) ReadRow(ctx context.Context, key aggregate.RowKey) (aggregate.Row, error) {
	t.step()
	if t.throttled() {
		return aggregate.Row{}, errBusy
	}
	return t.region.table.ReadRow(ctx, key)
}

// ReadHour goes over the hour reading by reading, while others go on: a query is no snapshot.
func (t *steppedTable) ReadHour(_ context.Context, key aggregate.RowKey) (aggregate.Sum, error) {
	t.step()
	var sum aggregate.Sum
	for _, one := range modelKeys {
		if one.EquipmentID != key.EquipmentID || !reading.Hour(one.Timestamp).Equal(key.Hour) {
			continue
		}
		if t.world.random.IntN(2) == 0 {
			t.step()
		}
		if i := t.region.table.Get(one.Key()); i != nil && i.Region == key.Region {
			sum = sum.Add(aggregate.SumOf(i.Value))
		}
	}
	if t.throttled() {
		return aggregate.Sum{}, errBusy
	}
	return sum, nil
}
