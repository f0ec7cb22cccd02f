package faults_test

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"sync"
)

// delivery stands between the stream and the aggregator and does what streams may do: it delivers a batch twice, again in
// another cut, and splits an equipment's records into two shards, of which one is held back until after later
// records. The order of the records of one item is never changed.
type delivery struct {
	dice *dice

	mu   sync.Mutex
	held []json.RawMessage
	keys map[string]bool // items of which a record is held back

	repeated, recut, heldBack int
}

func newDelivery(d *dice) *delivery { return &delivery{dice: d, keys: map[string]bool{}} }

// deliver is stack.Options.Deliver. DynamoDB Local's stream has one shard, so that calls come one after the other.
func (d *delivery) deliver(records []json.RawMessage, deliver func([]json.RawMessage) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, later := d.split(records)
	if err := d.inSomeWay(now, deliver); err != nil {
		return err
	}
	// What was held back before this call has been overtaken by now.
	late := slices.Concat(d.held, later)
	if len(d.held) > 0 || len(now) == 0 {
		d.held, d.keys = nil, map[string]bool{}
		return d.inSomeWay(late, deliver)
	}
	d.held = late
	return nil
}

// waiting tells whether records are held back.
func (d *delivery) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.held) > 0
}

// split takes out what goes to the slower shard: records of items of which one is held back already, and, now and then, half
// of the items of one equipment.
func (d *delivery) split(records []json.RawMessage) (now, later []json.RawMessage) {
	victim := ""
	if len(d.held) == 0 && len(records) > 1 && d.dice.happens(350) {
		victim, _ = itemOf(records[d.dice.below(len(records))])
	}
	for _, r := range records {
		equipment, key := itemOf(r)
		if d.keys[key] || equipment == victim && half(key) {
			d.keys[key] = true
			later = append(later, r)
			d.heldBack++
			continue
		}
		now = append(now, r)
	}
	return now, later
}

func half(key string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash takes everything
	return h.Sum32()%2 == 0
}

func itemOf(record json.RawMessage) (equipment, key string) {
	var r struct {
		DynamoDB struct {
			Keys struct {
				EquipmentID struct{ S string } `json:"equipmentId"`
				Timestamp   struct{ S string } `json:"timestamp"`
			}
		} `json:"dynamodb"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		panic(err) // the poller encodes records itself
	}
	return r.DynamoDB.Keys.EquipmentID.S, r.DynamoDB.Keys.EquipmentID.S + "#" + r.DynamoDB.Keys.Timestamp.S
}

// repeatedMax bounds what is delivered again at once: every row that a repetition touches is recounted from then on, and the
// cheap way is to be tested too.
const repeatedMax = 60

// inSomeWay delivers records and then, now and then, a part of them again: as it was, or in other cuts. The first time, it is
// the whole batch.
func (d *delivery) inSomeWay(records []json.RawMessage, deliver func([]json.RawMessage) error) error {
	if len(records) == 0 {
		return nil
	}
	if err := deliver(records); err != nil {
		return err
	}
	again := records
	if d.repeated > 0 {
		from := d.dice.below(len(records))
		again = records[from:min(len(records), from+1+d.dice.below(repeatedMax))]
	}
	switch d.dice.below(6) {
	case 0:
		d.repeated++
		return deliver(again)
	case 1:
		d.recut++
		middle := d.dice.below(len(again))
		for _, part := range [][]json.RawMessage{again[:middle], again[middle/2:]} {
			if len(part) > 0 {
				if err := deliver(part); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
