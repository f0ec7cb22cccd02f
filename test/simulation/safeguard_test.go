package simulation_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// safeguard is a rule that keeps a fault out. A test switches each off, around the code and not in it, to see that the
// simulation can fail.
type safeguard int

const (
	nothing safeguard = iota
	regionRule
	takeBack
	newness
	recounting
	revision
	consistentRead
	consistentRows
	extremeBounds
	fleetTransaction
	recountMark
	rowFirst
	batchDedup
	writerDedup
	twoPartTotals
	expiryRule
	rangeCommit
	unprocessedRetry
	returnFailed
	writersStopped
	arrived
	adoptionNamed
	invocationsEnded
	namedFirst
	rowsRestated
	rowsListed
	fleetSet
	rowsFirst
	oneAdopter
	adoptedByRecount
	conditions
	sameValue
	unknownOutcomes
	leaving
	oneAttempt
	wholeItem
	tombstones
	afterWait // of the coalescer, from here on
	safeguardCount
)

// safeguardNames say what is missing when one is switched off.
var safeguardNames = [safeguardCount]string{
	"nothing", "region rule: images of every region count", "taking back what another region overwrote",
	"newness: applied whatever was applied before", "recount: what is stale is dropped", "revision: a recount replaces any row",
	"consistent read in the recount", "consistent read of the rows", "conditions on extremes", "row and fleet in one transaction", "mark of a recounted row", "row read before its readings",
	"each record once within a batch", "each reading once within a write", "totals in two numbers", "expiry is no deletion",
	"range committed once", "unprocessed items written again", "records that failed come back",
	"a leaver's writers have stopped", "what a leaver replicated has arrived", "the adopter's configuration names the leaver",
	"invocations that know nothing of the adoption have ended", "a leaver's rows restated after it is named, not before",
	"a leaver's rows restated", "a leaver's equipments listed", "a leaver's fleet rows set to the sum of its rows",
	"a leaver's fleet rows set after its equipments are listed, not before",
	"one region adopts", "an adopted region's rows change by recounts",
	"condition on the version of a write", "the same value is done only where it is not older",
	"no newer version after an unknown outcome", "no newer version for a client that has left", "one attempt a call",
	"the whole item over a tombstone", "a tombstone of a deletion", "the version is taken before the wait",
}

// guardedRows is the aggregator's table, with a safeguard switched off where the history says so.
type guardedRows struct {
	aggregate.RowTable
	w *world
	i *invocation
	// early is what the slices of a row that is read alone held before.
	early []aggregate.Figures
}

func (g *guardedRows) Commit(ctx context.Context, tx aggregate.Transaction) error {
	switch g.w.without {
	case newness:
		tx.Rows = changeRows(tx.Rows, func(row *aggregate.RowWrite) {
			if row.Through != nil {
				through := *row.Through
				through.Lowest = strings.Repeat("9", contract.SequenceDigits+1)
				row.Through = &through
			}
		})
	case extremeBounds:
		tx.Rows = changeRows(tx.Rows, func(row *aggregate.RowWrite) { row.Bounds = nil })
	case revision:
		tx.Rows = changeRows(tx.Rows, func(row *aggregate.RowWrite) {
			for i, guard := range row.Guards {
				row.Guards[i].Revision = g.w.revisionOf(g.i.region, row.Key, guard.Slice)
			}
		})
	case recountMark:
		tx.Rows = changeRows(tx.Rows, func(row *aggregate.RowWrite) {
			for i := range row.Slices {
				row.Slices[i].Recounted = false
			}
		})
	case twoPartTotals:
		tx.Rows = changeRows(tx.Rows, func(row *aggregate.RowWrite) {
			row.Delta = onePart(row.Delta)
			for i := range row.Slices {
				row.Slices[i].Delta = onePart(row.Slices[i].Delta)
			}
		})
		fleet := make([]aggregate.FleetWrite, len(tx.Fleet))
		for i, f := range tx.Fleet {
			f.Delta = onePart(f.Delta)
			fleet[i] = f
		}
		tx.Fleet = fleet
	case fleetTransaction:
		return g.commitApart(ctx, tx)
	default:
	}
	return g.RowTable.Commit(ctx, tx)
}

// commitApart writes the rows first and then the fleet's share.
func (g *guardedRows) commitApart(ctx context.Context, tx aggregate.Transaction) error {
	rows, fleet := tx, tx
	rows.Fleet, fleet.Rows = nil, nil
	if err := g.RowTable.Commit(ctx, rows); err != nil || len(fleet.Fleet) == 0 {
		return err
	}
	fleet.Token = fmt.Sprintf("%032x", g.w.random.Uint64())
	for range 5 {
		if err := g.RowTable.Commit(ctx, fleet); err == nil {
			break
		}
	}
	return nil
}

func changeRows(rows []aggregate.RowWrite, change func(*aggregate.RowWrite)) []aggregate.RowWrite {
	next := make([]aggregate.RowWrite, len(rows))
	for i, row := range rows {
		row.Slices, row.Guards = slices.Clone(row.Slices), slices.Clone(row.Guards)
		change(&row)
		next[i] = row
	}
	return next
}

func onePart(s aggregate.Sum) aggregate.Sum {
	return aggregate.Sum{Count: s.Count, Total: reading.Total{Integer: s.Total.Sum()}}
}

func (g *guardedRows) ReadRows(ctx context.Context, keys []aggregate.RowKey) (map[aggregate.RowKey]aggregate.Row, error) {
	if g.i.reads++; g.w.without == rowFirst && g.i.reads > 1 { // the first one is of the whole batch
		table := dynamo.NewAggregates(g.i.region.db, readingsTable, aggregatesTable, indexShards)
		g.early, _ = table.ReadSlices(ctx, keys[0], 0, contract.SlicesPerHour-1)
		// The next call takes its time: as long as others need to write the row.
		before := g.w.rowItem(g.i.region, keys[0])
		for g.i.waited < 120 && reflect.DeepEqual(before, g.w.rowItem(g.i.region, keys[0])) {
			g.i.step()
			g.i.waited++
		}
	}
	rows, err := g.RowTable.ReadRows(ctx, keys)
	if g.w.without == newness { // whatever was applied, everything looks new
		for key, row := range rows {
			row.AppliedThrough = ""
			rows[key] = row
		}
	}
	return rows, err
}

func (g *guardedRows) ReadSlices(ctx context.Context, key aggregate.RowKey, first, last int) ([]aggregate.Figures, error) {
	switch g.w.without {
	case rowFirst:
		return g.early[first : last+1], nil
	case recounting:
		rows, err := g.RowTable.ReadRows(ctx, []aggregate.RowKey{key})
		return []aggregate.Figures{rows[key].Slices[first].Figures}, err
	default:
	}
	return g.RowTable.ReadSlices(ctx, key, first, last)
}

// withoutRegion makes every image one of the region's own.
func withoutRegion(c aggregate.Change, region string) aggregate.Change {
	for _, image := range []**aggregate.Image{&c.Old, &c.New} {
		if *image != nil {
			own := **image
			own.Region = region
			*image = &own
		}
	}
	return c
}

// withoutExpiry makes an expiry look like a deletion.
func withoutExpiry(c aggregate.Change) aggregate.Change {
	if c.New != nil || c.Old == nil {
		return c
	}
	deleted := *c.Old
	deleted.ExpiresAt = time.Time{}
	c.Old, c.Expired = &deleted, false
	return c
}
