package admission_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensorflow/sensorflow/runtime/admission"
)

func hold(t *testing.T, g *admission.Gate, caller string, n int64) *admission.Hold {
	t.Helper()
	h, err := g.Try(caller, n)
	if err != nil {
		t.Fatalf("%s takes %d of what is left: %v", caller, n, err)
	}
	return h
}

func TestGate_OneCallerLeavesRoomForAnother(t *testing.T) {
	g := admission.NewGate(100, 0)
	greedy := hold(t, g, "greedy", 70)
	if err := greedy.Grow(6); !errors.Is(err, admission.ErrShare) {
		t.Errorf("more than three quarters: %v", err)
	}
	if err := greedy.Grow(5); err != nil {
		t.Errorf("three quarters: %v", err)
	}
	if _, err := g.Try("greedy", 1); !errors.Is(err, admission.ErrShare) {
		t.Errorf("by another request of the same caller: %v", err)
	}
	other := hold(t, g, "other", 25)
	if _, err := g.Try("third", 1); !errors.Is(err, admission.ErrFull) {
		t.Errorf("beyond the whole: %v", err)
	}
	greedy.Leave()
	greedy.Leave()
	other.Shrink(10)
	if used := g.Used(); used != 10 {
		t.Errorf("%d are in use, want 10", used)
	}
	hold(t, g, "greedy", 75)
}

// enter starts somebody who waits and returns once that one does.
func enter(ctx context.Context, t *testing.T, g *admission.Gate, caller string, n int64, entered func(*admission.Hold, error)) {
	t.Helper()
	go func() { entered(g.Enter(ctx, caller, n)) }()
	synctest.Wait()
}

func TestGate_IsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(10, 100).UsingIdle()
		first := hold(t, g, "a", 10)
		var mu sync.Mutex
		var order []string
		for _, name := range []string{"large", "small", "smaller"} {
			n := map[string]int64{"large": 10, "small": 2, "smaller": 1}[name]
			enter(t.Context(), t, g, name, n, func(h *admission.Hold, err error) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				time.Sleep(time.Second)
				h.Leave()
			})
		}
		first.Shrink(5) // room for the small ones, which came later
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v went past the one that came first", order)
		}
		if _, err := g.Try("late", 1); !errors.Is(err, admission.ErrFull) {
			t.Errorf("one that does not wait goes past those who do: %v", err)
		}
		first.Leave()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if !slices.Equal(order[:1], []string{"large"}) || len(order) != 3 || g.Used() != 0 {
			t.Errorf("order %v, in use %d", order, g.Used())
		}
	})
}

// One caller's queue does not stand before another's request, and alone it may have everything.
func TestGate_ACallersQueueLetsOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(4, 100).UsingIdle()
		holds := []*admission.Hold{hold(t, g, "greedy", 2), hold(t, g, "greedy", 2)}
		ctx, leave := context.WithCancel(t.Context())
		var mu sync.Mutex
		var order []string
		wait := func(caller string) {
			enter(ctx, t, g, caller, 2, func(_ *admission.Hold, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					order = append(order, caller)
				}
			})
		}
		wait("greedy")
		wait("greedy")
		wait("other")
		holds[0].Leave()
		synctest.Wait()
		if !slices.Equal(order, []string{"other"}) {
			t.Errorf("let in were %v, want the other caller first", order)
		}
		holds[1].Leave()
		synctest.Wait()
		if !slices.Equal(order, []string{"other", "greedy"}) {
			t.Errorf("let in were %v", order)
		}
		leave()
		synctest.Wait()
	})
}

func TestGate_WhoGivesUpLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admission.NewGate(10, 1)
		first := hold(t, g, "a", 7)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var got error
		enter(ctx, t, g, "b", 7, func(_ *admission.Hold, err error) { got = err })
		if _, err := g.Enter(ctx, "c", 7); !errors.Is(err, admission.ErrFull) {
			t.Errorf("with somebody waiting already: %v", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !errors.Is(got, context.DeadlineExceeded) {
			t.Errorf("who waited until the deadline: %v", got)
		}
		first.Leave()
		hold(t, g, "d", 7).Leave()
		if g.Used() != 0 {
			t.Errorf("%d are in use", g.Used())
		}
	})
}

// Whatever callers do, no more is in use than there is, nobody is forgotten, and in the end everything is back.
func TestGate_KeepsCount(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 30).Draw(r, "sizes")
		patience := rapid.SliceOfN(rapid.IntRange(1, 50), len(seed), len(seed)).Draw(r, "patience")
		idle := rapid.Bool().Draw(r, "idle")
		synctest.Test(t, func(t *testing.T) {
			g := admission.NewGate(40, 20)
			if idle {
				g.UsingIdle()
			}
			var all sync.WaitGroup
			for i, n := range seed {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(patience[i])*time.Millisecond)
					defer cancel()
					h, err := g.Enter(ctx, []string{"", "a", "b"}[i%3], int64(n))
					if err != nil {
						return
					}
					if used := g.Used(); used > 40 || used < 1 {
						t.Errorf("%d of 40 are in use", used)
					}
					time.Sleep(time.Duration(n) * time.Millisecond)
					_ = h.Grow(3)
					h.Leave()
				})
			}
			all.Wait()
			if used := g.Used(); used != 0 {
				t.Errorf("%d are in use in the end", used)
			}
			hold(t, g, "a", 30).Leave()
		})
	})
}
