package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// scenario is one write that meets what a table holds.
type scenario struct {
	*testing.T
	table ingesttest.Table
	// fates are those of its attempts; further ones are judged.
	fates []ingesttest.Fate
	// before is called before each attempt, by its number from 0.
	before func(call int)
	leave  context.CancelFunc
}

// make makes the write, whose sender waits until leave is called.
func (s *scenario) make(w reading.Write) error {
	s.Helper()
	var ctx context.Context
	ctx, s.leave = context.WithCancel(s.Context())
	defer s.leave()
	s.table.Answer = func(_ context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		if s.before != nil {
			s.before(call)
		}
		if call < len(s.fates) {
			return all(len(attempts), s.fates[call])
		}
		return nil
	}
	var p pauses
	return ingest.NewWriter(&s.table, 1, p.pacer()).Write(ctx, []reading.Write{w})
}

// want holds the table to a value and the version that it was written with.
func (s *scenario) want(value string, version reading.Version) {
	s.Helper()
	key := write("A", 0).Key()
	if got, at := s.table.Value(key), s.table.Rows()[key].Version; got != value || at != version {
		s.Errorf("stored is %s at %s, want %s at %s", got, at, value, version)
	}
}

func at(after time.Duration) reading.Version { return reading.VersionAt(testNow.Add(after)) }

func deletion(after time.Duration) reading.Write {
	w := writeAt("A", 0, after)
	w.Deleted = true
	return w
}

// both runs a test against a table that tells what stands in the way, and one that must be looked at.
func both(t *testing.T, run func(s *scenario)) {
	t.Helper()
	for _, tells := range []bool{true, false} {
		t.Run(fmt.Sprint("tells=", tells), func(t *testing.T) { run(&scenario{T: t, table: ingesttest.Table{Tells: tells}}) })
	}
}

func TestWrite_TakesThePlaceOfWhatIsOlder(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(write("A", 1))
		if err := s.make(writeAt("A", 2, time.Second)); err != nil {
			s.Error(err)
		}
		s.want("2", at(time.Second))
		calls, looks := s.table.Calls()
		if len(calls) != 2 || calls[0][0].Over || !calls[1][0].Over || len(looks) > 0 {
			s.Errorf("calls %v, looks %v; want an insertion and an update", calls, looks)
		}
	})
}

// The same value at an older version does not do: a third write that is on its way, with a version between the two, must not
// come out on top.
func TestWrite_RaisesTheVersionOfTheSameValue(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(write("A", 1))
		if err := s.make(writeAt("A", 1, 2*time.Second)); err != nil {
			s.Error(err)
		}
		s.want("1", at(2*time.Second))
		late := &scenario{T: s.T, table: ingesttest.Table{}}
		late.table.Put(s.table.Rows()[write("A", 0).Key()])
		row := writeAt("A", 7, time.Second)
		row.Yields = true
		if err := late.make(row); err != nil {
			s.Error(err)
		}
		late.want("1", at(2*time.Second))
	})
}

// Nor does it at a newer version: a request that found that version as well may have taken the next one and be over, with its
// attempt still on its way.
func TestWrite_RaisesTheSameValueAboveANewerVersion(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(writeAt("A", 1, 2*time.Second))
		if err := s.make(writeAt("A", 1, time.Second)); err != nil {
			s.Error(err)
		}
		s.want("1", at(2*time.Second+1))
	})
	both(t, func(s *scenario) { // its own value may have been seen before that version came
		s.table.Put(writeAt("A", 1, 2*time.Second))
		s.fates = []ingesttest.Fate{ingesttest.Lost}
		wantKind(s.T, "after an unknown outcome", s.make(writeAt("A", 1, time.Second)), fault.Unavailable)
		s.want("1", at(2*time.Second))
	})
}

func TestWrite_IsDoneWhereItsOwnVersionIsThere(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(writeAt("A", 1, 2*time.Second))
		s.fates = []ingesttest.Fate{ingesttest.Lost} // which makes no difference
		if err := s.make(writeAt("A", 1, 2*time.Second)); err != nil {
			s.Error(err)
		}
		s.want("1", at(2*time.Second))
	})
}

