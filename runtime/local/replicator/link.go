package replicator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// waitingMax is how many changes are looked at together, of those that wait.
	waitingMax = 1000
	// chunkMax is how many of them are brought at once: as many items as one BatchGetItem reads.
	chunkMax = 100
	// writersMax is how many items of a chunk are written side by side.
	writersMax = 8
	// againPause is between two looks at an item that somebody else is writing.
	againPause = 5 * time.Millisecond
)

// link brings the changes of one table from one region to another, in the order in which they were made. What waits is a place
// in the stream and some changes from there on, below two times waitingMax.
type link struct {
	from, to *tracker
	client   TableClient
	cut      func() bool
	counts   *counters

	working turn
	pages   pages
	page    []change // read and not yet brought, in their order
	// gap tells that changes which wait are no longer in the stream.
	gap bool

	// position is the sequence number of the last change that was brought, or was none to bring.
	position atomic.Uint64
	// floor is a time such that nothing as old as that can arrive any more.
	floor atomic.Uint64
}

// place is what a restart must know of a link. An older one than the last does no harm: what is brought again meets its own time.
type place struct {
	Position uint64 `json:"position"`
	Floor    uint64 `json:"floor"`
}

func (l *link) name() string { return l.from.table.name + " to " + l.to.table.name }

// place reads the floor first: it may be behind the position, and must not be in front of it.
func (l *link) place() place {
	floor := l.floor.Load()
	return place{l.position.Load(), floor}
}

// goTo takes up a place that was kept.
func (l *link) goTo(p place) {
	l.position.Store(p.Position)
	l.floor.Store(p.Floor)
}

// counters tell what a replicator did.
type counters struct{ written, outvoted, merged, unchanged atomic.Int64 }

// step brings some changes that are due, unless the link is cut, and tells whether there may be more.
func (l *link) step(ctx context.Context) (more bool, err error) {
	if err := l.working.take(ctx); err != nil {
		return false, err
	}
	defer l.working.give()
	if l.cut() {
		return false, nil
	}
	due := l.from.due(time.Now())
	last, through := l.from.read()
	if l.position.Load() >= last {
		l.floor.Store(max(l.floor.Load(), through))
		return false, nil
	}
	if due <= l.position.Load() {
		return false, nil
	}
	if err := l.fill(ctx, last); err != nil {
		return false, err
	}
	if l.gap {
		return true, l.recall(ctx)
	}
	n := 0
	for n < min(len(l.page), waitingMax) && l.page[n].sequence <= due {
		n++
	}
	if n == 0 {
		return false, nil
	}
	for chunk := range slices.Chunk(l.latest(l.page[:n]), chunkMax) {
		if err := l.bring(ctx, chunk); err != nil {
			return false, err
		}
	}
	reached := l.page[n-1].sequence
	l.page = l.page[n:]
	l.reach(reached)
	return true, nil
}

// reach tells that everything up to a change was brought.
func (l *link) reach(sequence uint64) {
	l.position.Store(sequence)
	l.floor.Store(max(l.floor.Load(), sequence))
}

// fill reads on, up to what the tracker has read, until waitingMax changes are at hand: of one item that has several among them one
// alone travels.
func (l *link) fill(ctx context.Context, last uint64) error {
	if at := l.position.Load(); l.pages.position < at {
		l.pages.goTo(at)
	}
	for len(l.page) < waitingMax && l.pages.position < last && !l.gap {
		more, err := l.pages.next(ctx)
		if err != nil {
			return err
		}
		l.gap = l.pages.missed
		if len(more) == 0 {
			return nil
		}
		l.page = append(l.page, more...)
	}
	return nil
}

// latest leaves out what replication brought here, and of each item all changes but its last.
func (l *link) latest(changes []change) []change {
	place := map[digest]int{}
	var kept []change
	for _, c := range changes {
		if l.from.isReplicated(c.sequence) {
			continue
		}
		if at, has := place[c.key]; has {
			kept[at] = c
			l.counts.merged.Add(1)
			continue
		}
		place[c.key] = len(kept)
		kept = append(kept, c)
	}
	return kept
}

