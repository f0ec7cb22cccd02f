package aggregate

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Defaults of WindowsOptions.
const (
	WindowsConcurrencyDefault = 16
	// ReadTimeoutDefault bounds a read that several callers share and that therefore outlives each one's own deadline.
	ReadTimeoutDefault = 10 * time.Second
	// CacheItemsMaxDefault items take about 20 MB.
	CacheItemsMaxDefault = 100_000
	// ReadsInFlightMaxDefault and RowsInFlightMaxDefault bound what all queries together do at a time.
	ReadsInFlightMaxDefault = 16
	RowsInFlightMaxDefault  = 100_000
	CrowdedRowsDefault      = 20_000
	// waitingMax is how many shared reads, and how many reads of the table, may wait for their turn.
	waitingMax = 1000
)

// WindowsOptions adapt a Windows. The zero value of a field selects its default.
type WindowsOptions struct {
	// IndexShards and FleetBuckets are at least those of every writer. Both may be raised, readers first, and never lowered.
	// Defaults: contract.IndexShardsDefault and contract.FleetBucketsDefault.
	IndexShards, FleetBuckets int
	// Concurrency is how many reads one query has in flight; 1 starts no goroutine, which also takes a cacheTTL of 0.
	// Default: WindowsConcurrencyDefault.
	Concurrency int
	// ReadTimeout bounds a shared read. Default: ReadTimeoutDefault.
	ReadTimeout time.Duration
	// CacheItemsMax bounds the rows that the cache holds. Default: CacheItemsMaxDefault.
	CacheItemsMax int
	// ReadsInFlightMax is how many reads of the table all queries together have at work; each may bring a megabyte. Default:
	// ReadsInFlightMaxDefault.
	ReadsInFlightMax int
	// RowsInFlightMax is how many rows all queries together hold while they read. Default: RowsInFlightMaxDefault.
	RowsInFlightMax int
	// CrowdedRows is how many rows of a step of all equipments are held at a time. A step that has more is read equipment by equipment.
	// Default: CrowdedRowsDefault.
	CrowdedRows int
}

func (o WindowsOptions) withDefaults() WindowsOptions {
	o.IndexShards = cmp.Or(o.IndexShards, contract.IndexShardsDefault)
	o.FleetBuckets = cmp.Or(o.FleetBuckets, contract.FleetBucketsDefault)
	o.Concurrency = cmp.Or(o.Concurrency, WindowsConcurrencyDefault)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, ReadTimeoutDefault)
	o.CacheItemsMax = cmp.Or(o.CacheItemsMax, CacheItemsMaxDefault)
	o.ReadsInFlightMax = cmp.Or(o.ReadsInFlightMax, ReadsInFlightMaxDefault)
	o.CrowdedRows = cmp.Or(o.CrowdedRows, CrowdedRowsDefault)
	o.RowsInFlightMax = cmp.Or(o.RowsInFlightMax, RowsInFlightMaxDefault)
	return o
}

// Windows answers queries over the last hours and over windows of one's own. It is safe for concurrent use.
type Windows struct {
	table  WindowTable
	now    func() time.Time
	o      WindowsOptions
	totals *shared[Sum]
	pages  *shared[page]
}

// Rows that a read holds beside those of its page.
const (
	totalRows     = 100  // fleet rows, which are added up as they come
	equipmentRows = 3000 // at least, of equipments that are named: they come a megabyte at a time
)

// NewWindows returns a Windows whose answers are at most cacheTTL old, 0 meaning that nothing is kept.
func NewWindows(table WindowTable, now func() time.Time, cacheTTL time.Duration, o WindowsOptions) *Windows {
	o = o.withDefaults()
	inline := cacheTTL <= 0 && o.Concurrency == 1
	rows := admission.NewGate(int64(o.RowsInFlightMax), waitingMax)
	return &Windows{
		table: boundedTable{table, admission.NewGate(int64(o.ReadsInFlightMax), waitingMax)}, now: now, o: o,
		totals: newShared[Sum](now, cacheTTL, o.ReadTimeout, o.CacheItemsMax/10+1, rows, inline),
		pages:  newShared[page](now, cacheTTL, o.ReadTimeout, o.CacheItemsMax, rows, inline),
	}
}

