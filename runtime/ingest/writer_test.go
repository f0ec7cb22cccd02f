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
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// answers gives each call the fates that the test says.
func answers(give func(call int, attempts []ingest.Attempt) []ingesttest.Fate) func(context.Context, int, []ingest.Attempt) []ingesttest.Fate {
	return func(_ context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		return give(call, attempts)
	}
}

// busyFrom leaves out the attempts of a call from one on.
func busyFrom(n, first int) []ingesttest.Fate {
	fates := make([]ingesttest.Fate, n)
	for i := first; i < n; i++ {
		fates[i] = ingesttest.Busy
	}
	return fates
}

func TestWrite_OfOneIdentityTheLastWinsInOneCall(t *testing.T) {
	var table ingesttest.Table
	ws := slices.Concat([]reading.Write{write("A", 1), write("B", 2), write("A", 3)}, many(60), []reading.Write{write("EQ-0", 7), write("A", 5)})
	if err := ingest.NewWriter(&table, 1, pacing.Pacer{}).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	if got := sizes(t, &table); !slices.Equal(got, []int{25, 25, 12}) {
		t.Errorf("calls of %v readings, want the 62 identities once each", got)
	}
	for _, want := range []reading.Write{write("A", 5), write("B", 2), write("EQ-0", 7), write("EQ-59", 59)} {
		if got := table.Value(want.Key()); got != want.Value.String() {
			t.Errorf("%s: %s, want %s", want.EquipmentID, got, want.Value)
		}
	}
}

func TestWrite_NothingIsNoCall(t *testing.T) {
	var table ingesttest.Table
	if err := ingest.NewWriter(&table, 4, pacing.Pacer{}).Write(t.Context(), nil); err != nil || len(sizes(t, &table)) > 0 {
		t.Errorf("error %v, calls %v", err, sizes(t, &table))
	}
}

func TestWrite_SendsAgainOnlyWhatIsNotDone(t *testing.T) {
	var p pauses
	table := ingesttest.Table{Answer: answers(func(call int, _ []ingest.Attempt) []ingesttest.Fate {
		switch call {
		case 0:
			return busyFrom(25, 22)
		case 1:
			return all(3, ingesttest.Busy)
		case 2:
			return []ingesttest.Fate{ingesttest.Busy, ingesttest.Judged, ingesttest.Judged}
		}
		return nil
	})}
	ws := many(25)
	if err := ingest.NewWriter(&table, 1, p.pacer()).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	if got := sizes(t, &table); !slices.Equal(got, []int{25, 3, 3, 1}) {
		t.Errorf("calls of %v readings", got)
	}
	if calls, _ := table.Calls(); calls[3][0].EquipmentID != ws[22].EquipmentID {
		t.Errorf("the last call held %s, want %s", calls[3][0].EquipmentID, ws[22].EquipmentID)
	}
	// Progress starts the pauses anew; a throttle lengthens them.
	if want := []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 20 * time.Millisecond}; !slices.Equal(p.all, want) {
		t.Errorf("pauses %v, want %v", p.all, want)
	}
}

// Readings that are there already are tried again together, and at once.
func TestWrite_UpdatesWhatWasThereInFullCalls(t *testing.T) {
	var p pauses
	var table ingesttest.Table
	ws := many(100)
	for i := 0; i < len(ws); i += 2 {
		table.Put(ws[i])
		ws[i] = writeAt(string(ws[i].EquipmentID), -i, time.Second)
	}
	if err := ingest.NewWriter(&table, 1, p.pacer()).Write(t.Context(), ws); err != nil {
		t.Fatal(err)
	}
	if got := sizes(t, &table); !slices.Equal(got, []int{25, 25, 25, 25, 25, 25}) || len(p.all) > 0 {
		t.Errorf("calls of %v readings, %d pauses; want two of 50 corrections", got, len(p.all))
	}
	for _, one := range ws {
		if got := table.Value(one.Key()); got != one.Value.String() {
			t.Errorf("%s is %s, want %s", one.EquipmentID, got, one.Value)
		}
	}
}

