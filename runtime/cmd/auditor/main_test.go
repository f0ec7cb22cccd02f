package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

const here, left = "eu-west-1", "us-east-1"

var (
	now      = time.Now().UTC()
	endpoint string
)

func TestMain(m *testing.M) {
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	endpoint = server.Endpoint
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// region is a region with tables, readings and aggregates that are right.
type region struct {
	client *dynamodb.Client
	config.Aggregator
	aws aws.Config
}

func newRegion(t *testing.T) *region {
	t.Helper()
	cfg := aws.Config{Region: here, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	r := &region{client: dynamo.NewClient(cfg), aws: cfg}
	name := fmt.Sprint(time.Now().UnixNano())
	r.Aggregator = config.Aggregator{
		Region: here, ReadingsTable: name + "-readings", AggregatesTable: name + "-aggregates", IndexShards: 2, FleetBuckets: 2, Adopted: []string{left},
	}
	for table, definition := range map[string]contract.Table{r.ReadingsTable: contract.ReadingsTable(), r.AggregatesTable: contract.AggregatesTable()} {
		if err := dynamolocal.CreateTable(t.Context(), r.client, table, definition); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		r.store(t, fmt.Sprintf("EQ-%d", i%2), now.Add(-time.Duration(i)*time.Hour))
	}
	table := r.table()
	restated, err := repair.NewSweep(table, r.rows(table), r.fleet(table), repair.Options{FleetBuckets: 2}).Repair(t.Context(), repair.Begin(repair.Everything(here)))
	if err != nil || restated.Mended == 0 {
		t.Fatalf("%+v, %v", restated, err)
	}
	return r
}

func (r *region) table() *dynamo.Finder {
	return dynamo.NewFinder(r.client, r.ReadingsTable, r.AggregatesTable, r.IndexShards)
}

func (r *region) rows(table *dynamo.Finder) *aggregate.Aggregator {
	return aggregate.NewAggregator(table, here, aggregate.AggregatorOptions{FleetBuckets: r.FleetBuckets})
}

func (r *region) fleet(table *dynamo.Finder) *aggregate.FleetRestater {
	return aggregate.NewFleetRestater(table, r.FleetBuckets)
}

func s(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

// store stores a reading as the API does. Nobody processes the stream.
func (r *region) store(t *testing.T, id string, at time.Time) {
	t.Helper()
	if _, err := r.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &r.ReadingsTable, Item: map[string]types.AttributeValue{
		contract.AttrEquipmentID: s(id), contract.AttrTimestamp: s(reading.FormatTimestamp(at)),
		contract.AttrValue: &types.AttributeValueMemberN{Value: "0.1"}, contract.AttrRegion: s(here),
	}}); err != nil {
		t.Fatal(err)
	}
}

func TestAuditor_FindsAllRight(t *testing.T) {
	r := newRegion(t)
	r.Adopted = nil
	var logs bytes.Buffer
	out, err := build(r.Aggregator, r.aws, &logs)(t.Context(), json.RawMessage(`{}`))
	var told repair.Tally
	if err != nil || json.Unmarshal(out, &told) != nil || told.Rows != 6 || told.Equipments != 2 || told.FleetDays != 2 || told.Different != 0 {
		t.Errorf("answered %s, %v", out, err)
	}
	all := lines(t, &logs)
	if len(all) != 1 || all[0]["msg"] != contract.AuditMessage || all[0][contract.AuditDifferent] != 0.0 || all[0]["read_units"].(float64) < 6 {
		t.Errorf("logged %v", all)
	}
}

// The function as it is deployed, but for the two minutes that it waits before a second look.
func TestAuditor_FindsARowThatIsMissing(t *testing.T) {
	r := newRegion(t)
	r.store(t, "EQ-NEW", now.Add(-3*time.Hour))
	var logs bytes.Buffer
	table := r.table()
	h := &handler{
		regions: []string{here}, draw: func(int) int { return 0 }, now: time.Now, fleet: r.fleet(table),
		readUnits: func() float64 { return 0 }, log: config.NewLogger(&logs, r.LogLevel),
		sweep: func(report func(repair.Finding)) sampler {
			return repair.NewSweep(table, r.rows(table), r.fleet(table), repair.Options{FleetBuckets: 2, Settle: time.Millisecond, Report: report})
		},
	}
	out, err := h.handle(t.Context(), nil)
	if err != nil || !strings.Contains(string(out), `"different":1`) {
		t.Errorf("answered %s, %v", out, err)
	}
	all := lines(t, &logs)
	if len(all) != 2 || !strings.Contains(fmt.Sprint(all[0]["finding"]), "differs: row of EQ-NEW") || all[1][contract.AuditDifferent] != 1.0 {
		t.Errorf("logged %v", all)
	}
}

// A table that is not there makes the invocation fail, and its alarm on failures sound.
func TestAuditor_FailsWithoutItsTable(t *testing.T) {
	r := newRegion(t)
	r.ReadingsTable += "-gone"
	var logs bytes.Buffer
	if out, err := build(r.Aggregator, r.aws, &logs)(t.Context(), nil); err == nil || out != nil {
		t.Errorf("answered %s, %v", out, err)
	}
	if all := lines(t, &logs); all[len(all)-1]["level"] != "ERROR" {
		t.Errorf("logged %v", all)
	}
}
