package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

// line is a Coalescer over a table, within a bubble of synthetic time.
type line struct {
	*testing.T
	*ingest.Coalescer
	table *ingesttest.Table
	began time.Time
}

// answered is what became of one Save.
type answered struct {
	err  error
	took time.Duration // since the line began
}

// callsTake makes each call last so long; where its context ends before, nothing is known of it.
func callsTake(d time.Duration) func(context.Context, int, []ingest.Attempt) []ingesttest.Fate {
	return func(ctx context.Context, _ int, attempts []ingest.Attempt) []ingesttest.Fate {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return all(len(attempts), ingesttest.Lost)
		}
	}
}

func inBubble(t *testing.T, o ingest.Options, table *ingesttest.Table, run func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &line{T: t, Coalescer: ingest.NewCoalescer(table, o, pacing.Pacer{Jitter: func() float64 { return 1 }}), table: table, began: time.Now()}
		run(t, l)
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
		sizes(t, table)
	})
}

// save starts a Save and lets it come as far as it can without time passing.
func (l *line) save(w reading.Write) <-chan answered {
	done := make(chan answered, 1)
	go func() {
		err := l.Save(l.Context(), w)
		done <- answered{err, time.Since(l.began)}
	}()
	synctest.Wait()
	return done
}

func (l *line) want(what string, done <-chan answered, took time.Duration) {
	l.Helper()
	if got := <-done; got.err != nil || got.took != took {
		l.Errorf("%s: answered %v after %s, want success after %s", what, got.err, got.took, took)
	}
}

func (l *line) wantUnavailable(what string, done <-chan answered, took time.Duration) {
	l.Helper()
	got := <-done
	wantKind(l.T, what, got.err, fault.Unavailable)
	if got.took != took {
		l.Errorf("%s: refused after %s, want %s", what, got.took, took)
	}
}

func TestSave_DoesNotLingerWhenIdle(t *testing.T) {
	inBubble(t, ingest.Options{}, &ingesttest.Table{Answer: callsTake(4 * time.Millisecond)}, func(_ *testing.T, l *line) {
		l.want("the first", l.save(write("A", 1)), 4*time.Millisecond)
		l.want("the next", l.save(write("B", 2)), 8*time.Millisecond)
	})
}

// The calls of a burst grow by a half each time, as what is under way does; the last of it goes when it has waited long enough.
func TestSave_ABurstSharesFewCalls(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		var burst []<-chan answered
		for _, r := range many(25) {
			burst = append(burst, l.save(r))
		}
		for i, done := range burst {
			l.want("one of 25", done, []time.Duration{10 * time.Millisecond, 15 * time.Millisecond}[i/18])
		}
		if got := sizes(t, table); !slices.Equal(got, []int{1, 1, 1, 2, 3, 4, 6, 7}) {
			t.Errorf("calls of %v", got)
		}
	})
}

func TestSave_AFullCallDoesNotWait(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		var burst []<-chan answered
		for _, r := range many(62 + 25) { // the half of 62 is more than a call takes
			burst = append(burst, l.save(r))
		}
		for _, done := range burst {
			l.want("each", done, 10*time.Millisecond)
		}
		if got := sizes(t, table); !slices.Equal(got, []int{1, 1, 1, 2, 3, 4, 6, 9, 14, 21, 25}) {
			t.Errorf("calls of %v", got)
		}
	})
}

// Two readings of one identity must not be on their way at the same time, which would cost an attempt: the table reports it.
func TestSave_KeepsTheOrderOfOneIdentity(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		first := l.save(write("A", 1))
		second, third, other := l.save(writeAt("A", 2, 1)), l.save(writeAt("A", 3, 2)), l.save(write("B", 9))
		l.want("the first", first, 10*time.Millisecond)
		l.want("another identity", other, 10*time.Millisecond)
		if got := table.Value(write("A", 0).Key()); got != "1" {
			t.Errorf("the correction overtook the first: %s", got)
		}
		l.want("a superseded correction", second, 30*time.Millisecond) // refused as an insertion, then made
		l.want("the last correction", third, 30*time.Millisecond)
		if got := table.Value(write("A", 0).Key()); got != "3" {
			t.Errorf("A is %s, want 3", got)
		}
		if got := sizes(t, table); !slices.Equal(got, []int{1, 1, 1, 1}) {
			t.Errorf("calls of %v", got)
		}
	})
}

