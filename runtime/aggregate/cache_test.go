package aggregate_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// slow takes its time for every read and counts them.
type slow struct {
	*aggregatetest.Memory
	takes time.Duration

	mu    sync.Mutex
	reads int
}

func (s *slow) wait(ctx context.Context) error {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	select {
	case <-time.After(s.takes):
		return nil
	case <-ctx.Done():
		return &fault.Error{Kind: fault.Unavailable, Cause: ctx.Err()}
	}
}

func (s *slow) EquipmentRows(ctx context.Context, rows aggregate.EquipmentHours, take func(aggregate.RegionFigures)) error {
	_ = s.Memory.EquipmentRows(ctx, rows, take)
	return s.wait(ctx)
}

func (s *slow) FleetSum(ctx context.Context, bucket int, span aggregate.FleetSpan) (aggregate.Sum, error) {
	sum, _ := s.Memory.FleetSum(ctx, bucket, span)
	return sum, s.wait(ctx)
}

func (s *slow) IndexRows(ctx context.Context, shard int, page aggregate.IndexPage) ([]aggregate.RegionFigures, bool, error) {
	rows, more, _ := s.Memory.IndexRows(ctx, shard, page)
	return rows, more, s.wait(ctx)
}

// cached runs do in a bubble of time with a Windows that keeps answers for 2 s over reads of 100 ms.
func cached(t *testing.T, ttl time.Duration, do func(t *testing.T, v *view, table *slow)) {
	synctest.Test(t, func(t *testing.T) {
		table := &slow{Memory: aggregatetest.NewMemory(1), takes: 100 * time.Millisecond}
		v := &view{table: table.Memory, now: time.Now()}
		v.Windows = aggregate.NewWindows(table, time.Now, ttl, aggregate.WindowsOptions{IndexShards: 1, FleetBuckets: 3, CacheItemsMax: 40})
		do(t, v, table)
		synctest.Wait()
	})
}

func TestCache_AnswersAreAtMostTheirTimeOld(t *testing.T) {
	cached(t, 2*time.Second, func(t *testing.T, v *view, table *slow) {
		q := aggregate.Query{Interval: interval(t, "24h")}
		count := func(want int64) {
			t.Helper()
			if got := v.ask(t, q); got.TotalCount != want || int64(len(got.Items)) != min(want, 1) && want < 3 {
				t.Errorf("after %v: %d readings in %d items, want %d", time.Since(v.now), got.TotalCount, len(got.Items), want)
			}
		}
		for _, q.Equipments = range [][]reading.EquipmentID{nil, {"A"}} {
			base := v.ask(t, q).TotalCount // the read began 100 ms ago
			v.add(t, "A", time.Now(), here, "1")
			time.Sleep(1899 * time.Millisecond)
			before := table.reads
			count(base)
			if table.reads != before {
				t.Error("a kept answer was read again")
			}
			time.Sleep(time.Millisecond) // 2 s after the read began, not after it ended
			count(base + 1)
			if table.reads == before {
				t.Error("an old answer was not read again")
			}
		}
	})
}

func TestCache_ConcurrentCallersShareOneRead(t *testing.T) {
	for _, ttl := range []time.Duration{0, 2 * time.Second} {
		cached(t, ttl, func(t *testing.T, v *view, table *slow) {
			v.add(t, "A", time.Now(), here, "3")
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() {
					if got := v.ask(t, aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A")}); got.TotalCount != 1 {
						t.Errorf("got %+v", got)
					}
				})
			}
			callers.Wait()
			if table.reads != 1 {
				t.Errorf("ttl %v: %d reads", ttl, table.reads)
			}
		})
	}
}

func TestCache_OneCallersLeavingDoesNotFailTheOthers(t *testing.T) {
	cached(t, 2*time.Second, func(t *testing.T, v *view, table *slow) {
		v.add(t, "A", time.Now(), here, "3")
		q := aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A")}
		var callers sync.WaitGroup
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := v.Query(ctx, q); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("the caller who left: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		callers.Go(func() {
			if got := v.ask(t, q); got.TotalCount != 1 {
				t.Errorf("the caller who stayed: %+v", got)
			}
		})
		callers.Wait()
		if table.reads != 1 {
			t.Errorf("%d reads", table.reads)
		}
	})
}

func TestCache_KeepsNoFailureAndEndsReadsThatHang(t *testing.T) {
	cached(t, 2*time.Second, func(t *testing.T, v *view, table *slow) {
		q := aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A")}
		table.takes = time.Hour
		began := time.Now()
		if _, err := v.Query(t.Context(), q); fault.KindOf(err) != fault.Unavailable || time.Since(began) != aggregate.ReadTimeoutDefault {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		table.takes = time.Millisecond
		if _, err := v.Query(t.Context(), q); err != nil {
			t.Error(err)
		}
	})
}

// The cache holds 40 items: as many pages as there is room for, the youngest.
func TestCache_IsBounded(t *testing.T) {
	cached(t, 2*time.Second, func(t *testing.T, v *view, table *slow) {
		table.takes = time.Millisecond
		for i := range 30 {
			v.add(t, "A", time.Now().Add(-time.Duration(i%20)*time.Hour), here, "1")
		}
		asked := func(limit int) bool {
			before := table.reads
			_ = v.ask(t, aggregate.Query{Interval: interval(t, "24h"), Equipments: only("A"), Limit: limit})
			return table.reads > before
		}
		for _, step := range []struct {
			limit int
			read  bool
		}{{20, true}, {20, false}, {15, true}, {20, false}, {19, true}, {20, true}, {20, false}, {15, true}} {
			if got := asked(step.limit); got != step.read {
				t.Errorf("limit %d: read %t, want %t", step.limit, got, step.read)
			}
		}
	})
}