func TestWrite_EndsAfterEightAttemptsWithoutProgress(t *testing.T) {
	for name, fate := range map[string]ingesttest.Fate{"throttled": ingesttest.Busy, "without an answer": ingesttest.Lost} {
		t.Run(name, func(t *testing.T) {
			var p pauses
			table := ingesttest.Table{Answer: answers(func(_ int, attempts []ingest.Attempt) []ingesttest.Fate { return all(len(attempts), fate) })}
			wantKind(t, "write", ingest.NewWriter(&table, 1, p.pacer()).Write(t.Context(), many(3)), fault.Unavailable)
			if calls := len(sizes(t, &table)); calls != 8 {
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
	table := ingesttest.Table{Answer: answers(func(_ int, attempts []ingest.Attempt) []ingesttest.Fate { return busyFrom(len(attempts), 1) })}
	var p pauses
	if err := ingest.NewWriter(&table, 1, p.pacer()).Write(t.Context(), many(25)); err != nil || len(sizes(t, &table)) != 25 {
		t.Errorf("error %v after %d calls, want 25 of them", err, len(sizes(t, &table)))
	}
}

func TestWrite_DoesNotRepeatWhatCannotSucceed(t *testing.T) {
	table := ingesttest.Table{Answer: answers(func(_ int, attempts []ingest.Attempt) []ingesttest.Fate {
		return all(len(attempts), ingesttest.Impossible)
	})}
	var p pauses
	err := ingest.NewWriter(&table, 1, p.pacer()).Write(t.Context(), many(30))
	wantKind(t, "write", err, fault.Internal)
	if calls := len(sizes(t, &table)); !errors.Is(err, ingesttest.ErrImpossible) || calls != 1 || len(p.all) > 0 {
		t.Errorf("error %v after %d calls and %d pauses, want the table's own after one call", err, calls, len(p.all))
	}
}

func TestWrite_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ingesttest.Table{Answer: answers(func(_ int, attempts []ingest.Attempt) []ingesttest.Fate { return all(len(attempts), ingesttest.Busy) })}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		w := ingest.NewWriter(&table, 1, pacing.Pacer{Jitter: func() float64 { return 1 }})
		wantKind(t, "write", w.Write(ctx, many(1)), fault.Unavailable)
		if calls := len(sizes(t, &table)); calls != 2 { // at 0 and 20 ms; the next would be at 60 ms
			t.Errorf("%d calls", calls)
		}
	})
}

func TestWrite_SendsNothingForASenderThatHasLeft(t *testing.T) {
	var table ingesttest.Table
	ctx, leave := context.WithCancel(t.Context())
	leave()
	wantKind(t, "write", ingest.NewWriter(&table, 1, pacing.Pacer{}).Write(ctx, many(1)), fault.Unavailable)
	if calls := sizes(t, &table); len(calls) > 0 {
		t.Errorf("%d calls", len(calls))
	}
}

// The bound is for all calls of Write together: without it, batches pile up on a table that has become slow.
func TestWrite_ConcurrentCallsShareTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := ingesttest.Table{Answer: answers(func(int, []ingest.Attempt) []ingesttest.Fate {
			time.Sleep(10 * time.Millisecond)
			return nil
		})}
		w := ingest.NewWriter(&table, 4, pacing.Pacer{})
		began := time.Now()
		results := make(chan error, 5)
		for call := range 5 {
			go func() {
				ws := make([]reading.Write, 100) // 4 batches
				for i := range ws {
					ws[i] = write(fmt.Sprintf("EQ-%d-%d", call, i), i)
				}
				results <- w.Write(t.Context(), ws)
			}()
		}
		for range 5 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if sizes(t, &table); table.InFlightMax() != 4 || len(table.Rows()) != 500 {
			t.Errorf("%d batches in flight and %d readings stored, want 4 and 500", table.InFlightMax(), len(table.Rows()))
		}
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("20 batches took %s, want 5 rounds of 10 ms", took)
		}
	})
}