// A clock that is behind another task's does not cost a reading: while its sender waits, its version rises above what is there.
func TestWrite_RisesJustAboveANewerVersion(t *testing.T) {
	both(t, func(s *scenario) {
		row := writeAt("A", 1, time.Minute)
		row.Version = row.Version.Row(3)
		s.table.Put(row)
		s.before = func(call int) {
			if call == 2 { // and once more, as somebody else was faster
				s.table.Put(writeAt("A", 5, time.Minute+5))
			}
		}
		if err := s.make(write("A", 2)); err != nil {
			s.Error(err)
		}
		s.want("2", at(time.Minute+6))
	})
}

// Its value may have been seen already, and to bring it back after what followed it would be a second effect.
func TestWrite_IsRefusedAfterAnUnknownOutcomeWhereANewerVersionIs(t *testing.T) {
	for _, fate := range []ingesttest.Fate{ingesttest.Silent, ingesttest.Lost, ingesttest.Held} {
		both(t, func(s *scenario) {
			s.fates = []ingesttest.Fate{fate}
			s.before = func(call int) {
				if call == 1 {
					s.table.Put(writeAt("A", 5, time.Second))
				}
			}
			wantKind(s.T, fmt.Sprint("fate ", fate), s.make(write("A", 2)), fault.Unavailable)
			s.table.Land()
			s.want("5", at(time.Second))
		})
	}
}

func TestWrite_RecognizesItselfAfterAnUnknownOutcome(t *testing.T) {
	both(t, func(s *scenario) {
		s.fates = []ingesttest.Fate{ingesttest.Silent, ingesttest.Busy}
		if err := s.make(write("A", 2)); err != nil {
			s.Error(err)
		}
		s.want("2", at(0))
	})
}

func TestWrite_DoesNotRiseForASenderThatHasLeft(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(writeAt("A", 5, time.Second))
		s.before = func(call int) {
			if call == 1 {
				s.leave()
			}
		}
		wantKind(s.T, "write", s.make(write("A", 2)), fault.Unavailable)
		s.want("5", at(time.Second))
	})
}

func TestWrite_ThatYieldsGivesWayToANewerVersion(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(writeAt("A", 5, time.Second))
		row := write("A", 2)
		row.Yields = true
		if err := s.make(row); err != nil {
			s.Error(err)
		}
		s.want("5", at(time.Second))
	})
}

func TestWrite_BeginsAgainWhereItsItemHasGone(t *testing.T) {
	both(t, func(s *scenario) {
		s.table.Put(write("A", 1))
		s.before = func(call int) {
			if call == 1 {
				s.table.Remove(write("A", 0).Key())
			}
		}
		if err := s.make(writeAt("A", 2, time.Second)); err != nil {
			s.Error(err)
		}
		s.want("2", at(time.Second))
	})
}

func TestWrite_OfADeletionLeavesATombstoneThatOlderWritesDoNotUndo(t *testing.T) {
	both(t, func(s *scenario) {
		for _, before := range []bool{false, true} { // also where nothing is stored: a write may be on its way
			if before {
				s.table.Put(write("A", 1))
			}
			if err := s.make(deletion(2 * time.Second)); err != nil {
				s.Error(err)
			}
			s.want("deleted", at(2*time.Second))
			late := writeAt("A", 1, time.Second)
			late.Yields = true
			if err := s.make(late); err != nil {
				s.Error(err)
			}
			s.want("deleted", at(2*time.Second))
			if err := s.make(deletion(time.Second)); err != nil { // deleted twice
				s.Error(err)
			}
			s.want("deleted", at(2*time.Second+1))
			s.table.Remove(write("A", 0).Key())
		}
		s.table.Put(deletion(0))
		if err := s.make(writeAt("A", 3, time.Second)); err != nil {
			s.Error(err)
		}
		s.want("3", at(time.Second))
	})
}

func TestWrite_EndsWhereNothingHelps(t *testing.T) {
	both(t, func(s *scenario) {
		s.before = func(call int) { s.table.Put(writeAt("A", 5, time.Duration(call+1)*time.Minute)) } // somebody else is always faster
		wantKind(s.T, "write", s.make(write("A", 2)), fault.Unavailable)
	})
	both(t, func(s *scenario) {
		w := write("A", 5)
		w.Version = "9999-12-31T23:59:59.999999999Z"
		s.table.Put(w)
		wantKind(s.T, "above the last version", s.make(write("A", 2)), fault.Internal)
	})
}
