package aggregatetest

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Memory is an aggregate.RowTable and an aggregate.WindowTable in memory, safe for concurrent use. It never fails by itself.
type Memory struct {
	indexShards int

	mu       sync.Mutex
	readings map[reading.Key]aggregate.Image
	rows     map[aggregate.RowKey]aggregate.Row
	fleet    map[FleetKey]aggregate.Sum
	tokens   map[string]string // the content that each committed token names
	commits  int
}

var (
	_ aggregate.RowTable    = (*Memory)(nil)
	_ aggregate.WindowTable = (*Memory)(nil)
)

// FleetKey names a fleet row.
type FleetKey struct {
	Bucket int
	Unit   aggregate.Unit
	Start  time.Time
	Region string
}

// NewMemory returns an empty Memory whose index has so many shards.
func NewMemory(indexShards int) *Memory {
	return &Memory{
		indexShards: indexShards, readings: map[reading.Key]aggregate.Image{}, rows: map[aggregate.RowKey]aggregate.Row{},
		fleet: map[FleetKey]aggregate.Sum{}, tokens: map[string]string{},
	}
}

// Put stores a reading and returns what it replaced, nil where there was none.
func (m *Memory) Put(i aggregate.Image) (old *aggregate.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, had := m.readings[i.Key()]; had {
		old = &before
	}
	m.readings[i.Key()] = i
	return old
}

// Delete removes a reading and returns it, nil where there was none.
func (m *Memory) Delete(key reading.Key) (old *aggregate.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, had := m.readings[key]; had {
		old = &before
	}
	delete(m.readings, key)
	return old
}

// Get returns a reading, nil where there is none.
func (m *Memory) Get(key reading.Key) *aggregate.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, has := m.readings[key]; has {
		return &i
	}
	return nil
}

// Scan returns all readings in no particular order.
func (m *Memory) Scan() []aggregate.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.readings))
}

// Rows returns a copy of all rows of equipments.
func (m *Memory) Rows() map[aggregate.RowKey]aggregate.Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.rows)
}

// Fleet returns a copy of all fleet rows.
func (m *Memory) Fleet() map[FleetKey]aggregate.Sum {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.fleet)
}

// Commits is how many transactions took place.
func (m *Memory) Commits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits
}

// Commit implements aggregate.RowTable.
func (m *Memory) Commit(_ context.Context, t aggregate.Transaction) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := check(t); err != nil {
		return err
	}
	content := describe(t)
	if before, used := m.tokens[t.Token]; used {
		if before == content {
			return nil
		}
		return &aggregate.Canceled{Throttled: len(t.Rows) + len(t.Fleet)}
	}
	c := &aggregate.Canceled{}
	for i, w := range t.Rows {
		if !holds(m.rows[w.Key], w) {
			c.Stale = append(c.Stale, i)
		}
	}
	if len(c.Stale) > 0 {
		return c
	}
	for _, w := range t.Rows {
		m.rows[w.Key] = written(m.rows[w.Key], w)
	}
	for _, w := range t.Fleet {
		key := FleetKey{t.Bucket, w.Unit, w.Start, w.Region}
		m.fleet[key] = m.fleet[key].Add(w.Delta)
	}
	m.tokens[t.Token] = content
	m.commits++
	return nil
}

// check refuses what DynamoDB refuses as a whole.
func check(t aggregate.Transaction) error {
	problem := ""
	items := len(t.Rows) + len(t.Fleet)
	rows, fleet := map[aggregate.RowKey]bool{}, map[aggregate.FleetWrite]bool{}
	for _, w := range t.Rows {
		rows[w.Key] = true
		if (w.Apply == nil) == (w.Replace == nil) {
			problem = "a row write must apply or replace"
		}
	}
	for _, w := range t.Fleet {
		w.Delta = aggregate.Sum{}
		fleet[w] = true
	}
	switch {
	case t.Token == "" || len(t.Token) > 36:
		problem = "a token has 1 to 36 characters"
	case items == 0 || items > contract.TransactionItemsMax:
		problem = fmt.Sprintf("%d items", items)
	case len(rows)+len(fleet) < items:
		problem = "two writes of one row"
	}
	if problem == "" {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Message: "the transaction is not possible: " + problem}
}

