package aggregatetest

import (
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
)

// Tables are an implementation under test, empty.
type Tables struct {
	aggregate.RowTable
	aggregate.WindowTable
	// Put stores readings.
	Put func(t *testing.T, images ...aggregate.Image)
	// IndexShards is the number of shards of the index.
	IndexShards int
}

// Suite runs the behaviour that package aggregate relies on against tables that fresh makes.
func Suite(t *testing.T, fresh func(t *testing.T) Tables) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *subject)
	}{
		{"commit adds to rows and raises their revision", testApply},
		{"commit refuses to add what may be there already", testApplyStale},
		{"commit replaces a row only at the revision that was read", testReplace},
		{"commit makes all writes or none", testAtomic},
		{"commit takes place once under one token", testToken},
		{"commit takes a hundred items and no more", testItemsMax},
		{"commit adds decimals exactly", testDecimals},
		{"read hour counts one equipment, hour and region", testReadHour},
		{"equipment rows lie within the hours and in their order", testEquipmentRows},
		{"index rows page through all equipments in order", testIndexRows},
		{"fleet sum adds up the regions within a span", testFleetSum},
		{"any sequence of commits ends as it does in memory", testAsMemory},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, &subject{Tables: fresh(t), name: rand.Uint64()}) //nolint:gosec // a name, not a secret
		})
	}
}

// subject is the tables with what the tests do to them.
type subject struct {
	Tables
	name   uint64 // begins its tokens, since a real table remembers those of others
	tokens int
}

var hour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func row(id string, h time.Time, region string) aggregate.RowKey {
	return aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: h, Region: region}
}

// sequence returns a sequence number's key.
func sequence(n int) string { return fmt.Sprintf("%0*d", contract.SequenceDigits, n) }

func sum(t *testing.T, values ...string) (s aggregate.Sum) {
	t.Helper()
	for _, value := range values {
		v, err := reading.ParseValue(value)
		if err != nil {
			t.Fatal(err)
		}
		s = s.Add(aggregate.SumOf(v))
	}
	return s
}

func apply(key aggregate.RowKey, delta aggregate.Sum, lowest, highest int) aggregate.RowWrite {
	return aggregate.RowWrite{
		Key: key, AppliedThrough: sequence(highest), Apply: &aggregate.Apply{Delta: delta, Lowest: sequence(lowest)},
	}
}

func replace(key aggregate.RowKey, s aggregate.Sum, through int, revision int64, recounted bool) aggregate.RowWrite {
	return aggregate.RowWrite{
		Key: key, AppliedThrough: sequence(through),
		Replace: &aggregate.Replace{Sum: s, Recounted: recounted, Revision: revision},
	}
}

// transaction makes one of a new token.
func (s *subject) transaction(writes ...aggregate.RowWrite) aggregate.Transaction {
	s.tokens++
	return aggregate.Transaction{Token: fmt.Sprintf("%016x-%d", s.name, s.tokens), Rows: writes}
}

func (s *subject) commit(t *testing.T, writes ...aggregate.RowWrite) {
	t.Helper()
	if err := s.Commit(t.Context(), s.transaction(writes...)); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// stale commits what must be refused because of the rows at these indexes.
func (s *subject) stale(t *testing.T, tx aggregate.Transaction, want ...int) {
	t.Helper()
	var canceled *aggregate.Canceled
	if err := s.Commit(t.Context(), tx); !errors.As(err, &canceled) || !slices.Equal(canceled.Stale, want) ||
		len(canceled.Rejected) > 0 || canceled.Throttled > 0 || canceled.FleetBusy || canceled.FleetRejected {
		t.Errorf("commit: got %v, want the rows %v to be stale", err, want)
	}
}

func (s *subject) wantRow(t *testing.T, want aggregate.Row) {
	t.Helper()
	got, err := s.ReadRow(t.Context(), want.RowKey)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, decimals); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

var decimals = cmp.Comparer(func(a, b reading.Decimal) bool { return a == b })

func testApply(t *testing.T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	s.wantRow(t, aggregate.Row{RowKey: key})
	s.commit(t, apply(key, sum(t, "1.5", "2"), 3, 7))
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "1.5", "2"), AppliedThrough: sequence(7), Revision: 1})
	s.commit(t, apply(key, sum(t, "4").Sub(sum(t, "1.5")), 8, 8)) // the neighbour of what is stale
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "4", "2"), AppliedThrough: sequence(8), Revision: 2})
	s.wantRow(t, aggregate.Row{RowKey: row("EQ-1", hour, "us-east-1")})
}

