package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// script answers with one status after the other, and stores once there is none left.
func script(statuses ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(statuses) == 0 {
			stored(w, r)
			return
		}
		status := statuses[0]
		statuses = statuses[1:]
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "3")
		}
		problem(w, status, "It is so.")
	}
}

// TestCall_RepeatsWhatPasses holds how often a call is made and how long it waits: 200 ms, then twice as long each time, on top of
// what the service asks for.
func TestCall_RepeatsWhatPasses(t *testing.T) {
	for _, test := range []struct {
		name     string
		statuses []int
		calls    int
		took     time.Duration
		fails    bool
	}{
		{"an answer", nil, 1, 0, false},
		{"busy once", []int{503}, 2, 3200 * time.Millisecond, false},
		{"too many, then busy", []int{429, 503}, 3, 3200*time.Millisecond + 3400*time.Millisecond, false},
		{"a gateway that has no answer", []int{502, 504}, 3, 600 * time.Millisecond, false},
		{"rejects for good: malformed", []int{400}, 1, 0, true},
		{"rejects for good: forbidden", []int{403}, 1, 0, true},
		{"rejects for good: not found", []int{404}, 1, 0, true},
		{"rejects for good: conflict", []int{409}, 1, 0, true},
		{"rejects for good: too large", []int{413}, 1, 0, true},
		{"a fault of the service", []int{500}, 1, 0, true},
		{"rejects redirections", []int{307}, 1, 0, true},
		{"busy for too long", []int{503, 503, 503, 503}, 3, 6600 * time.Millisecond, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				n.set("a", n.service(script(test.statuses...)))
				c := newClient(t, n, client.Options{AttemptsMax: 3}, "a")
				began := time.Now()
				_, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
				if calls := n.made("a"); len(calls) != test.calls || time.Since(began) != test.took || (err != nil) != test.fails {
					t.Errorf("%d calls in %v, error %v; want %d in %v", len(calls), time.Since(began), err, test.calls, test.took)
				}
			})
		})
	}
}

func TestCall_TellsWhatTheServiceSays(t *testing.T) {
	n := &network{}
	n.set("a", n.service(script(http.StatusBadRequest)))
	_, err := newClient(t, n, client.Options{}, "a").Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
	var refused *client.Error
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	want := client.Error{
		Status: 400, Type: "/docs#problem-x", Title: "A title", Message: "It is so.", RequestID: "r-1",
		Fields: []client.FieldError{{Field: "value", Reason: "must be a number"}},
	}
	if fmt.Sprintf("%+v", *refused) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, want %+v", *refused, want)
	}
	if got, want := err.Error(), "POST /sensor-data: status 400: It is so (request r-1)"; got != want {
		t.Errorf("the error says %q, want %q", got, want)
	}
	if client.Temporary(err) {
		t.Error("an invalid reading is taken for one that may be sent again")
	}
}

func TestCall_GivesUpWhereNoTimeIsLeft(t *testing.T) {
	for _, test := range []struct {
		name       string
		retryAfter string
		deadline   time.Duration
	}{
		{"before the deadline", "10", 5 * time.Second},
		{"before a pause of more than a minute", "61", time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				n.set("a", n.service(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", test.retryAfter)
					problem(w, http.StatusServiceUnavailable, "Busy.")
				}))
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				began := time.Now()
				_, err := newClient(t, n, client.Options{}, "a").Send(ctx, one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
				var refused *client.Error
				if !errors.As(err, &refused) || !client.Temporary(err) || time.Since(began) != 0 {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

// TestCall_EndsAttemptsThatHang holds that each attempt has a deadline of its own, and that a lost one is repeated.
func TestCall_EndsAttemptsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("a", n.service(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		c := newClient(t, n, client.Options{CallTimeout: 10 * time.Second, AttemptsMax: 2}, "a")
		began := time.Now()
		_, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1"))
		if took := time.Since(began); took != 20*time.Second+200*time.Millisecond || !client.Temporary(err) {
			t.Errorf("it took %v: %v", took, err)
		}
		if err == nil || !strings.Contains(err.Error(), "nothing moved for 10s") {
			t.Errorf("the error does not say why: %v", err)
		}
	})
}

func TestCall_GoesToAnotherRegionAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("b", n.service(stored))
		c := newClient(t, n, client.Options{}, "a", "b")
		send := func(wantA, wantB int) {
			t.Helper()
			beforeA, beforeB, began := len(n.made("a")), len(n.made("b")), time.Now()
			if _, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil {
				t.Fatal(err)
			}
			gotA, gotB := len(n.made("a"))-beforeA, len(n.made("b"))-beforeB
			if gotA != wantA || gotB != wantB || time.Since(began) != 0 {
				t.Fatalf("%d calls to the first and %d to the second region in %v, want %d and %d at once",
					gotA, gotB, time.Since(began), wantA, wantB)
			}
		}
		send(0, 1) // the token's call has found out already
		send(0, 1)
		time.Sleep(client.ReturnAfterDefault - time.Second)
		send(0, 1)
		time.Sleep(time.Second)
		send(1, 1) // it is tried again, by one call
		send(0, 1)
		n.set("a", n.service(stored))
		send(0, 1)
		time.Sleep(client.ReturnAfterDefault)
		send(1, 0)
		send(1, 0)
	})
}

