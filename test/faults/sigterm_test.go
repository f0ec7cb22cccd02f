package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// acknowledgedBefore is how many readings are answered before the signal comes.
const acknowledgedBefore = 500

// outcomes are what became of the requests around a SIGTERM.
type outcomes struct {
	mu sync.Mutex
	// acknowledged were answered 201, refused 503 or had no connection, unanswered were sent and got no answer.
	acknowledged, refused, unanswered map[identity]string
	faults                            []string
}

// At SIGTERM readiness falls first, then connections are refused; whatever was sent until then is answered, and what is stored
// was answered.
func TestSIGTERM_UnderLoadLeavesNothingWithoutAnAnswer(t *testing.T) {
	s := startSystem(t, stack.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	o := &outcomes{acknowledged: map[identity]string{}, refused: map[identity]string{}, unanswered: map[identity]string{}}
	var gone atomic.Bool
	var clients sync.WaitGroup
	for n := range 16 {
		clients.Go(func() { sendUntilGone(ctx, s, o, n, &gone) })
	}
	await.True(t, time.Minute, "the clients send at full speed", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.acknowledged) >= acknowledgedBefore
	})
	pids := s.PIDs()[stack.PartAPI]
	if len(pids) != 1 {
		t.Fatalf("the API has the processes %v", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	unready, refused := watchReadiness(ctx, t, s)
	gone.Store(true)
	clients.Wait()
	t.Logf("%d acknowledged, %d refused, %d unanswered; unready after %v, refused after %v", len(o.acknowledged), len(o.refused), len(o.unanswered),
		unready.Sub(began), refused.Sub(began))
	for _, fault := range o.faults {
		t.Error(fault)
	}
	if unready.IsZero() {
		t.Error("connections were refused before the service said that it was not ready")
	}

	stored := map[identity]string{}
	for _, r := range s.readings() {
		stored[identity{r.EquipmentID, r.At.Format(time.RFC3339Nano)}] = r.Value
	}
	for id, value := range o.acknowledged {
		if stored[id] != value {
			t.Errorf("%v was acknowledged with %s, stored is %q", id, value, stored[id])
		}
	}
	for id := range o.unanswered {
		if _, ok := stored[id]; ok {
			t.Errorf("%v was stored and never answered", id)
		}
	}
}

// watchReadiness asks as a load balancer does, only more often, and returns when 503 came first and when connections were
// refused.
func watchReadiness(ctx context.Context, t *testing.T, s *running) (unready, refused time.Time) {
	t.Helper()
	watcher := &probe.Client{Base: s.Info.APIURL, HTTP: &http.Client{
		Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	err := await.Until(ctx, func() error {
		got, err := watcher.Do(ctx, probe.Call{Path: "/readyz"})
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			refused = time.Now()
			return nil
		case err == nil && got.Status == http.StatusServiceUnavailable && unready.IsZero():
			unready = time.Now()
		case err == nil && got.Status == http.StatusOK && !unready.IsZero():
			t.Error("the service became ready again after SIGTERM")
		}
		return errors.New("connections are taken")
	})
	if err != nil {
		t.Fatal(err)
	}
	return unready, refused
}

// sendUntilGone sends readings one after the other, over new connections or kept ones.
func sendUntilGone(ctx context.Context, s *running, o *outcomes, n int, gone *atomic.Bool) {
	client := &probe.Client{Base: s.Info.APIURL, Token: s.Client.Token, HTTP: &http.Client{
		Timeout: 15 * time.Second, Transport: &http.Transport{DisableKeepAlives: n%2 == 0},
	}}
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := 0; !gone.Load() && ctx.Err() == nil; i++ {
		id := identity{fmt.Sprintf("sigterm-%d", n), at.Add(time.Duration(i) * time.Millisecond).Format(time.RFC3339Nano)}
		value := fmt.Sprint(i + 1)
		body := fmt.Sprintf(`{"equipmentId":%q,"timestamp":%q,"value":%s}`, id.equipment, id.timestamp, value)
		got, err := client.Do(ctx, probe.Call{Path: "/sensor-data", Body: []byte(body)})
		o.note(id, value, got, err)
		if err != nil {
			pause(ctx, 5*time.Millisecond)
		}
	}
}

func (o *outcomes) note(id identity, value string, got probe.Answer, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var dial *net.OpError
	switch {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial":
		o.refused[id] = value
	case err != nil:
		// A connection may end just as a request is written to it; what counts is that it did not get in.
		o.unanswered[id] = err.Error()
	case got.Status == http.StatusCreated:
		o.acknowledged[id] = value
	case got.Status == http.StatusServiceUnavailable && got.Header.Get("Retry-After") != "":
		o.refused[id] = value
	default:
		o.faults = append(o.faults, fmt.Sprintf("%v is answered with %d: %.300s", id, got.Status, got.Body))
	}
}
