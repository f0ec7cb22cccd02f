package bench_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/infra/pricing"
	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// What is measured: a batch of a minute's readings of some equipments, two in every five minutes of an hour.
const (
	unitsBatches    = 24
	unitsEquipments = 20
	unitsPerMinute  = 10 // readings of each
)

// unitsValues are readings' values by minute and number.
type unitsValues struct {
	name string
	of   func(minute, i int) string
}

func unitsKinds() []unitsValues {
	random := rand.New(rand.NewPCG(1, 2))
	return []unitsValues{
		{"steady", func(_, i int) string { return fmt.Sprintf("21.%d", 4+i%3) }},
		{"rising", func(minute, i int) string { return fmt.Sprintf("%d.%d", 100+minute, i) }},
		{"scattered", func(int, int) string { return fmt.Sprintf("%d.%02d", random.IntN(1000)-200, random.IntN(100)) }},
		{"as long as can be", func(int, int) string {
			return fmt.Sprintf("-%d%018d.%011d", 1e8+random.Int64N(9e8), random.Int64N(1e18), 1+random.Int64N(1e11-1))
		}},
	}
}

// TestUnits_OfABatchOfTheStream measures what a batch of readings costs on its way through ingest and aggregator, and how large a row
// becomes, on values that hardly change, that go on rising, and that are scattered; each also with one reading in twenty corrected a
// minute later. Units are counted by DynamoDB's rules over the simulation's model of it, since DynamoDB Local does not count
// transactions as they are billed.
func TestUnits_OfABatchOfTheStream(t *testing.T) {
	for _, values := range unitsKinds() {
		for _, corrections := range []bool{false, true} {
			name := values.name
			if corrections {
				name += " with corrections"
			}
			u := newUnits()
			for batch := range unitsBatches {
				u.minute(t, batch/2*5+batch%2, corrections, values.of)
			}
			u.report(t, name)
		}
	}
}