// TestCall_TriesARegionAgainByOneCall holds that a region that still hangs costs one call its time, and not all of them.
func TestCall_TriesARegionAgainByOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("b", n.service(stored))
		c := newClient(t, n, client.Options{}, "a", "b")
		if failed := sendAll(t, c, 1); failed != 0 {
			t.Fatal("the first call failed")
		}
		n.set("a", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(client.ReturnAfterDefault)
		before := len(n.made("a"))
		if failed := sendAll(t, c, 20); failed != 0 || len(n.made("a"))-before != 1 {
			t.Errorf("%d of 20 calls failed, %d went to the region that hangs", failed, len(n.made("a"))-before)
		}
	})
}

// TestCall_LeavesARegionThatStaysBusy holds that one answer of 503 is waited for, as the service asks, and that two are enough.
func TestCall_LeavesARegionThatStaysBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set("a", n.service(script(503, 503)))
		n.set("b", n.service(stored))
		c := newClient(t, n, client.Options{}, "a", "b")
		began := time.Now()
		if _, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil {
			t.Fatal(err)
		}
		if a, b := len(n.made("a")), len(n.made("b")); a != 2 || b != 1 || time.Since(began) != 3200*time.Millisecond {
			t.Errorf("%d calls to the first and %d to the second region in %v", a, b, time.Since(began))
		}
	})
}

// TestCall_DoesNotBlameARegionForItsCaller holds that a caller who leaves says nothing of the region.
func TestCall_DoesNotBlameARegionForItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		hang := true
		n.set("a", n.service(func(w http.ResponseWriter, r *http.Request) {
			if hang {
				<-r.Context().Done()
				return
			}
			stored(w, r)
		}))
		n.set("b", n.service(stored))
		c := newClient(t, n, client.Options{}, "a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Send(ctx, one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		hang = false
		if _, err := c.Send(t.Context(), one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")); err != nil || len(n.made("b")) != 0 {
			t.Errorf("the second region was called %d times: %v", len(n.made("b")), err)
		}
	})
}

func TestNew_RefusesWhatIsNoAddress(t *testing.T) {
	for _, test := range []struct {
		name        string
		credentials client.Credentials
		at          []client.Region
	}{
		{"rejects none", machine, nil},
		{"rejects no credentials", nil, []client.Region{regionAt("a")}},
		{"rejects a host alone", machine, []client.Region{{URL: "api.example.com", TokenURL: "https://a/token"}}},
		{"rejects another scheme", machine, []client.Region{{URL: "ftp://a", TokenURL: "https://a/token"}}},
		{"rejects a password in it", machine, []client.Region{{URL: "https://u:p@a", TokenURL: "https://a/token"}}},
		{"rejects a machine without token endpoint", machine, []client.Region{{URL: "https://a"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := client.New(test.credentials, test.at, client.Options{}); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := client.New(client.Person{}, []client.Region{{URL: "https://a/"}}, client.Options{}); err != nil {
		t.Errorf("a person needs no token endpoint: %v", err)
	}
}

// A reading that is refused as a whole has the same name where all are refused as where some are.
func TestSendBatch_NamesAReadingThatIsRefusedAsAWhole(t *testing.T) {
	n := &network{}
	n.set("a", n.service(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusBadRequest, `{"type":"/docs#problem-invalid","message":"None is valid.","errors":[{"field":"body[0]","reason":"is bad"}]}`)
	}))
	got, err := newClient(t, n, client.Options{}, "a").SendBatch(t.Context(), []client.Reading{one(t, "EQ-1", "2026-03-01T08:00:00Z", "1")})
	if want := (client.FieldError{Field: "reading", Reason: "is bad"}); err != nil || len(got) != 1 || len(got[0].Errors) != 1 || got[0].Errors[0] != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}
