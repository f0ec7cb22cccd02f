package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Defaults of Options.
const (
	ConcurrencyDefault = 4
	// SettleDefault is twice what the alarm on the stream's lag allows.
	SettleDefault   = 2 * time.Minute
	LooksMaxDefault = 3

	// suspectsMax bounds the rows that wait for a second look.
	suspectsMax = 200
	// visitedMax bounds what a sweep remembers of the equipments that it has seen, some 50 MB. Beyond it they are looked at twice.
	visitedMax = 500_000
	// attemptsMax is how often a call is made that fails for a reason which may pass.
	attemptsMax = 8
)

// Options adapt a Sweep. The zero value of a field selects its default.
type Options struct {
	// FleetBuckets is that of the writers. Default: contract.FleetBucketsDefault.
	FleetBuckets int
	// Retention is how long raw readings are kept; 0 keeps them for ever. Hours whose readings have begun to expire are left out.
	Retention time.Duration
	// Concurrency is how many equipments are looked at once. Default: ConcurrencyDefault.
	Concurrency int
	// Settle is how long an audit waits before it looks at a difference again. It must be longer than the stream's records wait to
	// be taken in: a difference that stays as it was for so long is none that a record is still to make good.
	// Default: SettleDefault.
	Settle time.Duration
	// LooksMax is how often an audit looks at a row that is another one each time. Default: LooksMaxDefault.
	LooksMax int
	// Pacer makes the pauses between attempts, and waits.
	Pacer pacing.Pacer
	// Now tells the time. Default: time.Now.
	Now func() time.Time
	// Report takes what was found, one at a time. Default: nobody is told.
	Report func(Finding)
	// Keep takes the place whenever it has moved; its error ends the sweep. Default: it is not kept.
	Keep func(Place) error
}

func (o Options) withDefaults() Options {
	o.FleetBuckets = cmp.Or(o.FleetBuckets, contract.FleetBucketsDefault)
	o.Concurrency = cmp.Or(o.Concurrency, ConcurrencyDefault)
	o.Settle = cmp.Or(o.Settle, SettleDefault)
	o.LooksMax = cmp.Or(o.LooksMax, LooksMaxDefault)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(Finding) {}
	}
	if o.Keep == nil {
		o.Keep = func(Place) error { return nil }
	}
	return o
}

// OpenFrom is the first hour whose readings cannot have begun to expire.
func (o Options) OpenFrom() time.Time {
	if o.Retention == 0 {
		return firstHour
	}
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	// The clock of the table may be a little ahead.
	return reading.Hour(now().Add(time.Minute - o.Retention - contract.ExpiryMargin)).Add(time.Hour)
}

// Sweep goes through the rows of a scope.
type Sweep struct {
	find  Finder
	rows  Rows
	fleet Fleet
	o     Options
}

// NewSweep returns a Sweep.
func NewSweep(find Finder, rows Rows, fleet Fleet, o Options) *Sweep {
	return &Sweep{find, rows, fleet, o.withDefaults()}
}

// Repair restates what the place's scope names, from the place on, while the service goes on working. It returns the place that it
// has come to, also with an error, after which another call can go on from there.
func (s *Sweep) Repair(ctx context.Context, from Place) (Place, error) {
	return s.run(ctx, from, true)
}

// Audit compares instead, and writes nothing. A row of an equipment differs if it does so in the same way twice, with Options.Settle
// between.
func (s *Sweep) Audit(ctx context.Context, from Place) (Place, error) {
	return s.run(ctx, from, false)
}

func (s *Sweep) run(ctx context.Context, from Place, mend bool) (Place, error) {
	w := s.newWalk(from, mend)
	for !w.place.Done() {
		if err := w.step(ctx); err != nil {
			return w.kept, err
		}
	}
	return w.kept, nil
}

// walk is one run of a sweep.
type walk struct {
	*Sweep
	mend bool

	mu    sync.Mutex // of what follows, while several equipments are looked at
	place Place
	// kept is the place behind which nothing waits for a second look.
	kept     Place
	suspects []suspect
	visited  map[reading.EquipmentID]bool
}

