package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// fill stores n readings of an equipment, a tenth of a second apart.
func (s *running) fill(id string, start time.Time, n int) {
	s.t.Helper()
	const size = 1000
	for first := 0; first < n; first += size {
		var lines bytes.Buffer
		for i := first; i < min(first+size, n); i++ {
			at := start.Add(time.Duration(i) * 100 * time.Millisecond).Format(time.RFC3339Nano)
			fmt.Fprintf(&lines, `{"equipmentId":%q,"timestamp":%q,"value":0.1}`+"\n", id, at)
		}
		await.NoError(s.t, time.Minute, func() error {
			got, err := s.Client.Do(s.t.Context(), probe.Call{
				Path: "/sensor-data/batch", Body: lines.Bytes(), Header: map[string]string{"Content-Type": "application/x-ndjson"},
			})
			if err != nil || got.Status != http.StatusCreated {
				return fmt.Errorf("status %d: %w", got.Status, err)
			}
			return nil
		})
	}
}

// deletion is what the service tells of a deletion.
type deletion struct {
	Status  string
	Deleted int
}

func (s *running) deletion(ctx context.Context, location string) (d deletion, err error) {
	got, err := s.Client.Do(ctx, probe.Call{Path: location})
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", got.Status, got.Body)
	}
	if err == nil {
		err = got.Decode(&d)
	}
	return d, err
}

// TestDeletion_IsCompletedAfterTheAPIWasKilled kills the API in the middle of a long deletion, twice: just before and just after
// a part's writes reach the table.
func TestDeletion_IsCompletedAfterTheAPIWasKilled(t *testing.T) {
	const n, id = 7001, "EQ-1"
	writes := &killing{}
	s := startSystem(t, stack.Options{DynamoDBProxy: writes.wrap})
	writes.stack.Store(s.Stack)
	start := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	s.fill(id, start, n)
	s.fill("EQ-2", start, 10)

	query := url.Values{"equipmentId": {id}, "from": {start.Format(time.RFC3339)}, "to": {start.Add(time.Hour).Format(time.RFC3339)}}
	writes.after.Store(40) // of 281 calls; a part has 20
	got, err := s.Client.Do(t.Context(), probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()})
	if err != nil || got.Status != http.StatusAccepted {
		t.Fatalf("status %d: %s, %v", got.Status, got.Body, err)
	}
	location := got.Header.Get("Location")
	for _, after := range []int64{50, 0} {
		await.True(t, time.Minute, "the API is killed", func() bool { return writes.killed.Swap(false) })
		if err := s.RestartAPI(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d, err := s.deletion(t.Context(), location); err != nil || d.Status != "running" || d.Deleted >= n {
			t.Errorf("after a kill: %+v, %v", d, err)
		}
		writes.after.Store(after)
	}
	began := time.Now()
	await.NoError(t, time.Minute, func() error { // as all work goes on within a minute
		d, err := s.deletion(t.Context(), location)
		if err == nil && d != (deletion{"completed", n}) {
			err = fmt.Errorf("the deletion is %+v", d)
		}
		return err
	})
	t.Logf("completed %v after the last start", time.Since(began).Round(100*time.Millisecond))
	s.quiet()
	stored := s.readings()
	if len(stored) != 10 {
		t.Errorf("%d readings are stored", len(stored))
	}
	s.nothingGivenUp()
	s.aggregatesEqual(stored)
}

// killing kills the API at one of the calls that write tombstones.
type killing struct {
	stack atomic.Pointer[stack.Stack]
	// after is how many more such calls are let through; 0 is all of them.
	after  atomic.Int64
	killed atomic.Bool
}

// wrap is stack.Options.DynamoDBProxy.
func (k *killing) wrap(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operation(r) != opStatements || !bytes.Contains(readBody(r), []byte("deleted")) || !strings.Contains(string(readBody(r)), `"BOOL":true`) {
			forward.ServeHTTP(w, r)
			return
		}
		if left := k.after.Load(); left > 0 && k.after.Add(-1) == 0 {
			k.stack.Load().KillAPI()
			k.killed.Store(true)
		}
		forward.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context()))) // the call is on its way
	})
}

// TestDeletion_StaysWhenALateWriteLands deletes a reading, which is stored or not, or was deleted before, while an attempt to write
// it is on its way to the table.
func TestDeletion_StaysWhenALateWriteLands(t *testing.T) {
	h := newHolding()
	s := startSystem(t, stack.Options{DynamoDBProxy: h.wrap})
	const nothing, value, tombstone = "nothing", "a reading", "a tombstone"
	for _, stored := range []string{nothing, value, tombstone} {
		for _, whole := range []bool{false, true} {
			if whole && stored == nothing {
				continue // a range deletes what is stored
			}
			t.Run(fmt.Sprintf("%s stored before, by a range %t", stored, whole), func(t *testing.T) {
				u := undo(t, s, h)
				if stored != nothing {
					u.acknowledged(u.single(5))
				}
				if stored == tombstone {
					u.deletes(whole, 1)
				}
				u.keepsBack(10, stored != nothing, true)
				u.givesUp(u.single(10))
				if stored == value {
					u.deletes(whole, 1)
				} else {
					u.deletes(whole, 0)
				}
				u.none()
				u.hold(nil)
				u.release()
				u.none()
			})
		}
	}
	s.quiet()
	s.aggregatesEqual(s.readings())
}

// deletes deletes the reading by its name or by a range, which must say how many readings were stored.
func (u *undoing) deletes(whole bool, n int) {
	u.t.Helper()
	query := url.Values{"equipmentId": {u.equipment}, "timestamp": {u.timestamp}}
	if whole {
		at, _ := time.Parse(time.RFC3339, u.timestamp)
		query = url.Values{"equipmentId": {u.equipment}, "from": {u.timestamp}, "to": {at.Add(time.Second).Format(time.RFC3339)}}
	}
	got, err := u.Client.Do(u.t.Context(), probe.Call{Method: http.MethodDelete, Path: "/sensor-data?" + query.Encode()})
	if want := fmt.Sprintf(`{"deleted":%d}`, n); err != nil || got.Status != http.StatusOK || strings.TrimSpace(string(got.Body)) != want {
		u.t.Fatalf("status %d: %s, %v, want %s", got.Status, got.Body, err, want)
	}
}

// none asks the service for the reading, which must not be there.
func (u *undoing) none() {
	u.t.Helper()
	var page struct{ Items []struct{ Value int } }
	got, err := u.Client.Do(u.t.Context(), probe.Call{Path: "/sensor-data?equipmentId=" + u.equipment})
	if err != nil {
		u.t.Fatal(err)
	}
	if err := got.Decode(&page); err != nil || got.Status != http.StatusOK || len(page.Items) > 0 {
		u.t.Errorf("stored is %s (%v)", got.Body, err)
	}
}
