package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	region = "eu-west-1"
	other  = "us-east-1"
)

var (
	theHour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

	binary, endpoint string
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "aggregates")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "aggregates")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the command: %w\n%s", err, out)
	}
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	endpoint = server.Endpoint
	return m.Run(), nil
}

// service is a region's tables, and where the command runs.
type service struct {
	client               *dynamodb.Client
	readings, aggregates string
	dir                  string
	adopted, retention   string
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{dir: t.TempDir(), client: dynamo.NewClient(aws.Config{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})}
	name := fmt.Sprintf("%d", time.Now().UnixNano())
	s.readings, s.aggregates = name+"-readings", name+"-aggregates"
	for table, definition := range map[string]contract.Table{s.readings: contract.ReadingsTable(), s.aggregates: contract.AggregatesTable()} {
		if err := dynamolocal.CreateTable(t.Context(), s.client, table, definition); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func s(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }
func n(text string) types.AttributeValue { return &types.AttributeValueMemberN{Value: text} }

// put stores a reading as the service of a region does. Nobody processes the stream.
func (v *service) put(t *testing.T, from, id string, at time.Time, value string) {
	t.Helper()
	if _, err := v.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &v.readings, Item: map[string]types.AttributeValue{
		contract.AttrEquipmentID: s(id), contract.AttrTimestamp: s(reading.FormatTimestamp(at)), contract.AttrValue: n(value),
		contract.AttrRegion: s(from),
	}}); err != nil {
		t.Fatal(err)
	}
}

// plant changes an item of the aggregates behind everybody's back.
func (v *service) plant(t *testing.T, partition, sort, update string, values map[string]types.AttributeValue) {
	t.Helper()
	if _, err := v.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &v.aggregates, UpdateExpression: &update, ExpressionAttributeValues: values,
		ConditionExpression: aws.String("attribute_exists(equipmentId)"),
		Key:                 map[string]types.AttributeValue{contract.AttrEquipmentID: s(partition), contract.AttrInterval: s(sort)},
	}); err != nil {
		t.Fatal(err)
	}
}

func (v *service) remove(t *testing.T, partition, sort string) {
	t.Helper()
	if _, err := v.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &v.aggregates, ReturnValues: types.ReturnValueAllOld,
		Key: map[string]types.AttributeValue{contract.AttrEquipmentID: s(partition), contract.AttrInterval: s(sort)},
	}); err != nil {
		t.Fatal(err)
	}
}

