package aggregate_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

// script is the tables in memory with a say before and after each commit, and a note of every call.
type script struct {
	*aggregatetest.Memory
	// before may fail a commit that then does not take place, after one that did; n counts the calls from 0.
	before, after func(n int, tx aggregate.Transaction) error
	readRows      func(n int) error
	readSlices    func(n int) error
	putEquipment  func(n int) error
	sent          []aggregate.Transaction
	rowReads      int
	sliceReads    int
	puts          int
}

func (s *script) Commit(ctx context.Context, tx aggregate.Transaction) error {
	n := len(s.sent)
	s.sent = append(s.sent, tx)
	if s.before != nil {
		if err := s.before(n, tx); err != nil {
			return err
		}
	}
	if err := s.Memory.Commit(ctx, tx); err != nil {
		return err
	}
	if s.after != nil {
		return s.after(n, tx)
	}
	return nil
}

func (s *script) ReadRows(ctx context.Context, keys []aggregate.RowKey) (map[aggregate.RowKey]aggregate.Row, error) {
	s.rowReads++
	if s.readRows != nil {
		if err := s.readRows(s.rowReads - 1); err != nil {
			return nil, err
		}
	}
	return s.Memory.ReadRows(ctx, keys)
}

func (s *script) ReadSlices(ctx context.Context, key aggregate.RowKey, first, last int) ([]aggregate.Figures, error) {
	s.sliceReads++
	if s.readSlices != nil {
		if err := s.readSlices(s.sliceReads - 1); err != nil {
			return nil, err
		}
	}
	return s.Memory.ReadSlices(ctx, key, first, last)
}

func (s *script) PutEquipment(ctx context.Context, id reading.EquipmentID, region string) error {
	s.puts++
	if s.putEquipment != nil {
		if err := s.putEquipment(s.puts - 1); err != nil {
			return err
		}
	}
	return s.Memory.PutEquipment(ctx, id, region)
}

// at is the present of these tests, in the middle of an hour.
var (
	at    = time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	hour  = reading.Hour(at)
	here  = "eu-west-1"
	there = "us-east-1"
)

// fixture is an aggregator of the region here, with its table and the stream that writes go through.
type fixture struct {
	*aggregate.Aggregator
	*script
	stream []aggregate.Change
	sleeps int
}

func newFixture(t *testing.T, change ...func(*aggregate.AggregatorOptions)) *fixture {
	t.Helper()
	f := &fixture{script: &script{Memory: aggregatetest.NewMemory(4)}}
	random := uint64(0)
	o := aggregate.AggregatorOptions{
		FleetBuckets: 3, Concurrency: 1, AttemptsMax: 4,
		Now:    func() time.Time { return at },
		Pacer:  pacing.Pacer{Sleep: func(ctx context.Context, _ time.Duration) error { f.sleeps++; return ctx.Err() }},
		Random: func() uint64 { random++; return random },
	}
	for _, apply := range change {
		apply(&o)
	}
	f.Aggregator = aggregate.NewAggregator(f.script, here, o)
	return f
}

func value(t *testing.T, text string) reading.Decimal {
	t.Helper()
	v, err := reading.ParseValue(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sum(t *testing.T, values ...string) (s aggregate.Sum) {
	t.Helper()
	for _, text := range values {
		s = s.Add(aggregate.SumOf(value(t, text)))
	}
	return s
}

func image(t *testing.T, id string, when time.Time, region, text string) *aggregate.Image {
	t.Helper()
	return &aggregate.Image{
		Reading: reading.Reading{EquipmentID: reading.EquipmentID(id), Timestamp: when, Value: value(t, text)}, Region: region,
	}
}

// write stores a reading and returns its record; sequence numbers rise by one from 1.
func (f *fixture) write(t *testing.T, id string, when time.Time, region, text string) aggregate.Change {
	t.Helper()
	return f.put(image(t, id, when, region, text))
}

func (f *fixture) put(i *aggregate.Image) aggregate.Change {
	return f.record(f.Put(*i), i)
}

func (f *fixture) remove(key reading.Key) aggregate.Change {
	return f.record(f.Delete(key), nil)
}

func (f *fixture) record(before, after *aggregate.Image) aggregate.Change {
	c := aggregate.Change{Sequence: fmt.Sprint(len(f.stream) + 1), At: at.Add(-time.Second), Old: before, New: after}
	f.stream = append(f.stream, c)
	return c
}

// process hands changes to the aggregator, which must not fail.
func (f *fixture) process(t *testing.T, changes ...aggregate.Change) aggregate.Result {
	t.Helper()
	result, err := f.Process(t.Context(), changes)
	if err != nil || len(result.Failed) > 0 {
		t.Fatalf("process: %v, failed %v", err, result.Failed)
	}
	return result
}

func (f *fixture) row(t *testing.T, id string, h time.Time) aggregate.Row {
	t.Helper()
	key := aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: h, Region: here}
	rows, err := f.Memory.ReadRows(t.Context(), []aggregate.RowKey{key})
	if err != nil {
		t.Fatal(err)
	}
	return rows[key]
}

// present is the slice in which the present lies.
const present = 6

// wantSum checks an equipment's row of the present hour, and that everything agrees with it.
func (f *fixture) wantSum(t *testing.T, id string, want aggregate.Sum) {
	t.Helper()
	if got := f.row(t, id, hour).Sum; got != want {
		t.Errorf("%s: got %v, want %v", id, got, want)
	}
	f.wantConsistent(t)
}

// wantFigures checks an equipment's row of the present hour with its extremes.
func (f *fixture) wantFigures(t *testing.T, id string, values ...string) {
	t.Helper()
	var want aggregate.Figures
	for _, text := range values {
		want = want.Join(aggregate.FiguresOf(value(t, text)))
	}
	if got := f.row(t, id, hour).Figures; got != want {
		t.Errorf("%s: got %v, want %v", id, got, want)
	}
	f.wantConsistent(t)
}

// wantConsistent checks that every row's hour is what its slices give together, that the fleet's slices, hours and days agree
// with all rows, and that the equipments of all rows are listed.
func (f *fixture) wantConsistent(t *testing.T) {
	t.Helper()
	difference := map[aggregate.FleetKey]aggregate.Sum{}
	listed := f.Equipments()
	for key, row := range f.Rows() {
		var hour aggregate.Figures
		for i, s := range row.Slices {
			hour = hour.Join(s.Figures)
			at := aggregate.FleetKey{Unit: aggregate.FiveMinutes, Start: key.SliceStart(i), Region: key.Region}
			difference[at] = difference[at].Add(s.Sum)
		}
		if row.Figures != hour {
			t.Errorf("%v: the hour has %v, its slices %v", key, row.Figures, hour)
		}
		for _, at := range []aggregate.FleetKey{
			{Unit: aggregate.Hour, Start: key.Hour, Region: key.Region}, {Unit: aggregate.Day, Start: reading.Day(key.Hour), Region: key.Region},
		} {
			difference[at] = difference[at].Add(row.Sum)
		}
		if !slices.Contains(listed, string(key.EquipmentID)+"#"+key.Region) {
			t.Errorf("%v: the equipment is not listed", key)
		}
	}
	for key, share := range f.Fleet() {
		difference[key.FleetKey] = difference[key.FleetKey].Sub(share.Sum)
	}
	for key, d := range difference {
		if !d.IsZero() {
			t.Errorf("the rows have %v more than the fleet says of %v", d, key)
		}
	}
}