func TestWrite_WaitsForASlotNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{1, 100} {
			table := ingesttest.Table{Answer: func(ctx context.Context, _ int, attempts []ingest.Attempt) []ingesttest.Fate {
				<-ctx.Done()
				return all(len(attempts), ingesttest.Lost)
			}}
			w := ingest.NewWriter(&table, 2, pacing.Pacer{})
			hanging, release := context.WithCancel(t.Context())
			for n := range 2 {
				go func() { _ = w.Write(hanging, []reading.Write{write(fmt.Sprint("A", n), 1)}) }()
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
	synctest.Test(t, func(t *testing.T) {
		table := ingesttest.Table{Answer: func(_ context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
			time.Sleep(time.Millisecond)
			if call == 1 {
				return all(len(attempts), ingesttest.Impossible)
			}
			return nil
		}}
		if err := ingest.NewWriter(&table, 2, pacing.Pacer{}).Write(t.Context(), many(2500)); !errors.Is(err, ingesttest.ErrImpossible) {
			t.Errorf("error %v, want the table's", err)
		}
		if calls := len(sizes(t, &table)); calls > 6 {
			t.Errorf("%d calls: the others went on", calls)
		}
	})
}

// Whatever becomes of the attempts: a nil error means that each identity's last write is there.
func TestWrite_NilMeansAllAreStored(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var ws []reading.Write
		for i := range rapid.IntRange(0, 200).Draw(rt, "length") {
			one := writeAt(fmt.Sprintf("EQ-%d", rapid.IntRange(0, 60).Draw(rt, "equipment")), i, time.Duration(rapid.IntRange(0, 2).Draw(rt, "after")))
			one.Deleted = rapid.IntRange(0, 9).Draw(rt, "kind") == 0
			ws = append(ws, one)
		}
		fates := rapid.SliceOfN(rapid.SampledFrom([]ingesttest.Fate{
			ingesttest.Judged, ingesttest.Judged, ingesttest.Judged, ingesttest.Busy, ingesttest.Silent, ingesttest.Lost, ingesttest.Held,
		}), 1, 40).Draw(rt, "fates")
		table := ingesttest.Table{Tells: rapid.Bool().Draw(rt, "tells"), Answer: answers(func(call int, attempts []ingest.Attempt) []ingesttest.Fate {
			given := make([]ingesttest.Fate, len(attempts))
			for i := range given {
				given[i] = fates[(call+i)%len(fates)]
			}
			return given
		})}
		for i := range rapid.IntRange(0, 60).Draw(rt, "stored before") {
			table.Put(writeAt(fmt.Sprintf("EQ-%d", i), i, time.Duration(i%3)))
		}
		var p pauses
		err := ingest.NewWriter(&table, rapid.IntRange(1, 4).Draw(rt, "concurrency"), p.pacer()).Write(t.Context(), ws)
		table.Land()
		if err := table.Broken(); err != nil {
			rt.Fatal(err)
		}
		if err != nil {
			if fault.KindOf(err) != fault.Unavailable {
				rt.Fatalf("error %v", err)
			}
			return
		}
		last := map[reading.Key]reading.Write{}
		for _, one := range ws {
			last[one.Key()] = one
		}
		for _, one := range last {
			want := one.Value.String()
			if one.Deleted {
				want = "deleted"
			}
			if got := table.Value(one.Key()); got != want {
				rt.Fatalf("%v: %s, want %s", one.Key(), got, want)
			}
		}
	})
}

// While the table holds something back, the turn is somebody else's.
// The last few of many writes meet a table that others keep busy, call after call. To give them up would make all the others vain.
func TestWriteInTurn_GoesOnForLongerWithTheLastOfMany(t *testing.T) {
	turn := func(context.Context, int) (func(), error) { return func() {}, nil }
	for _, test := range []struct {
		name             string
		left, busy, want int // of 100 writes, how many calls find the table busy, and calls in all
		stored           bool
	}{
		{"a tenth", 10, 30, 4 + 31, true},
		{"more than a tenth", 11, 30, 4 + 7, false},
		{"a tenth, for ever", 10, 1000, 4 + 31, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p pauses
			seen := 0
			table := ingesttest.Table{Answer: answers(func(call int, attempts []ingest.Attempt) []ingesttest.Fate {
				if call < 4 {
					return busyFrom(len(attempts), map[bool]int{true: len(attempts) - test.left, false: len(attempts)}[call == 3])
				}
				if seen++; seen <= test.busy {
					return all(len(attempts), ingesttest.Busy)
				}
				return nil
			})}
			err := ingest.NewWriter(&table, 1, p.pacer()).WriteInTurn(t.Context(), turn, many(100))
			if got := len(sizes(t, &table)); got != test.want || (err == nil) != test.stored {
				t.Errorf("%d calls, want %d; error %v", got, test.want, err)
			}
			if err != nil && fault.KindOf(err) != fault.Unavailable {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWriteInTurn_GivesTheTurnBackBeforeItWaits(t *testing.T) {
	table := &ingesttest.Table{Answer: answers(func(call int, attempts []ingest.Attempt) []ingesttest.Fate {
		if call == 0 {
			return busyFrom(len(attempts), 3)
		}
		return nil
	})}
	var turns []int
	inTurn := false
	pacer := pacing.Pacer{Sleep: func(context.Context, time.Duration) error {
		if inTurn {
			t.Error("it waits for the table and keeps its turn")
		}
		return nil
	}}
	turn := func(_ context.Context, readings int) (func(), error) {
		turns, inTurn = append(turns, readings), true
		return func() { inTurn = false }, nil
	}
	if err := ingest.NewWriter(table, 1, pacer).WriteInTurn(t.Context(), turn, many(10)); err != nil {
		t.Fatal(err)
	}
	if want := []int{10, 7}; !slices.Equal(turns, want) || inTurn {
		t.Errorf("turns for %v readings, want %v; given back: %t", turns, want, !inTurn)
	}
	refused := errors.New("too many wait")
	if err := ingest.NewWriter(table, 1, pacer).WriteInTurn(t.Context(), func(context.Context, int) (func(), error) { return nil, refused }, many(1)); !errors.Is(err, refused) {
		t.Errorf("without a turn: %v", err)
	}
}