func (s *Sweep) newWalk(from Place, mend bool) *walk {
	w := &walk{Sweep: s, mend: mend, place: from, visited: map[reading.EquipmentID]bool{}}
	w.place.Days = maps.Clone(from.Days)
	if w.place.Days == nil {
		w.place.Days = Days{}
	}
	w.kept = from
	return w
}

// step works one phase off and goes to the next one.
func (w *walk) step(ctx context.Context) error {
	next := ofFleet
	var err error
	switch {
	case w.place.Phase == ofFleet:
		next, err = done, w.days(ctx)
	case w.place.EquipmentID != "":
		err = w.oneEquipment(ctx)
	case w.place.Phase == ofRows:
		next, err = ofReadings, w.allEquipments(ctx, w.find.NextWithRows)
	default:
		err = w.allEquipments(ctx, w.find.NextWithReadings)
	}
	if err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if next == ofFleet && !w.place.Fleet {
		next = done
	}
	w.place.Phase, w.place.After, w.place.Next = next, "", w.place.From
	return w.keep()
}

// keep remembers the place, unless something behind it still waits for a second look.
func (w *walk) keep() error {
	if len(w.suspects) > 0 {
		return nil
	}
	w.kept = w.place
	w.kept.Days = maps.Clone(w.place.Days)
	if err := w.o.Keep(w.kept); err != nil {
		return fmt.Errorf("keep the place: %w", err)
	}
	return nil
}

