package deletion_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

const most = contract.DeletionReadingsMax

func TestDelete_OfAFewIsDoneWhenItIsAnswered(t *testing.T) {
	for name, n := range map[string]int{"none": 0, "one": 1, "the most": most} {
		t.Run(name, func(t *testing.T) {
			all := &tables{}
			all.put(n+2, start) // the last two are behind the range
			s := deletion.NewService(all, all, all, deletion.Options{})
			answer, err := s.Delete(t.Context(), everything(n), reading.VersionAt(start.Add(time.Hour)))
			if want := (deletion.Answer{Deleted: int64(n)}); err != nil || answer != want {
				t.Errorf("answer %+v, %v", answer, err)
			}
			if left := all.left(); left != 2 {
				t.Errorf("%d readings are left", left)
			}
			if err := all.Broken(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A short deletion is a request like others: what was acknowledged before it began goes, by whatever clock.
func TestDelete_TakesANewerVersionWhileItsClientWaits(t *testing.T) {
	all := &tables{}
	all.put(1, start.Add(time.Hour))
	s := deletion.NewService(all, all, all, deletion.Options{})
	if answer, err := s.Delete(t.Context(), everything(1), reading.VersionAt(start)); err != nil || answer.Deleted != 1 || all.left() != 0 {
		t.Errorf("answer %+v, %v; %d readings are left", answer, err, all.left())
	}
}

// What was deleted before is deleted again: a write that began between the two is late for the second one.
func TestDelete_KeepsALateWriteAwayAlsoWhereTombstonesAreStored(t *testing.T) {
	for name, n := range map[string]int{"one": 1, "the most": most} {
		t.Run(name, func(t *testing.T) {
			all := &tables{}
			all.put(n, start)
			buried := all.bury(n, 3, start.Add(time.Minute))
			s := deletion.NewService(all, all, all, deletion.Options{})
			answer, err := s.Delete(t.Context(), everything(n), reading.VersionAt(start.Add(time.Hour)))
			if want := (deletion.Answer{Deleted: int64(n - buried)}); err != nil || answer != want {
				t.Errorf("answer %+v, %v", answer, err)
			}
			all.late(t.Context(), n, start.Add(30*time.Minute))
			if left := all.left(); left > 0 {
				t.Errorf("late writes brought %d readings", left)
			}
		})
	}
}

// A reading that takes a tombstone's place while the deletion is at work began after it.
func TestDelete_LeavesWhatIsWrittenOverATombstoneMeanwhile(t *testing.T) {
	all := &tables{}
	all.bury(1, 1, start)
	newer := reading.Write{Reading: reading.Reading{EquipmentID: equipment, Timestamp: start}, Version: reading.VersionAt(start.Add(2 * time.Hour))}
	all.Answer = func(context.Context, int, []ingest.Attempt) []ingesttest.Fate { all.Put(newer); return nil }
	s := deletion.NewService(all, all, all, deletion.Options{})
	answer, err := s.Delete(t.Context(), everything(1), reading.VersionAt(start.Add(time.Hour)))
	if err != nil || answer != (deletion.Answer{}) || all.left() != 1 {
		t.Errorf("answer %+v, %v; %d readings are left", answer, err, all.left())
	}
}

// Tombstones that must be raised cost writes as readings do; those that are newer cost none.
func TestDelete_BoundsTheWritesOfAShortOne(t *testing.T) {
	request := start.Add(time.Hour)
	for name, test := range map[string]struct {
		n, step int
		buried  time.Time
		long    bool
	}{
		"as many tombstones as it takes":  {most, 1, start, false},
		"one tombstone more":              {most + 1, 1, start, true},
		"one more of both together":       {most + 1, 2, start, true},
		"newer tombstones beside them":    {2 * most, 2, request, false},
		"newer tombstones, and no others": {2 * most, 1, request, false},
	} {
		t.Run(name, func(t *testing.T) {
			all := &tables{}
			all.put(test.n, start)
			buried := all.bury(test.n, test.step, test.buried)
			s := deletion.NewService(all, all, all, deletion.Options{})
			answer, err := s.Delete(t.Context(), everything(test.n), reading.VersionAt(request))
			if err != nil || (answer.Running != "") != test.long || !test.long && answer.Deleted != int64(test.n-buried) {
				t.Errorf("answer %+v, %v", answer, err)
			}
		})
	}
}

func TestDeleteOne_KeepsALateWriteAwayAlsoWhereNothingIsStored(t *testing.T) {
	for name, stored := range map[string]int{"nothing stored": 0, "stored": 1} {
		t.Run(name, func(t *testing.T) {
			all := &tables{}
			all.put(stored, start)
			late := reading.Write{Reading: reading.Reading{EquipmentID: equipment, Timestamp: start}, Version: reading.VersionAt(start.Add(time.Minute))}
			all.Answer = func(_ context.Context, call int, _ []ingest.Attempt) []ingesttest.Fate {
				if call == 0 {
					return []ingesttest.Fate{ingesttest.Held}
				}
				return nil
			}
			all.Try(t.Context(), []ingest.Attempt{{Write: late, Over: stored == 1}})
			s := deletion.NewService(all, all, all, deletion.Options{})
			answer, err := s.DeleteOne(t.Context(), equipment, start, reading.VersionAt(start.Add(time.Hour)))
			if err != nil || answer != (deletion.Answer{Deleted: int64(stored)}) {
				t.Errorf("answer %+v, %v", answer, err)
			}
			all.Land()
			if value := all.Value(late.Key()); value != "deleted" {
				t.Errorf("the late write left %s", value)
			}
		})
	}
}

func TestDeleteOne_LeavesAloneWhatHasExpired(t *testing.T) {
	const retention = 24 * time.Hour
	expires := start.Add(retention + contract.ExpiryMargin)
	for name, test := range map[string]struct {
		now  time.Time
		want deletion.Answer
		left int
	}{
		"a moment before": {expires.Add(-1), deletion.Answer{Deleted: 1}, 0},
		"expired":         {expires, deletion.Answer{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			all := &tables{}
			all.put(1, start)
			s := deletion.NewService(all, all, all, deletion.Options{Retention: retention, Now: func() time.Time { return test.now }})
			answer, err := s.DeleteOne(t.Context(), equipment, start, reading.VersionAt(test.now))
			if err != nil || answer != test.want || all.left() != test.left {
				t.Errorf("answer %+v, %v; %d readings are left", answer, err, all.left())
			}
		})
	}
}

// A process that works on a long deletion dies at each of its calls in turn, before and after the call has its effect. The next
// one completes the deletion, and each reading is counted once.
func TestFollow_CompletesWhatAnEarlierProcessLeft(t *testing.T) {
	const n, part = most + 1, 2000
	const callsPerPart = part/contract.BatchStatementsMax + 3 // claim, read, record
	for at := 0; ; at++ {
		died := false
		for _, afterwards := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				all := &tables{}
				ctx, die := context.WithCancel(t.Context())
				first := &mortal{tables: all, die: die, diesAt: at, afterwards: afterwards}
				o := deletion.Options{PartReadings: part}
				id := begin(t, all, deletion.NewService(all, all, all, o), n, time.Now())
				deletion.NewService(first, first, first, o).Follow(untilIdle(ctx, t, first))
				died = first.calls > at

				next, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				deletion.NewService(all, all, all, o).Follow(next)
				if err := all.is(id, deletion.Completed, n); err != nil || all.left() != 0 {
					t.Errorf("dead at call %d, %t: %v; %d readings are left", at, afterwards, err, all.left())
				}
			})
		}
		if !died {
			if at < 200 {
				t.Fatalf("only %d calls were made", at)
			}
			return
		}
		if within := at % callsPerPart; within > 2 && within < callsPerPart-22 {
			at += 20 // the writes in the middle are alike
		}
	}
}

// As above, in a range of which a third was deleted before: that is deleted again, and counted by neither process.
func TestFollow_RaisesTombstonesAndDoesNotCountThem(t *testing.T) {
	const n, part = most + 1, 2000
	for at := 0; ; at += 9 {
		died := false
		for _, afterwards := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				all := &tables{}
				ctx, die := context.WithCancel(t.Context())
				first := &mortal{tables: all, die: die, diesAt: at, afterwards: afterwards}
				o := deletion.Options{PartReadings: part}
				request := time.Now()
				id := begin(t, all, deletion.NewService(all, all, all, o), n, request)
				buried := all.bury(n, 3, request.Add(-time.Minute))
				deletion.NewService(first, first, first, o).Follow(untilIdle(ctx, t, first))
				died = first.calls > at

				next, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				deletion.NewService(all, all, all, o).Follow(next)
				all.late(t.Context(), n, request.Add(-time.Second))
				if err := all.is(id, deletion.Completed, int64(n-buried)); err != nil || all.left() != 0 {
					t.Errorf("dead at call %d, %t: %v; %d readings are left", at, afterwards, err, all.left())
				}
			})
		}
		if !died {
			return
		}
	}
}

