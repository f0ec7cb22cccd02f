// Package ingesttest has a table of readings for tests: in memory, and true to what package ingest asks of a table.
package ingesttest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Fate is what becomes of an attempt on its way to the table and back.
type Fate int

// The fates of attempts.
const (
	Judged     Fate = iota // it arrives, and so does its answer
	Busy                   // the table does not take it for the moment
	Impossible             // the table never takes it
	Silent                 // it arrives, and its answer does not
	Lost                   // it does not arrive
	Held                   // it arrives when Land is called, and its answer never does
)

// Table is a table of readings that judges each write by its version. Its zero value is empty and ready; it is safe for
// concurrent use.
type Table struct {
	// Answer, where it is set, is asked about each call, whose number counts from 0, and gives each attempt its fate; nil is Judged
	// for all. It may let time go by.
	Answer func(ctx context.Context, call int, attempts []ingest.Attempt) []Fate
	// Tells makes refusals say what the table holds, as DynamoDB does and DynamoDB Local does not.
	Tells bool

	mu          sync.Mutex
	rows        map[reading.Key]reading.Write
	calls       [][]ingest.Attempt
	looks       [][]reading.Key
	held        []ingest.Attempt
	busy        map[reading.Key]bool
	inFlight    int
	inFlightMax int
	broken      error
}

// Try implements ingest.Store.
func (t *Table) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	call := t.begin(attempts)
	var fates []Fate
	if t.Answer != nil {
		fates = t.Answer(ctx, call, attempts)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
	outcomes := make([]ingest.Outcome, len(attempts))
	for i, a := range attempts {
		delete(t.busy, a.Key())
		fate := Judged
		if fates != nil {
			fate = fates[i]
		}
		outcomes[i] = t.meet(a, fate)
	}
	return outcomes
}

func (t *Table) begin(attempts []ingest.Attempt) (call int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows, t.busy = map[reading.Key]reading.Write{}, map[reading.Key]bool{}
	}
	if len(attempts) == 0 || len(attempts) > contract.BatchStatementsMax {
		t.broken = errors.Join(t.broken, fmt.Errorf("a call of %d attempts", len(attempts)))
	}
	for _, a := range attempts {
		if t.busy[a.Key()] {
			t.broken = errors.Join(t.broken, fmt.Errorf("%v is in two calls at the same time, or twice in one", a.Key()))
		}
		t.busy[a.Key()] = true
	}
	t.calls = append(t.calls, append([]ingest.Attempt{}, attempts...))
	t.inFlight++
	t.inFlightMax = max(t.inFlightMax, t.inFlight)
	return len(t.calls) - 1
}

var (
	errBusy    = &fault.Error{Kind: fault.Unavailable, Message: "the table is busy"}
	errSilence = &fault.Error{Kind: fault.Unavailable, Message: "the table does not answer"}
	// ErrImpossible is what attempts end with whose fate is Impossible.
	ErrImpossible = errors.New("the table refuses the request")
)

func (t *Table) meet(a ingest.Attempt, fate Fate) ingest.Outcome {
	switch fate {
	case Busy:
		return ingest.Outcome{Result: ingest.Busy, Err: errBusy}
	case Impossible:
		return ingest.Outcome{Result: ingest.Impossible, Err: ErrImpossible}
	case Silent:
		t.judge(a)
	case Lost:
	case Held:
		t.held = append(t.held, a)
	default:
		return t.judge(a)
	}
	return ingest.Outcome{Result: ingest.Unknown, Err: errSilence}
}

// judge makes a write if its condition holds.
func (t *Table) judge(a ingest.Attempt) ingest.Outcome {
	found := t.found(a.Key())
	if a.Over != found.Exists || a.Over && found.Version >= a.Version {
		o := ingest.Outcome{Result: ingest.Refused}
		if t.Tells && a.Over && found.Exists {
			o.Found = &found
		}
		return o
	}
	t.rows[a.Key()] = a.Write
	return ingest.Outcome{Result: ingest.Made}
}

func (t *Table) found(key reading.Key) ingest.Found {
	row, exists := t.rows[key]
	if !exists {
		return ingest.Found{}
	}
	f := ingest.Found{Exists: true, Version: row.Version, Deleted: row.Deleted}
	if !row.Deleted {
		f.Value = row.Value
	}
	return f
}

// Look implements ingest.Store.
func (t *Table) Look(_ context.Context, keys []reading.Key) ([]ingest.Found, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.looks = append(t.looks, keys)
	found := make([]ingest.Found, len(keys))
	for i, key := range keys {
		found[i] = t.found(key)
	}
	return found, nil
}

// Land lets what was held arrive.
func (t *Table) Land() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.held {
		t.judge(a)
	}
	t.held = nil
}

// Put stores a write whatever its version, as another region's would be.
func (t *Table) Put(w reading.Write) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows, t.busy = map[reading.Key]reading.Write{}, map[reading.Key]bool{}
	}
	t.rows[w.Key()] = w
}

// Remove removes what is stored under an identity, as time to live would.
func (t *Table) Remove(key reading.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, key)
}

// Rows returns what is stored, tombstones included.
func (t *Table) Rows() map[reading.Key]reading.Write {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make(map[reading.Key]reading.Write, len(t.rows))
	for key, row := range t.rows {
		rows[key] = row
	}
	return rows
}

// Value returns the value of a reading, "deleted" where its item is a tombstone, and "none" where there is no item.
func (t *Table) Value(key reading.Key) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch row, exists := t.rows[key]; {
	case !exists:
		return "none"
	case row.Deleted:
		return "deleted"
	default:
		return row.Value.String()
	}
}

// Calls returns the attempts of each call, in the order in which the calls began, and the identities of each look.
func (t *Table) Calls() (calls [][]ingest.Attempt, looks [][]reading.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([][]ingest.Attempt{}, t.calls...), append([][]reading.Key{}, t.looks...)
}

// InFlightMax is how many calls were on their way at the same time.
func (t *Table) InFlightMax() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inFlightMax
}

// Broken says which rules calls have broken: none holds more attempts than the table takes, and none an identity that is in
// another at the same time.
func (t *Table) Broken() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}
