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
	hours stretch
	rows  []RegionFigures // read and not merged yet
	after RowKey
	done  bool
	err   error
}

// mergedPage merges the shards' rows, each ordered, into a page of all equipments. It reads little more than the page: what
// is left over in the end is at most a page of each shard.
func (w *Windows) mergedPage(ctx context.Context, limit int, at position) (page, error) {
	from, through := at.hours()
	m := w.merge(ctx, []stretch{{from: from, through: through}}, w.shardPage(limit), compareRows)
	if at.begun() {
		m.begin(at.after)
	}
	collect := collector{limit: limit}
	for !collect.more {
		row := m.next()
		if row == nil {
			break
		}
		collect.take(*row)
	}
	if m.err != nil {
		return page{}, fmt.Errorf("read rows of all equipments: %w", m.err)
	}
	return collect.page(), nil
}

// merge reads the rows of all shards and of some stretches of hours in one order, which must be that of the rows of each shard and
// stretch.
type merge struct {
	ctx     context.Context //nolint:containedctx // of one page, which makes and leaves the merge
	w       *Windows
	size    int // of a read
	order   func(a, b RowKey) int
	readers []*shardReader
	err     error
}

func (w *Windows) merge(ctx context.Context, hours []stretch, size int, order func(a, b RowKey) int) *merge {
	m := &merge{ctx: ctx, w: w, size: size, order: order}
	for _, of := range hours {
		for shard := range w.o.IndexShards {
			m.readers = append(m.readers, &shardReader{shard: shard, hours: of})
		}
	}
	return m
}

// begin has the merge begin after an hour's equipment.
func (m *merge) begin(after ItemKey) {
	for _, s := range m.readers {
		s.after = RowKey{Hour: after.Start, EquipmentID: after.EquipmentID}
	}
}

// next returns the next row, nil at the end and after an error, which it leaves in err.
func (m *merge) next() *RegionFigures {
	if m.err = m.refill(); m.err != nil {
		return nil
	}
	least := m.least()
	if least == nil {
		return nil
	}
	row := &least.rows[0]
	least.rows = least.rows[1:]
	return row
}

// shardPage is how many rows of each shard are read at a time. Equipments spread evenly, so that each shard holds about its
// share of a page; a few more spare a second call.
func (w *Windows) shardPage(limit int) int {
	return min(max(limit/w.o.IndexShards*9/8+1, shardPageMin), shardPageMax)
}

// refill reads on where a reader has run empty, without which the merge cannot tell what comes next, and in the same go
// where one soon will.
func (m *merge) refill() error {
	for {
		empty := false
		for _, s := range m.readers {
			empty = empty || !s.done && len(s.rows) == 0
		}
		if !empty {
			return nil
		}
		var low []*shardReader
		for _, s := range m.readers {
			if !s.done && len(s.rows) < m.size/4+1 {
				low = append(low, s)
			}
		}
		each(len(low), m.w.o.Concurrency, func(i int) { low[i].read(m.ctx, m.w.table, m.size) })
		for _, s := range low {
			if s.err != nil {
				return s.err
			}
		}
	}
}

func (s *shardReader) read(ctx context.Context, table WindowTable, size int) {
	rows, more, err := table.IndexRows(ctx, s.shard, IndexPage{s.hours.from, s.hours.through, s.after, size})
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

// least returns the reader whose next row comes first, nil when no rows are left. Readers are few, so that a scan is as fast
// as a heap.
func (m *merge) least() *shardReader {
	var least *shardReader
	for _, s := range m.readers {
		if len(s.rows) > 0 && (least == nil || m.order(s.rows[0].RowKey, least.rows[0].RowKey) < 0) {
			least = s
		}
	}
	return least
}

// compareRows orders rows by hour, equipment, region.
func compareRows(a, b RowKey) int {
	return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.EquipmentID, b.EquipmentID), cmp.Compare(a.Region, b.Region))
}

// compareEquipments orders rows by equipment, hour, region.
func compareEquipments(a, b RowKey) int {
	return cmp.Or(cmp.Compare(a.EquipmentID, b.EquipmentID), a.Hour.Compare(b.Hour), cmp.Compare(a.Region, b.Region))
}