// describe is equal for equal transactions.
func describe(t aggregate.Transaction) string {
	text := fmt.Sprint(t.Bucket, t.Fleet)
	for _, w := range t.Rows {
		text += fmt.Sprint(w.Key, w.AppliedThrough)
		if w.Apply != nil {
			text += fmt.Sprint("apply", *w.Apply)
		} else {
			text += fmt.Sprint("replace", *w.Replace)
		}
	}
	return text
}

func holds(row aggregate.Row, w aggregate.RowWrite) bool {
	if w.Apply != nil {
		return !row.Recounted && row.AppliedThrough < w.Apply.Lowest
	}
	return row.Revision == w.Replace.Revision
}

func written(row aggregate.Row, w aggregate.RowWrite) aggregate.Row {
	next := aggregate.Row{RowKey: w.Key, AppliedThrough: w.AppliedThrough, Revision: row.Revision + 1, Recounted: row.Recounted}
	if w.Apply != nil {
		next.Sum = row.Add(w.Apply.Delta)
	} else {
		next.Sum = w.Replace.Sum
		next.Recounted = row.Recounted || w.Replace.Recounted
	}
	return next
}

// ReadRow implements aggregate.RowTable.
func (m *Memory) ReadRow(_ context.Context, key aggregate.RowKey) (aggregate.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.rows[key]
	row.RowKey = key
	return row, nil
}

// ReadHour implements aggregate.RowTable.
func (m *Memory) ReadHour(_ context.Context, key aggregate.RowKey) (aggregate.Sum, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum aggregate.Sum
	for _, i := range m.readings {
		if i.EquipmentID == key.EquipmentID && i.Region == key.Region && reading.Hour(i.Timestamp).Equal(key.Hour) {
			sum = sum.Add(aggregate.SumOf(i.Value))
		}
	}
	return sum, nil
}

// sorted returns the rows that pick wants, by hour, equipment and region.
func (m *Memory) sorted(pick func(aggregate.RowKey) bool) []aggregate.RegionSum {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []aggregate.RegionSum
	for key, row := range m.rows {
		if pick(key) {
			out = append(out, aggregate.RegionSum{RowKey: key, Sum: row.Sum})
		}
	}
	slices.SortFunc(out, func(a, b aggregate.RegionSum) int { return compare(a.RowKey, b.RowKey) })
	return out
}

func compare(a, b aggregate.RowKey) int {
	return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.EquipmentID, b.EquipmentID), cmp.Compare(a.Region, b.Region))
}

func within(t, from, through time.Time) bool { return !t.Before(from) && !t.After(through) }

// EquipmentRows implements aggregate.WindowTable.
func (m *Memory) EquipmentRows(_ context.Context, id reading.EquipmentID, from, through time.Time) ([]aggregate.RegionSum, error) {
	return m.sorted(func(key aggregate.RowKey) bool { return key.EquipmentID == id && within(key.Hour, from, through) }), nil
}

// IndexRows implements aggregate.WindowTable.
func (m *Memory) IndexRows(_ context.Context, shard int, page aggregate.IndexPage) (rows []aggregate.RegionSum, more bool, err error) {
	rows = m.sorted(func(key aggregate.RowKey) bool {
		if m.shard(key.EquipmentID) != shard || !within(key.Hour, page.From, page.Through) {
			return false
		}
		if page.After.Region == "" { // after all regions
			key.Region = ""
		}
		return page.After.Hour.IsZero() || compare(key, page.After) > 0
	})
	if len(rows) > page.Limit {
		return rows[:page.Limit], true, nil
	}
	return rows, false, nil
}

func (m *Memory) shard(id reading.EquipmentID) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))
	return int(hash.Sum32() % uint32(m.indexShards)) //nolint:gosec // a few
}

// FleetSum implements aggregate.WindowTable.
func (m *Memory) FleetSum(_ context.Context, bucket int, span aggregate.FleetSpan) (aggregate.Sum, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum aggregate.Sum
	for key, share := range m.fleet {
		if key.Bucket == bucket && key.Unit == span.Unit && within(key.Start, span.From, span.Through) {
			sum = sum.Add(share)
		}
	}
	return sum, nil
}