func testApplyStale(t *testing.T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	s.commit(t, apply(key, sum(t, "1"), 5, 9))
	s.stale(t, s.transaction(apply(key, sum(t, "1"), 9, 12)), 0)
	s.stale(t, s.transaction(apply(key, sum(t, "1"), 4, 4)), 0)
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "1"), AppliedThrough: sequence(9), Revision: 1})

	s.commit(t, replace(key, sum(t, "1", "2"), 9, 1, true))
	s.stale(t, s.transaction(apply(key, sum(t, "1"), 20, 20)), 0)
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "1", "2"), AppliedThrough: sequence(9), Revision: 2, Recounted: true})
}

func testReplace(t *testing.T, s *subject) {
	key, other := row("EQ-1", hour, "eu-west-1"), row("EQ-1", hour.Add(time.Hour), "eu-west-1")
	s.commit(t, replace(key, sum(t, "7"), 3, 0, false))
	s.stale(t, s.transaction(replace(key, sum(t, "8"), 3, 0, true)), 0)
	s.stale(t, s.transaction(replace(key, sum(t, "8"), 3, 2, true)), 0)
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "7"), AppliedThrough: sequence(3), Revision: 1})
	s.commit(t, apply(key, sum(t, "1"), 4, 4)) // it was not recounted
	s.commit(t, replace(key, aggregate.Sum{}, 6, 2, true))
	s.wantRow(t, aggregate.Row{RowKey: key, AppliedThrough: sequence(6), Revision: 3, Recounted: true})
	s.commit(t, replace(key, sum(t, "1"), 6, 3, false))
	s.wantRow(t, aggregate.Row{RowKey: key, Sum: sum(t, "1"), AppliedThrough: sequence(6), Revision: 4, Recounted: true})
	s.stale(t, s.transaction(replace(other, sum(t, "8"), 3, 1, true)), 0)
	s.wantRow(t, aggregate.Row{RowKey: other})
}

func testAtomic(t *testing.T, s *subject) {
	first, second, third := row("A", hour, "eu-west-1"), row("B", hour, "eu-west-1"), row("C", hour, "eu-west-1")
	s.commit(t, apply(second, sum(t, "1"), 5, 5), apply(third, sum(t, "1"), 1, 1))
	tx := s.transaction(apply(first, sum(t, "1"), 1, 1), apply(second, sum(t, "1"), 2, 2), replace(third, sum(t, "9"), 2, 7, true))
	tx.Fleet = []aggregate.FleetWrite{{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: sum(t, "3")}}
	s.stale(t, tx, 1, 2)
	s.wantRow(t, aggregate.Row{RowKey: first})
	s.wantRow(t, aggregate.Row{RowKey: second, Sum: sum(t, "1"), AppliedThrough: sequence(5), Revision: 1})
	s.wantFleet(t, 0, aggregate.FleetSpan{From: hour, Through: hour}, aggregate.Sum{})
}

func testToken(t *testing.T, s *subject) {
	key := row("EQ-1", hour, "eu-west-1")
	tx := s.transaction(replace(key, sum(t, "1"), 1, 0, false))
	tx.Fleet = []aggregate.FleetWrite{{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: sum(t, "1")}}
	for range 3 {
		if err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	want := aggregate.Row{RowKey: key, Sum: sum(t, "1"), AppliedThrough: sequence(1), Revision: 1}
	s.wantRow(t, want)
	s.wantFleet(t, 0, aggregate.FleetSpan{From: hour, Through: hour}, sum(t, "1"))

	other := tx
	other.Rows = []aggregate.RowWrite{apply(key, sum(t, "1"), 2, 2)}
	var canceled *aggregate.Canceled
	if err := s.Commit(t.Context(), other); !errors.As(err, &canceled) || canceled.Throttled == 0 || len(canceled.Stale) > 0 {
		t.Errorf("another content under the token: got %v, want that it may pass", err)
	}
	s.wantRow(t, want)
}

func testItemsMax(t *testing.T, s *subject) {
	var writes []aggregate.RowWrite
	for i := range contract.TransactionItemsMax - 1 {
		writes = append(writes, apply(row(fmt.Sprintf("EQ-%d", i), hour, "eu-west-1"), sum(t, "1"), 1, 1))
	}
	tx := s.transaction(writes...)
	tx.Fleet = []aggregate.FleetWrite{{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: sum(t, "1")}}
	if err := s.Commit(t.Context(), tx); err != nil {
		t.Errorf("%d items: %v", contract.TransactionItemsMax, err)
	}
	tx = s.transaction(append(writes, apply(row("EQ-X", hour, "eu-west-1"), sum(t, "1"), 1, 1),
		apply(row("EQ-Y", hour, "eu-west-1"), sum(t, "1"), 1, 1))...)
	if err := s.Commit(t.Context(), tx); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%d items: got %v, want an error of kind invalid", contract.TransactionItemsMax+1, err)
	}
	s.wantRow(t, aggregate.Row{RowKey: row("EQ-X", hour, "eu-west-1")})
}

