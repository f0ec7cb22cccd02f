package aggregate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// shardPageMin is the least worth a call, shardPageMax what fits into DynamoDB's megabyte several times over.
const (
	shardPageMin = 25
	shardPageMax = 2000
)

// shardReader reads one index shard in pages, as far as the merge needs it.
type shardReader struct {
	shard int
	rows  []RegionFigures // read and not merged yet
	after RowKey
	done  bool
	err   error
}

// mergedPage merges the shards' rows, each ordered, into a page of all equipments. It reads little more than the page: what
// is left over in the end is at most a page of each shard.
func (w *Windows) mergedPage(ctx context.Context, limit int, at position) (page, error) {
	shards := make([]*shardReader, w.o.IndexShards)
	for i := range shards {
		shards[i] = &shardReader{shard: i, after: at.after}
	}
	size := w.shardPage(limit)
	collect := collector{limit: limit}
	for !collect.more {
		if err := w.refill(ctx, shards, at.window, size); err != nil {
			return page{}, fmt.Errorf("read rows of all equipments: %w", err)
		}
		least := leastOf(shards)
		if least == nil {
			break
		}
		collect.take(least.rows[0])
		least.rows = least.rows[1:]
	}
	items, more := collect.page()
	return page{items: items, more: more}, nil
}

// shardPage is how many rows of each shard are read at a time. Equipments spread evenly, so that each shard holds about its
// share of a page; a few more spare a second call.
func (w *Windows) shardPage(limit int) int {
	return min(max(limit/w.o.IndexShards*9/8+1, shardPageMin), shardPageMax)
}

// refill reads on where a shard has run empty, without which the merge cannot tell what comes next, and in the same go
// where it soon will.
func (w *Windows) refill(ctx context.Context, shards []*shardReader, over window, size int) error {
	for {
		var low []*shardReader
		empty := false
		for _, s := range shards {
			if !s.done && len(s.rows) < size/4+1 {
				low = append(low, s)
				empty = empty || len(s.rows) == 0
			}
		}
		if !empty {
			return nil
		}
		each(len(low), w.o.Concurrency, func(i int) { low[i].read(ctx, w.table, over, size) })
		for _, s := range low {
			if s.err != nil {
				return s.err
			}
		}
	}
}

func (s *shardReader) read(ctx context.Context, table WindowTable, over window, size int) {
	rows, more, err := table.IndexRows(ctx, s.shard, IndexPage{over.from, over.through, s.after, size})
	if err == nil && len(rows) == 0 && more {
		err = errNoProgress
	}
	if s.err = err; err != nil {
		return
	}
	s.rows, s.done = append(s.rows, rows...), !more
	if len(rows) > 0 {
		s.after = rows[len(rows)-1].RowKey
	}
}

// errNoProgress would otherwise be an endless loop: without a row there is no position to go on from.
var errNoProgress = errors.New("an index page is empty although there are more rows")

// leastOf returns the shard whose next row comes first, nil when no rows are left. Shards are few, so that a scan is as fast
// as a heap.
func leastOf(shards []*shardReader) *shardReader {
	var least *shardReader
	for _, s := range shards {
		if len(s.rows) > 0 && (least == nil || compareRows(s.rows[0].RowKey, least.rows[0].RowKey) < 0) {
			least = s
		}
	}
	return least
}

// compareRows orders rows by hour, equipment, region.
func compareRows(a, b RowKey) int {
	return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.EquipmentID, b.EquipmentID), cmp.Compare(a.Region, b.Region))
}
