package simulation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// departure is a region that has left for good, and how far its adoption by another one has come.
type departure struct {
	leaver, adopter *region
	steps           []adoptionStep // that are left
	working         bool           // on the first one
}

// adoptionStep is a step of an adoption. It begins when the one before has ended.
type adoptionStep int

const (
	arrive  adoptionStep = iota // what the leaver has replicated arrives, and nothing after it
	named                       // a deployment names the leaver in the adopter's configuration and filter
	settled                     // no invocation has an older configuration, and no record passes an older filter
	rows                        // the leaver's rows are restated
	fleet                       // its fleet rows are set to the sum of its rows
)

// adoptionSteps are in the order that infra/LIFE.md leads through, without what is switched off.
func (w *world) adoptionSteps() []adoptionStep {
	steps := []adoptionStep{arrive, named, settled, rows, fleet}
	switch w.without {
	case namedFirst:
		return []adoptionStep{arrive, rows, fleet, named, settled}
	case rowsFirst:
		return []adoptionStep{arrive, named, settled, fleet, rows}
	default:
	}
	leftOut := map[safeguard]adoptionStep{
		arrived: arrive, adoptionNamed: named, invocationsEnded: settled, rowsRestated: rows, fleetSet: fleet,
	}
	if one, isStep := leftOut[w.without]; isStep {
		steps = slices.DeleteFunc(steps, func(s adoptionStep) bool { return s == one })
	}
	return steps
}

// depart lets a region leave for good, or the adoption of one that has left go on.
func (w *world) depart() bool {
	if w.departure == nil {
		return w.left > 0 && w.parts == 1 && len(w.regions) > 1 && w.chance(departs, 2) && w.leave()
	}
	return w.adopt()
}

// leave takes a region away. Its stream holds records that nobody will process, and what it has not replicated yet goes with it,
// or still arrives.
func (w *world) leave() bool {
	at := w.random.IntN(len(w.regions))
	g := w.regions[at]
	w.departure = &departure{leaver: g, steps: w.adoptionSteps()}
	if w.without == writersStopped {
		w.departure.adopter = w.regions[(at+1)%len(w.regions)]
		return true
	}
	w.regions = slices.Delete(w.regions, at, at+1)
	w.departure.adopter = w.someRegion()
	g.gone, g.out, g.cutUntil = true, nil, time.Time{}
	for i := len(w.processes) - 1; i >= 0; i-- {
		if w.processes[i].region == g {
			w.kill(i, "goes with its region")
		}
	}
	for _, r := range w.regions {
		r.out = slices.DeleteFunc(r.out, func(l *link) bool { return l.to == g })
	}
	w.links = slices.DeleteFunc(w.links, func(l *link) bool { return l.to == g })
	// Its files are worked off no more.
	w.uploads = slices.DeleteFunc(w.uploads, func(u *upload) bool { return u.region == g })
	lose := w.random.IntN(2) == 0
	w.tracef("%s leaves for good, %s will adopt it, what is on its way is lost: %t", g.name, w.departure.adopter.name, lose)
	if lose {
		w.lose(g)
	} else if w.random.IntN(2) == 0 {
		g.cutUntil = w.now.Add(time.Duration(w.random.Int64N(int64(time.Minute))))
	}
	return true
}

// writeName tells the writes of a history apart.
type writeName struct {
	table string
	key   dynamodel.Key
	stamp dynamodel.Stamp
}

func nameOf(write dynamodel.Write) writeName { return writeName{write.Table, write.Key, write.Stamp} }

// lose loses what has reached none of the other regions. What has reached one of them reaches all: nothing here can repair
// replicas that differ for good.
func (w *world) lose(g *region) {
	onTheirWay, links := map[writeName]int{}, 0
	for _, l := range w.links {
		if l.from != g {
			continue
		}
		links++
		for _, f := range l.pending {
			onTheirWay[nameOf(f.write)]++
		}
	}
	isLost := func(write dynamodel.Write) bool { return onTheirWay[nameOf(write)] == links }
	for _, l := range w.links {
		if l.from == g {
			before := len(l.pending)
			l.pending = slices.DeleteFunc(l.pending, func(f inFlight) bool { return isLost(f.write) })
			w.count(countLostWrites, before-len(l.pending))
		}
	}
	for key, writes := range g.own.versions {
		if slices.ContainsFunc(writes, isLost) {
			w.reconsider(key, isLost)
		}
	}
}

// reconsider finds the write of a reading that wins among those that are not lost.
func (w *world) reconsider(key dynamodel.Key, isLost func(dynamodel.Write) bool) {
	delete(w.truth, key)
	for _, r := range append(slices.Clone(w.regions), w.departure.leaver) {
		for _, write := range r.own.versions[key] {
			if write.Origin != dynamodel.Local || isLost(write) {
				continue
			}
			if known, has := w.truth[key]; !has || known.Stamp.Compare(write.Stamp) < 0 {
				w.truth[key] = write
			}
		}
	}
}

