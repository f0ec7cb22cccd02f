package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

const (
	windowHours      = 720
	windowEquipments = 10_000
	// windowPage is the page that is measured.
	windowPage = 1000
)

// window is a month of aggregates, and counts what the queries of it read.
type window struct {
	*dynamodel.Database
	equipments int
	now        time.Time

	totals reads // of rows of the fleet
	pages  reads // of the index
}

// reads are what some queries took: units by DynamoDB's rules, eventually consistent.
type reads struct {
	queries, bytes int
	units          float64
}

// add counts a query that read so many bytes: half a unit for each four kilobytes, and for nothing.
func (r *reads) add(bytes int) {
	r.queries++
	r.bytes += bytes
	r.units += float64(max(1, (bytes+4095)/4096)) / 2
}

// newWindow has a month aggregated, by the aggregator itself: all equipments in its first hour, and one in each of the hours, in as many
// batches as fill nearly all buckets of the fleet's rows. How many equipments there are in the other hours changes no fleet row.
func newWindow(tb testing.TB, equipments int) *window {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	w := &window{equipments: equipments, Database: dynamodel.NewDatabase("eu-west-1", time.Now), now: unitsHour.Add((windowHours + 1) * time.Hour).Add(-time.Minute)}
	w.Create(unitsReadings, contract.ReadingsTable())
	w.Create(unitsAggregates, contract.AggregatesTable())
	aggregator := aggregate.NewAggregator(dynamo.NewAggregates(w.Database, unitsReadings, unitsAggregates, contract.IndexShardsDefault), "eu-west-1",
		aggregate.AggregatorOptions{Concurrency: 1, Random: random.Uint64})
	sequence := 0
	take := func(hour, equipments int) {
		var batch []aggregate.Change
		for i := range equipments {
			sequence++
			value, err := reading.ParseValue(fmt.Sprintf("%d.%03d", 10+sequence%90, 1+sequence%998))
			if err != nil {
				tb.Fatal(err)
			}
			batch = append(batch, aggregate.Change{Sequence: fmt.Sprintf("%021d", sequence), New: &aggregate.Image{
				Region: "eu-west-1", Reading: reading.Reading{
					EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", i)), Value: value,
					Timestamp: unitsHour.Add(time.Duration(hour)*time.Hour + time.Duration(sequence%3600)*time.Second),
				},
			}})
		}
		if _, err := aggregator.Process(tb.Context(), batch); err != nil {
			tb.Fatal(err)
		}
	}
	take(0, equipments)
	for hour := range windowHours + 1 {
		for range 2 * contract.FleetBucketsDefault {
			take(hour, 1)
		}
	}
	return w
}

// Query counts what is read: of the index its entries, which are smaller than the rows. What is left out of the answer is read all the same.
func (w *window) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	whole, keys, reads := *in, []string{"#partition", "#interval"}, &w.totals
	if in.IndexName != nil {
		keys, reads = []string{"#index", "#sort"}, &w.pages
	}
	whole.ProjectionExpression, whole.ExpressionAttributeNames = nil, map[string]string{}
	for _, placeholder := range keys { // those that are left over are refused
		whole.ExpressionAttributeNames[placeholder] = in.ExpressionAttributeNames[placeholder]
	}
	stored, err := w.Database.Query(ctx, &whole)
	if err != nil {
		return nil, err
	}
	reads.add(bytesOf(stored.Items))
	return w.Database.Query(ctx, in, o...)
}

func bytesOf(items []dynamodel.Item) (bytes int) {
	for _, item := range items {
		bytes += itemBytes(item)
	}
	return bytes
}

// query asks for the month, of all equipments, and returns the least that the page's items take to be read.
func (w *window) query(tb testing.TB) (leastUnits float64) {
	tb.Helper()
	rows := dynamo.NewAggregates(w, unitsReadings, unitsAggregates, contract.IndexShardsDefault)
	windows := aggregate.NewWindows(rows, func() time.Time { return w.now }, 0, aggregate.WindowsOptions{Concurrency: 1})
	month, err := aggregate.ParseInterval("1m")
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := windows.Query(tb.Context(), aggregate.Query{Interval: month, Limit: windowPage})
	if err != nil {
		tb.Fatal(err)
	}
	want := int64(w.equipments + (windowHours+1)*2*contract.FleetBucketsDefault)
	if answer.TotalCount != want || len(answer.Items) != min(windowPage, w.equipments+windowHours) {
		tb.Fatalf("%d readings in all, want %d; %d items", answer.TotalCount, want, len(answer.Items))
	}
	var entries []dynamodel.Item
	for _, one := range answer.Items {
		row, _ := w.Get(unitsAggregates, dynamodel.Key{
			Partition: string(one.EquipmentID), Sort: reading.FormatHour(one.IntervalStart) + contract.KeySeparator + "eu-west-1",
		})
		entries = append(entries, indexEntry(row))
	}
	return float64(bytesOf(entries)) / 4096 / 2
}

// A month's average and count come from the fleet's rows alone: days, and hours at both ends, in each of the buckets. So what they take
// does not depend on the number of equipments. A page reads little more than it gives.
func TestWindow_ReadsLittleForAMonthOfTenThousandEquipments(t *testing.T) {
	const unitsMax, overheadMax = 30, 1.3
	w := newWindow(t, windowEquipments)
	least := w.query(t)
	t.Logf("totals: %.1f read units, %d queries, %d bytes; a page of %d: %.1f read units, %d queries, %d bytes, at least %.1f",
		w.totals.units, w.totals.queries, w.totals.bytes, windowPage, w.pages.units, w.pages.queries, w.pages.bytes, least)
	if w.totals.units > unitsMax {
		t.Errorf("the totals of a month take %.1f read units", w.totals.units)
	}
	if w.pages.units > overheadMax*least {
		t.Errorf("a page takes %.1f read units, %.1f at least", w.pages.units, least)
	}
	few := newWindow(t, 10)
	if few.query(t); few.totals.units != w.totals.units || few.totals.queries != w.totals.queries {
		t.Errorf("the totals take %+v of %d equipments, %+v of 10", w.totals, windowEquipments, few.totals)
	}
}

// BenchmarkWindowUnits tells the same as figures; `make bench` prints it. It counts, so one run is enough.
func BenchmarkWindowUnits(b *testing.B) {
	var w *window
	var least float64
	for b.Loop() {
		w = newWindow(b, windowEquipments)
		least = w.query(b)
	}
	b.ReportMetric(w.totals.units, "month_totals_read_units")
	b.ReportMetric(float64(w.totals.bytes), "month_totals_bytes")
	b.ReportMetric(float64(w.totals.queries), "month_totals_queries")
	b.ReportMetric(w.pages.units, "page_read_units")
	b.ReportMetric(float64(w.pages.bytes), "page_bytes")
	b.ReportMetric(w.pages.units/least, "page_read_overhead")
}
