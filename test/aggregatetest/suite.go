package aggregatetest

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/verdict"
)

// T is a *testing.T, or what a program has in its place.
type T = verdict.T

// Tables are an implementation under test, empty.
type Tables struct {
	aggregate.RowTable
	aggregate.WindowTable
	aggregate.FleetTable
	// Put stores readings.
	Put func(t T, images ...aggregate.Image)
	// IndexShards is the number of shards of the index.
	IndexShards int
}

// Suite runs the behaviour that package aggregate relies on against tables that fresh makes.
func Suite(t *testing.T, fresh func(t *testing.T) Tables) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, fresh(t)) })
	}
}

// Case is one thing that package aggregate relies on.
type Case struct {
	// Name says what it is, in a sentence.
	Name string
	run  func(t T, s *subject)
}

// Run tries the case on empty tables.
func (c Case) Run(t T, tables Tables) {
	c.run(t, &subject{Tables: tables, name: rand.Uint64()}) //nolint:gosec // a name, not a secret
}

// Cases lists what Suite runs.
func Cases() []Case {
	return []Case{
		{"commit adds to slices and to their hour", testApply},
		{"commit refuses to add what may be there already", testThrough},
		{"commit replaces a slice only at the revision that was read", testRecount},
		{"commit looks at extremes", testBounds},
		{"commit makes all writes or none", testAtomic},
		{"commit takes place once under one token", testToken},
		{"commit takes a hundred items and no more", testItemsMax},
		{"commit adds decimals exactly", testDecimals},
		{"read rows returns a hundred, also those that are not there", testReadRows},
		{"read slices counts one equipment, its slices and region", testReadSlices},
		{"an equipment is listed once, in its order and region", testEquipments},
		{"rows of an equipment are read whole", testRowsOf},
		{"fleet rows of a day are read and mended", testFleetDay},
		{"equipment rows lie within the hours and in their order", testEquipmentRows},
		{"sliced rows come with their slices, and those that are not there do not", testSlicedRows},
		{"index rows page through all equipments in order", testIndexRows},
		{"fleet sum adds up the regions within a span", testFleetSum},
		{"any sequence of commits ends as it does in memory", testAsMemory},
	}
}

// subject is the tables with what the tests do to them.
type subject struct {
	Tables
	name   uint64 // begins its tokens, since a real table remembers those of others
	tokens int
}

var hour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// theHour is that of the fleet in one region.
var theHour = aggregate.FleetKey{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1"}

func row(id string, h time.Time, region string) aggregate.RowKey {
	return aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: h, Region: region}
}

// sequence returns a sequence number's key.
func sequence(n int) string { return fmt.Sprintf("%0*d", contract.SequenceDigits, n) }