// adopt takes the next step of an adoption, if its time has come, and tells whether it did something.
func (w *world) adopt() bool {
	d := w.departure
	if d == nil || d.working || len(d.steps) == 0 {
		return false
	}
	a := d.adopter
	switch d.steps[0] {
	case arrive:
		if w.without != writersStopped && slices.ContainsFunc(w.links, func(l *link) bool { return l.from == d.leaver && len(l.pending) > 0 }) {
			return false
		}
		w.stepDone()
	case named:
		for _, r := range w.regions {
			if r == a || w.without == oneAdopter {
				r.adopted, r.rolling = []string{d.leaver.name}, true
			}
		}
		w.left += 5 // what the leaver wrote is corrected and deleted also while it is being adopted
		w.stepDone()
	case settled:
		if a.rolling {
			a.rolling = w.random.IntN(4) > 0
			return true
		}
		if slices.ContainsFunc(w.processes, func(p *process) bool { return p.region == a && p.invocation != nil && p.invocation.adopted == nil }) {
			return false
		}
		w.stepDone()
	case rows:
		w.work(func(s *restatement) bool { return s.adoptRows(d.leaver.name) })
	case fleet:
		w.work(func(s *restatement) bool { return s.adoptFleet(d.leaver.name) })
	}
	return true
}

// work runs a step that is an operator's program, which may die; it is begun again then.
func (w *world) work(step func(*restatement) bool) {
	d := w.departure
	s, done := w.newRestatement(d.adopter), false
	d.working = true
	s.ended = func(dead bool) {
		if d.working = false; done && !dead {
			w.stepDone()
		}
	}
	w.spawn(s.process, func() { done = step(s) })
}

func (w *world) stepDone() {
	d := w.departure
	w.tracef("%s adopts %s: step %d is done", d.adopter.name, d.leaver.name, d.steps[0])
	if d.steps = d.steps[1:]; len(d.steps) > 0 {
		return
	}
	for _, r := range w.regions {
		r.rolling = false
	}
	w.count(countAdopted, 1)
	w.left += 5 // corrections and deletions of what the leaver wrote
}

// adoptRows restates all rows that the leaver may have, and lists their equipments. It tells whether it is done.
func (s *restatement) adoptRows(leaver string) bool {
	done := true
	for _, one := range s.w.identities {
		key := rowOf(one, leaver)
		done = s.list(key) && s.row(key) && done
	}
	return done
}

// list lists the equipment of a row: the leaver's entry may not have been replicated though the row was.
func (s *restatement) list(key aggregate.RowKey) bool {
	found, err := s.table.ReadRows(context.Background(), []aggregate.RowKey{key})
	row, read := found[key]
	if err == nil && row.Exists && s.w.without != rowsListed {
		err = s.table.PutEquipment(context.Background(), key.EquipmentID, key.Region)
	}
	return s.done(fmt.Sprintf("list %s in %s", key.EquipmentID, key.Region), err) && read
}

// adoptFleet sets the leaver's fleet rows to the sum of its rows. It tells whether it is done.
func (s *restatement) adoptFleet(leaver string) bool {
	done := true
	for day := range 2 {
		done = s.day(leaver, firstHour.Add(time.Duration(day)*24*time.Hour)) && done
	}
	return done
}

// keeps tells whether a region writes the rows of the one that wrote an item.
func (r *region) keeps(item dynamodel.Item) bool {
	return writtenBy(item, r.name) || slices.ContainsFunc(r.adopted, func(other string) bool { return writtenBy(item, other) })
}

// passes tells whether the region's event source lets a record pass. While a deployment is on its way the filter is the old one or
// the new one.
func (w *world) passes(r *region, write dynamodel.Write) bool {
	if writtenBy(write.Old, r.name) || writtenBy(write.New, r.name) {
		return true
	}
	return (r.keeps(write.Old) || r.keeps(write.New)) && (!r.rolling || w.random.IntN(2) == 0)
}

// configuration is what an invocation that begins now has adopted.
func (w *world) configuration(r *region) []string {
	if r.rolling && w.random.IntN(2) == 0 {
		return nil
	}
	return r.adopted
}

// ownerOf is the region of whose rows one is that another region has written, nil where it must not.
func (w *world) ownerOf(r *region, writer string) *region {
	if writer == r.name {
		return r
	}
	if d := w.departure; d != nil && d.leaver.name == writer && (d.adopter == r || w.without == oneAdopter) {
		return d.leaver
	}
	return nil
}

// checkListed holds a region to having listed the equipments of all rows: what adds rows up finds them by the list.
func (w *world) checkListed(r *region) {
	for _, item := range r.db.Items(aggregatesTable) {
		partition, sort := textOf(item, contract.AttrEquipmentID), textOf(item, contract.AttrInterval)
		if strings.HasPrefix(partition, contract.FleetPartitionPrefix) || strings.HasPrefix(partition, contract.EquipmentPartitionPrefix) {
			continue
		}
		if writer := sort[strings.LastIndex(sort, contract.KeySeparator)+1:]; !r.lists(partition, writer) {
			w.violate("%s: %s has rows of %s and is not listed", r.name, partition, writer)
		}
	}
}

// lists tells whether the region's list of equipments has one.
func (r *region) lists(equipment, writer string) bool {
	for shard := range contract.EquipmentShards {
		key := dynamodel.Key{
			Partition: fmt.Sprint(contract.EquipmentPartitionPrefix, shard), Sort: equipment + contract.KeySeparator + writer,
		}
		if item, _ := r.db.Get(aggregatesTable, key); item != nil {
			return true
		}
	}
	return false
}
