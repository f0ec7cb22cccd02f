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
)

// line is a Coalescer over a store, within a bubble of synthetic time.
type line struct {
	*testing.T
	*ingest.Coalescer
	store *store
	began time.Time
}

// answered is what became of one Save.
type answered struct {
	err  error
	took time.Duration // since the line began
}

// writesTake makes each write last so long, or until its context ends.
func writesTake(d time.Duration) func(context.Context, int, []reading.Stored) ([]reading.Stored, error) {
	return func(ctx context.Context, _ int, _ []reading.Stored) ([]reading.Stored, error) {
		select {
		case <-time.After(d):
			return nil, nil
		case <-ctx.Done():
			return nil, &fault.Error{Kind: fault.Unavailable, Message: "too slow", Cause: ctx.Err()}
		}
	}
}

func inBubble(t *testing.T, o ingest.Options, s *store, run func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &line{T: t, Coalescer: ingest.NewCoalescer(s, o, pacing.Pacer{}), store: s, began: time.Now()}
		run(t, l)
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
		s.check(t)
	})
}

// save starts a Save and lets it come as far as it can without time passing.
func (l *line) save(r reading.Stored) <-chan answered {
	done := make(chan answered, 1)
	go func() {
		err := l.Save(l.Context(), r)
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
	inBubble(t, ingest.Options{}, &store{answer: writesTake(4 * time.Millisecond)}, func(_ *testing.T, l *line) {
		l.want("the first", l.save(stored("A", 1)), 4*time.Millisecond)
		l.want("the next", l.save(stored("B", 2)), 8*time.Millisecond)
	})
}

func TestSave_ConcurrentReadingsShareAWrite(t *testing.T) {
	s := &store{answer: writesTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		var others []<-chan answered
		for _, r := range many(24) {
			others = append(others, l.save(r))
		}
		l.want("the first", first, 10*time.Millisecond)
		for _, done := range others {
			l.want("one of 24", done, 13*time.Millisecond) // 3 ms of linger, then one write
		}
		if sizes := l.store.check(t); !slices.Equal(sizes, []int{1, 24}) {
			t.Errorf("writes of %v", sizes)
		}
	})
}

func TestSave_AFullBatchDoesNotLinger(t *testing.T) {
	s := &store{answer: writesTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		var others []<-chan answered
		for _, r := range many(25) {
			others = append(others, l.save(r))
		}
		for _, done := range append(others, first) {
			l.want("each", done, 10*time.Millisecond)
		}
		if sizes := l.store.check(t); !slices.Equal(sizes, []int{1, 25}) {
			t.Errorf("writes of %v", sizes)
		}
	})
}

// Two readings of one identity must reach the table in the order in which they came: the store reports overlaps.
func TestSave_KeepsTheOrderOfOneIdentity(t *testing.T) {
	s := &store{answer: writesTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		second, third, other := l.save(stored("A", 2)), l.save(stored("A", 3)), l.save(stored("B", 9))
		l.want("the first", first, 10*time.Millisecond)
		l.want("another identity", other, 13*time.Millisecond)
		if got := l.store.value(stored("A", 0)); got != "1" {
			t.Errorf("the correction overtook the first: %s", got)
		}
		l.want("a superseded correction", second, 23*time.Millisecond)
		l.want("the last correction", third, 23*time.Millisecond)
		if got := l.store.value(stored("A", 0)); got != "3" {
			t.Errorf("A is %s, want 3", got)
		}
		if sizes := l.store.check(t); !slices.Equal(sizes, []int{1, 1, 1}) {
			t.Errorf("writes of %v", sizes)
		}
	})
}

func TestSave_IsRefusedAtOnceWhenTheQueueIsFull(t *testing.T) {
	s := &store{answer: writesTake(time.Second)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 2, QueueMax: 3}, s, func(_ *testing.T, l *line) {
		writing := []<-chan answered{l.save(stored("A", 1))}
		time.Sleep(10 * time.Millisecond)
		writing = append(writing, l.save(stored("B", 1)))
		time.Sleep(10 * time.Millisecond) // the second is written after its linger: both slots are taken
		var waiting []<-chan answered
		for _, r := range many(3) {
			waiting = append(waiting, l.save(r))
		}
		l.wantUnavailable("one too many", l.save(stored("C", 1)), 20*time.Millisecond)
		l.want("in flight", writing[0], time.Second)
		l.want("in flight", writing[1], 1013*time.Millisecond)
		for _, done := range waiting {
			l.want("waiting", done, 2003*time.Millisecond)
		}
		l.want("later", l.save(stored("C", 1)), 3003*time.Millisecond)
	})
}

func TestSave_EachIsAnsweredForItsOwnReading(t *testing.T) {
	refused := map[reading.EquipmentID]bool{"EQ-3": true, "EQ-7": true}
	s := &store{answer: func(ctx context.Context, call int, rs []reading.Stored) (left []reading.Stored, err error) {
		if call == 0 {
			return writesTake(5*time.Millisecond)(ctx, call, rs)
		}
		for _, r := range rs {
			if refused[r.EquipmentID] {
				left = append(left, r)
			}
		}
		return left, nil
	}}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		rs := many(10)
		var all []<-chan answered
		for _, r := range rs {
			all = append(all, l.save(r))
		}
		if got := <-first; got.err != nil {
			t.Error(got.err)
		}
		for i, done := range all {
			got := <-done
			if want := refused[rs[i].EquipmentID]; want != (got.err != nil) || want == (l.store.value(rs[i]) != "none") {
				t.Errorf("%s: answered %v, stored %s", rs[i].EquipmentID, got.err, l.store.value(rs[i]))
			}
		}
	})
}