// untilIdle ends a minute later also where the process does not die.
func untilIdle(ctx context.Context, t *testing.T, _ *mortal) context.Context {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	return ctx
}

func TestFollow_KeepsTheVersionOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = most + 10
		all := &tables{}
		s := deletion.NewService(all, all, all, deletion.Options{})
		id := begin(t, all, s, n, time.Now())
		time.Sleep(time.Second)
		later := reading.Reading{EquipmentID: equipment, Timestamp: start.Add(7 * time.Second)}
		all.Put(reading.Write{Reading: later, Version: reading.VersionAt(time.Now())})
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		s.Follow(ctx)
		if err := all.is(id, deletion.Completed, n-1); err != nil || all.left() != 1 || all.Value(later.Key()) != "0" {
			t.Errorf("%v; %d readings are left", err, all.left())
		}
		d, _ := all.ReadDeletion(t.Context(), id)
		for key, one := range all.Rows() {
			if one.Deleted && one.Version != d.Version {
				t.Fatalf("%v has the version %s, the request has %s", key, one.Version, d.Version)
			}
		}
	})
}

// Two processes that hold the same deletion, as the lease of one has run out while it was slow, count each reading once.
func TestFollow_CountsOnceWhereTwoWorkAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = most + 10
		all := &tables{}
		all.Answer = func(context.Context, int, []ingest.Attempt) []ingesttest.Fate {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
		o := deletion.Options{PartReadings: 100}
		id := begin(t, all, deletion.NewService(all, all, all, o), n, time.Now())
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		shared := &shared{all}
		go deletion.NewService(all, all, shared, o).Follow(ctx)
		deletion.NewService(all, all, shared, o).Follow(ctx)
		synctest.Wait()
		if err := all.is(id, deletion.Completed, n); err != nil || all.left() != 0 {
			t.Errorf("%v; %d readings are left", err, all.left())
		}
	})
}

