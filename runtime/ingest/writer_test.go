package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func TestWrite_OfOneIdentityTheLastWinsInOneCall(t *testing.T) {
	var s store
	rs := slices.Concat([]reading.Stored{stored("A", 1), stored("B", 2), stored("A", 3)}, many(60), []reading.Stored{stored("EQ-0", 7), stored("A", 5)})
	if err := ingest.NewWriter(&s, 1, pacing.Pacer{}).Write(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	if sizes := s.check(t); !slices.Equal(sizes, []int{25, 25, 12}) {
		t.Errorf("calls of %v readings, want the 62 identities once each", sizes)
	}
	for _, want := range []reading.Stored{stored("A", 5), stored("B", 2), stored("EQ-0", 7), stored("EQ-59", 59)} {
		if got := s.value(want); got != want.Value.String() {
			t.Errorf("%s: %s, want %s", want.EquipmentID, got, want.Value)
		}
	}
}

func TestWrite_NothingIsNoCall(t *testing.T) {
	var s store
	if err := ingest.NewWriter(&s, 4, pacing.Pacer{}).Write(t.Context(), nil); err != nil || len(s.check(t)) > 0 {
		t.Errorf("error %v, calls %v", err, s.calls)
	}
}

func TestWrite_SendsAgainOnlyWhatWasLeftUnprocessed(t *testing.T) {
	var p pauses
	s := store{answer: func(_ context.Context, call int, rs []reading.Stored) ([]reading.Stored, error) {
		switch call {
		case 0:
			return rs[22:], nil
		case 1:
			return nil, busy()
		case 2:
			return rs[:1], nil
		}
		return nil, nil
	}}
	rs := many(25)
	if err := ingest.NewWriter(&s, 1, p.pacer()).Write(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	if sizes := s.check(t); !slices.Equal(sizes, []int{25, 3, 3, 1}) {
		t.Errorf("calls of %v readings", sizes)
	}
	if again := s.calls[3][0].EquipmentID; again != rs[22].EquipmentID {
		t.Errorf("the last call held %s, want %s", again, rs[22].EquipmentID)
	}
	// Progress starts the pauses anew; a throttle lengthens them.
	if want := []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 20 * time.Millisecond}; !slices.Equal(p.all, want) {
		t.Errorf("pauses %v, want %v", p.all, want)
	}
}

func TestWrite_EndsAfterEightAttemptsWithoutProgress(t *testing.T) {
	for name, answer := range map[string]func([]reading.Stored) ([]reading.Stored, error){
		"throttled":   func([]reading.Stored) ([]reading.Stored, error) { return nil, busy() },
		"unprocessed": func(rs []reading.Stored) ([]reading.Stored, error) { return rs, nil },
	} {
		t.Run(name, func(t *testing.T) {
			var p pauses
			s := store{answer: func(_ context.Context, _ int, rs []reading.Stored) ([]reading.Stored, error) { return answer(rs) }}
			wantKind(t, "write", ingest.NewWriter(&s, 1, p.pacer()).Write(t.Context(), many(3)), fault.Unavailable)
			if calls := len(s.check(t)); calls != 8 {
				t.Errorf("%d calls, want 8", calls)
			}
			var want []time.Duration
			for n := range 7 {
				want = append(want, 20*time.Millisecond<<n)
			}
			if !slices.Equal(p.all, want) {
				t.Errorf("pauses %v, want %v", p.all, want)
			}
		})
	}
}

func TestWrite_GoesOnAsLongAsThereIsProgress(t *testing.T) {
	s := store{answer: func(_ context.Context, _ int, rs []reading.Stored) ([]reading.Stored, error) { return rs[1:], nil }}
	var p pauses
	if err := ingest.NewWriter(&s, 1, p.pacer()).Write(t.Context(), many(25)); err != nil || len(s.check(t)) != 25 {
		t.Errorf("error %v after %d calls, want 25 of them", err, len(s.calls))
	}
}

func TestWrite_DoesNotRepeatWhatCannotSucceed(t *testing.T) {
	refused := errors.New("access denied")
	s := store{answer: func(context.Context, int, []reading.Stored) ([]reading.Stored, error) { return nil, refused }}
	var p pauses
	err := ingest.NewWriter(&s, 1, p.pacer()).Write(t.Context(), many(30))
	wantKind(t, "write", err, fault.Internal)
	if !errors.Is(err, refused) || len(s.check(t)) != 1 || len(p.all) > 0 {
		t.Errorf("error %v after %d calls and %d pauses, want the table's own after one call", err, len(s.calls), len(p.all))
	}
}

func TestWrite_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store{answer: func(context.Context, int, []reading.Stored) ([]reading.Stored, error) { return nil, busy() }}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		w := ingest.NewWriter(&s, 1, pacing.Pacer{Jitter: func() float64 { return 1 }})
		wantKind(t, "write", w.Write(ctx, many(1)), fault.Unavailable)
		if calls := len(s.check(t)); calls != 2 { // at 0 and 20 ms; the next would be at 60 ms
			t.Errorf("%d calls", calls)
		}
	})
}

