package deletion

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// runningMax bounds how many deletions a worker looks at in one round. Further ones wait until some of these are completed.
const runningMax = 100

// Follow works on long deletions, those of other processes that have ended among them, until ctx ends.
func (s *Service) Follow(ctx context.Context) {
	timer := time.NewTimer(0) // what an earlier process has left is not to wait
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-s.begun:
			s.turn(ctx, id)
		case <-timer.C:
			s.round(ctx)
			timer.Reset(s.options.Poll)
		}
	}
}

// round gives each deletion that runs a turn.
func (s *Service) round(ctx context.Context) {
	for ctx.Err() == nil {
		ids, err := s.running(ctx)
		if err != nil {
			s.options.Log.WarnContext(ctx, "deletions could not be listed", "error", err.Error())
			return
		}
		more := false
		for _, id := range ids {
			if ctx.Err() == nil && s.turn(ctx, id) {
				more = true
			}
		}
		if !more {
			return
		}
	}
}

func (s *Service) running(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Lease)
	defer cancel()
	ids, err := s.table.RunningDeletions(ctx, runningMax)
	if err != nil {
		return nil, fmt.Errorf("list running deletions: %w", err)
	}
	return ids, nil
}

// turn works on one deletion for a while, if nobody else does, and tells whether there is more to do for this process.
func (s *Service) turn(ctx context.Context, id string) (more bool) {
	log := s.options.Log.With("deletion_id", id)
	began := s.options.Now()
	for {
		d, worked, err := s.part(ctx, id)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil:
			// What was done is recorded or done again. The rest waits for the next round.
			log.WarnContext(ctx, "a part of a deletion failed", "error", err.Error(), "unavailable", fault.KindOf(err) == fault.Unavailable)
			return false
		case !worked:
			return false
		case d.Status == Completed:
			log.InfoContext(ctx, "deletion completed", "equipment_id", d.EquipmentID, "deleted", d.Deleted)
			return false
		case s.options.Now().Sub(began) >= s.options.Turn:
			return true
		}
	}
}

// part deletes the next part of a deletion and records that, in the time of one lease. It returns false where somebody else
// works on the deletion, or nobody need.
func (s *Service) part(ctx context.Context, id string) (d Deletion, worked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Lease)
	defer cancel()
	d, claimed, err := s.table.ClaimDeletion(ctx, id, s.lease())
	if err != nil {
		return d, false, fmt.Errorf("claim: %w", err)
	}
	if !claimed {
		return d, false, nil
	}
	part, err := s.readings.Deletable(ctx, d.Range, d.Place, s.options.PartReadings)
	if err != nil {
		return d, false, fmt.Errorf("read what is to be deleted: %w", err)
	}
	writes, taken := d.takes(part)
	if err := s.long.Write(ctx, writes); err != nil {
		return d, false, fmt.Errorf("write %d tombstones: %w", len(writes), err)
	}
	from := d.Progress
	d.Place, d.Deleted = part.Place, d.Deleted+int64(taken)
	if !part.More {
		d.Status = Completed
	}
	advanced, err := s.table.AdvanceDeletion(ctx, d, from, s.lease())
	if err != nil {
		return d, false, fmt.Errorf("record a part: %w", err)
	}
	if !advanced {
		d.Status = Running // another worker has recorded the part; claiming the next one tells how far it is
	}
	return d, true, nil
}

// takes returns the writes that delete a part, and how many readings the deletion has taken away once they are made: an earlier
// attempt at the part may have left tombstones, which have the version of the deletion. Older tombstones that it meets are
// raised to a version of their own, just above, since they take no reading away.
func (d Deletion) takes(p Part) (writes []reading.Write, taken int) {
	older := olderThan(d.Version, p.Readings)
	taken = len(older)
	for _, one := range p.Tombstones {
		if one.Version == d.Version {
			taken++
		}
	}
	raised := olderThan(d.Version, p.Tombstones)
	return append(tombstones(older, d.Version, true), tombstones(raised, d.raised(), true)...), taken
}

// raised is the version of the tombstones that the deletion met: above all that began before it, below all that began later,
// and that of no row of a file, which has no row at its beginning.
func (d Deletion) raised() reading.Version { return d.Version.Row(0) }

func (s *Service) lease() Lease {
	now := s.options.Now().UTC()
	return Lease{Worker: s.worker, Now: now, Until: now.Add(s.options.Lease)}
}
