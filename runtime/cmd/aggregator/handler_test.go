package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/aggregatetest"
)

const (
	region    = "eu-west-1"
	timestamp = "2026-03-01T08:30:00.000000000Z"
)

var theHour = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// stored is an image as Lambda passes it on; an empty value is no number.
func stored(id, when, value string) string {
	number := `{"N":"` + value + `"}`
	if value == "" {
		number = `{"S":"none"}`
	}
	return fmt.Sprintf(`{"equipmentId":{"S":%q},"timestamp":{"S":%q},"value":%s,"region":{"S":%q},"id":{"S":"x"}}`, id, when, number, region)
}

func record(sequence, before, after string) json.RawMessage {
	change := fmt.Sprintf(`"SequenceNumber":%q,"ApproximateCreationDateTime":1772354000`, sequence)
	if before != "" {
		change += `,"OldImage":` + before
	}
	if after != "" {
		change += `,"NewImage":` + after
	}
	return json.RawMessage(`{"eventID":"1","eventName":"MODIFY","awsRegion":"eu-west-1","dynamodb":{` + change + `}}`)
}

// eventOf is an event as Lambda gives it to the function.
func eventOf(records ...json.RawMessage) function.Payload {
	event := []byte(`{"Records":[`)
	for i, r := range records {
		if i > 0 {
			event = append(event, ',')
		}
		event = append(event, r...)
	}
	return append(event, "]}"...)
}

type handlerFixture struct {
	*handler
	table *aggregatetest.Memory
	log   *bytes.Buffer
}

func newHandler() handlerFixture {
	f := handlerFixture{table: aggregatetest.NewMemory(1), log: &bytes.Buffer{}}
	now := func() time.Time { return theHour.Add(40 * time.Minute) }
	f.handler = &handler{
		aggregator: aggregate.NewAggregator(f.table, region, aggregate.AggregatorOptions{Now: now}),
		now:        now, log: slog.New(slog.NewJSONHandler(f.log, nil)),
	}
	return f
}

// failed handles records and returns the sequence numbers that go back.
func (f handlerFixture) failed(t *testing.T, records ...json.RawMessage) []string {
	t.Helper()
	out, err := f.handle(t.Context(), eventOf(records...))
	if err != nil {
		t.Fatal(err)
	}
	sequences := []string{}
	for _, failure := range out.BatchItemFailures {
		sequences = append(sequences, failure.ItemIdentifier)
	}
	return sequences
}

func (f handlerFixture) wantSum(t *testing.T, id string, values ...string) {
	t.Helper()
	var want aggregate.Sum
	for _, text := range values {
		v, err := reading.ParseValue(text)
		if err != nil {
			t.Fatal(err)
		}
		want = want.Add(aggregate.SumOf(v))
	}
	key := aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: theHour, Region: region}
	if got := f.table.Rows()[key].Sum; got != want {
		t.Errorf("%s: got %v, want %v", id, got, want)
	}
}

func TestHandle_APoisonedRecordDoesNotHideTheGoodOnes(t *testing.T) {
	f := newHandler()
	got := f.failed(t,
		record("1000", "", stored("A", timestamp, "1.5")),
		record("999", "", stored("B", timestamp, "")), // no number
		record("1001", "", ""),                        // no image
		record("88", "", stored("A B", timestamp, "1")),
		record("1002", "", stored("C", "2026-03-01T08:30:00Z", "1")),                 // not as it is stored
		json.RawMessage(`{"dynamodb":{"SequenceNumber":"77","NewImage":"damaged"}}`), // no record
		record("1003", "", stored("D", timestamp, "1e28")),
		record("1004", "", stored("E", timestamp, "999999999999999999999999999")),
	)
	if want := []string{"77", "88", "999", "1001", "1002", "1003"}; !slices.Equal(got, want) {
		t.Errorf("failed %v, want %v: the smallest first", got, want)
	}
	f.wantSum(t, "A", "1.5")
	f.wantSum(t, "E", "999999999999999999999999999")
	if n := strings.Count(f.log.String(), "record can never be applied"); n != 6 {
		t.Errorf("%d records were reported:\n%s", n, f.log)
	}
}

func TestHandle_AnswersAnEmptyListForSuccess(t *testing.T) {
	f := newHandler()
	for name, records := range map[string][]json.RawMessage{"none": nil, "one": {record("1", "", stored("A", timestamp, "1"))}} {
		out, err := f.handle(t.Context(), eventOf(records...))
		text, _ := json.Marshal(out)
		if err != nil || string(text) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: got %s, %v", name, text, err)
		}
	}
}

func TestHandle_FailsTheBatchForARecordWithoutASequenceNumber(t *testing.T) {
	f := newHandler()
	_, err := f.handle(t.Context(), eventOf(record("", "", stored("A", timestamp, "1")), record("2", "", stored("B", timestamp, "2"))))
	if !errors.Is(err, errUnnamed) {
		t.Errorf("got %v", err)
	}
	f.wantSum(t, "B", "2")
}

// A foreign write that is no reading replaces one that was counted. Rows equal the readings before, between and after.
func TestHandle_TakesBackAReadingThatIsOverwrittenByWhatIsNone(t *testing.T) {
	f := newHandler()
	good, bad, repaired := stored("A", timestamp, "1"), stored("A", timestamp, ""), stored("A", timestamp, "2")
	if got := f.failed(t, record("1", "", good)); len(got) > 0 {
		t.Fatal(got)
	}
	for range 3 { // it comes again until it ends at the failure destination
		if got := f.failed(t, record("2", good, bad)); !slices.Equal(got, []string{"2"}) {
			t.Errorf("the damage: failed %v", got)
		}
		f.wantSum(t, "A")
	}
	v, _ := reading.ParseValue("2")
	when, _ := reading.ParseTimestamp(timestamp)
	f.table.Put(aggregate.Image{Region: region, Reading: reading.Reading{EquipmentID: "A", Timestamp: when, Value: v}})
	if got := f.failed(t, record("3", bad, repaired)); len(got) > 0 {
		t.Errorf("the repair: failed %v", got)
	}
	f.wantSum(t, "A", "2")
}

func TestHandle_TheRemovalOfWhatIsNoReadingPasses(t *testing.T) {
	f := newHandler()
	if got := f.failed(t, record("1", stored("A", timestamp, ""), ""), record("2", stored("", timestamp, "1"), "")); len(got) > 0 {
		t.Errorf("failed %v", got)
	}
	if f.table.Commits() > 0 {
		t.Error("something was written")
	}
}

// busy fails some records as a throttled table would.
type busy struct{ failed []string }

func (b busy) Process(context.Context, []aggregate.Change) (aggregate.Result, error) {
	return aggregate.Result{Failed: b.failed}, errors.New("busy")
}

func TestHandle_ReturnsEachFailureOnceInOrderOfItsNumber(t *testing.T) {
	f := newHandler()
	f.aggregator = busy{[]string{"9", "10", "100"}}
	got := f.failed(t, record("11", "", ""), record("100", stored("A", timestamp, "1"), stored("A", timestamp, "")))
	if want := []string{"9", "10", "11", "100"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !strings.Contains(f.log.String(), `"error":"busy"`) || strings.Contains(f.log.String(), timestamp) {
		t.Errorf("the log is %s", f.log)
	}
}