// Of those that share a slot the newest is written, in whatever order they came, as long as somebody waits for it.
func TestSave_WritesTheNewestOfASlotThatSomebodyWaitsFor(t *testing.T) {
	for name, c := range map[string]struct {
		leaves int // which of the three corrections
		want   string
		at     time.Duration
	}{"all wait": {0, "3", 3}, "the newest has left": {3, "2", 2}, "an older one has left": {2, "3", 3}} {
		t.Run(name, func(t *testing.T) {
			table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
			inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
				first := l.save(write("A", 9))
				var done []<-chan answered
				for _, value := range []int{1, 3, 2} {
					ctx, leave := context.WithCancel(t.Context())
					defer leave()
					one := make(chan answered, 1)
					go func() {
						err := l.Save(ctx, writeAt("A", value, time.Duration(value)))
						one <- answered{err, time.Since(l.began)}
					}()
					synctest.Wait()
					if value == c.leaves {
						leave()
						wantKind(t, "who left", (<-one).err, fault.Unavailable)
						continue
					}
					done = append(done, one)
				}
				l.want("the first", first, 10*time.Millisecond)
				for _, one := range done {
					l.want("who waits", one, 30*time.Millisecond)
				}
				if row := table.Rows()[write("A", 0).Key()]; row.Value.String() != c.want || row.Version != reading.VersionAt(testNow.Add(c.at)) {
					t.Errorf("stored is %s at %s, want %s", row.Value, row.Version, c.want)
				}
			})
		})
	}
}

// What was accepted is written although its client has left, at the version that it came with: nothing newer is undone.
func TestSave_KeepsTheVersionOfAClientThatHasLeft(t *testing.T) {
	for _, newer := range []bool{false, true} {
		table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
		inBubble(t, ingest.Options{BatchesInFlightMax: 1}, table, func(t *testing.T, l *line) {
			first := l.save(write("B", 9))
			ctx, leave := context.WithCancel(t.Context())
			gone := make(chan error, 1)
			go func() { gone <- l.Save(ctx, write("A", 1)) }()
			synctest.Wait()
			leave()
			wantKind(t, "who left", <-gone, fault.Unavailable)
			want := write("A", 1)
			if newer { // by another task
				want = writeAt("A", 2, 1)
				table.Put(want)
			}
			l.want("the first", first, 10*time.Millisecond)
			if err := l.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if row := table.Rows()[want.Key()]; row.Value != want.Value || row.Version != want.Version {
				t.Errorf("stored is %s at %s, want %s at %s", row.Value, row.Version, want.Value, want.Version)
			}
		})
	}
}

func TestSave_SendsNothingForASenderThatHasLeft(t *testing.T) {
	table := &ingesttest.Table{}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		wantKind(t, "save", l.Save(ctx, write("A", 1)), fault.Unavailable)
		if err := l.Close(t.Context()); err != nil || len(table.Rows()) > 0 {
			t.Errorf("%v, stored %v", err, table.Rows())
		}
	})
}

// Readings that are there already share their next call with what has come meanwhile.
func TestSave_UpdatesInTheNextCall(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	table.Put(write("A", 1))
	inBubble(t, ingest.Options{BatchesInFlightMax: 1}, table, func(t *testing.T, l *line) {
		correction := l.save(writeAt("A", 2, 1))
		time.Sleep(8 * time.Millisecond)
		other := l.save(write("B", 1))
		l.want("the correction", correction, 20*time.Millisecond)
		l.want("who came meanwhile", other, 20*time.Millisecond)
		if got := sizes(t, table); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("calls of %v", got)
		}
	})
}

func TestSave_IsRefusedAtOnceWhenTheQueueIsFull(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(time.Second)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 2, QueueMax: 3}, table, func(_ *testing.T, l *line) {
		writing := []<-chan answered{l.save(write("A", 1))}
		time.Sleep(10 * time.Millisecond)
		writing = append(writing, l.save(write("B", 1)))
		time.Sleep(10 * time.Millisecond) // both calls are taken
		var waiting []<-chan answered
		for _, r := range many(3) {
			waiting = append(waiting, l.save(r))
		}
		l.wantUnavailable("one too many", l.save(write("C", 1)), 20*time.Millisecond)
		l.want("in flight", writing[0], time.Second)
		l.want("in flight", writing[1], 1010*time.Millisecond)
		for _, done := range waiting {
			l.want("waiting", done, 2*time.Second)
		}
		l.want("later", l.save(write("C", 1)), 3*time.Second)
	})
}

