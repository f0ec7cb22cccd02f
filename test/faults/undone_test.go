package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// holding keeps calls to DynamoDB back, as a network may, and lets them go on when it is told to.
type holding struct {
	mu    sync.Mutex
	holds func(op string, body []byte) bool
	held  []func()
	kept  chan struct{} // has one element for each call that was held
}

func newHolding() *holding { return &holding{kept: make(chan struct{}, 100)} }

// hold says which calls are kept back from now on; nil is none.
func (h *holding) hold(holds func(op string, body []byte) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds = holds
}

// release brings all that is held to DynamoDB, and returns when it has answered. Nobody hears the answers.
func (h *holding) release() {
	h.mu.Lock()
	held := h.held
	h.held = nil
	h.mu.Unlock()
	for _, land := range held {
		land()
	}
}

// wrap is stack.Options.DynamoDBProxy.
func (h *holding) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readBody(r)
		h.mu.Lock()
		holds := h.holds != nil && h.holds(operation(r), body)
		if holds {
			late := r.Clone(context.WithoutCancel(r.Context()))
			setBody(late, body)
			h.held = append(h.held, func() { forward.ServeHTTP(httptest.NewRecorder(), late) })
		}
		h.mu.Unlock()
		if !holds {
			forward.ServeHTTP(w, r)
			return
		}
		h.kept <- struct{}{}
		<-r.Context().Done() // the caller gives the call up
	})
}

// undoing is the clients of one reading, and the calls that carry one of its values.
type undoing struct {
	*running
	*holding
	equipment, timestamp string
}

func (u *undoing) body(value int) []byte {
	return fmt.Appendf(nil, `{"equipmentId":%q,"timestamp":%q,"value":%d}`, u.equipment, u.timestamp, value)
}

func (u *undoing) single(value int) probe.Call {
	return probe.Call{Path: "/sensor-data", Body: u.body(value)}
}

func (u *undoing) batch(value int) probe.Call {
	return probe.Call{Path: "/sensor-data/batch", Body: append(append([]byte("["), u.body(value)...), ']')}
}

func (u *undoing) acknowledged(call probe.Call) {
	u.t.Helper()
	if got, err := u.Client.Do(u.t.Context(), call); err != nil || got.Status != http.StatusCreated {
		u.t.Fatalf("%s: %d %s, %v", call.Body, got.Status, got.Body, err)
	}
}

// keepsBack holds the writes of a value: the first of them, or all. Of a reading that is stored already, its insertion is not
// held, as it would be refused anyway.
func (u *undoing) keepsBack(value int, stored, all bool) {
	number := fmt.Appendf(nil, `"N":"%d"`, value)
	done := false
	u.hold(func(op string, body []byte) bool {
		if done && !all || !bytes.Contains(body, number) || !bytes.Contains(body, []byte(u.equipment)) {
			return false
		}
		if stored && op == opStatements && bytes.Contains(body, []byte("INSERT")) {
			return false
		}
		done = true
		return true
	})
}

// givesUp sends a call whose client leaves once its write is kept back.
func (u *undoing) givesUp(call probe.Call) {
	u.t.Helper()
	ctx, leave := context.WithCancel(u.t.Context())
	defer leave()
	gone := make(chan error, 1)
	go func() {
		_, err := u.Client.Do(ctx, call)
		gone <- err
	}()
	<-u.kept
	leave()
	if err := <-gone; err == nil {
		u.t.Fatal("the client was answered")
	}
}

// want asks the service for the reading.
func (u *undoing) want(value int) {
	u.t.Helper()
	var page struct{ Items []struct{ Value int } }
	got, err := u.Client.Do(u.t.Context(), probe.Call{Path: "/sensor-data?equipmentId=" + u.equipment})
	if err != nil {
		u.t.Fatal(err)
	}
	if err := got.Decode(&page); err != nil || len(page.Items) != 1 || page.Items[0].Value != value {
		u.t.Errorf("stored is %s, want %d (%v)", got.Body, value, err)
	}
}

// TestAcknowledged_IsNotUndoneByALateAttempt lets two values of one reading be acknowledged, one after the other, while an
// attempt of the first is on its way to the table. When it lands, the second stays.
func TestAcknowledged_IsNotUndoneByALateAttempt(t *testing.T) {
	h := newHolding()
	s := startSystem(t, stack.Options{DynamoDBProxy: h.wrap})
	for name, send := range map[string]func(u *undoing, value int) probe.Call{"single": (*undoing).single, "batch": (*undoing).batch} {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stored before %t", name, stored), func(t *testing.T) {
				u := undo(t, s, h)
				if stored {
					u.acknowledged(send(u, 5))
				}
				u.keepsBack(10, stored, false)
				u.acknowledged(send(u, 10)) // by its second attempt
				u.acknowledged(send(u, 12))
				u.want(12)
				u.release()
				u.want(12)
			})
		}
	}
	// The client of the first value has left, and the service goes on for a while.
	var given []*undoing
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("given up by its client, stored before %t", stored), func(t *testing.T) {
			u := undo(t, s, h)
			if stored {
				u.acknowledged(u.single(5))
			}
			u.keepsBack(10, stored, true)
			u.givesUp(u.single(10))
			u.acknowledged(u.batch(12))
			u.want(12)
			u.hold(nil)
			u.release()
			u.want(12)
			given = append(given, u)
		})
	}
	const goesOnFor = 9 * time.Second // a little longer than the service tries
	for end := time.Now().Add(goesOnFor); time.Now().Before(end) && !t.Failed(); pause(t.Context(), 100*time.Millisecond) {
		for _, u := range given {
			u.t = t
			u.want(12)
		}
	}
}

// undo begins a case with a reading of its own.
func undo(t *testing.T, s *running, h *holding) *undoing {
	t.Helper()
	of := *s
	of.t = t
	h.hold(nil)
	for len(h.kept) > 0 {
		<-h.kept
	}
	name := strings.NewReplacer(" ", "-", ",", "", "/", ".").Replace(t.Name())
	return &undoing{&of, h, name[max(0, len(name)-100):], time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)}
}
