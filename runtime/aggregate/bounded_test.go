package aggregate_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// crowded is a table that tells how many reads it has at work.
type crowded struct {
	*slow
	mu              sync.Mutex
	atWork, highest int
}

func (c *crowded) enter() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atWork++
	c.highest = max(c.highest, c.atWork)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.atWork--
	}
}

func (c *crowded) EquipmentRows(ctx context.Context, rows aggregate.EquipmentHours, take func(aggregate.RegionFigures)) error {
	defer c.enter()()
	return c.slow.EquipmentRows(ctx, rows, take)
}

func (c *crowded) IndexRows(ctx context.Context, shard int, page aggregate.IndexPage) ([]aggregate.RegionFigures, bool, error) {
	defer c.enter()()
	return c.slow.IndexRows(ctx, shard, page)
}

func (c *crowded) FleetSum(ctx context.Context, bucket int, span aggregate.FleetSpan) (aggregate.Sum, error) {
	defer c.enter()()
	return c.slow.FleetSum(ctx, bucket, span)
}

func inCrowd(t *testing.T, o aggregate.WindowsOptions, do func(*testing.T, *aggregate.Windows, *crowded)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		table := &crowded{slow: &slow{Memory: aggregatetest.NewMemory(8), takes: 100 * time.Millisecond}}
		do(t, aggregate.NewWindows(table, time.Now, 2*time.Second, o), table)
		synctest.Wait()
	})
}

func TestQuery_ReadsOfAllQueriesTogetherAreBounded(t *testing.T) {
	inCrowd(t, aggregate.WindowsOptions{ReadsInFlightMax: 5}, func(t *testing.T, w *aggregate.Windows, table *crowded) {
		var callers sync.WaitGroup
		for n := range 20 {
			callers.Go(func() {
				if _, err := w.Query(t.Context(), aggregate.Query{Interval: interval(t, "24h"), Limit: 100 + n}); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if table.highest > 5 || table.highest < 4 {
			t.Errorf("%d reads were at work at the same time, want 5 at most", table.highest)
		}
	})
}

// Clients that ask for something large and leave at once leave nothing behind, and keep nobody else waiting.
func TestQuery_ReadsEndWithTheLastWhoWaitsForThem(t *testing.T) {
	inCrowd(t, aggregate.WindowsOptions{RowsInFlightMax: 50_000}, func(t *testing.T, w *aggregate.Windows, table *crowded) {
		ctx, leave := context.WithCancel(admission.WithCaller(t.Context(), "greedy"))
		var callers sync.WaitGroup
		for n := range 500 {
			callers.Go(func() {
				_, err := w.Query(ctx, aggregate.Query{Interval: interval(t, "24h"), Limit: 9000 + n})
				if fault.KindOf(err) != fault.Unavailable {
					t.Errorf("who left: %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		callers.Wait()
		synctest.Wait()
		if table.atWork > 0 {
			t.Errorf("%d reads go on for nobody", table.atWork)
		}
		before := table.reads
		time.Sleep(20 * time.Second)
		if table.reads != before {
			t.Errorf("%d reads began for nobody", table.reads-before)
		}
	})
}

// While one caller's large pages fill the room for rows, another's small page is read at once.
func TestQuery_OneCallersPagesAreNotInAnothersWay(t *testing.T) {
	inCrowd(t, aggregate.WindowsOptions{RowsInFlightMax: 100_000, ReadsInFlightMax: 16}, func(t *testing.T, w *aggregate.Windows, _ *crowded) {
		var callers sync.WaitGroup
		for n := range 50 {
			callers.Go(func() {
				_, _ = w.Query(admission.WithCaller(t.Context(), "greedy"), aggregate.Query{Interval: interval(t, "1m"), Limit: 9000 + n})
			})
		}
		synctest.Wait()
		began := time.Now()
		q := aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A")}
		if _, err := w.Query(admission.WithCaller(t.Context(), "other"), q); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		callers.Wait()
	})
}
