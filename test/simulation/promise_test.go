package simulation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// taskSkewMax is how much the clocks of a region's tasks differ where they do.
const taskSkewMax = 3 * time.Second

// drawNarrow makes some histories ones of one or two readings, which many requests of one region write at the same time: what
// goes wrong between attempts of one reading is rare elsewhere.
func (w *world) drawNarrow() {
	if w.random.IntN(4) > 0 {
		return
	}
	w.narrow = true
	w.count(countNarrow, 1)
	for _, f := range []disruption{lost, late, leaves, tasks} {
		if w.on[f] = w.random.IntN(5) > 0; w.on[f] {
			w.rarity[f] = 1
		}
	}
	w.on[crashes], w.on[expiry], w.on[poison], w.on[twice] = false, false, false, false
}

// beginNarrow begins a part of such a history.
func (w *world) beginNarrow(hour time.Time) {
	w.left = 10 + w.random.IntN(25)
	w.values = values[:2+w.random.IntN(2)]
	for i := range 1 + w.random.IntN(2) {
		w.identities = append(w.identities, reading.Reading{EquipmentID: "A", Timestamp: hour.Add(time.Duration(i) * time.Minute)})
	}
	if w.random.IntN(4) == 0 {
		w.uploadFile()
	}
}

// home is where clients send to: any region, but in a narrow history one.
func (w *world) home() *region {
	if w.narrow {
		return w.regions[0]
	}
	return w.someRegion()
}

// assign gives a request or a worker to one of its region's tasks.
func (w *world) assign(p *process) {
	if w.on[tasks] && p.offset == 0 {
		const tasksMax = 3
		p.offset = taskSkewMax / tasksMax * time.Duration(w.random.IntN(tasksMax))
		w.strike(tasks)
	}
}

// version is that of a write that a task takes now.
func (w *world) version(p *process) reading.Version {
	return reading.VersionAt(w.instant().Add(p.offset))
}

func (w *world) event() int {
	w.events++
	return w.events
}

func (r *region) register(key dynamodel.Key) *register {
	of := r.own.registers[key]
	if of == nil {
		of = &register{}
		r.own.registers[key] = of
	}
	return of
}

func keyOfReading(r reading.Reading) dynamodel.Key {
	return dynamodel.Key{Partition: string(r.EquipmentID), Sort: reading.FormatTimestamp(r.Timestamp)}
}

// promise is a request as its client sees it: its writes, one of each reading, until it is over.
type promise struct {
	w        *world
	p        *process
	requests []*request
}

// promise begins a request. Its client may leave at any time, of which leave tells the service.
func (w *world) promise(p *process, writes []reading.Write, leave func()) *promise {
	last := map[dynamodel.Key]reading.Write{}
	for _, one := range writes {
		last[keyOfReading(one.Reading)] = one
	}
	promise, start := &promise{w: w, p: p}, w.event()
	for _, key := range sortedKeys(last) {
		q := &request{what: p.name, version: last[key].Version, start: start}
		if !last[key].Deleted {
			q.value = last[key].Value.String()
		}
		promise.requests = append(promise.requests, q)
		of := p.region.register(key)
		of.requests = append(of.requests, q)
	}
	p.leave = func() {
		p.leave = nil
		w.tracef("%s: its client leaves", p.name)
		promise.end(false)
		if w.without != leaving {
			leave()
		}
	}
	p.died = func() { promise.end(false) }
	return promise
}

// end ends the request for its client, unless it has ended before, and tells whether the client was told that it is done.
func (p *promise) end(acknowledged bool) bool {
	at := p.w.event()
	for _, q := range p.requests {
		if q.over == 0 {
			q.over, q.acknowledged = at, acknowledged
		}
	}
	p.p.leave = nil
	return p.requests[0].acknowledged
}

// noteRegister takes a write of the readings into the history of its register.
func (w *world) noteRegister(r *region, write dynamodel.Write) {
	value := ""
	if isReading(write.New) {
		value = numberOf(write.New, contract.AttrValue)
	}
	r.register(write.Key).set(w.event(), value, write.Origin != dynamodel.Local || w.operator)
	if write.Origin == dynamodel.Local && !w.operator && write.New != nil && !w.whole(write.New) {
		w.violate("%s: a write left half an item at %v: %s", r.name, write.Key, describe(write.New))
	}
}

// whole tells whether an item is a reading or a tombstone with all that belongs to it and nothing that an item before it left.
func (w *world) whole(item dynamodel.Item) bool {
	_, expires := item[contract.AttrExpiresAt]
	return isTombstone(item) && expires || isReading(item) && item[contract.AttrDeleted] == nil && expires == (w.retention > 0)
}

// notePlan begins the requests that the rows of a file are, once it is planned. They are over at once: whatever a call writes from
// then on is newer.
func (w *world) notePlan(r *region, write dynamodel.Write) {
	planned := textOf(write.New, contract.AttrPlannedAt)
	if planned == "" || textOf(write.Old, contract.AttrPlannedAt) != "" {
		return
	}
	version := reading.Version(planned)
	moment, err := version.Time()
	if err != nil {
		w.violate("%v was planned at no moment: %v", write.Key, err)
		return
	}
	at := w.event()
	for _, u := range w.uploads {
		if u.id != write.Key.Partition {
			continue
		}
		for i, row := range u.rows {
			if row.accepted(moment) {
				of := r.register(row.key)
				of.requests = append(of.requests, &request{
					what: fmt.Sprintf("row %d of %s", i, u.id), value: row.value, version: version.Row(row.at), start: at, over: at,
				})
			}
		}
	}
}

// checkRegisters holds each region's readings to what it promised its clients.
func (w *world) checkRegisters() {
	for _, r := range w.regions {
		for _, key := range sortedKeys(r.own.registers) {
			if err := r.own.registers[key].check(); err != nil {
				w.violate("%s: %v: %v", r.name, key, err)
			}
		}
	}
}

// look reads a reading as the API does, and holds the answer to what is stored.
func (w *world) look() {
	r, one := w.home(), w.identities[w.random.IntN(len(w.identities))]
	found, _, err := dynamo.NewReadings(r.db, readingsTable, r.name, 0).Page(context.Background(), one.EquipmentID, one.Timestamp, one.Timestamp.Add(1), 1, nil)
	value := ""
	if len(found) > 0 {
		value = found[0].Value.String()
	}
	if stored := r.register(keyOfReading(one)).value(); err != nil || value != stored {
		w.violate("%s: %s at %s is listed as %q and is %q (%v)", r.name, one.EquipmentID, one.Timestamp, value, stored, err)
	}
	w.count(countLooks, 1)
}
