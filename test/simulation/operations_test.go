package simulation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// valueTexts are numbers that show where a sum is not exact.
var valueTexts = []string{
	"1", "2.5", "-0.1", "0.3", "999999999999999999999999999", "0.000000000000000000000000001", "-99999999999.5", "0", "7e-7",
	"12345678901234567890.123456789", "-2.5", "17", "1e26",
}

// values are parsed once.
var values = func() (vs []reading.Decimal) {
	for _, text := range valueTexts {
		v, err := reading.ParseValue(text)
		if err != nil {
			panic(err)
		}
		vs = append(vs, v)
	}
	for i := range 60 {
		v, err := reading.ParseValue(fmt.Sprintf("%d.%02d", i*37+3, i))
		if err != nil {
			panic(err)
		}
		vs = append(vs, v)
	}
	return vs
}()

// someReading is one of few identities, so that writes meet.
func (w *world) someReading() reading.Reading {
	one := w.identities[w.random.IntN(len(w.identities))]
	one.Value = w.values[w.random.IntN(len(w.values))]
	return one
}

func (w *world) someRegion() *region { return w.regions[w.random.IntN(len(w.regions))] }

// operate lets a client or an operator do something.
func (w *world) operate() {
	w.left--
	w.operations++
	switch choice := w.random.IntN(12); {
	case choice == 0 && w.on[deletions]:
		one := w.someReading()
		w.delete(w.home(), dynamodel.Key{Partition: string(one.EquipmentID), Sort: reading.FormatTimestamp(one.Timestamp)})
	case choice >= 8 && w.on[deletions] && w.parts > 1 && w.random.IntN(2) == 0:
		w.deleteOld()
	case choice == 1 && w.on[poison]:
		w.intrude()
	case choice == 2 && w.on[twice]:
		w.strike(twice)
		one := w.someReading()
		w.send(w.home(), []reading.Reading{one}, 3)
		w.send(w.home(), []reading.Reading{one}, 3)
	case choice == 3 && w.on[corrections] && len(w.sent) > 0:
		w.strike(corrections)
		one := w.sent[w.random.IntN(len(w.sent))]
		one.Value = w.values[w.random.IntN(len(w.values))]
		w.send(w.home(), []reading.Reading{one}, 3)
	case w.wide && choice <= 4:
		w.send(w.home(), w.allReadings(), 3)
	case choice <= 6:
		rs := make([]reading.Reading, 2+w.random.IntN(4))
		for i := range rs {
			rs[i] = w.someReading()
		}
		if w.random.IntN(16) == 0 { // more than fit into one batch, with repeats
			for range 25 {
				rs = append(rs, w.someReading())
			}
		}
		w.send(w.home(), rs, 3)
	default:
		w.send(w.home(), []reading.Reading{w.someReading()}, 3)
	}
}

// allReadings are as many readings as a request may usually have, of all equipments.
func (w *world) allReadings() []reading.Reading {
	rs := make([]reading.Reading, 0, len(w.identities))
	for _, one := range w.identities {
		one.Value = w.values[w.random.IntN(len(w.values))]
		rs = append(rs, one)
	}
	return rs
}

// requestTime is how long a request may take.
const requestTime = 8 * time.Second

// send is a request with readings. A client that hears nothing, or that the service is busy, sends them again, perhaps to
// another region.
func (w *world) send(r *region, rs []reading.Reading, attempts int) {
	if r.gone {
		r = w.someRegion()
	}
	w.requests++
	p := &process{name: fmt.Sprintf("%s/request %d", r.name, w.requests), region: r, deadline: w.now.Add(requestTime + lateMax)}
	if w.trace != nil {
		w.tracef("%s: %d readings, first %s %s = %s", p.name, len(rs), rs[0].EquipmentID, reading.FormatTimestamp(rs[0].Timestamp)[:16], rs[0].Value)
	}
	w.sent = append(w.sent, rs[0])
	answered := false
	again := func() {
		if attempts > 1 && !answered && w.random.IntN(4) > 0 {
			next := r
			if w.on[twice] && w.random.IntN(3) == 0 {
				next = w.someRegion()
			}
			w.send(next, rs, attempts-1)
		}
	}
	p.ended = func(bool) { again() }
	w.spawn(p, func() { answered = w.save(p, rs) })
}

// save does what the API does with readings, and tells whether its client heard that they are stored.
func (w *world) save(p *process, rs []reading.Reading) bool {
	w.assign(p)
	limits := reading.Limits{Now: p.region.clock(), Retention: w.retention}
	writes := make([]reading.Write, len(rs))
	for i, one := range rs {
		if limits.Check(one.Timestamp) != nil {
			return true // refused: it is too old
		}
		writes[i] = reading.Write{Reading: one, Version: w.version(p)}
	}
	return w.write(p, writes)
}

// write makes writes as the API does, and tells whether its client heard that they are made.
func (w *world) write(p *process, writes []reading.Write) bool {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	promise := w.promise(p, writes, leave)
	store := w.store(&client{w, p, lateMax})
	var err error
	if w.without == writerDedup {
		attempts := make([]ingest.Attempt, min(len(writes), contract.BatchStatementsMax))
		for i := range attempts {
			attempts[i].Write = writes[i]
		}
		err = store.Try(context.Background(), attempts)[0].Err
	} else {
		err = ingest.NewWriter(store, 1, pacing.Pacer{Sleep: p.sleep(w, 0), Jitter: w.random.Float64}).Write(ctx, writes)
	}
	if err == nil && promise.end(!w.chance(lost, 20)) {
		w.count(countAcknowledged, len(writes))
		return true
	}
	promise.end(false)
	if err == nil {
		return false // the answer does not reach its client
	}
	w.tracef("%s: %v", p.name, err)
	if fault.KindOf(err) != fault.Unavailable {
		w.violate("%s: readings that are right were refused: %v", p.name, err)
	}
	return false
}

