package aggregate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	// steppedItemsMax bounds the items of a page of all equipments whose steps are not the UTC's full hours: a day takes the rows of 24
	// hours, and a step below an hour takes the whole row of the hour.
	steppedItemsMax = 1000
	// slicedCost is how many rows one costs that has to be looked at by its slices.
	slicedCost = 10
)

// hourly tells whether the steps of the window are full UTC hours, none of them cut.
func (s Span) hourly() bool {
	return s.steps.granularity == hourly && s.from.Equal(reading.Hour(s.from)) && s.to.Equal(reading.Hour(s.to)) && s.steps.whole(s.from, s.to)
}

// steppedPage reads a page of all equipments by steps of any length. The index has the rows of an hour together, so that it reads
// hour after hour and finishes the steps that end. Where a step has too many rows to be held, it goes through the step's equipments
// in their order instead, with a reader for each hour and shard.
func (w *Windows) steppedPage(ctx context.Context, limit int, at position) (page, error) {
	c := &stepCollector{w: w, at: at.Span, limit: min(limit, steppedItemsMax)}
	from, err := at.from, error(nil)
	if at.begun() {
		from, err = c.rest(ctx, at.after)
	}
	for err == nil && from.Before(at.to) && !c.done {
		from, err = c.following(ctx, from)
	}
	if err != nil {
		return page{}, fmt.Errorf("read rows of all equipments by steps: %w", err)
	}
	return c.page(), nil
}

// stepCollector makes the items of a page.
type stepCollector struct {
	w     *Windows
	at    Span
	limit int
	items []Item
	// done tells that the page ends here, with more to come after next, or after the last item of the limit.
	done bool
	next ItemKey
}

func (c *stepCollector) page() page {
	if len(c.items) > c.limit {
		c.items = c.items[:c.limit]
		c.next = c.items[c.limit-1].key()
	}
	return page{items: c.items, next: c.next}
}

// add adds an item.
func (c *stepCollector) add(item Item) {
	c.items = append(c.items, item)
	c.done = c.done || len(c.items) > c.limit
}

// stop ends the page before its limit.
func (c *stepCollector) stop(after ItemKey) { c.done, c.next = true, after }

// following reads on from the beginning of a step, and returns the beginning of the first that it has not finished.
func (c *stepCollector) following(ctx context.Context, from time.Time) (next time.Time, err error) {
	over := Span{from, c.at.to, c.at.steps}
	first, through := over.hours()
	m := c.w.merge(ctx, []stretch{{from: first, through: through}}, c.w.shardPage(c.limit), compareRows)
	unfinished := map[ItemKey]*pendingStep{}
	var hour []RegionFigures // of the hour at hand
	cost := 0                // of what is unfinished
	for row := m.next(); ; row = m.next() {
		if m.err != nil {
			return from, m.err
		}
		if len(hour) > 0 && (row == nil || !row.Hour.Equal(hour[0].Hour)) {
			if err := c.deal(ctx, over, hour, unfinished); err != nil {
				return from, err
			}
			hour = hour[:0]
			ended := c.at.to.Add(day)
			if row != nil {
				ended = row.Hour
			}
			c.finish(unfinished, ended)
			cost = len(unfinished)
		}
		if row == nil || c.done {
			return c.at.to, nil
		}
		hour = append(hour, *row)
		if cost++; over.sliced(row.Hour) {
			cost += slicedCost - 1
		}
		if cost > c.w.o.CrowdedRows {
			return c.crowded(ctx, firstStep(over, unfinished, row.Hour))
		}
	}
}

// firstStep returns the beginning of the first step that is not finished, an hour being at hand.
func firstStep(over Span, unfinished map[ItemKey]*pendingStep, hour time.Time) time.Time {
	if hour.Before(over.from) {
		hour = over.from
	}
	first, _ := over.steps.at(hour)
	for key := range unfinished {
		if key.Start.Before(first) {
			first = key.Start
		}
	}
	return first
}

