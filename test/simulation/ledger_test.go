package simulation_test

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// amount is a number of readings and what they add up to, in units of 10^-27 and modulo 2^64: sums of amounts are as exact as
// that, and cheap. The checks at the end count with all digits.
type amount struct {
	count int64
	total uint64
}

func (a amount) plus(b amount) amount { return amount{a.count + b.count, a.total + b.total} }

// ledger is what the writes of a history must come to. It sees every write and knows none of the code under test.
type ledger struct {
	// truth is, by identity, the write that wins everywhere in the end; an expiry is none.
	truth map[dynamodel.Key]dynamodel.Write
	// acknowledged are the readings that a client was told to be stored.
	acknowledged []acknowledgement
	numbers      map[string]*big.Int
}

// acknowledgement is a promise: the region has stored this, and only a later write of the identity may replace it.
type acknowledgement struct {
	region *region
	key    dynamodel.Key
	stamp  dynamodel.Stamp
}

// hourKey names an equipment's hour.
type hourKey struct {
	equipment string
	hour      string // as reading.FormatHour writes it
}

// identity is what a region's own writes made of a reading, to tell which sums its row may hold.
type identity struct {
	key    dynamodel.Key
	values []uint64
}

// own is a region's running account.
type own struct {
	written  map[hourKey][]*identity
	versions map[dynamodel.Key][]dynamodel.Write
	// rows and fleet are what rows and fleet rows add up to, by hour and day.
	rows, fleet map[string]amount
	touched     bool
}

func newOwn() own {
	return own{
		written: map[hourKey][]*identity{}, versions: map[dynamodel.Key][]dynamodel.Write{},
		rows: map[string]amount{}, fleet: map[string]amount{},
	}
}

const fractionDigits = 27