func value(t T, text string) reading.Decimal {
	t.Helper()
	v, err := reading.ParseValue(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sum(t T, values ...string) aggregate.Sum {
	t.Helper()
	return figures(t, values...).Sum
}

// figures are those of readings with these values.
func figures(t T, values ...string) (f aggregate.Figures) {
	t.Helper()
	for _, text := range values {
		f = f.Join(aggregate.FiguresOf(value(t, text)))
	}
	return f
}

// extremes are what a write sets them to.
func extremes(t T, least, largest string) [2]*aggregate.Extreme {
	t.Helper()
	low, high := aggregate.ExtremeOf(value(t, least)), aggregate.ExtremeOf(value(t, largest))
	return [2]*aggregate.Extreme{&low, &high}
}

// apply adds to a slice what records from lowest to highest come to, without a look at extremes.
func apply(key aggregate.RowKey, slice int, delta aggregate.Sum, lowest, highest int) aggregate.RowWrite {
	return aggregate.RowWrite{
		Key: key, Delta: delta, Slices: []aggregate.SliceWrite{{Slice: slice, Delta: delta, Unmarked: true}},
		Through: &aggregate.Through{Lowest: sequence(lowest), Highest: sequence(highest)},
	}
}

// plus adds to the slice of which applied tells.
func plus(key aggregate.RowKey, delta aggregate.Sum, lowest, highest int) aggregate.RowWrite {
	return apply(key, plusSlice, delta, lowest, highest)
}

const plusSlice = 3

// recount adds to a slice at a revision.
func recount(key aggregate.RowKey, slice int, delta aggregate.Sum, revision int64) aggregate.RowWrite {
	return aggregate.RowWrite{
		Key: key, Delta: delta, Slices: []aggregate.SliceWrite{{Slice: slice, Delta: delta, Recounted: true}},
		Guards: []aggregate.Guard{{Slice: slice, Revision: revision}},
	}
}

// transaction makes one of a new token.
func (s *subject) transaction(writes ...aggregate.RowWrite) aggregate.Transaction {
	s.tokens++
	return aggregate.Transaction{Token: fmt.Sprintf("%016x-%d", s.name, s.tokens), Rows: writes}
}

func (s *subject) commit(t T, writes ...aggregate.RowWrite) {
	t.Helper()
	if err := s.Commit(t.Context(), s.transaction(writes...)); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// stale commits what must be refused because of the rows at these indexes.
func (s *subject) stale(t T, tx aggregate.Transaction, want ...int) {
	t.Helper()
	var canceled *aggregate.Canceled
	if err := s.Commit(t.Context(), tx); !errors.As(err, &canceled) || !slices.Equal(canceled.Stale, want) ||
		len(canceled.Rejected) > 0 || canceled.Throttled > 0 || canceled.FleetBusy || canceled.FleetRejected {
		t.Errorf("commit: got %v, want the rows %v to be stale", err, want)
	}
}

func (s *subject) wantRow(t T, want aggregate.Row) {
	t.Helper()
	got, err := s.ReadRows(t.Context(), []aggregate.RowKey{want.RowKey})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if diff := cmp.Diff(want, got[want.RowKey], decimals); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

var decimals = cmp.Comparer(func(a, b reading.Decimal) bool { return a == b })

// applied is a row of one slice, the third, to which something was added so many times.
func applied(key aggregate.RowKey, s aggregate.Sum, through int, revision int64) aggregate.Row {
	row := aggregate.Row{RowKey: key, Exists: true, AppliedThrough: sequence(through)}
	row.Sum, row.Slices[3].Sum, row.Slices[3].Revision = s, s, revision
	return row
}

func testApply(t T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	s.wantRow(t, aggregate.Row{RowKey: key})
	first := apply(key, 3, sum(t, "1.5", "2"), 3, 7)
	first.Slices[0].Extremes, first.Extremes = extremes(t, "1.5", "2"), extremes(t, "1.5", "2")
	s.commit(t, first)
	want := applied(key, sum(t, "1.5", "2"), 7, 1)
	want.Extremes, want.Slices[3].Extremes = figures(t, "1.5", "2").Extremes, figures(t, "1.5", "2").Extremes
	s.wantRow(t, want)

	second := apply(key, 3, sum(t, "4").Sub(sum(t, "1.5")), 8, 9) // the neighbour of what is stale
	second.Slices = append(second.Slices, aggregate.SliceWrite{Slice: 11, Delta: sum(t, "-7"), Unmarked: true, Extremes: extremes(t, "-7", "-7")})
	second.Delta = second.Delta.Add(sum(t, "-7"))
	second.Extremes[aggregate.Min] = second.Slices[1].Extremes[aggregate.Min]
	s.commit(t, second)
	want.Sum, want.Slices[3].Sum, want.Slices[3].Revision, want.AppliedThrough = sum(t, "4", "2", "-7"), sum(t, "4", "2"), 2, sequence(9)
	want.Slices[11] = aggregate.Slice{Figures: figures(t, "-7"), Revision: 1}
	want.Extremes[aggregate.Min] = figures(t, "-7").Extremes[aggregate.Min]
	s.wantRow(t, want)
	s.wantRow(t, aggregate.Row{RowKey: row("EQ-1", hour, "us-east-1")})

	gone := recount(key, 11, aggregate.Sum{}.Sub(sum(t, "-7")), 1)
	gone.Slices[0].Extremes = [2]*aggregate.Extreme{{}, {}}
	gone.Extremes = [2]*aggregate.Extreme{{}, nil}
	s.commit(t, gone)
	want.Sum, want.Slices[11] = sum(t, "4", "2"), aggregate.Slice{Revision: 2, Recounted: true}
	want.Extremes[aggregate.Min] = aggregate.Extreme{}
	s.wantRow(t, want)
}

func testThrough(t T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	s.commit(t, apply(key, 3, sum(t, "1"), 5, 9))
	s.stale(t, s.transaction(apply(key, 3, sum(t, "1"), 9, 12)), 0)
	s.stale(t, s.transaction(apply(key, 5, sum(t, "1"), 4, 4)), 0)
	s.wantRow(t, applied(key, sum(t, "1"), 9, 1))
	// What a region has taken in of the stream of its own and what of an adopter's do not compare.
	adopted := apply(key, 3, sum(t, "1"), 2, 3)
	adopted.Through.Adopted = true
	s.commit(t, adopted)
	s.stale(t, s.transaction(adopted), 0)

	s.commit(t, recount(key, 3, sum(t, "2"), 2))
	s.stale(t, s.transaction(apply(key, 3, sum(t, "1"), 20, 20)), 0) // it was recounted
	want := applied(key, sum(t, "1", "1", "2"), 9, 3)
	want.Slices[3].Recounted, want.AdoptedThrough = true, sequence(3)
	s.wantRow(t, want)
	s.commit(t, apply(key, 4, sum(t, "1"), 10, 10)) // another slice was not, and the recount left the row's mark where it was
	for _, other := range []int{0, 1, 11} {
		s.commit(t, apply(key, other, sum(t, "1"), 20+other, 20+other))
	}
}

func testRecount(t T, s *subject) {
	key, other := row("EQ-1", hour, "eu-west-1"), row("EQ-1", hour.Add(time.Hour), "eu-west-1")
	s.commit(t, recount(key, 3, sum(t, "7"), 0))
	s.stale(t, s.transaction(recount(key, 3, sum(t, "8"), 0)), 0)
	s.stale(t, s.transaction(recount(key, 3, sum(t, "8"), 2)), 0)
	want := applied(key, sum(t, "7"), 0, 1)
	want.AppliedThrough, want.Slices[3].Recounted = "", true
	s.wantRow(t, want)
	s.commit(t, apply(key, 5, sum(t, "1"), 4, 4)) // does not race with it
	s.commit(t, recount(key, 3, aggregate.Sum{}.Sub(sum(t, "7")), 1))
	s.commit(t, recount(key, 10, sum(t, "1"), 0), recount(other, 10, aggregate.Sum{}, 0))
	want.Sum, want.AppliedThrough = sum(t, "1", "1"), sequence(4)
	want.Slices[3] = aggregate.Slice{Revision: 2, Recounted: true}
	want.Slices[5], want.Slices[10] = aggregate.Slice{Figures: aggregate.Figures{Sum: sum(t, "1")}, Revision: 1},
		aggregate.Slice{Figures: aggregate.Figures{Sum: sum(t, "1")}, Revision: 1, Recounted: true}
	s.wantRow(t, want)
	s.stale(t, s.transaction(recount(other, 3, sum(t, "8"), 1)), 0)
	empty := aggregate.Row{RowKey: other, Exists: true}
	empty.Slices[10] = aggregate.Slice{Revision: 1, Recounted: true}
	s.wantRow(t, empty)
}

// testBounds tries every relation at both ends of a slice and of the hour, with the stored extreme at, within and beyond.
func testBounds(t T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	first := apply(key, 3, sum(t, "-1", "1"), 1, 1)
	first.Slices[0].Extremes, first.Extremes = extremes(t, "-1", "1"), extremes(t, "-1", "1")
	s.commit(t, first)
	through := 1
	check := func(slice int, end aggregate.End, relation aggregate.Relation, text string, want bool) {
		t.Helper()
		bound := aggregate.Bound{Slice: slice, End: end, Relation: relation}
		if text != "" {
			bound.Extreme = aggregate.ExtremeOf(value(t, []string{"-", ""}[end]+text))
		}
		through++
		write := apply(key, 7, sum(t, "1"), through, through)
		write.Bounds = []aggregate.Bound{bound}
		if err := s.Commit(t.Context(), s.transaction(write)); (err == nil) != want {
			t.Errorf("%+v: got %v, want that it holds: %t", bound, err, want)
		}
	}
	const empty = 4 // a slice without readings
	for _, end := range []aggregate.End{aggregate.Min, aggregate.Max} {
		for relation, holds := range map[aggregate.Relation]map[string]bool{
			aggregate.Is: {"2": false, "1": true, "0.9": false, "": false}, aggregate.Within: {"2": true, "1": true, "0.9": false},
			aggregate.Reaches: {"2": false, "1": true, "0.9": true}, aggregate.Beyond: {"2": false, "1": false, "0.9": true},
		} {
			for text, want := range holds {
				check(3, end, relation, text, want)
				check(aggregate.WholeHour, end, relation, text, want)
				check(empty, end, relation, text, relation == aggregate.Within || text == "")
			}
		}
	}
}

func testAtomic(t T, s *subject) {
	first, second, third := row("A", hour, "eu-west-1"), row("B", hour, "eu-west-1"), row("C", hour, "eu-west-1")
	s.commit(t, plus(second, sum(t, "1"), 5, 5), plus(third, sum(t, "1"), 1, 1))
	tx := s.transaction(plus(first, sum(t, "1"), 1, 1), plus(second, sum(t, "1"), 2, 2), recount(third, 3, sum(t, "9"), 7))
	tx.Fleet = []aggregate.FleetWrite{{FleetKey: theHour, Delta: sum(t, "3")}}
	s.stale(t, tx, 1, 2)
	s.wantRow(t, aggregate.Row{RowKey: first})
	s.wantRow(t, applied(second, sum(t, "1"), 5, 1))
	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, aggregate.Sum{})
}

func testToken(t T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	tx := s.transaction(plus(key, sum(t, "1"), 1, 1))
	tx.Fleet = []aggregate.FleetWrite{{FleetKey: theHour, Delta: sum(t, "1")}}
	for range 3 {
		if err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	want := applied(key, sum(t, "1"), 1, 1)
	s.wantRow(t, want)
	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, sum(t, "1"))

	other := tx
	other.Rows = []aggregate.RowWrite{plus(key, sum(t, "1"), 2, 2)}
	var canceled *aggregate.Canceled
	if err := s.Commit(t.Context(), other); !errors.As(err, &canceled) || canceled.Throttled == 0 || len(canceled.Stale) > 0 {
		t.Errorf("another content under the token: got %v, want that it may pass", err)
	}
	s.wantRow(t, want)
}

func testItemsMax(t T, s *subject) {
	var writes []aggregate.RowWrite
	for i := range contract.TransactionItemsMax - 1 {
		writes = append(writes, plus(row(fmt.Sprintf("EQ-%d", i), hour, "eu-west-1"), sum(t, "1"), 1, 1))
	}
	tx := s.transaction(writes...)
	tx.Fleet = []aggregate.FleetWrite{{FleetKey: theHour, Delta: sum(t, "1")}}
	if err := s.Commit(t.Context(), tx); err != nil {
		t.Errorf("%d items: %v", contract.TransactionItemsMax, err)
	}
	tx = s.transaction(append(writes, plus(row("EQ-X", hour, "eu-west-1"), sum(t, "1"), 1, 1),
		plus(row("EQ-Y", hour, "eu-west-1"), sum(t, "1"), 1, 1))...)
	if err := s.Commit(t.Context(), tx); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%d items: got %v, want an error of kind invalid", contract.TransactionItemsMax+1, err)
	}
	s.wantRow(t, aggregate.Row{RowKey: row("EQ-X", hour, "eu-west-1")})
}

func testDecimals(t T, s *subject) {
	const (
		large = "999999999999999999999999999"
		small = "0.000000000000000000000000001"
	)
	key := row("EQ-1", hour, "eu-west-1")
	values := []string{"0.1", "0.2", "-0.3", large, small, "-1", "99999999999.999999999999999999999999999", "1e26", "-" + large, "-0.5e-26"}
	var want aggregate.Sum
	for i, value := range values {
		s.commit(t, plus(key, sum(t, value), i+1, i+1))
		want = want.Add(sum(t, value))
		s.wantRow(t, applied(key, want, i+1, int64(i+1)))
	}
	// What 10^11 readings of the largest values add up to takes all 38 digits of both numbers.
	most := row("EQ-2", hour, "eu-west-1")
	parse := func(text string) reading.Decimal {
		d, err := reading.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	almost := aggregate.Sum{Count: 99_999_999_999, Total: reading.Total{
		Integer:  parse("-99999999998999999999999999900000000001"),
		Fraction: parse("99999999999.999999999999999999999999998"),
	}}
	s.commit(t, plus(most, almost, 1, 1))
	s.commit(t, plus(most, sum(t, "-"+large, small), 2, 2))
	s.wantRow(t, applied(most, almost.Add(sum(t, "-"+large, small)), 2, 2))
}

func testReadRows(t T, s *subject) {
	var keys []aggregate.RowKey
	for i := range contract.BatchGetItemsMax {
		keys = append(keys, row(fmt.Sprintf("EQ-%d", i/2), hour, []string{"eu-west-1", "us-east-1"}[i%2]))
		if i%3 > 0 {
			s.commit(t, plus(keys[i], sum(t, fmt.Sprint(i)), 1, 1))
		}
	}
	rows, err := s.ReadRows(t.Context(), keys)
	if err != nil || len(rows) != len(keys) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, key := range keys {
		want := aggregate.Row{RowKey: key}
		if i%3 > 0 {
			want = applied(key, sum(t, fmt.Sprint(i)), 1, 1)
		}
		if diff := cmp.Diff(want, rows[key], decimals); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

func image(t T, id string, at time.Time, region, value string) aggregate.Image {
	t.Helper()
	r, faults := reading.Parse(id, reading.FormatTimestamp(at), value, reading.Limits{Now: at})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return aggregate.Image{Reading: r, Region: region}
}

func testReadSlices(t T, s *subject) {
	start := hour.Add(35 * time.Minute) // the eighth slice
	end := start.Add(5*time.Minute - 1)
	s.Put(t,
		image(t, "EQ", start, "eu-west-1", "1"), image(t, "EQ", end, "eu-west-1", "1e-27"),
		image(t, "EQ", start.Add(time.Minute), "us-east-1", "100"), image(t, "EQ", start.Add(-1), "eu-west-1", "1000"),
		image(t, "EQ", end.Add(1), "eu-west-1", "10000"), image(t, "EQ-1", start, "eu-west-1", "100000"),
	)
	read := func(key aggregate.RowKey, first int, want ...aggregate.Figures) {
		t.Helper()
		got, err := s.ReadSlices(t.Context(), key, first, first+len(want)-1)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: got %v, %v, want %v", key, got, err, want)
		}
	}
	of := row("EQ", hour, "eu-west-1")
	eighth := figures(t, "1", "1e-27")
	read(of, 7, eighth)
	read(of, 5, aggregate.Figures{}, figures(t, "1000"), eighth, figures(t, "10000"), aggregate.Figures{})
	var all [contract.SlicesPerHour]aggregate.Figures
	read(of, 0, append(all[:6], figures(t, "1000"), eighth, figures(t, "10000"), aggregate.Figures{}, aggregate.Figures{}, aggregate.Figures{})...)
	read(row("EQ", hour, "us-east-1"), 7, figures(t, "100"))
	read(row("EQ", hour.Add(2*time.Hour), "eu-west-1"), 7, aggregate.Figures{})
	read(row("E", hour, "eu-west-1"), 7, aggregate.Figures{})
	read(row("EQ", hour, "eu-west-"), 7, aggregate.Figures{})
	s.Put(t, image(t, "EQ", start, "us-east-1", "7")) // a retry that landed elsewhere
	read(of, 7, figures(t, "1e-27"))
}

func testEquipments(t T, s *subject) {
	ids := []string{"EQ", "EQ-", "EQ-1", "EQ.1", "EQ1", "EQ:1", "EQ_1", "EQa", "eq", "Z", "0", "zz"}
	for i := range 40 {
		ids = append(ids, fmt.Sprintf("E-%02d", i))
	}
	for range 2 {
		for i, id := range ids {
			for _, region := range []string{"eu-west-1", "eu-west-2", "us-east-1"}[:1+i%3] {
				if err := s.PutEquipment(t.Context(), reading.EquipmentID(id), region); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for region, every := range map[string]int{"eu-west-1": 0, "eu-west-2": 1, "us-east-1": 2, "eu-west-": 3} {
		var want []string
		for i, id := range ids {
			if i%3 >= every {
				want = append(want, id)
			}
		}
		got := s.equipments(t, region, 2)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("equipments of %s (-want +got):\n%s", region, diff)
		}
	}
}

// equipments lists those of a region page by page, each partition in its order.
func (s *subject) equipments(t T, region string, limit int) (all []string) {
	t.Helper()
	for shard := range contract.EquipmentShards {
		after, more := reading.EquipmentID(""), true
		for more {
			var page []reading.EquipmentID
			var err error
			if page, more, err = s.ListEquipments(t.Context(), shard, region, after, limit); err != nil || len(page) > limit || more && len(page) == 0 {
				t.Fatalf("shard %d: %v, more %t, %v", shard, page, more, err)
			}
			for _, id := range page {
				if all = append(all, string(id)); id <= after {
					t.Errorf("shard %d: %s comes after %s", shard, id, after)
				}
				after = id
			}
		}
	}
	return all
}

func testRowsOf(t T, s *subject) {
	var want []aggregate.Row
	for h := range 5 {
		for i, region := range []string{"eu-west-1", "us-east-1"} {
			key := row("EQ", hour.Add(time.Duration(14+h)*time.Hour), region) // over midnight
			s.commit(t, plus(key, sum(t, "2.5"), 1, 1+h), plus(row("EQ-1", key.Hour, region), sum(t, "1"), 1, 1))
			if i == 0 && h >= 1 && h <= 3 {
				want = append(want, applied(key, sum(t, "2.5"), 1+h, 1))
			}
		}
	}
	got, err := s.RowsOf(t.Context(), "EQ", "eu-west-1", hour.Add(15*time.Hour), hour.Add(17*time.Hour))
	if diff := cmp.Diff(want, got, decimals); diff != "" || err != nil {
		t.Errorf("%v, rows (-want +got):\n%s", err, diff)
	}
}

func testFleetDay(t T, s *subject) {
	day := reading.Day(hour)
	key := func(unit aggregate.Unit, at time.Time, region string) aggregate.FleetKey {
		return aggregate.FleetKey{Unit: unit, Start: at, Region: region}
	}
	inDay := []aggregate.FleetKey{
		key(aggregate.Day, day, "eu-west-1"), key(aggregate.Hour, day, "eu-west-1"), key(aggregate.Hour, day.Add(23*time.Hour), "eu-west-1"),
		key(aggregate.FiveMinutes, day, "eu-west-1"), key(aggregate.FiveMinutes, day.Add(24*time.Hour-5*time.Minute), "eu-west-1"),
	}
	others := []aggregate.FleetKey{
		key(aggregate.Day, day.Add(24*time.Hour), "eu-west-1"), key(aggregate.Day, day, "us-east-1"), key(aggregate.Hour, day.Add(-time.Hour), "eu-west-1"),
		key(aggregate.FiveMinutes, day.Add(24*time.Hour), "eu-west-1"), key(aggregate.FiveMinutes, day.Add(-5*time.Minute), "eu-west-1"),
	}
	want := map[aggregate.FleetKey]aggregate.FleetShare{}
	for n, keys := range [][]aggregate.FleetKey{append(inDay, others...), append(inDay[:2:2], others...)} {
		tx := s.transaction(plus(row("EQ", hour, "eu-west-1"), sum(t, "1"), 1+n, 1+n))
		tx.Bucket = 1
		for i, k := range keys {
			tx.Fleet = append(tx.Fleet, aggregate.FleetWrite{FleetKey: k, Delta: sum(t, fmt.Sprintf("%d.5", i))})
			if slices.Contains(inDay, k) {
				want[k] = aggregate.FleetShare{Sum: want[k].Add(tx.Fleet[i].Delta), Revision: want[k].Revision + 1}
			}
		}
		if err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		got, err := s.ReadFleet(t.Context(), 1, "eu-west-1", day)
		if diff := cmp.Diff(want, got, decimals); diff != "" || err != nil {
			t.Errorf("%v, fleet (-want +got):\n%s", err, diff)
		}
	}
	check()
	wantKind := func(write aggregate.FleetWrite, revision int64, kind fault.Kind) {
		t.Helper()
		if err := s.AddToFleet(t.Context(), 1, write, revision); err == nil || fault.KindOf(err) != kind {
			t.Errorf("add at revision %d: got %v", revision, err)
		}
	}
	missing := aggregate.FleetWrite{FleetKey: inDay[0], Delta: aggregate.Sum{}.Sub(sum(t, "7"))}
	fresh := aggregate.FleetWrite{FleetKey: key(aggregate.Hour, hour, "eu-west-1"), Delta: sum(t, "3")}
	for _, revision := range []int64{0, 1, 3} {
		wantKind(missing, revision, fault.Conflict)
	}
	wantKind(fresh, 1, fault.Conflict)
	check()
	if err := errors.Join(s.AddToFleet(t.Context(), 1, missing, 2), s.AddToFleet(t.Context(), 1, fresh, 0)); err != nil {
		t.Error(err)
	}
	want[missing.FleetKey] = aggregate.FleetShare{Sum: want[missing.FleetKey].Add(missing.Delta), Revision: 3}
	want[fresh.FleetKey] = aggregate.FleetShare{Sum: fresh.Delta, Revision: 1}
	check()
}

func testEquipmentRows(t T, s *subject) {
	var want []aggregate.RowKey
	for h := range 5 {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			key := row("EQ", hour.Add(time.Duration(14+h)*time.Hour), region) // over midnight
			s.commit(t, plus(key, sum(t, "2.5"), 1, 1), plus(row("EQ-1", key.Hour, region), sum(t, "1"), 1, 1))
			if h >= 1 && h <= 3 {
				want = append(want, key)
			}
		}
	}
	for _, sliced := range []bool{false, true} {
		var got []aggregate.RegionFigures
		err := s.EquipmentRows(t.Context(), aggregate.EquipmentHours{
			EquipmentID: "EQ", From: hour.Add(15 * time.Hour), Through: hour.Add(17 * time.Hour), Sliced: sliced,
		}, func(row aggregate.RegionFigures) { got = append(got, row) })
		if err != nil {
			t.Fatal(err)
		}
		s.wantRows(t, got, want, sum(t, "2.5"))
		wantSlices(t, got, sliced, sum(t, "2.5"))
	}
}

// wantSlices holds that the rows have their slices, or none, and that the readings lie in the slice that plus puts them in.
func wantSlices(t T, got []aggregate.RegionFigures, sliced bool, each aggregate.Sum) {
	t.Helper()
	for _, row := range got {
		if (row.Slices != nil) != sliced {
			t.Errorf("%v: slices %v, want them: %t", row.RowKey, row.Slices, sliced)
		} else if sliced && row.Slices[plusSlice].Sum != each {
			t.Errorf("%v: slices %v, want %v", row.RowKey, row.Slices, each)
		}
	}
}

func testSlicedRows(t T, s *subject) {
	var keys []aggregate.RowKey
	var want []aggregate.RowKey
	for i := range contract.BatchGetItemsMax {
		key := row(fmt.Sprintf("EQ-%d", i), hour, "eu-west-1")
		if keys = append(keys, key); i%3 > 0 {
			s.commit(t, plus(key, sum(t, "2.5"), 1, 1))
			want = append(want, key)
		}
	}
	got, err := s.SlicedRows(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b aggregate.RegionFigures) int {
		return stdcmp.Compare(slices.Index(keys, a.RowKey), slices.Index(keys, b.RowKey))
	})
	s.wantRows(t, got, want, sum(t, "2.5"))
	wantSlices(t, got, true, sum(t, "2.5"))
}

func (s *subject) wantRows(t T, got []aggregate.RegionFigures, want []aggregate.RowKey, each aggregate.Sum) {
	t.Helper()
	var keys []aggregate.RowKey
	for _, r := range got {
		keys = append(keys, r.RowKey)
		if r.Sum != each {
			t.Errorf("%v: got %v, want %v", r.RowKey, r.Sum, each)
		}
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func testIndexRows(t T, s *subject) {
	ids := []string{"EQ", "EQ-", "EQ-1", "EQ.1", "EQ1", "EQ:1", "EQ_1", "EQa", "eq", "Z", "0", "a-very-long-name-0123456789"}
	regions := []string{"eu-west-1", "us-east-1"}
	var want []aggregate.RowKey
	for h := range 4 {
		for _, id := range ids {
			for _, region := range regions {
				key := row(id, hour.Add(time.Duration(h)*time.Hour), region)
				s.commit(t, plus(key, sum(t, "1"), 1, 1))
				if h == 1 || h == 2 {
					want = append(want, key)
				}
			}
		}
	}
	slices.SortFunc(want, compare)
	page := aggregate.IndexPage{From: hour.Add(time.Hour), Through: hour.Add(2 * time.Hour)}
	for _, page.Limit = range []int{1, 3, 1000} {
		s.wantRows(t, s.allShards(t, page), want, sum(t, "1"))
	}
	// After an hour and equipment of which only one region's row was seen, all of that equipment's are behind.
	page.After = aggregate.RowKey{EquipmentID: "EQ", Hour: hour.Add(time.Hour)}
	rest := slices.DeleteFunc(slices.Clone(want), func(key aggregate.RowKey) bool {
		return key.Hour.Equal(page.After.Hour) && key.EquipmentID <= "EQ"
	})
	s.wantRows(t, s.allShards(t, page), rest, sum(t, "1"))
	page.After = aggregate.RowKey{EquipmentID: "zzz", Hour: page.Through}
	s.wantRows(t, s.allShards(t, page), nil, sum(t, "1"))
}

// allShards reads every shard page by page and returns the rows in order.
func (s *subject) allShards(t T, page aggregate.IndexPage) (all []aggregate.RegionFigures) {
	t.Helper()
	for shard := range s.IndexShards {
		next := page
		for more := true; more; {
			var (
				rows []aggregate.RegionFigures
				err  error
			)
			if rows, more, err = s.IndexRows(t.Context(), shard, next); err != nil || len(rows) > page.Limit || more && len(rows) == 0 {
				t.Fatalf("shard %d: %d rows, more %t, %v", shard, len(rows), more, err)
			}
			if all = append(all, rows...); len(rows) > 0 {
				next.After = rows[len(rows)-1].RowKey
			}
		}
	}
	slices.SortFunc(all, func(a, b aggregate.RegionFigures) int { return compare(a.RowKey, b.RowKey) })
	return all
}

func (s *subject) wantFleet(t T, bucket int, span aggregate.FleetSpan, want aggregate.Sum) {
	t.Helper()
	if got, err := s.FleetSum(t.Context(), bucket, span); err != nil || got != want {
		t.Errorf("fleet %d %v: got %v, %v, want %v", bucket, span, got, err, want)
	}
}

func testFleetSum(t T, s *subject) {
	day := reading.Day(hour)
	add := func(bucket, n int, writes ...aggregate.FleetWrite) {
		tx := s.transaction(plus(row("EQ", hour.Add(time.Duration(n)*time.Hour), "eu-west-1"), sum(t, "1"), 1, 1))
		tx.Bucket, tx.Fleet = bucket, writes
		if err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	for h := range 4 {
		add(0, h, aggregate.FleetWrite{FleetKey: aggregate.FleetKey{Unit: aggregate.Hour, Start: hour.Add(time.Duration(h) * time.Hour), Region: "eu-west-1"}, Delta: sum(t, "1.25")},
			aggregate.FleetWrite{FleetKey: aggregate.FleetKey{Unit: aggregate.Hour, Start: hour.Add(time.Duration(h) * time.Hour), Region: "us-east-1"}, Delta: sum(t, "-0.25")},
			aggregate.FleetWrite{FleetKey: aggregate.FleetKey{Unit: aggregate.Day, Start: day.Add(time.Duration(h) * 24 * time.Hour), Region: "eu-west-1"}, Delta: sum(t, "100")})
	}
	add(1, 9, aggregate.FleetWrite{FleetKey: aggregate.FleetKey{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1"}, Delta: sum(t, "7")})
	add(1, 10, aggregate.FleetWrite{FleetKey: aggregate.FleetKey{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1"}, Delta: aggregate.Sum{}.Sub(sum(t, "3", "3"))})

	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour.Add(time.Hour), Through: hour.Add(2 * time.Hour)},
		sum(t, "1.25", "-0.25", "1.25", "-0.25"))
	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Day, From: day, Through: day.Add(24 * time.Hour)}, sum(t, "100", "100"))
	s.wantFleet(t, 1, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, sum(t, "7").Sub(sum(t, "3", "3")))
	s.wantFleet(t, 1, aggregate.FleetSpan{Unit: aggregate.Day, From: day, Through: day}, aggregate.Sum{})
	s.wantFleet(t, 2, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, aggregate.Sum{})
}

// testAsMemory makes the same random commits in both and compares answers and rows.
func testAsMemory(t T, s *subject) {
	const commits, seed = 120, 7
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // to be replayed
	memory := NewMemory(s.IndexShards)
	var keys []aggregate.RowKey
	for _, id := range []string{"A", "B", "C"} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			keys = append(keys, row(id, hour, region))
		}
	}
	var earlier []aggregate.Transaction
	for n := range commits {
		tx := s.transaction(randomWrites(t, random, keys)...)
		tx.Bucket = random.IntN(2)
		tx.Fleet = []aggregate.FleetWrite{{FleetKey: theHour, Delta: sum(t, "0.1")}}
		if len(earlier) > 0 && random.IntN(5) == 0 {
			tx = earlier[random.IntN(len(earlier))]
		}
		earlier = append(earlier, tx)
		got, want := outcome(s.Commit(t.Context(), tx)), outcome(memory.Commit(t.Context(), tx))
		if got != want {
			t.Fatalf("commit %d: got %s, in memory %s", n, got, want)
		}
	}
	for _, want := range memory.Rows() {
		s.wantRow(t, want)
	}
	for bucket := range 2 {
		want, _ := memory.FleetSum(context.Background(), bucket, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour})
		s.wantFleet(t, bucket, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, want)
	}
}

func outcome(err error) string {
	var canceled *aggregate.Canceled
	if errors.As(err, &canceled) {
		return canceled.Error()
	}
	return fmt.Sprint(err)
}

func randomWrites(t T, random *rand.Rand, keys []aggregate.RowKey) (writes []aggregate.RowWrite) {
	for _, i := range random.Perm(len(keys))[:1+random.IntN(3)] {
		number := fmt.Sprintf("%d.%03d", random.IntN(2000)-1000, random.IntN(1000))
		slice := random.IntN(3)
		write := recount(keys[i], slice, sum(t, number), int64(random.IntN(4)))
		if random.IntN(3) > 0 {
			lowest := random.IntN(60)
			write = apply(keys[i], slice, sum(t, number), lowest, lowest+random.IntN(3))
		}
		if random.IntN(2) == 0 {
			write.Extremes, write.Slices[0].Extremes = extremes(t, number, number), extremes(t, number, number)
			write.Bounds = []aggregate.Bound{{
				Slice: []int{slice, aggregate.WholeHour}[random.IntN(2)], End: aggregate.End(random.IntN(2)),
				Relation: aggregate.Relation(random.IntN(4)), Extreme: aggregate.ExtremeOf(value(t, number)),
			}}
		}
		writes = append(writes, write)
	}
	return writes
}

// compare orders rows by hour, equipment and region.
func compare(a, b aggregate.RowKey) int {
	return stdcmp.Or(a.Hour.Compare(b.Hour), stdcmp.Compare(a.EquipmentID, b.EquipmentID), stdcmp.Compare(a.Region, b.Region))
}