// store is the region's readings as a process writes them.
func (w *world) store(c *client) ingest.Store {
	store := dynamo.NewReadings(c, readingsTable, c.p.region.name, w.retention)
	switch w.without {
	case unprocessedRetry:
		return forgetful{store}
	case sameValue, unknownOutcomes, tombstones:
		return careless{store, c}
	default:
		return store
	}
}

// forgetful takes what was throttled for stored.
type forgetful struct{ ingest.Store }

func (f forgetful) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	outcomes := f.Store.Try(ctx, attempts)
	for i := range outcomes {
		if outcomes[i].Result == ingest.Busy {
			outcomes[i] = ingest.Outcome{Result: ingest.Made}
		}
	}
	return outcomes
}

// instant is a moment that no other request has.
func (w *world) instant() time.Time {
	w.now = w.now.Add(1)
	return w.now
}

// deleteOld deletes a reading of an hour of which others may have expired. Such deletions are taken in by their sequence numbers
// alone, and are told from expiries by when they reach the region (runtime/aggregate/DESIGN.md): they are made only where one
// lane orders an hour's records, and in the region that wrote the reading.
func (w *world) deleteOld() {
	if w.on[shards] || w.on[lanes] || w.on[splits] {
		return
	}
	const soon = 70 * time.Second // a record may say no more than the minute
	for _, r := range w.regions {
		for _, item := range r.db.Items(readingsTable) {
			due := expiryOf(item)
			if due.IsZero() || !isReading(item) || !r.keeps(item) || due.Before(w.now.Add(soon)) {
				continue
			}
			at, err := reading.ParseTimestamp(textOf(item, contract.AttrTimestamp))
			if err != nil || reading.Hour(at).Add(w.retention+contract.ExpiryMargin+time.Minute).After(w.now) {
				continue // the hour is not closed
			}
			w.loose[reading.FormatHour(at)] = true
			w.delete(r, keyOf(item))
			return
		}
	}
}

// delete deletes a reading: by a request, or as an operator does who knows of no tombstones.
func (w *world) delete(r *region, key dynamodel.Key) {
	if w.random.IntN(4) == 0 {
		w.removeItem(r, key)
		return
	}
	w.requests++
	p := &process{name: fmt.Sprintf("%s/deletion %d", r.name, w.requests), region: r, deadline: w.now.Add(requestTime + lateMax), ended: func(bool) {}}
	w.strike(deletions)
	w.tracef("%s deletes %v", p.name, key)
	at, err := reading.ParseTimestamp(key.Sort)
	if err != nil {
		return // a stranger's
	}
	w.spawn(p, func() {
		one := reading.Write{Reading: reading.Reading{EquipmentID: reading.EquipmentID(key.Partition), Timestamp: at}, Deleted: true}
		w.assign(p)
		one.Version = w.version(p)
		w.write(p, []reading.Write{one})
	})
}

// removeItem removes an item for good.
func (w *world) removeItem(r *region, key dynamodel.Key) {
	w.strike(deletions)
	w.tracef("%s: an operator removes %v", r.name, key)
	w.operator = true
	defer func() { w.operator = false }()
	if _, err := r.db.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: name(readingsTable), Key: keyItem(key)}); err != nil {
		w.violate("%s: remove %v: %v", r.name, key, err)
	}
}

// intrude puts an item into the readings that is none: in the place of a reading, or under a timestamp that is none.
func (w *world) intrude() {
	r, one := w.someRegion(), w.someReading()
	item := keyItem(dynamodel.Key{Partition: string(one.EquipmentID), Sort: reading.FormatTimestamp(one.Timestamp)})
	item[contract.AttrRegion] = text(r.name)
	item[contract.AttrValue] = &types.AttributeValueMemberN{Value: "1"}
	switch w.random.IntN(4) {
	case 0:
		item[contract.AttrValue] = text("warm")
	case 1:
		item[contract.AttrValue] = &types.AttributeValueMemberN{Value: "1e90"}
	case 2:
		delete(item, contract.AttrRegion)
	case 3:
		item[contract.AttrTimestamp] = text(reading.FormatTimestamp(one.Timestamp)[:19] + "+00:00")
	}
	w.strike(poison)
	w.tracef("%s: a stranger puts %s", r.name, describe(item))
	w.operator = true
	defer func() { w.operator = false }()
	if _, err := r.db.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: name(readingsTable), Item: item}); err != nil {
		w.violate("a stranger could not put an item: %v", err)
	}
}

func name(table string) *string { return &table }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func keyItem(key dynamodel.Key) dynamodel.Item {
	return dynamodel.Item{contract.AttrEquipmentID: text(key.Partition), contract.AttrTimestamp: text(key.Sort)}
}

func keyOf(item dynamodel.Item) dynamodel.Key {
	return dynamodel.Key{Partition: textOf(item, contract.AttrEquipmentID), Sort: textOf(item, contract.AttrTimestamp)}
}
