package simulation_test

import (
	"fmt"
	"math/big"
	"strconv"
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
	truth   map[dynamodel.Key]dynamodel.Write
	numbers map[string]*big.Int
	// loose are hours that were closed when readings of theirs were deleted: they keep their extremes.
	loose map[string]bool
}

// sliceKey names five minutes of an equipment's hour.
type sliceKey struct {
	equipment string
	hour      string // as reading.FormatHour writes it
	slice     int
}

// identity is what a region's own writes made of a reading, to tell which sums its row may hold.
type identity struct {
	key    dynamodel.Key
	values []uint64
}

// own is a region's running account.
type own struct {
	written   map[sliceKey][]*identity
	versions  map[dynamodel.Key][]dynamodel.Write
	registers map[dynamodel.Key]*register
	// rows and fleet are what rows and fleet rows add up to, by slice, hour and day, named as the fleet's rows are.
	rows, fleet map[string]amount
	touched     bool
	// planted tells that errors were planted, so that nothing holds until they are mended.
	planted, mended bool
}

func newOwn() own {
	return own{
		written: map[sliceKey][]*identity{}, versions: map[dynamodel.Key][]dynamodel.Write{}, registers: map[dynamodel.Key]*register{},
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

// isReading tells readings from tombstones and from what the history's stranger puts into the table, which has no version.
func isReading(item dynamodel.Item) bool {
	return item[contract.AttrRegisterTime] != nil && item[contract.AttrValue] != nil
}

func isTombstone(item dynamodel.Item) bool {
	return item[contract.AttrRegisterTime] != nil && item[contract.AttrValue] == nil && item[contract.AttrDeleted] != nil
}

func versionOf(item dynamodel.Item) reading.Version {
	return reading.Version(textOf(item, contract.AttrRegisterTime))
}

func sliceOf(key dynamodel.Key) sliceKey {
	minute, err := strconv.Atoi(key.Sort[len("2006-01-02T15:"):len("2006-01-02T15:04")])
	if err != nil {
		panic("simulation: timestamp " + key.Sort)
	}
	return sliceKey{key.Partition, key.Sort[:len("2006-01-02T15")], minute / 5}
}

// fleetNames are what the fleet's rows of a slice, its hour and its day are called, without the region.
func (k sliceKey) fleetNames() [3]string {
	return [3]string{
		fmt.Sprintf("%s%s:%02d", contract.FleetSlicePrefix, k.hour, k.slice*5), contract.FleetHourPrefix + k.hour,
		contract.FleetDayPrefix + k.hour[:len("2006-01-02")],
	}
}

// noteReading takes a write of the readings table into the ledger.
func (w *world) noteReading(r *region, write dynamodel.Write) {
	w.noteRegister(r, write)
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
	slice := sliceOf(write.Key)
	value := modulo(w.units(numberOf(write.New, contract.AttrValue)))
	for _, id := range r.own.written[slice] {
		if id.key == write.Key {
			id.values = append(id.values, value)
			return
		}
	}
	r.own.written[slice] = append(r.own.written[slice], &identity{write.Key, []uint64{value}})
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

// figures are what a row says of a slice or an hour.
type figures struct {
	count    int64
	total    *big.Int
	extremes [2]string // canonical; empty where there is none
}

// amount is the figures' sum.
func (f figures) amount() amount { return amount{f.count, modulo(f.total)} }

// hourFigures are those of a row's hour, or of a fleet row.
func (w *world) hourFigures(item dynamodel.Item) figures {
	return w.figuresOf(item, contract.AttrSampleCount, contract.AttrTotalInteger, contract.AttrTotalFraction, contract.AttrMinValue, contract.AttrMaxValue)
}

// sliceFigures are those of one of a row's slices.
func (w *world) sliceFigures(item dynamodel.Item, slice int) figures {
	names := [5]string{contract.AttrSliceCount, contract.AttrSliceInteger, contract.AttrSliceFraction, contract.AttrSliceMin, contract.AttrSliceMax}
	for i := range names {
		names[i] = contract.SliceAttribute(names[i], slice)
	}
	return w.figuresOf(item, names[0], names[1], names[2], names[3], names[4])
}

func (w *world) figuresOf(item dynamodel.Item, count, integer, fraction, least, largest string) figures {
	var f figures
	if _, err := fmt.Sscan(numberOf(item, count), &f.count); err != nil {
		w.violate("a count is %v", numberOf(item, count))
	}
	f.total = new(big.Int).Add(w.units(numberOf(item, integer)), w.units(numberOf(item, fraction)))
	for end, name := range []string{least, largest} {
		if item[name] != nil {
			f.extremes[end] = numberOf(item, name)
		}
	}
	return f
}

// outer returns the one of two extremes that lies further out.
func (w *world) outer(end int, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	if order := w.units(a).Cmp(w.units(b)); order < 0 == (end == 0) {
		return a
	}
	return b
}

// amountOf is what a row's hour adds up to, or a fleet row.
func (w *world) amountOf(item dynamodel.Item) amount { return w.hourFigures(item).amount() }

func (a amount) minus(b amount) amount { return amount{a.count - b.count, a.total - b.total} }

// noteRow takes a write of the aggregates table into the ledger, and checks what must hold at every moment.
func (w *world) noteRow(r *region, write dynamodel.Write) {
	if write.Origin != dynamodel.Local {
		return
	}
	partition, sort := write.Key.Partition, write.Key.Sort
	writer := sort[strings.LastIndex(sort, contract.KeySeparator)+1:]
	of := w.ownerOf(r, writer)
	switch {
	case of == nil:
		w.violate("%s wrote the row %v", r.name, write.Key)
	case r.own.planted || of.own.planted:
		return
	case strings.HasPrefix(partition, contract.FleetPartitionPrefix):
		if of == r { // of another region's rows some may not have been replicated
			name := strings.TrimSuffix(sort, contract.KeySeparator+writer)
			r.own.fleet[name] = r.own.fleet[name].plus(w.amountOf(write.New).minus(w.amountOf(write.Old)))
			r.own.touched = true
		}
		if numberOf(write.New, contract.AttrRevision) == numberOf(write.Old, contract.AttrRevision) {
			w.violate("%s: the revision of the fleet row %v did not rise", r.name, write.Key)
		}
	case strings.HasPrefix(partition, contract.EquipmentPartitionPrefix):
	default:
		w.noteHour(r, of, write)
	}
}

// noteHour does so for an equipment's row, which is another region's where that has been adopted.
func (w *world) noteHour(r, of *region, write dynamodel.Write) {
	r.own.touched = true
	if write.Old == nil && !r.lists(write.Key.Partition, of.name) {
		w.violate("%s: row %v was made before its equipment was listed", r.name, write.Key)
	}
	hour, _, _ := strings.Cut(write.Key.Sort, contract.KeySeparator)
	key := sliceKey{write.Key.Partition, hour, 0}
	sum := figures{total: new(big.Int)}
	for key.slice = range contract.SlicesPerHour {
		now := w.sliceFigures(write.New, key.slice)
		sum.count, sum.total = sum.count+now.count, sum.total.Add(sum.total, now.total)
		for end := range sum.extremes {
			sum.extremes[end] = w.outer(end, sum.extremes[end], now.extremes[end])
		}
		revision := contract.SliceAttribute(contract.AttrSliceRevision, key.slice)
		if numberOf(write.New, revision) == numberOf(write.Old, revision) {
			continue
		}
		if i := w.invocationRunning(); i != nil {
			i.slices[writtenSlice{write.Key, key.slice}]++
		}
		if name := key.fleetNames()[0]; of == r {
			r.own.rows[name] = r.own.rows[name].plus(now.amount().minus(w.sliceFigures(write.Old, key.slice).amount()))
		}
		if !explained(of.own.written[key], now.amount()) {
			w.violate("%s: slice %d of row %v holds %d readings and a total that no choice of one version of each reading gives",
				r.name, key.slice, write.Key, now.count)
		}
	}
	whole := w.hourFigures(write.New)
	if whole.count != sum.count || whole.total.Cmp(sum.total) != 0 || whole.extremes != sum.extremes {
		w.violate("%s: the hour of row %v says %v and its slices %v", r.name, write.Key, whole, sum)
	}
	if of != r {
		return
	}
	names := key.fleetNames()
	for _, name := range names[1:] {
		r.own.rows[name] = r.own.rows[name].plus(whole.amount().minus(w.amountOf(write.Old)))
	}
}

// checkFleet holds a region's fleet rows to its rows, between any two calls.
func (w *world) checkFleet() {
	for _, r := range w.regions {
		if !r.own.touched || r.own.planted {
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

func (w *world) invocationRunning() *invocation {
	if w.running == nil {
		return nil
	}
	return w.running.invocation
}

// rowItem reads a row directly, without a call that could fail; nil where there is none.
func (w *world) rowItem(r *region, key aggregate.RowKey) dynamodel.Item {
	item, _ := r.db.Get(aggregatesTable, dynamodel.Key{
		Partition: string(key.EquipmentID), Sort: reading.FormatHour(key.Hour) + contract.KeySeparator + key.Region,
	})
	return item
}

// revisionOf reads a slice's revision in the same way.
func (w *world) revisionOf(r *region, key aggregate.RowKey, slice int) int64 {
	var revision int64
	if item := w.rowItem(r, key); item != nil {
		_, _ = fmt.Sscan(numberOf(item, contract.SliceAttribute(contract.AttrSliceRevision, slice)), &revision)
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
	switch {
	case isTombstone(item):
		text += " (deleted)"
	case !isReading(item):
		text += " (no reading)"
	}
	return text
}
