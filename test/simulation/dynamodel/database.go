package dynamodel

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Item is what a table stores. Items that a Database gives out are its own and must not be changed.
type Item = map[string]types.AttributeValue

// Key is the primary key of an item; Sort is empty in a table without a sort key.
type Key struct{ Partition, Sort string }

// Stamp orders the writes of one item, in all regions alike: by the time of the write, as the region's clock told it.
type Stamp struct {
	Time   time.Time
	Region string
}

// Compare orders stamps; regions decide between equal times.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(s.Time.Compare(t.Time), cmp.Compare(s.Region, t.Region))
}

// Origin is who made a write.
type Origin int

// The origins of writes.
const (
	Local      Origin = iota // a call
	Replicated               // another region
	Expired                  // time to live, in this region
)

// Write is a write that took place in one region.
type Write struct {
	Table string
	Key   Key
	// Old is nil where there was no item, New where there is none any more. Both are nil for the deletion of nothing.
	Old, New Item
	Stamp    Stamp
	Origin   Origin
	// At is when the write took place, by this region's clock.
	At time.Time
}

// Changed tells whether the write made a difference; only then the stream has a record of it.
func (w Write) Changed() bool { return !equalItems(w.Old, w.New) }

// Database is the tables of one region.
type Database struct {
	region string
	now    func() time.Time
	tables map[string]*table
	tokens map[string]spent

	// OnWrite is told every write after it took place. Nil tells nobody.
	OnWrite func(Write)
	// Lag decides, for each item that a read without ConsistentRead meets, whether it still sees the item as it was before its
	// last write, which took place at the moment given. Nil means that all reads are up to date.
	Lag func(written time.Time) bool
}

// tokenLifetime is how long a ClientRequestToken is remembered
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const tokenLifetime = 10 * time.Minute

// spent is a transaction that took place under a token.
type spent struct {
	input *dynamodb.TransactWriteItemsInput
	at    time.Time
}

// NewDatabase returns the region's tables, none yet. The clock is the region's own.
func NewDatabase(region string, now func() time.Time) *Database {
	return &Database{region: region, now: now, tables: map[string]*table{}, tokens: map[string]spent{}}
}

// table is one table of the region.
type table struct {
	name       string
	definition contract.Table
	partitions map[string]*partition
	names      []string // of the partitions, ordered
}

// partition is the items of one partition key in the order of their sort keys.
type partition struct {
	sorts []string
	items map[string]*stored
}

// stored is an item together with what replication must know of it. A deleted item stays as a stamp without content.
type stored struct {
	key     Key
	item    Item
	before  Item // of the last write
	stamp   Stamp
	written time.Time
}

// Create makes an empty table.
func (d *Database) Create(name string, definition contract.Table) {
	d.tables[name] = &table{name: name, definition: definition, partitions: map[string]*partition{}}
}

// Items lists the items of a table by partition and sort key.
func (d *Database) Items(name string) []Item {
	var items []Item
	t := d.tables[name]
	for _, name := range t.names {
		p := t.partitions[name]
		for _, sort := range p.sorts {
			if s := p.items[sort]; s.item != nil {
				items = append(items, s.item)
			}
		}
	}
	return items
}

// Get returns the item of a key, nil where there is none, and the stamp of its last write, which may be a deletion.
func (d *Database) Get(name string, key Key) (Item, Stamp) {
	if s := d.tables[name].find(key); s != nil {
		return s.item, s.stamp
	}
	return nil, Stamp{}
}

func (t *table) find(key Key) *stored {
	if p := t.partitions[key.Partition]; p != nil {
		return p.items[key.Sort]
	}
	return nil
}

func (t *table) item(key Key) Item {
	if s := t.find(key); s != nil {
		return s.item
	}
	return nil
}

// place returns where the item of a key is stored and makes room for it.
func (t *table) place(key Key) *stored {
	p := t.partitions[key.Partition]
	if p == nil {
		p = &partition{items: map[string]*stored{}}
		t.partitions[key.Partition] = p
		i, _ := slices.BinarySearch(t.names, key.Partition)
		t.names = slices.Insert(t.names, i, key.Partition)
	}
	s := p.items[key.Sort]
	if s == nil {
		s = &stored{key: key}
		p.items[key.Sort] = s
		i, _ := slices.BinarySearch(p.sorts, key.Sort)
		p.sorts = slices.Insert(p.sorts, i, key.Sort)
	}
	return s
}

// write makes a write of this region. Writes of one item have rising stamps here, whatever other regions' clocks say.
func (d *Database) write(t *table, key Key, next Item, origin Origin) {
	now := d.now()
	stamp := Stamp{now, d.region}
	if s := t.find(key); s != nil && s.stamp.Compare(stamp) >= 0 {
		stamp.Time = s.stamp.Time.Add(1)
	}
	d.store(t, key, next, stamp, origin, now)
}

func (d *Database) store(t *table, key Key, next Item, stamp Stamp, origin Origin, now time.Time) {
	s := t.place(key)
	w := Write{Table: t.name, Key: key, Old: s.item, New: next, Stamp: stamp, Origin: origin, At: now}
	s.before, s.item, s.stamp, s.written = s.item, next, stamp, now
	if d.OnWrite != nil {
		d.OnWrite(w)
	}
}

// Replicate takes a write of another region and tells whether it is later than what is stored here.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
func (d *Database) Replicate(w Write) bool {
	t := d.tables[w.Table]
	if s := t.find(w.Key); s != nil && s.stamp.Compare(w.Stamp) >= 0 {
		return false
	}
	d.store(t, w.Key, w.New, w.Stamp, Replicated, d.now())
	return true
}

// Expire removes an item as time to live does, provided that it is due; it tells whether it was. The service may do it at
// any time after that.
func (d *Database) Expire(name string, key Key) bool {
	t := d.tables[name]
	n, has := t.item(key)[t.definition.TimeToLive].(*types.AttributeValueMemberN)
	if !has || compareNumbers(n.Value, formatInt(d.now().Unix())) > 0 {
		return false
	}
	d.write(t, key, nil, Expired)
	return true
}

// read returns an item as a read sees it.
func (d *Database) read(s *stored, consistent bool) Item {
	if s == nil {
		return nil
	}
	if !consistent && d.Lag != nil && d.Lag(s.written) {
		return s.before
	}
	return s.item
}

func equalItems(a, b Item) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	for name, value := range a {
		if !equalValues(value, b[name]) {
			return false
		}
	}
	return true
}