// run runs the real command and returns its status and output.
func (v *service) run(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = v.dir
	cmd.Env = []string{
		contract.EnvRegion + "=" + region, contract.EnvReadingsTable + "=" + v.readings, contract.EnvAggregatesTable + "=" + v.aggregates,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, contract.EnvAdoptedRegions + "=" + v.adopted,
		contract.EnvRetention + "=" + v.retention,
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	_ = cmd.Run() // the status tells
	return cmd.ProcessState.ExitCode(), output.String()
}

// want runs the command and compares its status.
func (v *service) want(t *testing.T, status int, args ...string) string {
	t.Helper()
	if args[0] == "audit" {
		args = append([]string{"audit", "-settle", "20ms"}, args[1:]...)
	}
	got, out := v.run(t, args...)
	if got != status {
		t.Fatalf("%v ended with status %d, want %d:\n%s", args, got, status, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if told := strings.HasPrefix(lines[len(lines)-1], fmt.Sprintf("aggregates: status %d: ", status)); told != (status != statusRight) {
		t.Errorf("%v ended with status %d, and its last line is %q", args, status, lines[len(lines)-1])
	}
	return out
}

// items are all items of a table, by their keys.
func (v *service) items(t *testing.T, table string) map[string]map[string]types.AttributeValue {
	t.Helper()
	all := map[string]map[string]types.AttributeValue{}
	pages := dynamodb.NewScanPaginator(v.client, &dynamodb.ScanInput{TableName: &table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			sort := item[contract.AttrTimestamp]
			if sort == nil {
				sort = item[contract.AttrInterval]
			}
			all[text(item[contract.AttrEquipmentID])+" "+text(sort)] = item
		}
	}
	return all
}

func text(v types.AttributeValue) string {
	t, _ := v.(*types.AttributeValueMemberS)
	return t.Value
}

func number(t *testing.T, v types.AttributeValue) reading.Decimal {
	t.Helper()
	of, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return reading.Decimal{}
	}
	d, err := reading.ParseDecimal(of.Value)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sumOf(t *testing.T, item map[string]types.AttributeValue, count, integer, fraction string) aggregate.Sum {
	t.Helper()
	c, _ := strconv.ParseInt(number(t, item[count]).String(), 10, 64)
	return aggregate.Sum{Count: c, Total: reading.Total{Integer: number(t, item[integer]), Fraction: number(t, item[fraction])}}
}

// wantExact adds everything up once more, by itself: rows and fleet of the region must be what a scan of the readings gives.
func (v *service) wantExact(t *testing.T) {
	t.Helper()
	v.wantExactBut(t, other)
}

// wantExactBut leaves out what is of a region.
func (v *service) wantExactBut(t *testing.T, other string) {
	t.Helper()
	type sums map[string]aggregate.Sum
	rows, fleet, gotRows, gotFleet := sums{}, sums{}, sums{}, sums{}
	for _, item := range v.items(t, v.readings) {
		at, err := reading.ParseTimestamp(text(item[contract.AttrTimestamp]))
		if err != nil {
			t.Fatal(err)
		}
		sum, of := aggregate.SumOf(number(t, item[contract.AttrValue])), "#"+text(item[contract.AttrRegion])
		row := text(item[contract.AttrEquipmentID]) + " " + reading.FormatHour(at) + of
		rows[row] = rows[row].Add(sum)
		slice := fmt.Sprintf("%s slice %d", row, at.Minute()/5)
		rows[slice] = rows[slice].Add(sum)
		for _, key := range []string{"D#" + reading.FormatDay(at), "H#" + reading.FormatHour(at), "S#" + reading.FormatMinute(at.Truncate(contract.SliceLength))} {
			fleet[key+of] = fleet[key+of].Add(sum)
		}
	}
	for key, item := range v.items(t, v.aggregates) {
		sum := sumOf(t, item, contract.AttrSampleCount, contract.AttrTotalInteger, contract.AttrTotalFraction)
		partition, sort, _ := strings.Cut(key, " ")
		switch {
		case strings.HasPrefix(partition, contract.FleetPartitionPrefix):
			gotFleet[sort] = gotFleet[sort].Add(sum)
		case !strings.Contains(partition, "#"):
			gotRows[key] = sum
			for i := range contract.SlicesPerHour {
				gotRows[fmt.Sprintf("%s slice %d", key, i)] = sumOf(t, item, contract.SliceAttribute(contract.AttrSliceCount, i),
					contract.SliceAttribute(contract.AttrSliceInteger, i), contract.SliceAttribute(contract.AttrSliceFraction, i))
			}
		}
	}
	for _, pair := range [][2]sums{{rows, gotRows}, {fleet, gotFleet}} {
		for key, want := range pair[0] {
			isOther := other != "" && (strings.HasSuffix(key, other) || strings.Contains(key, other+" slice"))
			if !isOther && pair[1][key] != want {
				t.Errorf("%s: got %v, want %v", key, pair[1][key], want)
			}
		}
		for key, got := range pair[1] {
			if _, known := pair[0][key]; !known && !got.IsZero() {
				t.Errorf("%s: got %v, want nothing", key, got)
			}
		}
	}
}

// fill stores a few readings of three equipments, over the end of a day, some of another region's.
func (v *service) fill(t *testing.T) {
	t.Helper()
	for _, hour := range []time.Duration{0, time.Hour, 20 * time.Hour} {
		for i := range 5 {
			for e := 1; e <= 3; e++ {
				from := region
				if e == 3 && i == 4 {
					from = other
				}
				v.put(t, from, fmt.Sprintf("EQ-%d", e), theHour.Add(hour+time.Duration(i)*7*time.Minute), fmt.Sprintf("%d.%d", i+1, e))
			}
		}
	}
}

// TestCommands_FindAndMendEachKindOfError plants an error of each kind in turn.
func TestCommands_FindAndMendEachKindOfError(t *testing.T) {
	v := newService(t)
	v.fill(t)
	v.want(t, statusRight, "repair") // there is no row at all: as after a backfill
	v.wantExact(t)
	v.want(t, statusRight, "audit")

	const row = "2026-03-01T08#" + region
	add := func(attributes ...string) (string, map[string]types.AttributeValue) {
		return "ADD " + strings.Join(attributes, " :n, ") + " :n", map[string]types.AttributeValue{":n": n("5")}
	}
	for _, c := range []struct {
		name  string
		plant func()
		says  []string
	}{
		{"row too high", func() {
			update, values := add("n1", "i1", contract.AttrSampleCount, contract.AttrTotalInteger)
			v.plant(t, "EQ-1", row, update, values)
		}, []string{"differs: row of EQ-1, 2026-03-01T08:05 to 08:10 in eu-west-1: it holds 6 readings, total 7.1, 2.1 to 2.1; its readings give 1 readings, total 2.1"}},
		{"row too low", func() {
			v.plant(t, "EQ-2", row, "ADD n0 :n, sampleCount :n", map[string]types.AttributeValue{":n": n("-1")})
		}, []string{"differs: row of EQ-2, 2026-03-01T08:00 to 08:05 in eu-west-1: it holds 0 readings, total 1.2"}},
		{"row missing", func() { v.remove(t, "EQ-1", row) },
			[]string{"row of EQ-1, 2026-03-01T08:00 to 08:05", "it holds 0 readings, total 0; its readings give 1 readings, total 1.1"}},
		{"equipment missing altogether", func() { v.put(t, region, "EQ-NEW", theHour.Add(30*time.Hour), "-0.5") },
			[]string{"row of EQ-NEW, 2026-03-02T14:00 to 14:05", "its readings give 1 readings, total -0.5"}},
		{"equipment missing in the list", func() {
			for shard := range contract.EquipmentShards {
				v.remove(t, contract.EquipmentPartitionPrefix+strconv.Itoa(shard), "EQ-2#"+region)
			}
		}, []string{"differs: fleet's day 2026-03-01"}},
		{"reading of a foreign region is counted", func() { v.put(t, other, "EQ-1", theHour, "1.1") },
			[]string{"row of EQ-1, 2026-03-01T08:00 to 08:05 in eu-west-1: it holds 1 readings, total 1.1, 1.1 to 1.1; its readings give 0 readings"}},
		{"smallest value", func() { v.plant(t, "EQ-1", row, "SET l1 = :n", map[string]types.AttributeValue{":n": n("-3")}) },
			[]string{"it holds 1 readings, total 2.1, -3 to 2.1; its readings give 1 readings, total 2.1, 2.1 to 2.1"}},
		{"hour that is not its slices", func() { v.plant(t, "EQ-2", row, "ADD sampleCount :n", map[string]types.AttributeValue{":n": n("2")}) },
			[]string{"row of EQ-2, hour 2026-03-01T08 in eu-west-1: it holds 7 readings", "its slices give 5 readings"}},
		{"fleet bucket", func() {
			v.plant(t, v.bucketOf(t, "H#"+row), "H#"+row, "ADD totalFraction :n", map[string]types.AttributeValue{":n": n("0.25")})
		}, []string{"fleet's hour 2026-03-01T08 in eu-west-1: the rows of the equipments give +0 readings and a total that is -0.25 more"}},
		{"day row", func() {
			day := "D#2026-03-02#" + region
			v.plant(t, v.bucketOf(t, day), day, "ADD sampleCount :n", map[string]types.AttributeValue{":n": n("100")})
		}, []string{"fleet's day 2026-03-02 in eu-west-1: the rows of the equipments give -100 readings"}},
		{"fleet row missing", func() {
			slice := "S#2026-03-01T08:05#" + region
			for bucket := range contract.FleetBucketsDefault {
				v.remove(t, contract.FleetPartitionPrefix+strconv.Itoa(bucket), slice)
			}
		}, []string{"fleet's five minutes 2026-03-01T08:05 in eu-west-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plant()
			before := fmt.Sprint(len(v.items(t, v.aggregates)), v.digest(t))
			found := v.want(t, statusWrong, "audit")
			for _, says := range c.says {
				if !strings.Contains(found, says) {
					t.Errorf("it does not say %q:\n%s", says, found)
				}
			}
			if after := fmt.Sprint(len(v.items(t, v.aggregates)), v.digest(t)); after != before {
				t.Error("the audit has written something")
			}
			v.want(t, statusRight, "repair")
			v.wantExact(t)
			v.want(t, statusRight, "audit")
		})
	}
}

// TestCommands_KnowWhatThereIsNot holds that a name that is wrong does not look as if everything was right.
func TestCommands_KnowWhatThereIsNot(t *testing.T) {
	v := newService(t)
	v.fill(t)
	v.want(t, statusRight, "repair", "-equipment", "EQ-1")
	v.want(t, statusRight, "audit", "-equipment", "EQ-1")
	for _, args := range [][]string{
		{"audit", "-equipment", "NOPE"}, {"repair", "-equipment", "NOPE"}, {"audit", "-equipment", "NOPE", "-sample", "10"},
		{"audit", "-equipment", "EQ-1", "-from", "2020-01-01T00", "-to", "2020-01-02T00"},
	} {
		if said := v.want(t, statusUsage, args...); !strings.Contains(said, "there are neither rows nor readings of "+args[2]+" in "+region) {
			t.Errorf("%v says\n%s", args, said)
		}
	}
}

// A sample has as many different rows as are asked for, or all: of these nine the one that is wrong is always among 200.
func TestAudit_SamplesDifferentRows(t *testing.T) {
	v := newService(t)
	v.fill(t)
	v.want(t, statusRight, "repair")
	sample := func(status, rows int) string {
		t.Helper()
		return v.want(t, status, "audit", "-sample", strconv.Itoa(rows), "-from", "2026-03-01T00", "-to", "2026-03-03T00")
	}
	if said := sample(statusRight, 200); !strings.Contains(said, "compared 9 rows of 3 equipments and 2 days of the fleet") {
		t.Error(said)
	}
	if said := sample(statusRight, 4); !strings.Contains(said, "compared 4 rows of ") {
		t.Error(said)
	}
	v.plant(t, "EQ-2", "2026-03-01T08#"+region, "ADD n0 :n, sampleCount :n", map[string]types.AttributeValue{":n": n("-1")})
	if said := sample(statusWrong, 200); !strings.Contains(said, "differs: row of EQ-2, 2026-03-01T08:00 to 08:05") || !strings.Contains(said, "1 differ;") {
		t.Error(said)
	}
}

// bucketOf is the partition of a fleet row.
func (v *service) bucketOf(t *testing.T, sort string) string {
	t.Helper()
	for key := range v.items(t, v.aggregates) {
		if partition, at, _ := strings.Cut(key, " "); at == sort {
			return partition
		}
	}
	t.Fatalf("no bucket has %s", sort)
	return ""
}

// digest is everything that the aggregates hold.
func (v *service) digest(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	items := v.items(t, v.aggregates)
	for _, key := range sortedKeys(items) {
		fmt.Fprint(&b, key)
		for _, name := range sortedKeys(items[key]) {
			fmt.Fprintf(&b, " %s=%+v", name, items[key][name])
		}
	}
	return b.String()
}

func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