// The bound is for all calls of Write together: without it, batches pile up on a table that has become slow.
func TestWrite_ConcurrentCallsShareTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store{answer: func(context.Context, int, []reading.Stored) ([]reading.Stored, error) {
			time.Sleep(10 * time.Millisecond)
			return nil, nil
		}}
		w := ingest.NewWriter(&s, 4, pacing.Pacer{})
		began := time.Now()
		results := make(chan error, 5)
		for call := range 5 {
			go func() {
				rs := make([]reading.Stored, 100) // 4 batches
				for i := range rs {
					rs[i] = stored(fmt.Sprintf("EQ-%d-%d", call, i), i)
				}
				results <- w.Write(t.Context(), rs)
			}()
		}
		for range 5 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if s.check(t); s.inFlightMax != 4 || len(s.rows) != 500 {
			t.Errorf("%d batches in flight and %d readings stored, want 4 and 500", s.inFlightMax, len(s.rows))
		}
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("20 batches took %s, want 5 rounds of 10 ms", took)
		}
	})
}

func TestWrite_WaitsForASlotNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store{answer: func(ctx context.Context, _ int, _ []reading.Stored) ([]reading.Stored, error) {
			<-ctx.Done()
			return nil, busy()
		}}
		for _, size := range []int{1, 100} {
			w := ingest.NewWriter(&s, 2, pacing.Pacer{})
			hanging, release := context.WithCancel(t.Context())
			for range 2 {
				go func() { _ = w.Write(hanging, []reading.Stored{stored(fmt.Sprint("A", time.Now().UnixNano()), 1)}) }()
				time.Sleep(time.Millisecond)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			wantKind(t, fmt.Sprintf("write %d behind hanging calls", size), w.Write(ctx, many(size)), fault.Unavailable)
			cancel()
			release()
			synctest.Wait()
		}
	})
}

func TestWrite_OneFailingBatchEndsTheCall(t *testing.T) {
	refused := errors.New("access denied")
	s := store{answer: func(_ context.Context, call int, _ []reading.Stored) ([]reading.Stored, error) {
		if call == 1 {
			return nil, refused
		}
		return nil, nil
	}}
	if err := ingest.NewWriter(&s, 2, pacing.Pacer{}).Write(t.Context(), many(2500)); !errors.Is(err, refused) {
		t.Errorf("error %v, want the table's", err)
	}
	if calls := len(s.check(t)); calls > 90 {
		t.Errorf("%d calls: the others went on", calls)
	}
}

// Whatever the table leaves or refuses: a nil error means that each identity's last reading is there.
func TestWrite_NilMeansAllAreStored(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rs := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) reading.Stored {
			return stored(fmt.Sprintf("EQ-%d", rapid.IntRange(0, 60).Draw(rt, "equipment")), rapid.IntRange(0, 999).Draw(rt, "value"))
		}), 0, 200).Draw(rt, "readings")
		faults := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 40).Draw(rt, "faults")
		s := store{answer: func(_ context.Context, call int, rs []reading.Stored) ([]reading.Stored, error) {
			switch faults[call%len(faults)] {
			case 0:
				return nil, busy()
			case 1:
				return rs[len(rs)/2:], nil
			case 2:
				return rs, nil
			default:
				return nil, nil
			}
		}}
		var p pauses
		err := ingest.NewWriter(&s, rapid.IntRange(1, 4).Draw(rt, "concurrency"), p.pacer()).Write(t.Context(), rs)
		if err != nil {
			if fault.KindOf(err) != fault.Unavailable {
				rt.Fatalf("error %v", err)
			}
			return
		}
		last := map[reading.Key]reading.Stored{}
		for _, r := range rs {
			last[r.Key()] = r
		}
		for _, r := range last {
			if got := s.value(r); got != r.Value.String() {
				rt.Fatalf("%v: %s, want %s", r.Key(), got, r.Value)
			}
		}
		if s.broken != "" {
			rt.Fatal(s.broken)
		}
	})
}
