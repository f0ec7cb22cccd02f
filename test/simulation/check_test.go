package simulation_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// exact is a sum with all its digits.
type exact struct {
	count int64
	total *big.Int
}

type exacts map[string]*exact

func (e exacts) add(key string, sign int64, count int64, total *big.Int) {
	x := e[key]
	if x == nil {
		x = &exact{0, new(big.Int)}
		e[key] = x
	}
	x.count += sign * count
	if sign < 0 {
		x.total.Sub(x.total, total)
	} else {
		x.total.Add(x.total, total)
	}
}

// first returns the first sum by name for which wrong holds, nil where there is none: a seed has one outcome.
func (e exacts) first(wrong func(*exact) bool) (string, *exact) {
	found := ""
	for key, x := range e {
		if wrong(x) && (found == "" || key < found) {
			found = key
		}
	}
	return found, e[found]
}

// checkAll checks a history that has come to rest.
func (w *world) checkAll() {
	w.checkRegisters()
	for _, r := range w.regions {
		w.checkReadings(r)
		w.checkAggregates(r)
		w.checkListed(r)
	}
	for _, u := range w.uploads {
		w.checkUpload(u)
	}
	w.checkMoments()
	w.checkWindows()
	if w.quiet && w.regions[0].laneCount == 1 {
		for _, r := range w.regions {
			w.checkMarks(r)
		}
	}
}

// checkMarks holds a region in which nothing went wrong to having recounted nothing but slices of which a reading was
// overwritten or removed, whose value may have been an extreme.
func (w *world) checkMarks(r *region) {
	changed := map[string]bool{}
	for key, writes := range r.own.versions {
		if len(writes) > 1 {
			changed[sliceOf(key).rowNames("")[1]] = true
		}
	}
	for _, item := range r.db.Items(aggregatesTable) {
		marks, _ := item[contract.AttrRecounted].(*types.AttributeValueMemberNS)
		hour, region, _ := strings.Cut(textOf(item, contract.AttrInterval), contract.KeySeparator)
		if marks == nil || region != r.name {
			continue
		}
		for _, mark := range marks.Value {
			slice, _ := strconv.Atoi(mark)
			if name := (sliceKey{textOf(item, contract.AttrEquipmentID), hour, slice}).rowNames("")[1]; !changed[name] {
				w.violate("%s: %s was recounted and nothing had gone wrong", r.name, name)
			}
		}
	}
}

// checkReadings holds a region's readings to the writes that win, except those that have expired.
func (w *world) checkReadings(r *region) {
	for _, key := range sortedKeys(w.truth) {
		want := w.truth[key]
		got, _ := r.db.Get(readingsTable, key)
		due := expiryOf(want.New)
		if got == nil && want.New != nil && !due.IsZero() && !due.After(r.clock()) {
			continue
		}
		if got == nil && isTombstone(want.New) && w.expired[key] {
			continue // another region had what it deleted expire meanwhile, and that is as good
		}
		if describe(got) != describe(want.New) {
			w.violate("%s: %v is %s, want %s", r.name, key, describe(got), describe(want.New))
		}
	}
}

func sortedKeys[V any](m map[dynamodel.Key]V) []dynamodel.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b dynamodel.Key) int {
		return cmp.Or(strings.Compare(a.Partition, b.Partition), strings.Compare(a.Sort, b.Sort))
	})
}