// moveOn is called where the place has moved.
func (w *walk) moveOn(ctx context.Context) error {
	if len(w.suspects) >= suspectsMax {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	return w.keep()
}

// oneEquipment looks at the equipment that the scope names.
func (w *walk) oneEquipment(ctx context.Context) error {
	w.place.Equipments = 1
	return w.equipment(ctx, w.place.EquipmentID, w.place.Next, func(hour time.Time) error {
		w.place.Next = hour.Add(time.Hour)
		return w.moveOn(ctx)
	})
}

// allEquipments looks at all equipments that next gives.
func (w *walk) allEquipments(ctx context.Context, next func(context.Context, reading.EquipmentID) (reading.EquipmentID, bool, error)) error {
	for {
		var ids []reading.EquipmentID
		for len(ids) < w.o.Concurrency {
			id, found, err := retried2(ctx, w, func() (reading.EquipmentID, bool, error) { return next(ctx, w.place.After) })
			if err != nil {
				return fmt.Errorf("find the equipment after %q: %w", w.place.After, err)
			}
			if !found {
				break
			}
			w.place.After = id
			if !w.visited[id] {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		group, inGroup := errgroup.WithContext(ctx)
		for _, id := range ids {
			group.Go(func() error {
				return w.equipment(inGroup, id, w.place.From, func(time.Time) error { return nil })
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, id := range ids {
			if len(w.visited) < visitedMax {
				w.visited[id] = true
			}
		}
		w.place.Equipments += len(ids)
		if err := w.moveOn(ctx); err != nil {
			return err
		}
	}
}

// equipment looks at the hours of an equipment in which it has readings or a row.
func (w *walk) equipment(ctx context.Context, id reading.EquipmentID, from time.Time, after func(hour time.Time) error) error {
	through := w.place.Through
	if err := w.list(ctx, id); err != nil {
		return err
	}
	if open := w.o.OpenFrom(); open.After(from) {
		from = open
	}
	hours := []cursor{
		{next: func(from time.Time) (time.Time, bool, error) {
			return w.find.NextRow(ctx, id, w.place.Region, from, through)
		}},
		{next: func(from time.Time) (time.Time, bool, error) { return w.find.NextReading(ctx, id, from, through) }},
	}
	for !from.After(through) {
		for i := range hours {
			if err := hours[i].moveTo(ctx, w, from); err != nil {
				return fmt.Errorf("find the hours of %s from %s on: %w", id, reading.FormatHour(from), err)
			}
		}
		hour, found := first(hours)
		if !found {
			return nil
		}
		if err := w.look(ctx, aggregate.RowKey{EquipmentID: id, Hour: hour, Region: w.place.Region}); err != nil {
			return err
		}
		from = hour.Add(time.Hour)
		if err := after(hour); err != nil {
			return err
		}
	}
	return nil
}

// list lists an equipment that has rows, so that they are not missing from the fleet: also those of closed hours, which belong to
// it although they stay as they are. A row that is missing is listed when it is made.
func (w *walk) list(ctx context.Context, id reading.EquipmentID) error {
	if !w.mend {
		return nil
	}
	err := w.retry(ctx, func() error {
		_, found, err := w.find.NextRow(ctx, id, w.place.Region, w.place.From, w.place.Through)
		if err != nil || !found {
			return err
		}
		return w.find.PutEquipment(ctx, id, w.place.Region)
	})
	if err != nil {
		return fmt.Errorf("list %s: %w", id, err)
	}
	return nil
}

// cursor goes through hours.
type cursor struct {
	next  func(from time.Time) (hour time.Time, found bool, err error)
	asked bool
	hour  time.Time
	found bool
}

// first is the earliest hour that a cursor has found.
func first(cursors []cursor) (hour time.Time, found bool) {
	for _, c := range cursors {
		if c.found && (!found || c.hour.Before(hour)) {
			hour, found = c.hour, true
		}
	}
	return hour, found
}

// moveTo moves to the first hour that is not before an hour.
func (c *cursor) moveTo(ctx context.Context, w *walk, from time.Time) error {
	if c.asked && (!c.found || !c.hour.Before(from)) {
		return nil
	}
	var err error
	c.asked = true
	c.hour, c.found, err = retried2(ctx, w, func() (time.Time, bool, error) { return c.next(from) })
	return err
}

// look restates or compares one row.
func (w *walk) look(ctx context.Context, key aggregate.RowKey) error {
	do := w.rows.Compare
	if w.mend {
		do = w.rows.Restate
	}
	var all []aggregate.Difference
	err := w.retry(ctx, func() error {
		r, err := do(ctx, key)
		if w.mend {
			all = append(all, r.Differences...) // what was mended before an error stays so
		} else {
			all = r.Differences
		}
		return err
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.place.Rows++
	w.place.Days.add(key.Hour)
	if w.mend && len(all) > 0 {
		w.place.Different++
		w.place.Mended++
		w.report(Mended, key, all)
	}
	switch {
	case err == nil && !w.mend && len(all) > 0:
		w.suspects = append(w.suspects, suspect{key, all, w.o.Now(), 1})
		return nil
	case err == nil:
		return nil
	}
	return w.failed(ctx, err, key)
}

// failed counts a row that could not be looked at. It returns the error only if the sweep cannot go on.
func (w *walk) failed(ctx context.Context, err error, key aggregate.RowKey) error {
	switch {
	case errors.Is(err, aggregate.ErrClosed):
		w.place.Closed++
		return nil
	case ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable:
		return err
	default:
		w.place.Failed++
		w.o.Report(Finding{Verdict: Failed, Row: key, Reason: err})
		return nil
	}
}

func (w *walk) report(v Verdict, key aggregate.RowKey, all []aggregate.Difference) {
	for _, d := range all {
		w.o.Report(Finding{Verdict: v, Row: key, Difference: d})
	}
}

// retry makes a call again while it fails for a reason that may pass.
func (w *walk) retry(ctx context.Context, call func() error) error {
	return w.o.Pacer.Retry(ctx, attemptsMax, call)
}

func retried2[A, B any](ctx context.Context, w *walk, call func() (A, B, error)) (a A, b B, err error) {
	err = w.retry(ctx, func() (err error) {
		a, b, err = call()
		return err
	})
	return a, b, err
}
