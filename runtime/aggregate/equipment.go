package aggregate

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// listedMax bounds what an Aggregator remembers of the list of equipments, which takes about 20 MB then.
const listedMax = 100_000

// listed remembers the equipments that were put into the list, so that the first row of every hour does not put each again.
type listed struct {
	mu    sync.Mutex
	known map[listing]bool
}

type listing struct {
	id     reading.EquipmentID
	region string
}

// list puts the row's equipment into the list of those that have rows of the region. A row must not be made before.
func (a *Aggregator) list(ctx context.Context, key RowKey) error {
	one := listing{key.EquipmentID, key.Region}
	a.listed.mu.Lock()
	known := a.listed.known[one]
	a.listed.mu.Unlock()
	if known {
		return nil
	}
	if err := a.table.PutEquipment(ctx, one.id, one.region); err != nil {
		return a.interrupted(ctx, fmt.Errorf("list equipment: %w", err))
	}
	a.listed.mu.Lock()
	defer a.listed.mu.Unlock()
	if a.listed.known == nil || len(a.listed.known) >= listedMax {
		a.listed.known = map[listing]bool{}
	}
	one.id = reading.EquipmentID(strings.Clone(string(one.id))) // which may be a part of something large
	a.listed.known[one] = true
	return nil
}