// Query asks for the aggregates of a window.
type Query struct {
	// Interval is one of the last hours, by full UTC hours. Without it, Span is the window.
	Interval Interval
	Span     Span
	// Equipments are those asked for, each once and at most contract.AggregatesEquipmentsMax; none means all that there are.
	Equipments []reading.EquipmentID
	// Limit is the largest number of items, up to contract.AggregatesPageMax; 0 means contract.AggregatesPageDefault.
	Limit int
	// After is an earlier answer's Next; it goes with the same window and equipments, whatever the limit.
	After Place
}

// Answer is a page of a window, together with the window's totals. It is shared among callers and must not be changed.
type Answer struct {
	// Average and TotalCount cover the whole window and filter, not the page. Average is rounded half to even to 15
	// significant digits and 0 where there are no readings.
	Average    reading.Decimal
	TotalCount int64
	// Items are ordered by step, then equipment. Steps without readings are left out. There may be fewer than the limit although
	// more follow.
	Items []Item
	// Next is where the next page begins, and zero on the last one.
	Next Place
}

// Item is what one equipment's readings of a step come to over all regions, as far as the window reaches into the step.
type Item struct {
	EquipmentID   reading.EquipmentID
	IntervalStart time.Time // UTC, when the step begins
	TotalValue    reading.Decimal
	SampleCount   int64
	// Extremes are the smallest and the largest value.
	Extremes Extremes
}

func (i Item) key() ItemKey { return ItemKey{i.IntervalStart, i.EquipmentID} }

func itemOf(key ItemKey, f Figures) Item {
	return Item{key.EquipmentID, key.Start, f.Total.Sum(), f.Count, f.Extremes}
}

// page is a part of a window's items.
type page struct {
	items []Item
	// next is the key after which the next page begins, zero on the last one.
	next  ItemKey
	total Sum // of the whole window; set where the page was cut out of it
}

func (p page) weight() int { return 1 + len(p.items) }
func (s Sum) weight() int  { return 1 }

// Query answers a query. Errors are of kind fault.Invalid for what breaks the rules or would cost too much, and
// fault.Unavailable where the table is busy.
func (w *Windows) Query(ctx context.Context, q Query) (Answer, error) {
	if q.Limit == 0 {
		q.Limit = contract.AggregatesPageDefault
	}
	if err := q.check(); err != nil {
		return Answer{}, err
	}
	at, err := q.position(w.now())
	if err != nil {
		return Answer{}, err
	}
	if err := at.affordable(len(q.Equipments)); err != nil {
		return Answer{}, err
	}
	total, p, err := w.read(ctx, q, at)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Items: p.items}
	if total.Count > 0 {
		answer.TotalCount, answer.Average = total.Count, reading.Average(total.Total.Sum(), total.Count)
	}
	if p.next != (ItemKey{}) {
		answer.Next = Place{at.from, p.next}
	}
	return answer, nil
}

// check holds the query to the rules that do not depend on the time.
func (q Query) check() error {
	switch {
	case q.Interval == (Interval{}) && q.Span == (Span{}):
		return errInterval
	case q.Limit < 0 || q.Limit > contract.AggregatesPageMax:
		return refusedQuery("limit", fmt.Sprintf("must be 1 to %d", contract.AggregatesPageMax))
	case len(q.Equipments) > contract.AggregatesEquipmentsMax:
		return refusedQuery("equipmentId", fmt.Sprintf("may stand %d times at most", contract.AggregatesEquipmentsMax))
	}
	return nil
}

func refusedQuery(field, reason string) error { return refused(field, field, reason) }

// refused is the error of a field that breaks a rule; what names it in a sentence.
func refused(what, field, reason string) error {
	return &fault.Error{
		Kind: fault.Invalid, Message: "The " + what + " " + reason, Fields: []fault.FieldError{{Field: field, Reason: reason}},
	}
}