// units returns a number in units of 10^-27.
func (l *ledger) units(text string) *big.Int {
	if n := l.numbers[text]; n != nil {
		return n
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", fractionDigits-len(fraction)), 10)
	if !ok {
		panic("simulation: number " + text)
	}
	l.numbers[text] = n
	return n
}

// modulo returns units modulo 2^64.
func modulo(n *big.Int) uint64 {
	var low uint64
	if bits := n.Bits(); len(bits) > 0 {
		low = uint64(bits[0])
	}
	if n.Sign() < 0 {
		return -low
	}
	return low
}

func numberOf(item dynamodel.Item, name string) string {
	if n, isNumber := item[name].(*types.AttributeValueMemberN); isNumber {
		return n.Value
	}
	return "0"
}

func textOf(item dynamodel.Item, name string) string {
	if s, isText := item[name].(*types.AttributeValueMemberS); isText {
		return s.Value
	}
	return ""
}

// isReading tells readings from what the history's stranger puts into the table: it marks its items.
func isReading(item dynamodel.Item) bool { return item != nil && item[strangerMark] == nil }

const strangerMark = "stranger"

func hourOf(key dynamodel.Key) hourKey {
	return hourKey{key.Partition, key.Sort[:len("2006-01-02T15")]}
}

// noteReading takes a write of the readings table into the ledger.
func (w *world) noteReading(r *region, write dynamodel.Write) {
	r.own.versions[write.Key] = append(r.own.versions[write.Key], write)
	if write.Origin == dynamodel.Expired {
		w.expired[write.Key] = true
	}
	if write.Origin != dynamodel.Local {
		return
	}
	if known, has := w.truth[write.Key]; !has || known.Stamp.Compare(write.Stamp) < 0 {
		w.truth[write.Key] = write
	}
	if !isReading(write.New) {
		return
	}
	w.count(countWrites, 1)
	hour := hourOf(write.Key)
	value := modulo(w.units(numberOf(write.New, contract.AttrValue)))
	for _, id := range r.own.written[hour] {
		if id.key == write.Key {
			id.values = append(id.values, value)
			return
		}
	}
	r.own.written[hour] = append(r.own.written[hour], &identity{write.Key, []uint64{value}})
}

// explained tells whether a sum can be made of the identities by taking at most one of the values of each.
func explained(ids []*identity, a amount) bool {
	if len(ids) == 0 || a.count < 0 || a.count > int64(len(ids)) {
		return a == amount{}
	}
	if explained(ids[1:], a) {
		return true
	}
	for _, v := range ids[0].values {
		if explained(ids[1:], amount{a.count - 1, a.total - v}) {
			return true
		}
	}
	return false
}

// amountOf is what a row of the aggregates holds.
func (w *world) amountOf(item dynamodel.Item) amount {
	if item == nil {
		return amount{}
	}
	var count int64
	if _, err := fmt.Sscan(numberOf(item, contract.AttrSampleCount), &count); err != nil {
		w.violate("a count is %v", numberOf(item, contract.AttrSampleCount))
	}
	return amount{count, modulo(w.totalOf(item))}
}

func (w *world) totalOf(item dynamodel.Item) *big.Int {
	return new(big.Int).Add(w.units(numberOf(item, contract.AttrTotalInteger)), w.units(numberOf(item, contract.AttrTotalFraction)))
}

// noteRow takes a write of the aggregates table into the ledger, and checks what must hold at every moment.
func (w *world) noteRow(r *region, write dynamodel.Write) {
	if write.Origin != dynamodel.Local {
		return
	}
	difference := w.amountOf(write.New)
	old := w.amountOf(write.Old)
	difference.count, difference.total = difference.count-old.count, difference.total-old.total
	r.own.touched = true
	start, region, _ := strings.Cut(write.Key.Sort, contract.KeySeparator)
	if fleet, isFleet := strings.CutPrefix(write.Key.Partition, contract.FleetPartitionPrefix); isFleet {
		unit := start
		start, region, _ = strings.Cut(region, contract.KeySeparator)
		if region != r.name {
			w.violate("%s wrote the fleet row %v of bucket %s", r.name, write.Key, fleet)
		}
		r.own.fleet[unit+start] = r.own.fleet[unit+start].plus(difference)
		return
	}
	if region != r.name {
		w.violate("%s wrote the row %v", r.name, write.Key)
	}
	if i := w.invocationRunning(); i != nil {
		i.rows[write.Key]++
	}
	r.own.rows["H"+start] = r.own.rows["H"+start].plus(difference)
	day := "D" + start[:len("2006-01-02")]
	r.own.rows[day] = r.own.rows[day].plus(difference)
	if now := w.amountOf(write.New); !explained(r.own.written[hourKey{write.Key.Partition, start}], now) {
		w.violate("%s: row %v holds %d readings and a total that no choice of one version of each reading gives", r.name, write.Key, now.count)
	}
}

// checkFleet holds a region's fleet rows to its rows, between any two calls.
func (w *world) checkFleet() {
	for _, r := range w.regions {
		if !r.own.touched {
			continue
		}
		r.own.touched = false
		wrong := ""
		for start, rows := range r.own.rows {
			if r.own.fleet[start] != rows && (wrong == "" || start < wrong) {
				wrong = start
			}
		}
		if wrong != "" {
			w.violate("%s: the fleet's total of %s is %v and the rows have %v", r.name, wrong, r.own.fleet[wrong], r.own.rows[wrong])
		}
	}
}

// acknowledge notes that a client was told that its readings are stored. They must be.
func (w *world) acknowledge(p *process, rs []reading.Stored) {
	r := p.region
	last := map[dynamodel.Key]reading.Stored{}
	for _, one := range rs {
		last[dynamodel.Key{Partition: string(one.EquipmentID), Sort: reading.FormatTimestamp(one.Timestamp)}] = one
	}
	for _, key := range sortedKeys(last) {
		one := last[key]
		w.count(countAcknowledged, 1)
		stamp, found := r.stampOf(key, one)
		if !found {
			w.violate("%s: %s at %s was acknowledged and is not stored", p.name, key.Partition, key.Sort)
			continue
		}
		w.acknowledged = append(w.acknowledged, acknowledgement{r, key, stamp})
	}
}

// stampOf finds the write by which the region stored a reading.
func (r *region) stampOf(key dynamodel.Key, one reading.Stored) (dynamodel.Stamp, bool) {
	registered := reading.FormatTimestamp(one.RegisterTime)
	for _, write := range r.own.versions[key] {
		if write.Origin == dynamodel.Local && isReading(write.New) && textOf(write.New, contract.AttrRegisterTime) == registered &&
			numberOf(write.New, contract.AttrValue) == one.Value.String() && writtenBy(write.New, r.name) {
			return write.Stamp, true
		}
	}
	return dynamodel.Stamp{}, false
}

// checkAcknowledged tells whether every acknowledged reading is in its region, or what came after it.
func (w *world) checkAcknowledged() {
	for _, a := range w.acknowledged {
		item, stamp := a.region.db.Get(readingsTable, a.key)
		if order := stamp.Compare(a.stamp); order < 0 || order == 0 && item == nil {
			w.violate("%s: the acknowledged reading %v has disappeared", a.region.name, a.key)
		}
	}
}

func (w *world) invocationRunning() *invocation {
	if w.running == nil {
		return nil
	}
	return w.running.invocation
}

// revisionOf reads a row's revision behind everybody's back.
func (w *world) revisionOf(r *region, key aggregate.RowKey) int64 {
	item, _ := r.db.Get(aggregatesTable, dynamodel.Key{
		Partition: string(key.EquipmentID), Sort: reading.FormatHour(key.Hour) + contract.KeySeparator + key.Region,
	})
	var revision int64
	if item != nil {
		_, _ = fmt.Sscan(numberOf(item, contract.AttrRevision), &revision)
	}
	return revision
}

// expiryOf is when an item may be removed; zero for never.
func expiryOf(item dynamodel.Item) time.Time {
	if item[contract.AttrExpiresAt] == nil {
		return time.Time{}
	}
	var seconds int64
	_, _ = fmt.Sscan(numberOf(item, contract.AttrExpiresAt), &seconds)
	return time.Unix(seconds, 0).UTC()
}

// describe is an item in the trace.
func describe(item dynamodel.Item) string {
	if item == nil {
		return "nothing"
	}
	text := fmt.Sprintf("%s %s = %s by %s", textOf(item, contract.AttrEquipmentID), textOf(item, contract.AttrTimestamp)[:16],
		numberOf(item, contract.AttrValue), textOf(item, contract.AttrRegion))
	if !isReading(item) {
		text += " (no reading)"
	}
	return text
}