// checkAggregates holds a region's aggregates to the readings, with all digits: every row of every writing region with its
// slices, their extremes and those of the hour, and the fleet's slices, hours and days.
func (w *world) checkAggregates(r *region) {
	difference, extremes := exacts{}, map[string][2]string{}
	extend := func(name string, by [2]string) {
		is := extremes[name]
		extremes[name] = [2]string{w.outer(0, is[0], by[0]), w.outer(1, is[1], by[1])}
	}
	for key, write := range w.truth {
		if !isReading(write.New) {
			continue
		}
		text := numberOf(write.New, contract.AttrValue)
		slice, writer := sliceOf(key), contract.KeySeparator+textOf(write.New, contract.AttrRegion)
		for _, name := range slice.fleetNames() {
			difference.add("fleet "+name+writer, 1, 1, w.units(text))
		}
		for _, name := range slice.rowNames(writer) {
			difference.add(name, 1, 1, w.units(text))
			extend(name, [2]string{text, text})
		}
	}
	for _, item := range r.db.Items(aggregatesTable) {
		partition, sort := textOf(item, contract.AttrEquipmentID), textOf(item, contract.AttrInterval)
		switch {
		case strings.HasPrefix(partition, contract.FleetPartitionPrefix):
			f := w.hourFigures(item)
			difference.add("fleet "+sort, -1, f.count, f.total)
			continue
		case strings.HasPrefix(partition, contract.EquipmentPartitionPrefix):
			continue
		}
		hour, region, _ := strings.Cut(sort, contract.KeySeparator)
		key := sliceKey{partition, hour, 0}
		for key.slice = range contract.SlicesPerHour {
			for i, f := range []figures{w.hourFigures(item), w.sliceFigures(item, key.slice)} {
				if i == 0 && key.slice > 0 {
					continue
				}
				name := key.rowNames(contract.KeySeparator + region)[i]
				difference.add(name, -1, f.count, f.total)
				if f.extremes != extremes[name] && !w.loose[hour] {
					w.violate("%s: %s says %v, and the readings give %v", r.name, name, f.extremes, extremes[name])
				}
			}
		}
	}
	if key, d := difference.first(func(d *exact) bool { return d.count != 0 || d.total.Sign() != 0 }); d != nil {
		w.violate("%s: the readings of %s are %d more than its row says, and their total is %s units more", r.name, key, d.count, d.total)
	}
}

// rowNames are those of a row's hour and of its slice, in the checks.
func (k sliceKey) rowNames(writer string) [2]string {
	hour := k.equipment + " " + k.hour + writer
	return [2]string{hour, fmt.Sprintf("%s slice %d", hour, k.slice)}
}

// windows answers as the region's API does.
func (w *world) windows(r *region) *aggregate.Windows {
	table := dynamo.NewAggregates(r.db, readingsTable, aggregatesTable, indexShards)
	return aggregate.NewWindows(table, r.clock, 0, aggregate.WindowsOptions{IndexShards: indexShards, FleetBuckets: fleetBuckets, Concurrency: 1})
}

// ask asks a region for a window and holds the answer to the rows that the region has at that moment, each of which was held
// to the versions of its readings when it was written.
func (w *world) ask() {
	r := w.someRegion()
	for _, other := range w.regions {
		if other.own.planted {
			return
		}
	}
	if w.departure != nil && w.departure.leaver.own.planted {
		return
	}
	w.count(countWindows, 1)
	lag := r.db.Lag
	r.db.Lag = nil
	defer func() { r.db.Lag = lag }()
	var id reading.EquipmentID
	if w.random.IntN(2) == 0 {
		id = w.identities[w.random.IntN(len(w.identities))].EquipmentID
	}
	w.compare(r, id)
}

// checkWindows asks a region for everything. All regions have the same rows by then.
func (w *world) checkWindows() {
	r := w.someRegion()
	lag := r.db.Lag
	r.db.Lag = nil
	w.compare(r, "")
	w.compare(r, "A")
	r.db.Lag = lag
}

