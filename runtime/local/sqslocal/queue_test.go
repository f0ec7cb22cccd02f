package sqslocal_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

func newQueue(t *testing.T, o sqslocal.Options) *sqslocal.Queue {
	t.Helper()
	q, err := sqslocal.NewQueue(o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func send(t *testing.T, q *sqslocal.Queue, body string) {
	t.Helper()
	if _, err := q.Send(body); err != nil {
		t.Fatal(err)
	}
}

func TestQueue_HideSetsWhenAMessageComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, sqslocal.Options{Name: "q", VisibilityTimeout: 16 * time.Minute})
		send(t, q, "a")
		first := receive(t, q, 0)[0]
		back := make(chan time.Time)
		go func() { // waits already when the time changes
			for range 2 {
				receive(t, q, time.Hour)
				back <- time.Now()
			}
		}()
		synctest.Wait()
		began := time.Now()
		for range 5 {
			if err := q.Hide(first.Receipt, 30*time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if after := (<-back).Sub(began); after != 70*time.Second {
			t.Errorf("it came back after %v, which is not 30 s after the last time", after)
		}
		if err := q.Hide(first.Receipt, time.Minute); !errors.Is(err, sqslocal.ErrNotInFlight) {
			t.Errorf("by the receipt of an earlier time: %v", err)
		}
		if after := (<-back).Sub(began); after != 70*time.Second+16*time.Minute {
			t.Errorf("untold, it came back after %v", after)
		}
		if err := q.Hide("none", 0); !errors.Is(err, sqslocal.ErrNotInFlight) {
			t.Errorf("by no receipt: %v", err)
		}
	})
}

func receive(t *testing.T, q *sqslocal.Queue, wait time.Duration) []sqslocal.Message {
	t.Helper()
	got, err := q.Receive(t.Context(), sqslocal.ReceiveMax, wait)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestQueue_ShowsAMessageAgainAfterTheVisibilityTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, sqslocal.Options{Name: "q", VisibilityTimeout: 5 * time.Second})
		send(t, q, "a")
		if got := receive(t, q, 0); len(got) != 1 || got[0].ReceiveCount != 1 {
			t.Fatalf("first receive: %+v", got)
		}
		start := time.Now()
		if got := receive(t, q, 4*time.Second); len(got) != 0 {
			t.Fatalf("taken while hidden: %+v", got)
		}
		if d := q.Depth(); d != (sqslocal.Depth{InFlight: 1}) {
			t.Errorf("depth while hidden: %+v", d)
		}
		if !q.Holds("a") || q.Holds("b") {
			t.Errorf("while hidden it holds a: %v, b: %v", q.Holds("a"), q.Holds("b"))
		}
		got := receive(t, q, 20*time.Second)
		if len(got) != 1 || got[0].ReceiveCount != 2 {
			t.Fatalf("second receive: %+v", got)
		}
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("came back after %v, want 5s", waited)
		}
	})
}

func TestQueue_WakesALongPollWhenAMessageArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, sqslocal.Options{Name: "q"})
		start := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			_, _ = q.Send("late")
		}()
		got := receive(t, q, 20*time.Second)
		if len(got) != 1 || time.Since(start) != 3*time.Second {
			t.Errorf("got %+v after %v", got, time.Since(start))
		}
	})
}

func TestQueue_EndsALongPollWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		got, err := newQueue(t, sqslocal.Options{Name: "q"}).Receive(ctx, 1, 20*time.Second)
		if err != nil || len(got) != 0 || time.Since(start) != time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(start))
		}
	})
}

func TestQueue_MovesAMessageTakenTooOftenToTheDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := newQueue(t, sqslocal.Options{Name: "dead"})
		q := newQueue(t, sqslocal.Options{Name: "q", VisibilityTimeout: time.Second, DeadLetter: dead, MaxReceiveCount: 3})
		send(t, q, "poison")
		for i := 1; i <= 3; i++ {
			if got := receive(t, q, 2*time.Second); len(got) != 1 || got[0].ReceiveCount != i {
				t.Fatalf("receive %d: %+v", i, got)
			}
		}
		if got := receive(t, q, 2*time.Second); len(got) != 0 {
			t.Fatalf("fourth receive: %+v", got)
		}
		if got := receive(t, dead, 0); len(got) != 1 || got[0].Body != "poison" {
			t.Errorf("dead letters: %+v", got)
		}
		if d := q.Depth(); d != (sqslocal.Depth{}) {
			t.Errorf("left in the queue: %+v", d)
		}
	})
}

func TestQueue_HeedsOnlyTheLatestReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, sqslocal.Options{Name: "q", VisibilityTimeout: time.Second})
		send(t, q, "a")
		old := receive(t, q, 0)[0]
		latest := receive(t, q, 2*time.Second)[0]
		if err := q.Delete(old.Receipt); err != nil {
			t.Fatal(err)
		}
		if d := q.Depth(); d.InFlight != 1 {
			t.Errorf("after delete by an old receipt: %+v", d)
		}
		if err := q.Delete(latest.Receipt); err != nil {
			t.Fatal(err)
		}
		if d := q.Depth(); d != (sqslocal.Depth{}) {
			t.Errorf("after delete: %+v", d)
		}
	})
}

func TestQueue_KeepsItsMessagesThroughARestart(t *testing.T) {
	o := sqslocal.Options{Name: "q", Journal: filepath.Join(t.TempDir(), "queues", "q.jsonl")}
	q := newQueue(t, o)
	send(t, q, "done")
	send(t, q, "in flight")
	send(t, q, "waiting")
	if got := receive(t, q, 0); len(got) != 3 || q.Delete(got[0].Receipt) != nil {
		t.Fatalf("received %+v", got)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time reads the file that the first restart wrote
		q = newQueue(t, o)
		got := receive(t, q, 0)
		if len(got) != 2 || got[0].Body != "in flight" || got[1].Body != "waiting" {
			t.Errorf("after a restart: %+v", got)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewQueue_RejectsDeadLettersWithoutACount(t *testing.T) {
	if _, err := sqslocal.NewQueue(sqslocal.Options{Name: "q", DeadLetter: newQueue(t, sqslocal.Options{Name: "dead"})}); err == nil {
		t.Error("accepted")
	}
}
