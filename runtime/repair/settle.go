package repair

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// suspect is a row that differed when it was looked at.
type suspect struct {
	key         aggregate.RowKey
	differences []aggregate.Difference
	at          time.Time
	looks       int
}

// settle looks at the suspects again, until each is known to differ or not, or was another one often enough.
//
// A record that nobody has taken in yet makes a difference too. Once it is, the difference is gone; one that is still the same
// after longer than records wait is there to stay. Where rows are written all the time, each look finds another difference, and
// nothing can be said until they come to rest.
func (w *walk) settle(ctx context.Context) error {
	for len(w.suspects) > 0 {
		if err := w.wait(ctx, w.suspects[len(w.suspects)-1].at); err != nil {
			return err
		}
		var left []suspect
		for _, s := range w.suspects {
			again, err := w.lookAgain(ctx, s)
			if err != nil {
				return err
			}
			if again != nil {
				left = append(left, *again)
			}
		}
		w.suspects = left
	}
	return nil
}

// wait returns once Settle has passed since an instant.
func (w *walk) wait(ctx context.Context, since time.Time) error {
	sleep := w.o.Pacer.Sleep
	if sleep == nil {
		sleep = pacing.Sleep
	}
	if err := sleep(ctx, w.o.Settle-w.o.Now().Sub(since)); err != nil {
		return fmt.Errorf("wait until the rows have settled: %w", err)
	}
	return nil
}

// lookAgain compares a suspect once more and returns it if it must be looked at yet again.
func (w *walk) lookAgain(ctx context.Context, s suspect) (*suspect, error) {
	var found []aggregate.Difference
	err := w.retry(ctx, func() error {
		r, err := w.rows.Compare(ctx, s.key)
		found = r.Differences
		return err
	})
	if err != nil {
		return nil, w.failed(ctx, err, s.key)
	}
	same := slices.DeleteFunc(slices.Clone(found), func(d aggregate.Difference) bool { return !slices.Contains(s.differences, d) })
	if len(same) > 0 {
		w.place.Different++
		w.report(Different, s.key, same)
		return nil, nil
	}
	if len(found) == 0 {
		return nil, nil
	}
	if s.looks+1 >= w.o.LooksMax {
		w.place.Moving++
		w.report(Moving, s.key, found)
		return nil, nil
	}
	return &suspect{s.key, found, w.o.Now(), s.looks + 1}, nil
}

// days restates or compares the days of the fleet.
func (w *walk) days(ctx context.Context) error {
	known, err := w.find.FleetDays(ctx, w.o.FleetBuckets, w.place.Region, w.place.From, w.place.Through)
	if err != nil {
		return fmt.Errorf("find the fleet's days: %w", err)
	}
	for _, day := range known {
		w.place.Days.add(day)
	}
	do := w.fleet.Compare
	if w.mend {
		do = w.fleet.Restate
	}
	for _, day := range w.place.Days.from(w.place.Next) {
		if err := w.day(ctx, day, do); err != nil {
			return err
		}
		w.place.Next = day.Add(24 * time.Hour)
		if err := w.keep(); err != nil {
			return err
		}
	}
	return nil
}

// day works a day of the fleet off. On one that is over, little moves, so that another attempt finds it at rest.
func (w *walk) day(
	ctx context.Context, day time.Time, do func(context.Context, string, time.Time) (aggregate.FleetRestated, error),
) error {
	wrong := map[aggregate.FleetKey]aggregate.FleetWrite{}
	var moving []aggregate.FleetKey
	for look := 1; ; look++ {
		var r aggregate.FleetRestated
		if err := w.retry(ctx, func() (err error) {
			r, err = do(ctx, w.place.Region, day)
			for _, write := range r.Mended {
				wrong[write.FleetKey] = write
			}
			return err
		}); err != nil {
			return fmt.Errorf("day %s of the fleet: %w", day.Format(time.DateOnly), err)
		}
		moving = r.Moving
		if len(moving) == 0 || look >= w.o.LooksMax || day.Add(24*time.Hour).After(w.o.Now()) {
			break
		}
	}
	w.countDay(wrong, moving)
	return nil
}

func (w *walk) countDay(wrong map[aggregate.FleetKey]aggregate.FleetWrite, moving []aggregate.FleetKey) {
	w.place.FleetDays++
	w.place.Different += len(wrong)
	w.place.Moving += len(moving)
	verdict := Different
	if w.mend {
		verdict, w.place.Mended = Mended, w.place.Mended+len(wrong)
	}
	for _, key := range sortedFleet(wrong) {
		w.o.Report(Finding{Verdict: verdict, Fleet: wrong[key]})
	}
	for _, key := range moving {
		w.o.Report(Finding{Verdict: Moving, Fleet: aggregate.FleetWrite{FleetKey: key}})
	}
}

func sortedFleet(of map[aggregate.FleetKey]aggregate.FleetWrite) []aggregate.FleetKey {
	keys := make([]aggregate.FleetKey, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b aggregate.FleetKey) int {
		if a.Unit != b.Unit {
			return int(b.Unit) - int(a.Unit)
		}
		return a.Start.Compare(b.Start)
	})
	return keys
}