// compare asks for all pages of a window, and compares items and totals with the rows.
func (w *world) compare(r *region, id reading.EquipmentID) {
	interval, err := aggregate.ParseInterval("24h")
	if err != nil {
		w.violate("parse interval: %v", err)
		return
	}
	windows, from, through := w.windows(r), reading.FormatHour(r.clock().Add(-24*hourLength)), reading.FormatHour(r.clock())
	want, fleet, extremes := exacts{}, exacts{}, map[string][2]string{}
	for _, item := range r.db.Items(aggregatesTable) {
		equipment, sort := textOf(item, contract.AttrEquipmentID), textOf(item, contract.AttrInterval)
		if strings.HasPrefix(equipment, contract.FleetPartitionPrefix) {
			w.addFleet(fleet, item, sort, from, through)
		} else if strings.HasPrefix(equipment, contract.EquipmentPartitionPrefix) {
			continue
		} else if hour := sort[:len("2006-01-02T15")]; (id == "" || equipment == string(id)) && from <= hour && hour <= through {
			f, name := w.hourFigures(item), equipment+" "+hour
			want.add(name, 1, f.count, f.total)
			want.add("", 1, f.count, f.total)
			extremes[name] = [2]string{w.outer(0, extremes[name][0], f.extremes[0]), w.outer(1, extremes[name][1], f.extremes[1])}
		}
	}
	query := aggregate.Query{Interval: interval, Limit: 1 + w.random.IntN(2+len(want)/3)}
	if id != "" {
		query.Equipments = []reading.EquipmentID{id}
	}
	answer, err := windows.Query(context.Background(), query)
	if err != nil {
		w.violate("%s: ask for %q: %v", r.name, id, err)
		return
	}
	total := want[""]
	if id == "" {
		total = fleet["hours"]
	}
	if id == "" && (strings.HasSuffix(from, "T00") || strings.HasSuffix(through, "T23")) && !w.resting() {
		total = &exact{count: answer.TotalCount} // a whole day, whose row replicates apart from its hours
	}
	if total != nil && total.count > 0 && answer.TotalCount != total.count || total == nil && answer.TotalCount != 0 {
		w.violate("%s: the window of %q counts %d, want %v", r.name, id, answer.TotalCount, total)
	}
	delete(want, "")
	for {
		for _, item := range answer.Items {
			name := string(item.EquipmentID) + " " + reading.FormatHour(item.IntervalStart)
			want.add(name, -1, item.SampleCount, w.units(item.TotalValue.String()))
			if got := [2]string{item.Extremes[0].Value.String(), item.Extremes[1].Value.String()}; got != extremes[name] {
				w.violate("%s: the window of %q says that %s lies between %v, want %v", r.name, id, name, got, extremes[name])
			}
		}
		if answer.Next == (aggregate.Place{}) {
			break
		}
		query.After = answer.Next
		if answer, err = windows.Query(context.Background(), query); err != nil {
			w.violate("%s: ask for %q: %v", r.name, id, err)
			return
		}
	}
	// An hour of which a region's deletion is ahead of what it deletes is left out of the answer.
	if key, d := want.first(func(d *exact) bool { return d.count > 0 || d.count == 0 && d.total.Sign() != 0 && w.resting() }); d != nil {
		w.violate("%s: the window of %q says %d and %s too few of %s", r.name, id, d.count, d.total, key)
	}
}

// addFleet adds a fleet row to the sum of the window's hours.
func (w *world) addFleet(sums exacts, item dynamodel.Item, sort, from, through string) {
	hour, isHour := strings.CutPrefix(sort, contract.FleetHourPrefix)
	if hour, _, _ = strings.Cut(hour, contract.KeySeparator); isHour && from <= hour && hour <= through {
		f := w.hourFigures(item)
		sums.add("hours", 1, f.count, f.total)
	}
}

const hourLength = 3600 * 1e9

// checkRow holds the region's writes of an identity to a file's last line of it: the reading had its value, or something newer was
// there, and no earlier line was written after it.
func (w *world) checkRow(u *upload, key dynamodel.Key, last reading.Version, value string) {
	file, _, _ := strings.Cut(string(last), "+")
	ever, still := false, false // that, or the reading was removed or written elsewhere
	for _, write := range u.region.own.versions[key] {
		version := versionOf(write.New)
		if still && version < last && strings.HasPrefix(string(version), file+"+") && write.Origin == dynamodel.Local {
			w.violate("upload %s: %v was written by an earlier line after the last one", u.id, key)
		}
		still = version >= last
		ever = ever || still || isReading(write.New) && numberOf(write.New, contract.AttrValue) == value
	}
	if !ever {
		w.violate("upload %s: the last line of %v was not written", u.id, key)
	}
}

var _ fmt.Stringer = safeguard(0)

// String says what is missing when the safeguard is switched off.
func (s safeguard) String() string { return safeguardNames[s] }