func TestSave_EachIsAnsweredForItsOwnReading(t *testing.T) {
	refused := map[reading.EquipmentID]bool{"EQ-3": true, "EQ-7": true}
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		if call == 0 {
			return callsTake(5*time.Millisecond)(ctx, call, attempts)
		}
		fates := make([]ingesttest.Fate, len(attempts))
		for i, a := range attempts {
			if refused[a.EquipmentID] {
				fates[i] = ingesttest.Busy
			}
		}
		return fates
	}}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		first := l.save(write("A", 1))
		ws := many(10)
		var done []<-chan answered
		for _, w := range ws {
			done = append(done, l.save(w))
		}
		if got := <-first; got.err != nil {
			t.Error(got.err)
		}
		for i, one := range done {
			got := <-one
			if want := refused[ws[i].EquipmentID]; want != (got.err != nil) || want == (table.Value(ws[i].Key()) != "none") {
				t.Errorf("%s: answered %v, stored %s", ws[i].EquipmentID, got.err, table.Value(ws[i].Key()))
			}
		}
	})
}

func TestSave_WhatTheTableHoldsBackDoesNotHoldUpTheRestOfItsCall(t *testing.T) {
	hot, cold := write("HOT", 1), write("COLD", 1)
	var began time.Time
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		fates := make([]ingesttest.Fate, len(attempts))
		for i, a := range attempts {
			if a.Key() == hot.Key() && time.Since(began) < 100*time.Millisecond {
				fates[i] = ingesttest.Busy
			}
		}
		callsTake(10*time.Millisecond)(ctx, call, attempts)
		return fates
	}}
	inBubble(t, ingest.Options{BatchesInFlightMax: 1}, table, func(t *testing.T, l *line) {
		began = l.began
		first := l.save(write("A", 1))
		held, beside := l.save(hot), l.save(cold)
		l.want("first", first, 10*time.Millisecond)
		l.want("beside it", beside, 20*time.Millisecond)
		l.want("the next of the same identity", l.save(writeAt("COLD", 2, 1)), 40*time.Millisecond) // refused as an insertion, then made
		if got := <-held; got.err != nil || got.took < 100*time.Millisecond || got.took > 300*time.Millisecond {
			t.Errorf("held back: answered %v after %s", got.err, got.took)
		}
	})
}

// What pauses counts as waiting, so that a table that takes nothing fills the queue.
func TestSave_IsRefusedAtOnceWhenWhatPausesFillsTheQueue(t *testing.T) {
	table := &ingesttest.Table{Answer: answers(func(_ int, attempts []ingest.Attempt) []ingesttest.Fate { return all(len(attempts), ingesttest.Busy) })}
	inBubble(t, ingest.Options{QueueMax: 3}, table, func(_ *testing.T, l *line) {
		var done []<-chan answered
		for _, w := range many(3) {
			done = append(done, l.save(w))
		}
		l.wantUnavailable("one too many", l.save(write("C", 1)), 0)
		for _, one := range done {
			if got := <-one; fault.KindOf(got.err) != fault.Unavailable {
				l.Errorf("answered %v", got.err)
			}
		}
	})
}

func TestSave_ASlowWriteFailsNoOther(t *testing.T) {
	table := &ingesttest.Table{Answer: func(ctx context.Context, call int, attempts []ingest.Attempt) []ingesttest.Fate {
		if attempts[0].EquipmentID == "slow" {
			<-ctx.Done()
			return all(len(attempts), ingesttest.Lost)
		}
		return callsTake(4*time.Millisecond)(ctx, call, attempts)
	}}
	inBubble(t, ingest.Options{WriteTimeout: 2 * time.Second}, table, func(_ *testing.T, l *line) {
		slow := l.save(write("slow", 1))
		for n := range 50 {
			l.want("another", l.save(write(fmt.Sprint("EQ-", n), n)), time.Duration(n+1)*4*time.Millisecond)
		}
		l.wantUnavailable("the slow one", slow, 2*time.Second)
	})
}