// TestUnits_OfTheLargestRow fills a row with the longest id and the longest numbers that it can come to.
func TestUnits_OfTheLargestRow(t *testing.T) {
	u := newUnits()
	longest := func(fraction bool) reading.Decimal {
		text := "-" + strings.Repeat("9", 38)
		if fraction {
			text = "-" + strings.Repeat("9", 11) + "." + strings.Repeat("9", 27)
		}
		d, err := reading.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	value := aggregate.ExtremeOf(parsed(t, "-"+strings.Repeat("9", 27)+"."+strings.Repeat("9", 11)))
	key := aggregate.RowKey{EquipmentID: reading.EquipmentID(strings.Repeat("E", contract.EquipmentIDCharsMax)), Hour: unitsHour, Region: "ap-southeast-2"}
	w := aggregate.RowWrite{
		Key: key, Delta: aggregate.Sum{Count: 3_600_000, Total: reading.Total{Integer: longest(false), Fraction: longest(true)}},
		Extremes: [2]*aggregate.Extreme{&value, &value},
		Through:  &aggregate.Through{Lowest: strings.Repeat("1", contract.SequenceDigits), Highest: strings.Repeat("2", contract.SequenceDigits)},
	}
	for i := range contract.SlicesPerHour {
		w.Slices = append(w.Slices, aggregate.SliceWrite{
			Slice: i, Recounted: true, Extremes: w.Extremes, Delta: aggregate.Sum{Count: 300_000, Total: w.Delta.Total},
		})
	}
	if err := dynamo.NewAggregates(u, unitsReadings, unitsAggregates, contract.ShardsMax).Commit(t.Context(), aggregate.Transaction{Token: "t", Rows: []aggregate.RowWrite{w}}); err != nil {
		t.Fatal(err)
	}
	item := u.Items(unitsAggregates)[0]
	t.Logf("%d bytes, %d write units and %d of the index", itemBytes(item), u.table, u.index)
	if u.table > 6 || u.index > 1 {
		t.Errorf("it costs %d write units and %d of the index", u.table, u.index)
	}
}

// units counts what the calls of an aggregator consume.
type units struct {
	*dynamodel.Database
	aggregator *aggregate.Aggregator
	sequence   int
	ingest     *ingest.Writer
	before     []aggregate.Image // of the minute before
	total      aggregate.Result

	factor                          int // of the call that is being made
	table, index, reads, ofReadings int
	stored                          int // write units of the readings' table
	ofRows, ofFleet, ofList         int // writes, whatever they take
}

const (
	unitsReadings   = "readings"
	unitsAggregates = "aggregates"
)

func newUnits() *units {
	u := &units{Database: dynamodel.NewDatabase("eu-west-1", time.Now)}
	u.Create(unitsReadings, contract.ReadingsTable())
	u.Create(unitsAggregates, contract.AggregatesTable())
	u.OnWrite = u.write
	u.ingest = ingest.NewWriter(dynamo.NewReadings(u, unitsReadings, "eu-west-1", 0), 1, pacing.Pacer{})
	u.restart()
	return u
}

// restart is what a new instance of the aggregator begins with: it remembers nothing.
func (u *units) restart() {
	u.aggregator = aggregate.NewAggregator(dynamo.NewAggregates(u, unitsReadings, unitsAggregates, contract.IndexShardsDefault), "eu-west-1",
		aggregate.AggregatorOptions{Concurrency: 1})
}

// kilobytes is a size in write units.
func kilobytes(item dynamodel.Item) int { return (itemBytes(item) + 1023) / 1024 }

// write counts a write: a unit for each kilobyte of the item before or after, whichever is larger, twice in a transaction; and
// another one for an index whose entry changes
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
func (u *units) write(w dynamodel.Write) {
	if w.Table != unitsAggregates {
		return
	}
	switch partition := w.Key.Partition; {
	case strings.HasPrefix(partition, contract.FleetPartitionPrefix):
		u.ofFleet++
	case strings.HasPrefix(partition, contract.EquipmentPartitionPrefix):
		u.ofList++
	default:
		u.ofRows++
	}
	u.table += u.factor * max(kilobytes(w.Old), kilobytes(w.New), 1)
	before, after := indexEntry(w.Old), indexEntry(w.New)
	if after != nil && !reflect.DeepEqual(before, after) {
		u.index += max(kilobytes(before), kilobytes(after), 1)
	}
}

// indexEntry is what the index holds of an item.
func indexEntry(item dynamodel.Item) dynamodel.Item {
	index := contract.AggregatesTable().Indexes[0]
	if item[index.Key.Partition] == nil {
		return nil
	}
	entry := dynamodel.Item{}
	for _, name := range append(index.Projected, index.Key.Partition, index.Key.Sort, contract.AttrEquipmentID, contract.AttrInterval) {
		if item[name] != nil {
			entry[name] = item[name]
		}
	}
	return entry
}

var unitsHour = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// minute stores a minute's readings and has them aggregated in one batch.
func (u *units) minute(t *testing.T, minute int, corrections bool, value func(minute, i int) string) {
	t.Helper()
	var batch []aggregate.Change
	add := func(old *aggregate.Image, next aggregate.Image) {
		u.sequence++
		batch = append(batch, aggregate.Change{Sequence: fmt.Sprintf("%021d", u.sequence), Old: old, New: &next})
	}
	if corrections {
		for i := 0; i < len(u.before); i += 19 {
			next := u.before[i]
			next.Value = parsed(t, value(minute, i))
			add(&u.before[i], next)
		}
	}
	u.before = nil
	for i := range unitsEquipments * unitsPerMinute {
		image := aggregate.Image{Region: "eu-west-1", Reading: reading.Reading{
			EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", i%unitsEquipments)), Value: parsed(t, value(minute, i)),
			Timestamp: unitsHour.Add(time.Duration(minute)*time.Minute + time.Duration(i)*time.Minute/unitsEquipments/unitsPerMinute),
		}}
		u.before = append(u.before, image)
		add(nil, image)
	}
	u.store(t, batch)
	got, err := u.aggregator.Process(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	u.total.Applied, u.total.Recounted = u.total.Applied+got.Applied, u.total.Recounted+got.Recounted
}

func parsed(t *testing.T, text string) reading.Decimal {
	t.Helper()
	v, err := reading.ParseValue(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// store puts the readings into their table as the service does, each version above the ones before.
func (u *units) store(t *testing.T, batch []aggregate.Change) {
	t.Helper()
	writes := make([]reading.Write, len(batch))
	for i, c := range batch {
		number, err := strconv.Atoi(c.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		writes[i] = reading.Write{Reading: c.New.Reading, Version: reading.VersionAt(unitsHour.Add(time.Duration(number)))}
	}
	if err := u.ingest.Write(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
}

// report writes what was consumed and how large the rows are.
func (u *units) report(t *testing.T, name string) {
	t.Helper()
	largest, fleet, rows := 0, 0, 0
	for _, item := range u.Items(unitsAggregates) {
		switch id := item[contract.AttrEquipmentID].(*types.AttributeValueMemberS).Value; {
		case strings.HasPrefix(id, contract.FleetPartitionPrefix):
			fleet = max(fleet, itemBytes(item))
		case !strings.Contains(id, contract.KeySeparator):
			largest, rows = max(largest, itemBytes(item)), rows+1
		}
	}
	each := func(units int) float64 { return float64(units) / unitsBatches }
	t.Logf("%-36s a batch of %d readings of %d equipments: %6.1f write units of the readings, %6.1f of the aggregates (%5.1f of them the index), "+
		"%6.1f read units of rows, %6.1f of readings; %d rows applied, %d recounts in all; a row has at most %d bytes, a fleet row %d",
		name, u.sequence/unitsBatches, unitsEquipments, each(u.stored), each(u.table+u.index), each(u.index), each(u.reads), each(u.ofReadings),
		u.total.Applied, u.total.Recounted, largest, fleet)
	if rows != unitsEquipments {
		t.Errorf("%d rows", rows)
	}
}

// TestUnits_AreThoseThatAreBilled holds the arithmetic of `make cost` to what is measured: the first batch of an hour,
// of one equipment, of some, and of more than a transaction takes. Each new equipment writes another row, once.
func TestUnits_AreThoseThatAreBilled(t *testing.T) {
	for _, equipments := range []int{1, 2, unitsEquipments, 250} {
		u := newUnits()
		var batch []aggregate.Change
		for range 2 { // the second one meets rows that are there
			u.table, u.index, u.reads = 0, 0, 0
			batch = batch[:0]
			for i := range equipments {
				u.sequence++
				image := aggregate.Image{Region: "eu-west-1", Reading: reading.Reading{
					EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", i)), Value: parsed(t, "21.5"),
					Timestamp: unitsHour.Add(time.Duration(u.sequence) * time.Millisecond),
				}}
				batch = append(batch, aggregate.Change{Sequence: fmt.Sprintf("%021d", u.sequence), New: &image})
			}
			if _, err := u.aggregator.Process(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		writes, reads := pricing.AggregateUnits(float64(equipments))
		if got := float64(u.table + u.index); got != writes || float64(u.reads) != reads {
			t.Errorf("%d equipments: %v write units and %d read units, billed as %v and %v", equipments, got, u.reads, writes, reads)
		}
	}
}

// itemBytes is the size of an item as DynamoDB counts it
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
func itemBytes(item map[string]types.AttributeValue) (size int) {
	for name, value := range item {
		size += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			size += len(v.Value)
		case *types.AttributeValueMemberN:
			size += numberBytes(v.Value)
		case *types.AttributeValueMemberNS:
			size += 3
			for _, n := range v.Value {
				size += 1 + numberBytes(n)
			}
		default:
			size++
		}
	}
	return size
}

// numberBytes is about one byte for two significant digits, and one more, and one for a sign.
func numberBytes(text string) int {
	digits := strings.Trim(strings.ReplaceAll(strings.TrimPrefix(text, "-"), ".", ""), "0")
	size := (len(digits)+1)/2 + 1
	if strings.HasPrefix(text, "-") {
		size++
	}
	return size
}

func (u *units) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	u.factor = 2
	return u.Database.TransactWriteItems(ctx, in, o...)
}

func (u *units) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	u.factor = 1
	out, err := u.Database.PutItem(ctx, in, o...)
	if errors.As(err, new(*types.ConditionalCheckFailedException)) {
		u.ofList++
		u.table++ // a refused write costs what it would have written
	}
	return out, err
}

// BatchExecuteStatement counts a unit for each statement, also for one that is refused: no reading is larger than a kilobyte.
func (u *units) BatchExecuteStatement(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchExecuteStatementOutput, error) {
	u.stored += len(in.Statements)
	return u.Database.BatchExecuteStatement(ctx, in, o...)
}

// BatchGetItem counts a unit for each four kilobytes of an item, or for nothing.
func (u *units) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	out, err := u.Database.BatchGetItem(ctx, in, o...)
	if err == nil {
		u.reads += len(in.RequestItems[unitsAggregates].Keys)
		for _, item := range out.Responses[unitsAggregates] {
			u.reads += itemBytes(item) / (4 << 10)
		}
	}
	return out, err
}

// Query counts the readings that it reads, whole, though it returns a part of them.
func (u *units) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out, err := u.Database.Query(ctx, in, o...)
	if err == nil {
		u.ofReadings += len(out.Items)*unitsReadingBytes/(4<<10) + 1
	}
	return out, err
}

// unitsReadingBytes is the size of an ordinary reading as it is stored.
const unitsReadingBytes = 160
