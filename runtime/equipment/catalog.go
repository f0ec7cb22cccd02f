package equipment

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// List is the list of equipments.
type List interface {
	// EquipmentIDs returns at most limit ids of one partition of the list that begin with a prefix and come after an id, in their
	// order, and whether there may be more; then there is at least one. An equipment that several regions have listed comes once.
	EquipmentIDs(ctx context.Context, shard int, prefix string, after reading.EquipmentID, limit int) (ids []reading.EquipmentID, more bool, err error)
}

// Readings are the readings of equipments.
type Readings interface {
	// Ends returns the first and the last reading of an equipment, nil where it has none.
	Ends(ctx context.Context, id reading.EquipmentID) (first, last *reading.Stored, err error)
}

// Equipment is one of those that there are.
type Equipment struct {
	ID reading.EquipmentID
	// First and Last are its readings with the least and the greatest timestamp, nil where all have gone.
	First, Last *reading.Stored
}

// Catalog pages through equipments. It is safe for concurrent use.
type Catalog struct {
	list     List
	readings Readings
}

// NewCatalog returns a Catalog of what the list holds.
func NewCatalog(list List, readings Readings) *Catalog { return &Catalog{list, readings} }

// endsInFlight is how many equipments of a page are looked at side by side.
const endsInFlight = 16

// shardSpare is how many ids more than its share of a page are read of each partition, so that a second call is rare.
const shardSpare = 8

// Page returns at most limit equipments whose ids begin with a prefix and come after an id, in the order of their ids, and whether
// there are more. Errors are of kind fault.Unavailable where the tables are busy.
func (c *Catalog) Page(ctx context.Context, prefix string, after reading.EquipmentID, limit int) (page []Equipment, more bool, err error) {
	ids, err := c.ids(ctx, prefix, after, limit+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(ids) > limit; more {
		ids = ids[:limit]
	}
	page = make([]Equipment, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(endsInFlight)
	for i, id := range ids {
		group.Go(func() error {
			first, last, err := c.readings.Ends(ctx, id)
			if err != nil {
				return fmt.Errorf("read the ends of an equipment: %w", err)
			}
			page[i] = Equipment{id, first, last}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return page, more, nil
}

// shard is what has been read of one partition of the list.
type shard struct {
	ids  []reading.EquipmentID
	more bool
}

// ids returns the first ids of all partitions together.
func (c *Catalog) ids(ctx context.Context, prefix string, after reading.EquipmentID, limit int) ([]reading.EquipmentID, error) {
	shards := make([]shard, contract.EquipmentShards)
	size := limit/len(shards) + shardSpare
	if err := c.readOn(ctx, shards, prefix, after, size, func(int) bool { return true }); err != nil {
		return nil, err
	}
	for {
		all, known := merged(shards)
		if len(all) >= limit {
			return all[:limit], nil
		}
		if known {
			return all, nil
		}
		// Nothing can be said about what comes after the end of a partition that has more.
		if err := c.readOn(ctx, shards, prefix, after, size, func(i int) bool { return shards[i].more }); err != nil {
			return nil, err
		}
	}
}

// readOn reads a page more of the partitions that are chosen.
func (c *Catalog) readOn(
	ctx context.Context, shards []shard, prefix string, after reading.EquipmentID, size int, chosen func(i int) bool,
) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range shards {
		if !chosen(i) {
			continue
		}
		group.Go(func() error {
			s := &shards[i]
			from := after
			if len(s.ids) > 0 {
				from = s.ids[len(s.ids)-1]
			}
			ids, more, err := c.list.EquipmentIDs(ctx, i, prefix, from, size)
			if err != nil {
				return fmt.Errorf("read the list of equipments: %w", err)
			}
			s.ids, s.more = append(s.ids, ids...), more
			return nil
		})
	}
	return group.Wait()
}

// merged returns the ids up to the first end of a partition that has more, in their order, and whether these are all.
func merged(shards []shard) (all []reading.EquipmentID, whole bool) {
	var end reading.EquipmentID
	whole = true
	for _, s := range shards {
		all = append(all, s.ids...)
		if last := len(s.ids) - 1; s.more && (whole || s.ids[last] < end) {
			end, whole = s.ids[last], false
		}
	}
	slices.Sort(all)
	if !whole {
		known, found := slices.BinarySearch(all, end)
		if found {
			known++
		}
		all = all[:known]
	}
	return all, whole
}

// ValidPrefix tells whether ids may begin with a text.
func ValidPrefix(text string) bool {
	if text == "" {
		return true
	}
	_, err := reading.ParseEquipmentID(text)
	return err == nil
}