func TestSave_WhatTheTableHoldsBackDoesNotHoldItsCompanyUp(t *testing.T) {
	hot, cold := stored("HOT", 1), stored("COLD", 1)
	s := &store{answer: func(ctx context.Context, call int, rs []reading.Stored) ([]reading.Stored, error) {
		switch call {
		case 0, 2: // the write that lets the two meet, and the second attempt of the one that is held back
			return writesTake(3*time.Second)(ctx, call, rs)
		case 1:
			return slices.DeleteFunc(slices.Clone(rs), func(r reading.Stored) bool { return r.Key() != hot.Key() }), nil
		default:
			return nil, nil
		}
	}}
	inBubble(t, ingest.Options{Linger: time.Second}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		held, company := l.save(hot), l.save(cold)
		l.want("company", company, time.Second)
		again := l.save(stored("COLD", 2)) // its identity is free again
		l.want("first", first, 3*time.Second)
		if got := <-held; got.err != nil || got.took < 4*time.Second {
			t.Errorf("held back: answered %v after %s", got.err, got.took)
		}
		if got := <-again; got.err != nil || got.took > 3*time.Second {
			t.Errorf("the next of the same identity: answered %v after %s", got.err, got.took)
		}
	})
}

func TestSave_ASlowWriteFailsNoOther(t *testing.T) {
	s := &store{answer: func(ctx context.Context, call int, rs []reading.Stored) ([]reading.Stored, error) {
		if rs[0].EquipmentID == "slow" {
			<-ctx.Done()
			return nil, &fault.Error{Kind: fault.Unavailable, Message: "too slow", Cause: ctx.Err()}
		}
		return writesTake(4*time.Millisecond)(ctx, call, rs)
	}}
	inBubble(t, ingest.Options{WriteTimeout: 2 * time.Second}, s, func(_ *testing.T, l *line) {
		slow := l.save(stored("slow", 1))
		for n := range 50 {
			l.want("another", l.save(stored(fmt.Sprint("EQ-", n), n)), time.Duration(n+1)*7*time.Millisecond)
		}
		l.wantUnavailable("the slow one", slow, 2*time.Second)
	})
}

func TestSave_ACallerThatLeavesDoesNotTakeTheOthersAlong(t *testing.T) {
	s := &store{answer: writesTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		first := l.save(stored("A", 1))
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- l.Save(ctx, stored("B", 1)) }()
		synctest.Wait()
		other := l.save(stored("C", 1))
		time.Sleep(5 * time.Millisecond)
		leave()
		err := <-gone
		if wantKind(t, "who left", err, fault.Unavailable); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want one that tells that the caller left", err)
		}
		l.want("the first", first, 10*time.Millisecond)
		l.want("who shared the write", other, 13*time.Millisecond)
	})
}

func TestClose_AnswersWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	s := &store{answer: writesTake(10 * time.Millisecond)}
	inBubble(t, ingest.Options{BatchesInFlightMax: 1}, s, func(t *testing.T, l *line) {
		accepted := []<-chan answered{l.save(stored("A", 1)), l.save(stored("A", 2)), l.save(stored("B", 1))}
		closed := make(chan answered, 1)
		go func() { closed <- answered{l.Close(t.Context()), time.Since(l.began)} }()
		synctest.Wait()
		l.wantUnavailable("after Close", l.save(stored("C", 1)), 0)
		l.want("in flight", accepted[0], 10*time.Millisecond)
		for _, done := range accepted[1:] {
			l.want("waiting", done, 20*time.Millisecond)
		}
		l.want("Close", closed, 20*time.Millisecond)
		if got := l.store.value(stored("C", 0)); got != "none" {
			t.Errorf("a refused reading was stored: %s", got)
		}
	})
}

func TestClose_GivesUpWithItsContext(t *testing.T) {
	s := &store{answer: writesTake(5 * time.Second)}
	inBubble(t, ingest.Options{}, s, func(t *testing.T, l *line) {
		hanging := l.save(stored("A", 1))
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
	s := &store{answer: func(_ context.Context, call int, rs []reading.Stored) ([]reading.Stored, error) {
		switch {
		case call%7 == 0:
			return nil, busy()
		case call%5 == 0:
			return rs[len(rs)/2:], nil
		}
		return nil, nil
	}}
	c := ingest.NewCoalescer(s, ingest.Options{Linger: 100 * time.Microsecond, BatchesInFlightMax: 4, QueueMax: 40},
		pacing.Pacer{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	var clients sync.WaitGroup
	for client := range 50 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 1))
			for value := range 60 {
				r := stored(fmt.Sprintf("EQ-%d-%d", client, random.IntN(3)), value)
				err := c.Save(t.Context(), r)
				switch got := s.value(r); {
				case err == nil && got != r.Value.String():
					t.Errorf("%s: acknowledged %s, stored %s", r.EquipmentID, r.Value, got)
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
	if s.check(t); s.inFlightMax > 4 {
		t.Errorf("%d writes in flight, want at most 4", s.inFlightMax)
	}
}