// bring writes changes of distinct items, each unless the item there was written later. An item that somebody writes meanwhile is
// looked at again; that ends, since what the region itself writes now is later than every change. Links take turns at a table, so
// that an item which looks as before was not changed by another one and back.
func (l *link) bring(ctx context.Context, changes []change) error {
	if err := l.to.writing.take(ctx); err != nil {
		return err
	}
	defer l.to.writing.give()
	for len(changes) > 0 {
		stored, err := l.stored(ctx, changes)
		if err != nil {
			return err
		}
		// What was read has been written before, so that its time is known now.
		if err := l.to.catchUp(ctx); err != nil {
			return err
		}
		if changes, err = l.writeAll(ctx, changes, stored); err != nil {
			return fmt.Errorf("replicate to %s: %w", l.to.table.name, err)
		}
		if len(changes) > 0 {
			if err := pacing.Sleep(ctx, againPause); err != nil {
				return fmt.Errorf("replicate to %s: %w", l.to.table.name, err)
			}
		}
	}
	return nil
}

// writeAll writes the changes that no later write outvotes, and returns those whose items are no longer as they were read.
func (l *link) writeAll(ctx context.Context, changes []change, stored map[digest]item) (again []change, err error) {
	var mu sync.Mutex
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(writersMax)
	for _, c := range changes {
		if err = l.to.resume(c.key); err != nil {
			break
		}
		if l.to.stamp(c.key) >= c.sequence {
			l.counts.outvoted.Add(1)
			continue
		}
		group.Go(func() error {
			done, err := l.write(writing, c, stored[c.key])
			if err == nil && !done {
				mu.Lock()
				defer mu.Unlock()
				again = append(again, c)
			}
			return err
		})
	}
	return again, errors.Join(err, group.Wait())
}

// stored reads the items that the receiving region has, nil for none.
func (l *link) stored(ctx context.Context, changes []change) (map[digest]item, error) {
	t := l.to.table
	ask := types.KeysAndAttributes{ConsistentRead: new(true)}
	for _, c := range changes {
		ask.Keys = append(ask.Keys, c.keys)
	}
	found := map[digest]item{}
	for len(ask.Keys) > 0 {
		out, err := l.read(ctx, map[string]types.KeysAndAttributes{t.name: ask})
		if err != nil {
			return nil, err
		}
		for _, one := range out.Responses[t.name] {
			found[digestOf(keyOf(one, t.definition.Key))] = one
		}
		ask.Keys = out.UnprocessedKeys[t.name].Keys
	}
	return found, nil
}

func (l *link) read(ctx context.Context, ask map[string]types.KeysAndAttributes) (*dynamodb.BatchGetItemOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.to.table.name, err)
	}
	return out, nil
}

// write makes a change on condition that the item is still as it was read, and tells whether it was.
func (l *link) write(ctx context.Context, c change, stored item) (done bool, err error) {
	e := expectation{Key: c.key, From: digestOf(stored), To: digestOf(c.new), Stamp: c.sequence}
	if e.From == e.To {
		l.counts.unchanged.Add(1)
		return true, l.to.raise(c.key, c.sequence)
	}
	id, err := l.to.expect(e)
	if err != nil {
		return false, err
	}
	err = l.call(ctx, c, unchanged(stored, l.to.table.definition.Key, c.new))
	var failed *types.ConditionalCheckFailedException
	var busy *types.TransactionConflictException
	switch {
	case err == nil:
		l.counts.written.Add(1)
		return true, l.to.ended(id, true)
	case errors.As(err, &failed), errors.As(err, &busy):
		return false, l.to.ended(id, false)
	default: // it may have taken place: resume looks, before the next attempt
		return false, err
	}
}

func (l *link) call(ctx context.Context, c change, only condition) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if c.new == nil {
		_, err := l.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &l.to.table.name, Key: c.keys, ConditionExpression: only.expression,
			ExpressionAttributeNames: only.names, ExpressionAttributeValues: only.values,
		})
		return err
	}
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.to.table.name, Item: c.new, ConditionExpression: only.expression,
		ExpressionAttributeNames: only.names, ExpressionAttributeValues: only.values,
	})
	return err
}
