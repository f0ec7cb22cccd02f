package aggregate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// equipmentsPage reads the rows that the named equipments have in the window, adds up their totals, and cuts the page out.
func (w *Windows) equipmentsPage(ctx context.Context, q Query, at position) (page, error) {
	found := make([]equipmentSteps, len(q.Equipments))
	errs := make([]error, len(found))
	each(len(found), w.o.Concurrency, func(i int) {
		found[i] = equipmentSteps{at: at, id: q.Equipments[i], most: q.Limit + 1}
		errs[i] = found[i].read(ctx, w.table)
	})
	if err := firstOf(errs); err != nil {
		return page{}, fmt.Errorf("read rows of an equipment: %w", err)
	}
	var p page
	for _, one := range found {
		p.total, p.items = p.total.Add(one.total), append(p.items, one.items...)
	}
	slices.SortFunc(p.items, func(a, b Item) int { return a.key().compare(b.key()) })
	if len(p.items) > q.Limit {
		p.items = slices.Clip(p.items[:q.Limit])
		p.next = p.items[q.Limit-1].key()
	}
	return p, nil
}

// equipmentSteps adds one equipment's rows up to items.
type equipmentSteps struct {
	at      position
	id      reading.EquipmentID
	most    int // of items that are kept: no page takes more of one equipment
	total   Sum
	items   []Item
	pending []pendingStep // those that rows may still come for, in their order
}

// pendingStep is a step with what has been found of it.
type pendingStep struct {
	start, end time.Time
	Figures
}

func (e *equipmentSteps) read(ctx context.Context, table WindowTable) error {
	for _, part := range e.at.stretches() {
		err := table.EquipmentRows(ctx, EquipmentHours{e.id, part.from, part.through, part.sliced}, e.take)
		if err != nil {
			return err
		}
	}
	e.finish(e.at.to.Add(day)) // no step of the window ends later
	return nil
}

// take takes the next row. The regions' rows of an hour come one after another.
func (e *equipmentSteps) take(row RegionFigures) {
	e.finish(row.Hour)
	e.at.spread(row, func(start, end time.Time, f Figures) {
		e.total = e.total.Add(f.Sum)
		for i := range e.pending {
			if e.pending[i].start.Equal(start) {
				e.pending[i].Figures = e.pending[i].Join(f)
				return
			}
		}
		e.pending = append(e.pending, pendingStep{start, end, f})
	})
}

// finish makes items of the steps that are over at a time. Without readings they are left out, also while a region's deletion is
// ahead of what it deletes.
func (e *equipmentSteps) finish(at time.Time) {
	slices.SortFunc(e.pending, func(a, b pendingStep) int { return a.start.Compare(b.start) })
	for len(e.pending) > 0 && !e.pending[0].end.After(at) {
		step := e.pending[0]
		e.pending = e.pending[1:]
		key := ItemKey{step.start, e.id}
		if step.Count > 0 && len(e.items) < e.most && (!e.at.begun() || key.compare(e.at.after) > 0) {
			e.items = append(e.items, itemOf(key, step.Figures))
		}
	}
}
