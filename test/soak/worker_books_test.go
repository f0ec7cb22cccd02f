package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/soak"
)

// faults counts what a worker complains of.
type faults struct {
	testing.TB
	count int
}

func (f *faults) Errorf(string, ...any) { f.count++ }

// A write that was not answered as stored, in whole, is not booked as stored; the worker complains of it, and goes on.
func TestWorker_BooksWhatTheAnswersSay(t *testing.T) {
	const all, part = `{"accepted":10,"rejected":[]}`, `{"accepted":9,"rejected":[{"index":3}]}`
	type answer struct {
		status int
		body   string
	}
	for name, c := range map[string]struct {
		answers [2]answer
		want    soak.Booked
		faults  int
	}{
		"both are stored":     {[2]answer{{201, all}, {201, all}}, soak.Booked{Stored: 10, Corrected: 10}, 0},
		"neither is":          {[2]answer{{503, "{}"}, {503, "{}"}}, soak.Booked{Unknown: 10}, 2},
		"the first one is":    {[2]answer{{201, all}, {503, "{}"}}, soak.Booked{Stored: 10}, 1},
		"the second one is":   {[2]answer{{503, "{}"}, {201, all}}, soak.Booked{Stored: 10}, 1},
		"a part is":           {[2]answer{{201, part}, {201, part}}, soak.Booked{Unknown: 10}, 2},
		"an answer is broken": {[2]answer{{201, "{"}, {201, "{"}}, soak.Booked{Unknown: 10}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			w, f := workerOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.answers[asked].status)
				_, _ = fmt.Fprint(w, c.answers[asked].body)
				asked++
			})
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // one round
			w.correctionsAndDeletions(ctx, f)
			if got := w.books.Booked(); got != c.want || f.count != c.faults {
				t.Errorf("booked %+v with %d faults, want %+v with %d", got, f.count, c.want, c.faults)
			}
		})
	}
}

func TestWorker_HoldsDeletionsToWhatIsBooked(t *testing.T) {
	for _, c := range []struct {
		status, deleted int
		want            soak.Booked
		faults          int
	}{
		{200, 90, soak.Booked{Deleted: 90}, 0},
		{200, 100, soak.Booked{Deleted: 90}, 0}, // those of an unknown fate were there
		{200, 89, soak.Booked{Deleted: 90}, 1},
		{200, 101, soak.Booked{Deleted: 90}, 1},
		{503, 0, soak.Booked{Unknown: 90}, 1},
	} {
		w, f := workerOf(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = fmt.Fprintf(w, `{"deleted":%d}`, c.deleted)
		})
		w.books.Wrote(90, true, false)
		w.deletion(f, time.Time{}, time.Time{}, 90, 10)
		if got := w.books.Booked(); got != c.want || f.count != c.faults {
			t.Errorf("status %d, %d deleted: booked %+v with %d faults", c.status, c.deleted, got, f.count)
		}
	}
}

// workerOf is one whose service answers as the handler does.
func workerOf(t *testing.T, answer http.HandlerFunc) (*worker, *faults) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return &worker{client: &probe.Client{Base: server.URL, HTTP: server.Client()}}, &faults{TB: t}
}