func testDecimals(t *testing.T, s *subject) {
	const (
		large = "999999999999999999999999999"
		small = "0.000000000000000000000000001"
	)
	key := row("EQ-1", hour, "eu-west-1")
	values := []string{"0.1", "0.2", "-0.3", large, small, "-1", "99999999999.999999999999999999999999999", "1e26", "-" + large, "-0.5e-26"}
	var want aggregate.Sum
	for i, value := range values {
		s.commit(t, apply(key, sum(t, value), i+1, i+1))
		want = want.Add(sum(t, value))
		s.wantRow(t, aggregate.Row{RowKey: key, Sum: want, AppliedThrough: sequence(i + 1), Revision: int64(i + 1)})
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
	s.commit(t, replace(most, almost, 1, 0, false))
	s.commit(t, apply(most, sum(t, "-"+large, small), 2, 2))
	s.wantRow(t, aggregate.Row{
		RowKey: most, Sum: almost.Add(sum(t, "-"+large, small)), AppliedThrough: sequence(2), Revision: 2,
	})
}

func testReadHour(t *testing.T, s *subject) {
	image := func(id string, at time.Time, region, value string) aggregate.Image {
		r, faults := reading.Parse(id, reading.FormatTimestamp(at), value, reading.Limits{Now: at})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return aggregate.Image{Reading: r, Region: region}
	}
	end := hour.Add(time.Hour - 1)
	s.Put(t,
		image("EQ", hour, "eu-west-1", "1"), image("EQ", end, "eu-west-1", "1e-27"),
		image("EQ", hour.Add(time.Minute), "us-east-1", "100"), image("EQ", hour.Add(-1), "eu-west-1", "1000"),
		image("EQ", end.Add(1), "eu-west-1", "10000"), image("EQ-1", hour, "eu-west-1", "100000"),
	)
	for key, want := range map[aggregate.RowKey]aggregate.Sum{
		row("EQ", hour, "eu-west-1"): sum(t, "1", "1e-27"), row("EQ", hour, "us-east-1"): sum(t, "100"),
		row("EQ", hour.Add(2*time.Hour), "eu-west-1"): {}, row("E", hour, "eu-west-1"): {}, row("EQ", hour, "eu-west-"): {},
	} {
		got, err := s.ReadHour(t.Context(), key)
		if err != nil || got != want {
			t.Errorf("%v: got %v, %v, want %v", key, got, err, want)
		}
	}
	s.Put(t, image("EQ", hour, "us-east-1", "7")) // a retry that landed elsewhere
	if got, err := s.ReadHour(t.Context(), row("EQ", hour, "eu-west-1")); err != nil || got != sum(t, "1e-27") {
		t.Errorf("after an overwrite: got %v, %v", got, err)
	}
}

func testEquipmentRows(t *testing.T, s *subject) {
	var want []aggregate.RowKey
	for h := range 5 {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			key := row("EQ", hour.Add(time.Duration(14+h)*time.Hour), region) // over midnight
			s.commit(t, apply(key, sum(t, "2.5"), 1, 1), apply(row("EQ-1", key.Hour, region), sum(t, "1"), 1, 1))
			if h >= 1 && h <= 3 {
				want = append(want, key)
			}
		}
	}
	got, err := s.EquipmentRows(t.Context(), "EQ", hour.Add(15*time.Hour), hour.Add(17*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	s.wantRows(t, got, want, sum(t, "2.5"))
}

func (s *subject) wantRows(t *testing.T, got []aggregate.RegionSum, want []aggregate.RowKey, each aggregate.Sum) {
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

func testIndexRows(t *testing.T, s *subject) {
	ids := []string{"EQ", "EQ-", "EQ-1", "EQ.1", "EQ1", "EQ:1", "EQ_1", "EQa", "eq", "Z", "0", "a-very-long-name-0123456789"}
	regions := []string{"eu-west-1", "us-east-1"}
	var want []aggregate.RowKey
	for h := range 4 {
		for _, id := range ids {
			for _, region := range regions {
				key := row(id, hour.Add(time.Duration(h)*time.Hour), region)
				s.commit(t, apply(key, sum(t, "1"), 1, 1))
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
func (s *subject) allShards(t *testing.T, page aggregate.IndexPage) (all []aggregate.RegionSum) {
	t.Helper()
	for shard := range s.IndexShards {
		next := page
		for more := true; more; {
			var (
				rows []aggregate.RegionSum
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
	slices.SortFunc(all, func(a, b aggregate.RegionSum) int { return compare(a.RowKey, b.RowKey) })
	return all
}

func (s *subject) wantFleet(t *testing.T, bucket int, span aggregate.FleetSpan, want aggregate.Sum) {
	t.Helper()
	if got, err := s.FleetSum(t.Context(), bucket, span); err != nil || got != want {
		t.Errorf("fleet %d %v: got %v, %v, want %v", bucket, span, got, err, want)
	}
}

func testFleetSum(t *testing.T, s *subject) {
	day := reading.Day(hour)
	add := func(bucket, n int, writes ...aggregate.FleetWrite) {
		tx := s.transaction(apply(row("EQ", hour.Add(time.Duration(n)*time.Hour), "eu-west-1"), sum(t, "1"), 1, 1))
		tx.Bucket, tx.Fleet = bucket, writes
		if err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	for h := range 4 {
		add(0, h, aggregate.FleetWrite{Unit: aggregate.Hour, Start: hour.Add(time.Duration(h) * time.Hour), Region: "eu-west-1", Delta: sum(t, "1.25")},
			aggregate.FleetWrite{Unit: aggregate.Hour, Start: hour.Add(time.Duration(h) * time.Hour), Region: "us-east-1", Delta: sum(t, "-0.25")},
			aggregate.FleetWrite{Unit: aggregate.Day, Start: day.Add(time.Duration(h) * 24 * time.Hour), Region: "eu-west-1", Delta: sum(t, "100")})
	}
	add(1, 9, aggregate.FleetWrite{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: sum(t, "7")})
	add(1, 10, aggregate.FleetWrite{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: aggregate.Sum{}.Sub(sum(t, "3", "3"))})

	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour.Add(time.Hour), Through: hour.Add(2 * time.Hour)},
		sum(t, "1.25", "-0.25", "1.25", "-0.25"))
	s.wantFleet(t, 0, aggregate.FleetSpan{Unit: aggregate.Day, From: day, Through: day.Add(24 * time.Hour)}, sum(t, "100", "100"))
	s.wantFleet(t, 1, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, sum(t, "7").Sub(sum(t, "3", "3")))
	s.wantFleet(t, 1, aggregate.FleetSpan{Unit: aggregate.Day, From: day, Through: day}, aggregate.Sum{})
	s.wantFleet(t, 2, aggregate.FleetSpan{Unit: aggregate.Hour, From: hour, Through: hour}, aggregate.Sum{})
}

// testAsMemory makes the same random commits in both and compares answers and rows.
func testAsMemory(t *testing.T, s *subject) {
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
		tx.Fleet = []aggregate.FleetWrite{{Unit: aggregate.Hour, Start: hour, Region: "eu-west-1", Delta: sum(t, "0.1")}}
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
		want, _ := memory.FleetSum(context.Background(), bucket, aggregate.FleetSpan{From: hour, Through: hour})
		s.wantFleet(t, bucket, aggregate.FleetSpan{From: hour, Through: hour}, want)
	}
}

func outcome(err error) string {
	var canceled *aggregate.Canceled
	if errors.As(err, &canceled) {
		return canceled.Error()
	}
	return fmt.Sprint(err)
}

func randomWrites(t *testing.T, random *rand.Rand, keys []aggregate.RowKey) (writes []aggregate.RowWrite) {
	for _, i := range random.Perm(len(keys))[:1+random.IntN(3)] {
		value := fmt.Sprintf("%d.%03d", random.IntN(2000)-1000, random.IntN(1000))
		if random.IntN(3) > 0 {
			lowest := random.IntN(60)
			writes = append(writes, apply(keys[i], sum(t, value), lowest, lowest+random.IntN(3)))
		} else {
			writes = append(writes, replace(keys[i], sum(t, value), random.IntN(60), int64(random.IntN(5)), random.IntN(4) == 0))
		}
	}
	return writes
}