// crowded goes through a step that has too many rows to be held. On a page that has items already, it is left to the next one.
func (c *stepCollector) crowded(ctx context.Context, start time.Time) (next time.Time, err error) {
	if len(c.items) > 0 {
		c.stop(c.items[len(c.items)-1].key())
		return start, nil
	}
	return c.rest(ctx, ItemKey{Start: start})
}

// deal adds the rows of one hour to the steps that they belong to.
func (c *stepCollector) deal(ctx context.Context, over Span, rows []RegionFigures, to map[ItemKey]*pendingStep) error {
	if err := c.slice(ctx, over, rows); err != nil {
		return err
	}
	for _, row := range rows {
		over.spread(row, func(start, end time.Time, f Figures) {
			key := ItemKey{start, row.EquipmentID}
			if to[key] == nil {
				to[key] = &pendingStep{start: start, end: end}
			}
			to[key].Figures = to[key].Join(f)
		})
	}
	return nil
}

// finish makes items of the steps that are over at a time.
func (c *stepCollector) finish(unfinished map[ItemKey]*pendingStep, at time.Time) {
	var over []ItemKey
	for key, step := range unfinished {
		if !step.end.After(at) {
			over = append(over, key)
		}
	}
	slices.SortFunc(over, ItemKey.compare)
	for _, key := range over {
		if f := unfinished[key].Figures; f.Count > 0 {
			c.add(itemOf(key, f))
		}
		delete(unfinished, key)
	}
}

// slice reads the slices of those rows for which the figures of the hour do not do.
func (c *stepCollector) slice(ctx context.Context, over Span, rows []RegionFigures) error {
	places := map[RowKey]int{}
	var keys []RowKey
	for i, row := range rows {
		if over.sliced(row.Hour) {
			places[row.RowKey], keys = i, append(keys, row.RowKey)
		}
	}
	batches := slices.Collect(slices.Chunk(keys, contract.BatchGetItemsMax))
	found, errs := make([][]RegionFigures, len(batches)), make([]error, len(batches))
	each(len(batches), c.w.o.Concurrency, func(i int) { found[i], errs[i] = c.w.table.SlicedRows(ctx, batches[i]) })
	for _, batch := range found {
		for _, row := range batch {
			rows[places[row.RowKey]] = row
		}
	}
	return firstOf(errs)
}

// rest goes through the equipments of a step that come after one, in their order, and returns the end of the step.
func (c *stepCollector) rest(ctx context.Context, after ItemKey) (end time.Time, err error) {
	start, end := c.at.steps.at(after.Start)
	over := c.at.clipped(start, end)
	var hours []stretch
	for first, through := over.hours(); !first.After(through); first = first.Add(time.Hour) {
		hours = append(hours, stretch{from: first, through: first})
	}
	m := c.w.merge(ctx, hours, c.w.shardPage(c.limit), compareEquipments)
	if after.EquipmentID != "" {
		for _, s := range m.readers {
			s.after = RowKey{Hour: s.hours.from, EquipmentID: after.EquipmentID}
		}
	}
	row := m.next()
	for looked := 0; row != nil && !c.done; {
		var rows []RegionFigures
		rows, row = c.someEquipments(m, over, row)
		found := map[ItemKey]*pendingStep{}
		if err := c.deal(ctx, over, rows, found); err != nil {
			return end, err
		}
		c.finish(found, end)
		if looked += len(rows); looked > c.w.o.CrowdedRows/2 && row != nil && !c.done {
			c.stop(ItemKey{start, rows[len(rows)-1].EquipmentID})
		}
	}
	return end, m.err
}

// someEquipments takes the rows of as many equipments as may fill the page, and of no more than one read of slices takes. It begins
// with a row and returns the one that follows.
func (c *stepCollector) someEquipments(m *merge, over Span, row *RegionFigures) (rows []RegionFigures, next *RegionFigures) {
	var last reading.EquipmentID
	for equipments := 0; row != nil; row = m.next() {
		if row.EquipmentID != last {
			if equipments == c.limit+1-len(c.items) || len(rows) >= contract.BatchGetItemsMax && over.sliced(row.Hour) {
				break
			}
			equipments, last = equipments+1, row.EquipmentID
		}
		rows = append(rows, *row)
	}
	return rows, row
}