func TestSave_ACallerThatLeavesDoesNotTakeTheOthersAlong(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 1}, table, func(t *testing.T, l *line) {
		first := l.save(write("A", 1))
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- l.Save(ctx, write("B", 1)) }()
		synctest.Wait()
		other := l.save(write("C", 1))
		time.Sleep(5 * time.Millisecond)
		leave()
		err := <-gone
		if wantKind(t, "who left", err, fault.Unavailable); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want one that tells that the caller left", err)
		}
		l.want("the first", first, 10*time.Millisecond)
		l.want("who shared the write", other, 20*time.Millisecond)
	})
}

func TestClose_AnswersWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 1}, table, func(t *testing.T, l *line) {
		accepted := []<-chan answered{l.save(write("A", 1)), l.save(writeAt("A", 2, 1)), l.save(write("B", 1))}
		closed := make(chan answered, 1)
		go func() { closed <- answered{l.Close(t.Context()), time.Since(l.began)} }()
		synctest.Wait()
		l.wantUnavailable("after Close", l.save(write("C", 1)), 0)
		l.want("in flight", accepted[0], 10*time.Millisecond)
		l.want("waiting, a correction", accepted[1], 30*time.Millisecond) // refused as an insertion, then made
		l.want("waiting", accepted[2], 20*time.Millisecond)
		l.want("Close", closed, 30*time.Millisecond)
		if got := table.Value(write("C", 0).Key()); got != "none" {
			t.Errorf("a refused reading was stored: %s", got)
		}
	})
}

func TestClose_GivesUpWithItsContext(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(5 * time.Second)}
	inBubble(t, ingest.Options{}, table, func(t *testing.T, l *line) {
		hanging := l.save(write("A", 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want one that tells that not all were answered", err)
		}
		l.want("the hanging one", hanging, 5*time.Second)
	})
}

// Many clients at once, in real time and for the race detector: each corrects a few readings of its own over and over, and
// after every answer its last accepted value is the stored one.
func TestSave_UnderLoadStoresWhatItAcknowledges(t *testing.T) {
	table := &ingesttest.Table{Answer: answers(func(call int, attempts []ingest.Attempt) []ingesttest.Fate {
		switch {
		case call%7 == 0:
			return all(len(attempts), ingesttest.Busy)
		case call%5 == 0:
			return busyFrom(len(attempts), len(attempts)/2)
		case call%11 == 0:
			return all(len(attempts), ingesttest.Silent)
		}
		return nil
	})}
	c := ingest.NewCoalescer(table, ingest.Options{LingerMax: 100 * time.Microsecond, BatchesInFlightMax: 4, QueueMax: 40},
		pacing.Pacer{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	var clients sync.WaitGroup
	for client := range 50 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 1))
			for value := range 60 {
				w := writeAt(fmt.Sprintf("EQ-%d-%d", client, random.IntN(3)), value, time.Duration(value))
				err := c.Save(t.Context(), w)
				switch got := table.Value(w.Key()); {
				case err == nil && got != w.Value.String():
					t.Errorf("%s: acknowledged %s, stored %s", w.EquipmentID, w.Value, got)
				case err != nil && fault.KindOf(err) != fault.Unavailable:
					t.Errorf("save: %v", err)
				}
			}
		})
	}
	clients.Wait()
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if sizes(t, table); table.InFlightMax() > 4 {
		t.Errorf("%d calls in flight, want at most 4", table.InFlightMax())
	}
}

// Who waits behind calls that hang is told in time, and a write that has waited too long is not begun any more.
func TestSave_WhoWaitsForACallIsToldInTime(t *testing.T) {
	table := &ingesttest.Table{Answer: callsTake(time.Hour)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 1, WriteTimeout: 2 * time.Second}, table, func(t *testing.T, l *line) {
		first, beside := l.save(write("A", 1)), l.save(write("B", 1))
		time.Sleep(time.Second)
		later := l.save(write("C", 1))
		l.wantUnavailable("the one whose call hangs", first, 2*time.Second)
		l.wantUnavailable("the one that came with it", beside, 2*time.Second)
		l.wantUnavailable("the one that came later", later, 4*time.Second)
		if got := sizes(t, table); !slices.Equal(got, []int{1, 1}) {
			t.Errorf("calls of %v, want none for the second", got)
		}
	})
}

// letPass lets virtual time pass: the tests here run in a bubble.
func letPass(d time.Duration) { time.Sleep(d) }
