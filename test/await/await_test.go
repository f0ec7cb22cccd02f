package await_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
)

func TestUntil_ReturnsAsSoonAsTheConditionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		await.True(t, time.Hour, "three seconds have passed", func() bool { tries++; return time.Since(began) >= 3*time.Second })
		if took := time.Since(began); took > 3*time.Second+50*time.Millisecond || tries > 100 {
			t.Errorf("it took %v and %d tries", took, tries)
		}
	})
}

func TestUntil_TellsWhatWasWrongLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		busy := errors.New("busy")
		err := await.Until(ctx, func() error { return busy })
		if !errors.Is(err, busy) || err.Error() != "not within 1s: busy" {
			t.Errorf("got %v", err)
		}
	})
}

func TestUntil_TriesOnceAlsoWhereTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := await.Until(ctx, func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// failing takes the place of a test and notes its end.
type failing struct {
	testing.TB
	ended bool
}

func (f *failing) Helper()                  {}
func (f *failing) Context() context.Context { return context.Background() }
func (f *failing) end()                     { f.ended = true; panic(f) }
func (f *failing) Fatal(...any)             { f.end() }
func (f *failing) Fatalf(string, ...any)    { f.end() }

func TestAwait_EndsATestWhoseConditionNeverHolds(t *testing.T) {
	for name, wait := range map[string]func(testing.TB){
		"a condition": func(tb testing.TB) { await.True(tb, time.Second, "it holds", func() bool { return false }) },
		"a call":      func(tb testing.TB) { await.NoError(tb, time.Second, func() error { return errors.New("busy") }) },
		"a channel":   func(tb testing.TB) { await.Receive(tb, time.Second, "a value", make(chan int)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(*testing.T) {
				f := &failing{}
				func() {
					defer func() { _ = recover() }()
					wait(f)
				}()
				if !f.ended {
					t.Error("the test goes on")
				}
			})
		})
	}
}

func TestReceive_ReturnsWhatComes(t *testing.T) {
	values := make(chan int, 1)
	values <- 7
	if got := await.Receive(t, time.Second, "a value", values); got != 7 {
		t.Errorf("got %d", got)
	}
	close(values)
	if got := await.Receive(t, time.Second, "the end", values); got != 0 {
		t.Errorf("after the end: %d", got)
	}
}

func TestHour_WaitsWhereTooLittleIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight
		midnight := time.Now()
		if got := await.Hour(t, time.Minute); !got.Equal(midnight) || time.Since(midnight) != 0 {
			t.Errorf("at the beginning of an hour it is %v after %v", got, time.Since(midnight))
		}
		time.Sleep(59 * time.Minute)
		if got := await.Hour(t, time.Minute); !got.Equal(midnight) || time.Since(midnight) != 59*time.Minute {
			t.Errorf("a minute before the end of an hour it is %v after %v", got, time.Since(midnight))
		}
		time.Sleep(time.Second)
		got, after := await.Hour(t, time.Minute), time.Since(midnight)
		if !got.Equal(midnight.Add(time.Hour)) || after < time.Hour || after > time.Hour+50*time.Millisecond {
			t.Errorf("less than a minute before the end of an hour it is %v after %v", got, after)
		}
	})
}
