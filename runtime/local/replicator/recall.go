package replicator

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// recall brings what waits where the stream has it no more, as after a day: it looks for the items in the tables. Their times are
// those that the tracker knew before. An item that was written since is brought with too old a time, which that later write, when it
// comes, raises.
func (l *link) recall(ctx context.Context) error {
	last, _ := l.from.read()
	waiting := l.from.own(l.position.Load(), last)
	l.from.log.Info("looking for what waits in the table, as the stream has it no more", "table", l.from.table.name, "items", len(waiting))
	if err := l.recallFrom(ctx, l.from.table, waiting, false); err != nil {
		return err
	}
	// What was not found there was removed.
	if err := l.recallFrom(ctx, l.to.table, waiting, true); err != nil {
		return err
	}
	l.gap, l.page, l.pages.missed = false, nil, false
	l.pages.goTo(last)
	l.reach(last)
	return nil
}

// recallFrom brings the items that wait and are found in a table, as they are there or as removed, and takes them out of waiting.
func (l *link) recallFrom(ctx context.Context, t *table, waiting map[digest]uint64, removed bool) error {
	in := &dynamodb.ScanInput{TableName: &t.name, ConsistentRead: new(true)}
	for len(waiting) > 0 {
		out, err := l.scan(ctx, in)
		if err != nil {
			return err
		}
		var found []change
		for _, one := range out.Items {
			c := change{keys: keyOf(one, t.definition.Key), new: one}
			c.key = digestOf(c.keys)
			if c.sequence = waiting[c.key]; c.sequence == 0 {
				continue
			}
			if removed {
				c.new = nil
			}
			delete(waiting, c.key)
			found = append(found, c)
		}
		for chunk := range slices.Chunk(found, chunkMax) {
			if err := l.bring(ctx, chunk); err != nil {
				return err
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return nil
		}
	}
	return nil
}

func (l *link) scan(ctx context.Context, in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := l.client.Scan(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("look through %s: %w", *in.TableName, err)
	}
	return out, nil
}
