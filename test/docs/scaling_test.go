package docs_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/infra/pricing"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

const scaleRegions = 3

// TestScaling_FollowsFromWhatWasMeasured makes the tables of runtime/SCALING.md of the figures that test/bench/RESULTS.md gives, of the
// code's constants, and of the arithmetic of `make cost`. `make bench PUBLISH=yes` has it write them anew.
func TestScaling_FollowsFromWhatWasMeasured(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "runtime", "SCALING.md"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := os.ReadFile(filepath.Join("..", "bench", "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	m, has := measured(t, string(results))
	pieces := 0
	got := fill(t, string(text), func(t *testing.T, words []string) string {
		pieces++
		switch words[0] {
		case "measured":
			return taken(t, string(results)) + "\n\n" + measuredTable(m, has)
		case "fleets":
			return fleetsTable(m, has)
		case "limits":
			return limitsTable()
		case "order":
			return limitsInOrder()
		case "records":
			return records(m, has)
		case "designs":
			return designsTable(m, has)
		}
		t.Errorf("the page wants %q, which nobody makes", words)
		return ""
	})
	if pieces != 6 {
		t.Errorf("%d pieces of the page are generated", pieces)
	}
	cdktest.Golden(t, filepath.Join("..", "..", "..", "runtime", "SCALING.md"), got)
}

// figure is one of a benchmark's results that the page reckons with.
type figure struct{ name, what, benchmark string }

func figures() []figure {
	return []figure{
		{"post_cpu_service", "µs of CPU for a `POST /sensor-data`, at 5,000 a second offered", "post"},
		{"post_cpu_putitem", "the same of a plain handler with one `PutItem` a request", "post"},
		{"batch_readings_per_core", "readings for a CPU second, in batches", "batch"},
		{"post_readings_per_call", "of its readings share a call to DynamoDB, at that rate", "post"},
		{"aggregate_records_per_core", "stream records for a CPU second of the aggregator, 5,000 a batch of 100 equipments", "aggregate"},
		{"aggregate_records_per_core_1000", "the same of 1,000 equipments", "aggregate"},
		{aggregatorFigure(1_000_000), "the same with the batches of the fleets of 1,000,000 equipments below", "aggregate"},
		{aggregatorFigure(10_000), "… and with those of the fleet of 10,000", "aggregate"},
		{"csv_rows_per_core", "rows of a file for a CPU second of the CSV processor", "csv"},
	}
}

// aggregatorFigure is the figure of the aggregator with the batches of a fleet of the page: how many records a batch has, and how many of
// them are of one equipment, decides what a record costs. Figures of other batches tell nothing of it.
func aggregatorFigure(equipments int) string {
	return fmt.Sprintf("aggregate_records_per_core_fleet_%d", equipments)
}

// measuredTable leaves out what the published run did not measure yet.
func measuredTable(m func(name string) float64, has func(name string) bool) string {
	var b strings.Builder
	b.WriteString("| figure | value | what | benchmark |\n| --- | --- | --- | --- |\n")
	for _, f := range figures() {
		if !has(f.name) {
			continue
		}
		value := strconv.FormatFloat(m(f.name), 'f', -1, 64)
		if m(f.name) >= 1000 {
			value = grouped(m(f.name))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", f.name, value, f.what, f.benchmark)
	}
	return b.String()
}

// taken is what the results say of when and where they were.
func taken(t *testing.T, results string) string {
	t.Helper()
	for line := range strings.Lines(results) {
		if strings.HasPrefix(line, "Measured on ") {
			return strings.TrimSpace(line)
		}
	}
	t.Error("the results do not say where they were measured")
	return ""
}

var measuredLine = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([0-9.,]+) \\|")

// measured are the figures of a benchmark's results, and whether there is one.
func measured(t *testing.T, text string) (of func(name string) float64, has func(name string) bool) {
	t.Helper()
	found := map[string]float64{}
	for _, line := range measuredLine.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(strings.ReplaceAll(line[2], ",", ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		found[line[1]] = n
	}
	of = func(name string) float64 {
		if found[name] == 0 {
			t.Errorf("the results do not say what %s was measured as", name)
		}
		return found[name]
	}
	return of, func(name string) bool { return found[name] != 0 }
}

// scaledFleet sends a million readings a second in all, evenly.
type scaledFleet struct {
	name       string
	equipments int
	perRequest int
}

func scaledFleets() []scaledFleet {
	return []scaledFleet{
		{"1,000,000 equipments, one reading a request", 1_000_000, 1},
		{"1,000,000 equipments, 25 readings a request", 1_000_000, 25},
		{"10,000 equipments, 25 readings a request", 10_000, 25},
	}
}

const scaledRate = 1_000_000.0

func (f scaledFleet) usage(rate float64) pricing.Usage {
	return pricing.Usage{ReadingsPerSecond: rate, ReadingsPerRequest: f.perRequest, Equipments: f.equipments}
}

// load is what a fleet asks of the aggregates, all regions together and a second.
type scaledLoad struct {
	pricing.Stream
	rowUpdates, units, transactions float64
}

func (f scaledFleet) load(rate float64) scaledLoad {
	s := f.usage(rate).Stream(scaleRegions, contract.AggregationWindowDefault.Seconds())
	writes, _ := pricing.AggregateUnits(s.Equipments)
	all := scaleRegions * s.Batches
	const fleetRows = 3
	return scaledLoad{s, all * s.Equipments, all * writes, all * math.Ceil(s.Equipments/(contract.TransactionItemsMax-fleetRows))}
}

// fleetUnits is what a transaction writes to its bucket of the fleet's rows.
const fleetUnits = 6

// tasks is how many tasks a region needs for a rate of its own, by CPU. A request of several readings was not measured: it is taken as the
// request of one, and what each further reading costs in a batch of a thousand. Such a batch alone would say too little, since a
// thousand readings share what its request costs.
func (f scaledFleet) tasks(m func(string) float64, rate float64) float64 {
	further := float64(f.perRequest - 1)
	return tasksOf((m("post_cpu_service") + further*1e6/m("batch_readings_per_core")) / float64(f.perRequest) * rate)
}

// tasksOf is how many tasks use so many microseconds of CPU a second, each as much as the scaling wants it to.
func tasksOf(microseconds float64) float64 {
	return math.Ceil(microseconds / 1e6 / (taskCPU * apiservice.CpuTargetPercentDefault / 100))
}

// taskCPU is what a task has, in cores.
const taskCPU = float64(contract.TaskCPUDefault) / 1024

// tasksAre says what is counted.
func tasksAre() string {
	return fmt.Sprintf("of %g vCPU each, used to %d %%", taskCPU, apiservice.CpuTargetPercentDefault)
}

// perMillion is what a million readings cost, by the arithmetic of `make cost`.
func (f scaledFleet) perMillion() pricing.Estimate {
	return pricing.NewEstimate(pricing.Of(scaledStacks()), f.usage(scaledRate))
}

// scaledStacks are the parts of three regions that readings cost something in.
func scaledStacks() (stacks []pricing.Stack) {
	resource := func(kind string, p pricing.Properties) pricing.Resource {
		return pricing.Resource{Type: kind, Properties: p}
	}
	names := []string{"eu-central-1", "eu-west-1", "us-east-1"}
	var replicas []any
	for _, name := range names {
		replicas = append(replicas, map[string]any{"Region": name})
	}
	stacks = append(stacks, pricing.Stack{Name: "state", Region: names[0], Resources: map[string]pricing.Resource{
		"Readings": resource("AWS::DynamoDB::GlobalTable", pricing.Properties{"TableName": "SensorFlow-Readings", "Replicas": replicas}),
		"Pool":     resource("AWS::Cognito::UserPool", nil),
	}})
	for _, name := range names {
		stacks = append(stacks, pricing.Stack{Name: "app-" + name, Region: name, Resources: map[string]pricing.Resource{
			"Target": resource("AWS::ApplicationAutoScaling::ScalableTarget", pricing.Properties{
				"ServiceNamespace": "ecs", "MinCapacity": float64(contract.TasksMinDefault),
			}),
			"Task": resource("AWS::ECS::TaskDefinition", pricing.Properties{
				"Cpu": strconv.Itoa(contract.TaskCPUDefault), "Memory": strconv.Itoa(contract.TaskMemoryMiBDefault),
			}),
			"Aggregator": resource("AWS::Lambda::Function", pricing.Properties{"MemorySize": 1024.0}),
			"Source": resource("AWS::Lambda::EventSourceMapping", pricing.Properties{
				"StartingPosition": "TRIM_HORIZON", "FunctionName": map[string]any{"Ref": "Aggregator"},
				"MaximumBatchingWindowInSeconds": contract.AggregationWindowDefault.Seconds(),
			}),
		}})
	}
	return stacks
}

func fleetsTable(m func(string) float64, has func(string) bool) string {
	var b strings.Builder
	b.WriteString("| a million readings a second over three regions |")
	rows := []struct {
		what string
		of   func(f scaledFleet) string
	}{
		{"tasks in each region, by CPU, " + tasksAre(), func(f scaledFleet) string { return grouped(f.tasks(m, scaledRate/scaleRegions)) }},
		{"requests a second in each region", func(f scaledFleet) string { return grouped(scaledRate / scaleRegions / float64(f.perRequest)) }},
		{"partitions of the readings, and shards of their stream, in each region", func(f scaledFleet) string { return grouped(f.load(scaledRate).Shards) }},
		{"write units a second of the readings, in each region", func(scaledFleet) string { return grouped(scaledRate) }},
		{"row updates a second of the aggregates", func(f scaledFleet) string { return grouped(f.load(scaledRate).rowUpdates) }},
		{"… partitions of their index", func(f scaledFleet) string { return grouped(math.Ceil(f.load(scaledRate).rowUpdates / partitionWrites)) }},
		{"… write units a second, in each region", func(f scaledFleet) string { return grouped(f.load(scaledRate).units) }},
		{"… write units a reading", func(f scaledFleet) string { return fmt.Sprintf("%.2f", f.load(scaledRate).units/scaledRate) }},
		{"… transactions a second, each of 6 units in a bucket", func(f scaledFleet) string { return grouped(f.load(scaledRate).transactions) }},
		{"… buckets", func(f scaledFleet) string {
			return grouped(math.Ceil(f.load(scaledRate).transactions * fleetUnits / partitionWrites))
		}},
		{"records a batch of the stream, and different equipments in it", func(f scaledFleet) string {
			of := f.load(scaledRate)
			return grouped(scaledRate/scaleRegions/of.Batches) + ", " + grouped(of.Equipments)
		}},
		{"cores of the aggregators, in each region", func(f scaledFleet) string {
			if !has(aggregatorFigure(f.equipments)) {
				return ""
			}
			return grouped(math.Ceil(scaledRate / scaleRegions / m(aggregatorFigure(f.equipments))))
		}},
		{"cost of a million readings: the readings' table", func(f scaledFleet) string { return f.line("readings:") }},
		{"… the aggregates' table", func(f scaledFleet) string { return f.line("aggregates:") }},
		{"… the aggregators, 50 ms a batch assumed", func(f scaledFleet) string { return f.line("aggregator") }},
		{"… the tasks", func(f scaledFleet) string { return f.taskCost(m) }},
	}
	for _, f := range scaledFleets() {
		fmt.Fprintf(&b, " %s |", f.name)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(scaledFleets())+1) + "\n")
	for _, row := range rows {
		if row.of(scaledFleets()[0]) == "" {
			continue // it rests on a figure that was not measured yet
		}
		fmt.Fprintf(&b, "| %s |", row.what)
		for _, f := range scaledFleets() {
			fmt.Fprintf(&b, " %s |", row.of(f))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// line is what a line of the estimate comes to for a million readings.
func (f scaledFleet) line(begins string) string {
	e := f.perMillion()
	at := slices.IndexFunc(e.WithReadings, func(l pricing.Line) bool { return strings.HasPrefix(l.What, begins) })
	return fmt.Sprintf("$%.3f", e.WithReadings[at].All()/(scaledRate*month.Seconds()/1e6))
}

const month = 730 * time.Hour

// taskCost is what the tasks of all regions cost for a million readings.
func (f scaledFleet) taskCost(m func(string) float64) string {
	hour := taskCPU*price("Fargate, ARM, vCPU") + float64(contract.TaskMemoryMiBDefault)/1024*price("Fargate, ARM, GB of memory")
	return fmt.Sprintf("$%.3f", scaleRegions*f.tasks(m, scaledRate/scaleRegions)*hour/(scaledRate*3600/1e6))
}

func price(name string) float64 {
	at := slices.IndexFunc(pricing.Prices(), func(p pricing.Price) bool { return p.Name == name })
	return pricing.Prices()[at].USD
}

// records says what a record costs the aggregator in a fleet whose batches have hardly two of an equipment.
func records(m func(string) float64, has func(string) bool) string {
	const begins = "A record of the batches of a fleet of a million, with hardly two of an equipment, "
	scattered := aggregatorFigure(1_000_000)
	if !has(scattered) {
		return begins + "costs more than one of full batches of few equipments. How much more the published run did not measure."
	}
	return begins + fmt.Sprintf("costs %.0f times as much CPU as one of the full batches of 100 equipments.", m("aggregate_records_per_core")/m(scattered))
}

// designsTable sets other designs beside this one, for the first fleet.
func designsTable(m func(string) float64, has func(string) bool) string {
	f := scaledFleets()[0]
	few := scaledFleets()[2]
	few.perRequest = 1
	dollars := func(unitsAReading float64) string {
		return fmt.Sprintf("$%.2f", unitsAReading*scaleRegions*price("write unit, replicated or not")*1e6)
	}
	tasks := func(microseconds float64) string { return grouped(tasksOf(scaledRate / scaleRegions * microseconds)) }
	ours := func(f scaledFleet) float64 { return f.load(scaledRate).units / scaledRate }
	var b strings.Builder
	b.WriteString("| one reading a request | this design | one PutItem a request | the seed, as assumed: an update a reading |\n| --- | --- | --- | --- |\n")
	row := func(what string, cells ...string) { fmt.Fprintf(&b, "| %s | %s |\n", what, strings.Join(cells, " | ")) }
	calls := fmt.Sprintf("%.2f where calls are full, by batches or by much load", 1.0/contract.BatchStatementsMax)
	if has("post_readings_per_call") {
		calls += fmt.Sprintf("; %.2f at 5,000 single readings a second", 1/m("post_readings_per_call"))
	}
	row("calls to DynamoDB for a reading", calls, "1", "2, one of them by the stream's function")
	row("CPU of a request, µs", fmt.Sprintf("%.0f", m("post_cpu_service")), fmt.Sprintf("%.0f", m("post_cpu_putitem")), "the same as PutItem's, at least")
	row("tasks in each region, a million readings a second", tasks(m("post_cpu_service")), tasks(m("post_cpu_putitem")), tasks(m("post_cpu_putitem")))
	row("write units of the aggregates for a reading: 1,000,000 equipments", fmt.Sprintf("%.2f", ours(f)), "as this design", "2: the row and its entry in the index")
	row("… 10,000 equipments", fmt.Sprintf("%.2f", ours(few)), "as this design", "2")
	row("cost of the write units alone of a million readings, both tables: 1,000,000 equipments", dollars(1+ours(f)), dollars(1+ours(f)), dollars(3))
	row("… 10,000 equipments", dollars(1+ours(few)), dollars(1+ours(few)), dollars(3))
	row("readings a second of one equipment", grouped(partitionWrites), grouped(partitionWrites), grouped(partitionWrites)+", of its readings and of its row")
	row("readings a second in all, by the index", "see above", "see above", grouped(partitionWrites)+": one partition for all equipments")
	row("after a retry, a correction or a failover", "exact", "exact", "counted again")
	return b.String()
}

// grouped writes a whole number with its thousands apart.
func grouped(n float64) string {
	text := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