// affordable refuses what one call would have to read too much for: the totals of equipments that are named come from all rows of
// theirs. What all equipments together are asked for costs the page, however long the window is.
func (s Span) affordable(equipments int) error {
	hours, most, narrower := equipments*s.hourCount(), contract.EquipmentHoursMax, "fewer equipments or a shorter window"
	if s.steps.granularity.length < time.Hour {
		most, narrower = contract.SlicedHoursMax, narrower+", or for granularity=1h or 1d"
	}
	if hours <= most {
		return nil
	}
	return &fault.Error{
		Kind: fault.Invalid,
		Message: fmt.Sprintf("That is too much for one answer: %d equipments over %d hours are %d hours of equipments, and one answer takes %d; ask for %s",
			equipments, s.hourCount(), hours, most, narrower),
		Fields: []fault.FieldError{{Field: "equipmentId", Reason: fmt.Sprintf("and the window ask for %d hours of equipments; at most %d go into one answer", hours, most)}},
	}
}

// read returns the window's totals and the page, each from one shared read.
func (w *Windows) read(ctx context.Context, q Query, at position) (total Sum, p page, err error) {
	span := fmt.Sprintf("%d/%d", at.from.Unix(), at.to.Unix())
	pageKey := fmt.Sprintf("%s/%s/%s/%d/%d/%s/%v", span, at.steps.granularity, at.steps.zone, q.Limit,
		at.after.Start.Unix(), at.after.EquipmentID, q.Equipments)
	if len(q.Equipments) > 0 {
		held := len(q.Equipments) * min(q.Limit+1, at.hourCount()*contract.SlicesPerHour)
		p, err = w.pages.get(ctx, pageKey, max(held, equipmentRows), func(ctx context.Context) (page, error) { return w.equipmentsPage(ctx, q, at) })
		return p.total, p, err
	}
	var errs [2]error
	each(len(errs), w.o.Concurrency, func(i int) {
		if i == 0 {
			total, errs[i] = w.totals.get(ctx, span, totalRows, func(ctx context.Context) (Sum, error) { return w.fleetTotal(ctx, at.Span) })
			return
		}
		held, read := q.Limit+w.o.IndexShards*w.shardPage(q.Limit), w.mergedPage
		if !at.hourly() {
			held, read = w.o.CrowdedRows*3/2, w.steppedPage
		}
		p, errs[i] = w.pages.get(ctx, pageKey, held, func(ctx context.Context) (page, error) { return read(ctx, q.Limit, at) })
	})
	return total, p, firstOf(errs[:])
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// fleetTotal adds up the fleet rows of the window. What it reads does not depend on how many equipments there are.
func (w *Windows) fleetTotal(ctx context.Context, over Span) (Sum, error) {
	spans := cover(FiveMinutes, over.from, over.to)
	sums := make([]Sum, w.o.FleetBuckets*len(spans))
	errs := make([]error, len(sums))
	each(len(sums), w.o.Concurrency, func(i int) {
		sums[i], errs[i] = w.table.FleetSum(ctx, i/len(spans), spans[i%len(spans)])
	})
	var total Sum
	for _, s := range sums {
		total = total.Add(s)
	}
	if err := firstOf(errs); err != nil {
		return Sum{}, fmt.Errorf("read fleet totals: %w", err)
	}
	return total, nil
}

// collector sums the regions' rows of each equipment and hour, which come one after another, into items.
type collector struct {
	limit   int
	items   []Item
	current RegionFigures
	more    bool // there is an item beyond the limit
}

// take takes the next row.
func (c *collector) take(row RegionFigures) {
	if row.EquipmentID == c.current.EquipmentID && row.Hour.Equal(c.current.Hour) {
		c.current.Figures = c.current.Join(row.Figures)
		return
	}
	c.flush()
	c.current = row
}

// flush ends the current item. Without readings it is left out, also while a region's deletion is ahead of what it deletes.
func (c *collector) flush() {
	if c.current.Count > 0 {
		if len(c.items) == c.limit {
			c.more = true
		} else {
			c.items = append(c.items, itemOf(ItemKey{c.current.Hour, c.current.EquipmentID}, c.current.Figures))
		}
	}
	c.current = RegionFigures{}
}

// page ends the last item and returns what was collected.
func (c *collector) page() page {
	c.flush()
	p := page{items: c.items}
	if c.more {
		p.next = c.items[len(c.items)-1].key()
	}
	return p
}
