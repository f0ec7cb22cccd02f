package docs_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// What DynamoDB, Lambda and CloudFront publish as limits; the page names the documents.
const (
	partitionWrites   = 1000.0 // write units a second
	tableWrites       = 40_000.0
	newTableWrites    = 4000.0
	lambdaConcurrency = 1000.0
	edgeRequests      = 250_000.0
)

// limit is what bounds the rate of readings of all regions together. Brief is its name in the text, empty where it bounds no fleet but a
// single equipment.
type limit struct {
	what, brief, moves string
	at                 func(f scaledFleet) float64
}

// warming is no prop: AWS charges it once, and what it costs depends on the traffic that is to come.
const warming = "no prop; `aws dynamodb update-table --warm-throughput` of the table and its index, or traffic that grows slowly"

func limits() []limit {
	// reached is the rate at which what a fleet asks for comes to a bound.
	reached := func(f scaledFleet, bound float64, of func(l scaledLoad) float64) float64 {
		low, high := 1.0, 1e9
		for range 100 {
			if rate := math.Sqrt(low * high); of(f.load(rate)) < bound {
				low = rate
			} else {
				high = rate
			}
		}
		return low
	}
	rows := func(l scaledLoad) float64 { return l.rowUpdates }
	units := func(l scaledLoad) float64 { return l.units }
	transactions := func(l scaledLoad) float64 { return l.transactions * fleetUnits }
	return []limit{
		{"one equipment: a partition of the readings", "", "nothing; spread it over several ids", func(scaledFleet) float64 { return partitionWrites }},
		{fmt.Sprintf("%d partitions of the index", contract.IndexShardsDefault), "the index", fmt.Sprintf("`IndexShards`, up to %d", contract.ShardsMax),
			func(f scaledFleet) float64 { return reached(f, contract.IndexShardsDefault*partitionWrites, rows) }},
		{fmt.Sprintf("%d partitions of the index, the most", contract.ShardsMax), "the index with all partitions that are possible", "`AggregationWindow`, up to 2 s",
			func(f scaledFleet) float64 { return reached(f, contract.ShardsMax*partitionWrites, rows) }},
		{fmt.Sprintf("%d buckets of the fleet", contract.FleetBucketsDefault), "the buckets", fmt.Sprintf("`FleetBuckets`, up to %d", contract.ShardsMax),
			func(f scaledFleet) float64 {
				return reached(f, contract.FleetBucketsDefault*partitionWrites, transactions)
			}},
		{"a new table of the aggregates, 4,000 units a second at first", "a new table of the aggregates", warming,
			func(f scaledFleet) float64 { return reached(f, newTableWrites, units) }},
		{"a new table of the readings, 4,000 units a second at first", "a new table of the readings", warming, func(scaledFleet) float64 { return newTableWrites }},
		{"the quota of the aggregates' table, 40,000 units a second", "the quota of the aggregates' table", "a quota of AWS, on request",
			func(f scaledFleet) float64 { return reached(f, tableWrites, units) }},
		{"the quota of the readings' table, 40,000 units a second", "the quota of the readings' table", "a quota of AWS, on request", func(scaledFleet) float64 { return tableWrites }},
		{fmt.Sprintf("%d tasks a region of %s requests a minute", contract.TasksMaxDefault, grouped(apiservice.RequestsPerTaskDefault)), "the tasks",
			"`TasksMax`, up to 1,000, and `RequestsPerTask`", func(f scaledFleet) float64 {
				return scaleRegions * contract.TasksMaxDefault * apiservice.RequestsPerTaskDefault / 60 * float64(f.perRequest)
			}},
		{"CloudFront: 250,000 requests a second of a distribution", "CloudFront", "a `Domain` in its place, or a quota of AWS",
			func(f scaledFleet) float64 { return scaleRegions * edgeRequests * float64(f.perRequest) }},
		{"a thousand invocations of Lambda at once, of 50 ms", "the invocations of Lambda", "a quota of AWS, on request", func(f scaledFleet) float64 {
			const seconds = 0.05
			return reached(f, scaleRegions*lambdaConcurrency, func(l scaledLoad) float64 { return scaleRegions * l.Batches * seconds })
		}},
	}
}

// most is what a fleet can send where each equipment sends what its partition takes; limits beyond that are never met.
func (f scaledFleet) most() float64 { return float64(f.equipments) * partitionWrites }

// limitsInOrder tells for each fleet which limit comes first and which then, by the table.
func limitsInOrder() string {
	var b strings.Builder
	for _, f := range scaledFleets() {
		var met []limit
		for _, l := range limits() {
			if l.brief != "" && l.at(f) <= f.most() {
				met = append(met, l)
			}
		}
		slices.SortStableFunc(met, func(a, b limit) int { return cmp.Compare(a.at(f), b.at(f)) })
		var names []string
		for _, l := range met {
			names = append(names, fmt.Sprintf("%s (%s)", l.brief, grouped(rounded(l.at(f)))))
		}
		fmt.Fprintf(&b, "- %s: %s.\n", f.name, strings.Join(names, ", "))
	}
	return b.String()
}

func limitsTable() string {
	var b strings.Builder
	b.WriteString("| readings a second of all regions together |")
	for _, f := range scaledFleets() {
		fmt.Fprintf(&b, " %s |", f.name)
	}
	b.WriteString(" what moves it |\n|" + strings.Repeat(" --- |", len(scaledFleets())+2) + "\n")
	for _, l := range limits() {
		fmt.Fprintf(&b, "| %s |", l.what)
		for _, f := range scaledFleets() {
			at := l.at(f)
			if at > f.most() {
				fmt.Fprintf(&b, " beyond %s |", grouped(f.most()))
				continue
			}
			fmt.Fprintf(&b, " %s |", grouped(rounded(at)))
		}
		fmt.Fprintf(&b, " %s |\n", l.moves)
	}
	return b.String()
}

// rounded has two digits that mean something.
func rounded(n float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(n))-1)
	return math.Round(n/step) * step
}
