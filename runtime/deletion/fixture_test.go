package deletion_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

const equipment = reading.EquipmentID("EQ-1")

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// tables are the readings and the deletions, in memory.
type tables struct {
	ingesttest.Table
	mu        sync.Mutex
	deletions map[string]row
}

type row struct {
	deletion.Deletion
	worker string
	leased time.Time
}

// put stores n readings a second apart, whose versions are that of a moment.
func (t *tables) put(n int, at time.Time) {
	for i := range n {
		t.Put(reading.Write{
			Reading: reading.Reading{EquipmentID: equipment, Timestamp: start.Add(time.Duration(i) * time.Second)}, Version: reading.VersionAt(at),
		})
	}
}

// bury puts tombstones, whose versions are that of a moment, in place of each step-th of n readings, and returns how many.
func (t *tables) bury(n, step int, at time.Time) (buried int) {
	for i := 0; i < n; i += step {
		t.Put(reading.Write{
			Reading: reading.Reading{EquipmentID: equipment, Timestamp: start.Add(time.Duration(i) * time.Second)},
			Deleted: true, Version: reading.VersionAt(at),
		})
		buried++
	}
	return buried
}

// late brings a write of each of n readings to the table, as if it had been on its way since a moment.
func (t *tables) late(ctx context.Context, n int, at time.Time) {
	for i := range n {
		t.Try(ctx, []ingest.Attempt{{Over: true, Write: reading.Write{
			Reading: reading.Reading{EquipmentID: equipment, Timestamp: start.Add(time.Duration(i) * time.Second)}, Version: reading.VersionAt(at),
		}}})
	}
}

// left counts the readings that are stored.
func (t *tables) left() (n int) {
	for _, one := range t.Rows() {
		if !one.Deleted {
			n++
		}
	}
	return n
}

// Deletable implements deletion.Readings.
func (t *tables) Deletable(_ context.Context, r deletion.Range, after string, limit int) (deletion.Part, error) {
	var within []reading.Write
	for _, one := range t.Rows() {
		if one.EquipmentID == r.EquipmentID && !one.Timestamp.Before(r.From) && one.Timestamp.Before(r.To) && one.Key().Timestamp > after {
			within = append(within, one)
		}
	}
	slices.SortFunc(within, func(a, b reading.Write) int { return a.Timestamp.Compare(b.Timestamp) })
	part := deletion.Part{Place: after}
	for _, one := range within {
		if len(part.Readings)+len(part.Tombstones) == limit {
			part.More = true
			break
		}
		found := deletion.Found{Reading: one.Reading, Version: one.Version}
		if part.Place = one.Key().Timestamp; one.Deleted {
			part.Tombstones = append(part.Tombstones, found)
		} else {
			part.Readings = append(part.Readings, found)
		}
	}
	return part, nil
}

// CreateDeletion implements deletion.Table.
func (t *tables) CreateDeletion(_ context.Context, d deletion.Deletion) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deletions == nil {
		t.deletions = map[string]row{}
	}
	t.deletions[d.ID] = row{Deletion: d}
	return nil
}

// ReadDeletion implements deletion.Table.
func (t *tables) ReadDeletion(_ context.Context, id string) (deletion.Deletion, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.deletions[id]
	if !ok {
		return deletion.Deletion{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such deletion"}
	}
	return found.Deletion, nil
}

// RunningDeletions implements deletion.Table.
func (t *tables) RunningDeletions(_ context.Context, limit int) (ids []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var running []row
	for _, one := range t.deletions {
		if one.Status == deletion.Running {
			running = append(running, one)
		}
	}
	slices.SortFunc(running, func(a, b row) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	for _, one := range running[:min(len(running), limit)] {
		ids = append(ids, one.ID)
	}
	return ids, nil
}

// ClaimDeletion implements deletion.Table.
func (t *tables) ClaimDeletion(_ context.Context, id string, l deletion.Lease) (deletion.Deletion, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.deletions[id]
	if !ok || found.Status != deletion.Running || found.worker != l.Worker && found.leased.After(l.Now) {
		return deletion.Deletion{}, false, nil
	}
	found.worker, found.leased = l.Worker, l.Until
	t.deletions[id] = found
	return found.Deletion, true, nil
}

// AdvanceDeletion implements deletion.Table.
func (t *tables) AdvanceDeletion(_ context.Context, d deletion.Deletion, from deletion.Progress, l deletion.Lease) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.deletions[d.ID]
	if found.Status != deletion.Running || found.Place != from.Place {
		return false, nil
	}
	t.deletions[d.ID] = row{d, l.Worker, l.Until}
	return true, nil
}

// mortal is what one process sees of the tables: it dies at a call, before or after the call has its effect.
type mortal struct {
	*tables
	die func()

	mu         sync.Mutex
	calls      int
	diesAt     int // the number of the call; beyond the last one for never
	afterwards bool
}

var errDead = errors.New("the process has ended")

// call makes a call, unless the process is dead.
func (m *mortal) call(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.calls
	m.calls++
	if n > m.diesAt || n == m.diesAt && !m.afterwards {
		m.die()
		return errDead
	}
	err := do()
	if n == m.diesAt {
		m.die()
		return errDead
	}
	return err
}

// Try implements ingest.Store.
func (m *mortal) Try(ctx context.Context, attempts []ingest.Attempt) (outcomes []ingest.Outcome) {
	if err := m.call(func() error { outcomes = m.tables.Try(ctx, attempts); return nil }); err != nil {
		return slices.Repeat([]ingest.Outcome{{Result: ingest.Impossible, Err: err}}, len(attempts))
	}
	return outcomes
}

// Deletable implements deletion.Readings.
func (m *mortal) Deletable(ctx context.Context, r deletion.Range, after string, limit int) (part deletion.Part, err error) {
	err = m.call(func() (err error) { part, err = m.tables.Deletable(ctx, r, after, limit); return err })
	return part, err
}

// ClaimDeletion implements deletion.Table.
func (m *mortal) ClaimDeletion(ctx context.Context, id string, l deletion.Lease) (d deletion.Deletion, claimed bool, err error) {
	err = m.call(func() (err error) { d, claimed, err = m.tables.ClaimDeletion(ctx, id, l); return err })
	return d, claimed, err
}

// AdvanceDeletion implements deletion.Table.
func (m *mortal) AdvanceDeletion(ctx context.Context, d deletion.Deletion, from deletion.Progress, l deletion.Lease) (advanced bool, err error) {
	err = m.call(func() (err error) { advanced, err = m.tables.AdvanceDeletion(ctx, d, from, l); return err })
	return advanced, err
}

// begin stores more readings than a short deletion takes, and asks for the deletion of all of them at a moment.
func begin(t *testing.T, all *tables, s *deletion.Service, n int, at time.Time) string {
	t.Helper()
	all.put(n, at.Add(-time.Hour))
	answer, err := s.Delete(t.Context(), everything(n), reading.VersionAt(at))
	if err != nil || answer.Running == "" {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	return answer.Running
}

func everything(n int) deletion.Range {
	return deletion.Range{EquipmentID: equipment, From: start, To: start.Add(time.Duration(n) * time.Second)}
}

func (t *tables) is(id string, status deletion.Status, deleted int64) error {
	d, err := t.ReadDeletion(context.Background(), id)
	if err != nil || d.Status != status || d.Deleted != deleted {
		return fmt.Errorf("the deletion is %s with %d deleted (%w), want %s with %d", d.Status, d.Deleted, err, status, deleted)
	}
	return nil
}