// shared gives a deletion to everybody who claims it.
type shared struct{ *tables }

func (s *shared) ClaimDeletion(ctx context.Context, id string, _ deletion.Lease) (deletion.Deletion, bool, error) {
	d, err := s.ReadDeletion(ctx, id)
	return d, err == nil && d.Status == deletion.Running, err
}

func TestFollow_LetsDeletionsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, small = 4 * most, most + 1
		all := &tables{}
		all.Answer = func(context.Context, int, []ingest.Attempt) []ingesttest.Fate {
			time.Sleep(20 * time.Millisecond)
			return nil
		}
		s := deletion.NewService(all, all, all, deletion.Options{Turn: 200 * time.Millisecond, PartReadings: 500})
		long := begin(t, all, s, n, time.Now())
		answer, err := s.Delete(t.Context(), deletion.Range{EquipmentID: equipment, From: start.Add((n - small) * time.Second), To: start.Add(n * time.Second)}, reading.VersionAt(time.Now()))
		if err != nil || answer.Running == "" {
			t.Fatal(answer, err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		var followed sync.WaitGroup
		followed.Go(func() { s.Follow(ctx) })
		for ctx.Err() == nil && all.is(answer.Running, deletion.Completed, small) != nil {
			time.Sleep(10 * time.Millisecond)
		}
		// Whichever began: by turns, the long one has had about as much time as the short one, a quarter of what it needs.
		if d, err := all.ReadDeletion(ctx, long); err != nil || ctx.Err() != nil || d.Status != deletion.Running || d.Deleted == 0 || d.Deleted > n/2 {
			t.Errorf("the long one is %+v, %v, when the short one is completed (%v)", d, err, ctx.Err())
		}
		stop()
		followed.Wait()
	})
}

func TestGet_KnowsOnlyDeletions(t *testing.T) {
	all := &tables{}
	s := deletion.NewService(all, all, all, deletion.Options{})
	for _, id := range []string{"", "x", "0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20", "{0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20}"} {
		if _, err := s.Get(t.Context(), id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestDelete_BoundsWhatIsAtWorkAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &tables{}
		all.put(10, start)
		release := make(chan struct{})
		all.Answer = func(context.Context, int, []ingest.Attempt) []ingesttest.Fate { <-release; return nil }
		s := deletion.NewService(all, all, all, deletion.Options{})
		results := make(chan error, 10)
		for i := range 10 {
			one := deletion.Range{EquipmentID: equipment, From: start.Add(time.Duration(i) * time.Second), To: start.Add(time.Duration(i+1) * time.Second)}
			go func() {
				_, err := s.Delete(t.Context(), one, reading.VersionAt(start.Add(time.Hour)))
				results <- err
			}()
		}
		synctest.Wait()
		refused := len(results)
		for range refused {
			if err := <-results; fault.KindOf(err) != fault.Unavailable {
				t.Errorf("refused with %v", err)
			}
		}
		close(release)
		for range 10 - refused {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if refused != 6 {
			t.Errorf("%d of 10 were refused", refused)
		}
	})
}
