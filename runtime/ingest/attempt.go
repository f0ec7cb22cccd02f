package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Store is the table of readings. Each write is judged by itself, also among others in one call.
type Store interface {
	// Try attempts at most contract.BatchStatementsMax writes of distinct identities in one call, which is sent once, and
	// tells what became of each, in their order. It keeps nothing of attempts, which are used again.
	Try(ctx context.Context, attempts []Attempt) []Outcome
	// Look returns what the table holds of each identity, in their order. It sees every write that took place before. Its
	// error is of kind fault.Unavailable when trying again may help.
	Look(ctx context.Context, keys []reading.Key) ([]Found, error)
}

// Attempt is one try to make a write.
type Attempt struct {
	reading.Write
	// Over makes the write take the place of an item, if that has an older version or none. Otherwise the write is made if
	// there is no item.
	Over bool
}

// Result is what became of an attempt.
type Result int

// The results of attempts.
const (
	// Unknown means that the write took place, or may yet, or never will.
	Unknown Result = iota
	// Made means that the write is durable.
	Made
	// Refused means that the condition did not hold, and that the write will not take place.
	Refused
	// Busy means that the write did not take place and will not, and that trying again may help.
	Busy
	// Impossible means that the write did not take place and never will.
	Impossible
)

// Outcome is what became of an attempt, and why.
type Outcome struct {
	Result Result
	// Found is, where the result is Refused and the table says so, what it holds instead.
	Found *Found
	// Err is the reason where the result is Unknown, Busy or Impossible.
	Err error
}

// Found is what the table holds of a reading; where Exists is not set, nothing.
type Found struct {
	Exists  bool
	Version reading.Version
	Value   reading.Decimal
	Deleted bool
}

// attemptsMax bounds the attempts of a write, and those of many that make no progress at all.
const attemptsMax = 8

// effort is a write on its way through its attempts.
type effort struct {
	reading.Write
	// waits tells whether the sender still waits for the answer.
	waits func() bool

	over bool
	// unknown is set once an attempt may have taken place, or may yet.
	unknown bool
	// busy is set where the last attempt is to be repeated after a pause.
	busy bool
	// done is set when no attempt is to follow; err is then nil, or the reason why the write is not known to be made. Before,
	// err is the last reason why it is not.
	done bool
	err  error
}

var (
	errOvertaken = errors.New("the reading has a newer version, and this write may have been seen before it")
	errGone      = errors.New("the sender has left")
	errLeft      = errors.New("the reading has a newer version, and nobody waits for this write any longer")
)

// try makes one attempt of each effort in one call. The attempts are written to a place of the same length.
func try(ctx context.Context, store Store, efforts []*effort, attempts []Attempt) {
	for i, e := range efforts {
		attempts[i] = Attempt{Write: e.Write, Over: e.over}
	}
	var unclear []*effort
	for i, outcome := range store.Try(ctx, attempts) {
		if efforts[i].take(outcome) {
			unclear = append(unclear, efforts[i])
		}
	}
	if len(unclear) > 0 {
		look(ctx, store, unclear)
	}
}

// look decides the efforts whose writes were refused because of what the table holds, which it did not say.
func look(ctx context.Context, store Store, efforts []*effort) {
	keys := make([]reading.Key, len(efforts))
	for i, e := range efforts {
		keys[i] = e.Key()
	}
	found, err := store.Look(ctx, keys)
	for i, e := range efforts {
		switch {
		case err == nil:
			e.settle(found[i])
		case fault.KindOf(err) == fault.Unavailable:
			e.busy, e.err = true, err // the same attempt again, which is refused again
		default:
			e.end(fmt.Errorf("look at a reading: %w", err))
		}
	}
}

func (e *effort) end(err error) { e.done, e.err = true, err }

// take takes the outcome of an attempt in, and tells whether what the table holds must be looked at.
func (e *effort) take(o Outcome) (unclear bool) {
	e.busy, e.err = false, o.Err
	switch {
	case o.Result == Made:
		e.end(nil)
	case o.Result == Impossible:
		e.end(fmt.Errorf("write a reading: %w", o.Err))
	case o.Result == Unknown:
		e.unknown, e.busy = true, true
	case o.Result == Busy:
		e.busy = true
	case !e.over:
		e.over = true // there is an item, of which nothing is known
	case o.Found != nil:
		e.settle(*o.Found)
	default:
		return true
	}
	return false
}

// settle decides what follows when the table holds something that the write does not take the place of.
//
// The same value at another version does not do. At an older one, a third write that is still on its way with a version between
// the two would come out on top. At a newer one, so would the last attempt of a request that found that version too, took the
// next one, and was over before this one began.
//
// After an attempt of unknown outcome a newer version is out of the question: the value may have been seen already, and would
// come back after the one that followed it. The same is true once nobody waits: a request that begins later must win.
func (e *effort) settle(f Found) {
	switch {
	case !f.Exists:
		e.over = false
	case f.Version < e.Version:
	case e.Yields, f.Version == e.Version && e.Deleted == f.Deleted && (e.Deleted || e.Value == f.Value):
		e.end(nil) // what is there is newer, or an attempt of this write
	case e.unknown:
		e.end(unavailable(errOvertaken))
	case !e.waits():
		e.end(unavailable(errLeft))
	default:
		next, err := f.Version.Next()
		if err != nil {
			e.end(fmt.Errorf("raise the version of a reading: %w", err))
			return
		}
		e.Version = next
	}
}

func unavailable(cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the readings could not be stored in time; send them again", Cause: cause}
}
