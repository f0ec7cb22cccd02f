package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

// replica is a region's tables with the aggregator that takes in its stream.
type replica struct {
	*service
	region   string
	adopted  []string
	sequence int
}

// process takes changes in, as the region's function does in a new invocation.
func (r *replica) process(t *testing.T, changes ...aggregate.Change) {
	t.Helper()
	table := dynamo.NewAggregates(r.client, r.readings, r.aggregates, contract.IndexShardsDefault)
	a := aggregate.NewAggregator(table, r.region, aggregate.AggregatorOptions{Adopted: r.adopted})
	if _, err := a.Process(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

func (r *replica) key(id string, at time.Time) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{contract.AttrEquipmentID: s(id), contract.AttrTimestamp: s(reading.FormatTimestamp(at))}
}

// image is what is stored of a reading, nil for nothing.
func (r *replica) image(t *testing.T, id string, at time.Time) *aggregate.Image {
	t.Helper()
	out, err := r.client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &r.readings, Key: r.key(id, at), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Item == nil {
		return nil
	}
	return &aggregate.Image{
		Reading: reading.Reading{EquipmentID: reading.EquipmentID(id), Timestamp: at, Value: number(t, out.Item[contract.AttrValue])},
		Region:  text(out.Item[contract.AttrRegion]),
	}
}

// write stores a reading, or deletes it where there is no value, and returns the record of the region's stream.
func (r *replica) write(t *testing.T, id string, at time.Time, value string) aggregate.Change {
	t.Helper()
	r.sequence += 10
	c := aggregate.Change{Sequence: fmt.Sprint(r.sequence), Old: r.image(t, id, at)}
	if value == "" {
		if _, err := r.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &r.readings, Key: r.key(id, at)}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	r.put(t, r.region, id, at, value)
	c.New = r.image(t, id, at)
	return c
}

// receive brings items of another region's table, as they were then.
func (r *replica) receive(t *testing.T, table string, items map[string]map[string]types.AttributeValue, arrives func(key string) bool) {
	t.Helper()
	for key, item := range items {
		if !arrives(key) {
			continue
		}
		if _, err := r.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
}

func everything(string) bool { return true }

// half leaves a region's tables as they are where it was lost in the middle of things: readings of which some records were never
// processed and one was never replicated; transactions that replicated in part, one row in an older state than its fleet rows.
func half(t *testing.T, leaver, adopter *replica) {
	t.Helper()
	first := []aggregate.Change{
		leaver.write(t, "EQ-1", theHour, "1.5"), leaver.write(t, "EQ-1", theHour.Add(time.Minute), "2.5"),
		leaver.write(t, "EQ-2", theHour.Add(20*time.Minute), "10"), leaver.write(t, "EQ-3", theHour.Add(17*time.Hour), "-3"),
	}
	leaver.process(t, first...)
	before := leaver.items(t, leaver.aggregates)
	leaver.process(t, leaver.write(t, "EQ-1", theHour.Add(2*time.Minute), "100"), leaver.write(t, "EQ-2", theHour.Add(time.Hour), "20"),
		leaver.write(t, "EQ-3", theHour.Add(17*time.Hour), "-4"))
	after := leaver.items(t, leaver.aggregates)
	_ = leaver.write(t, "EQ-1", theHour.Add(6*time.Minute), "7")  // nobody will process its record
	_ = leaver.write(t, "EQ-NEW", theHour.Add(time.Hour), "1000") // nor this one: of an equipment that has no row
	_ = leaver.write(t, "EQ-2", theHour.Add(21*time.Minute), "")  // a deletion of nothing
	lost := leaver.write(t, "EQ-2", theHour.Add(2*time.Hour), "5")
	leaver.process(t, lost)
	last := leaver.items(t, leaver.aggregates)

	adopter.receive(t, adopter.readings, leaver.items(t, leaver.readings), func(key string) bool {
		return key != "EQ-2 "+reading.FormatTimestamp(theHour.Add(2*time.Hour))
	})
	adopter.receive(t, adopter.aggregates, before, everything)
	adopter.receive(t, adopter.aggregates, after, func(key string) bool {
		return strings.HasPrefix(key, "EQ-2") || strings.Contains(key, " H#") // rows of one equipment, the fleet's hours
	})
	adopter.receive(t, adopter.aggregates, last, func(key string) bool { return strings.Contains(key, " D#") })
	for shard := range contract.EquipmentShards { // an equipment that is not listed here, though its row is here
		adopter.remove(t, fmt.Sprint(contract.EquipmentPartitionPrefix, shard), "EQ-3#"+other)
	}
}

// TestAdopt_MakesARegionThatLeftCountOnce is the drill of a region that is lost in the middle of things, with the attack that
// counted readings twice: one of its readings is corrected by a region that stays.
func TestAdopt_MakesARegionThatLeftCountOnce(t *testing.T) {
	leaver := &replica{service: newService(t), region: other, sequence: 990000}
	adopter := &replica{service: newService(t), region: region}
	adopter.process(t, adopter.write(t, "EQ-1", theHour.Add(30*time.Minute), "50"))
	half(t, leaver, adopter)

	// Nobody has adopted it yet: the corrected reading counts here and still counts there.
	adopter.process(t, adopter.write(t, "EQ-1", theHour, "1.25"))
	if said := adopter.want(t, statusWrong, "audit", "-region", other); !strings.Contains(said, "row of EQ-1, 2026-03-01T08:00 to 08:05 in "+other) {
		t.Errorf("the audit says\n%s", said)
	}
	digest := adopter.digest(t)
	if said := adopter.want(t, statusUsage, "adopt", "-region", other); !strings.Contains(said, "-region must be one that eu-west-1 has adopted") {
		t.Errorf("without the configuration it says\n%s", said)
	}
	if adopter.digest(t) != digest {
		t.Error("something was written without the configuration")
	}

	adopter.service.adopted, adopter.adopted = other, []string{other}
	adopter.want(t, statusRight, "adopt", "-region", other)
	adopter.wantExactBut(t, "")

	// From then on its images are changes of its rows, however often they come and whatever their numbers.
	correction, deletion := adopter.write(t, "EQ-1", theHour.Add(time.Minute), "3"), adopter.write(t, "EQ-3", theHour.Add(17*time.Hour), "")
	late := adopter.write(t, "EQ-NEW", theHour.Add(time.Hour), "1001")
	adopter.process(t, correction, deletion)
	adopter.process(t, late, correction)
	adopter.wantExactBut(t, "")
	for _, of := range []string{region, other} {
		adopter.want(t, statusRight, "audit", "-region", of)
	}

	digest = adopter.digest(t)
	adopter.want(t, statusRight, "adopt", "-region", other)
	if adopter.digest(t) != digest {
		t.Error("adopting once more has changed something")
	}
}

// TestCommands_WriteTheRowsOfNobodyElse keeps one writer to each region's rows.
func TestCommands_WriteTheRowsOfNobodyElse(t *testing.T) {
	v := newService(t)
	v.put(t, other, "EQ-1", theHour, "1")
	for _, args := range [][]string{
		{"repair", "-region", other}, {"adopt", "-region", other}, {"adopt", "-region", region}, {"adopt"},
		{"adopt", "-region", other, "-equipment", "EQ-1"},
	} {
		v.want(t, statusUsage, args...)
	}
	if rows := v.items(t, v.aggregates); len(rows) > 0 {
		t.Errorf("they wrote %v", rows)
	}
	v.want(t, statusWrong, "audit", "-region", other) // reading is free
	v.adopted = other
	v.want(t, statusUsage, "adopt", "-region", region)
	v.want(t, statusRight, "repair", "-region", other)
	v.wantExactBut(t, "")
}

// TestAdopt_IsNotDoneWhileFleetRowsMove tells a region that is adopted from one of which something is still to be set.
func TestAdopt_IsNotDoneWhileFleetRowsMove(t *testing.T) {
	for verb, want := range map[string]int{"adopt": statusWrong, "repair": statusRight} {
		said := &strings.Builder{}
		one := &task{settings: settings{repair: true, adopt: verb == "adopt"}, progress: said, readUnits: func() float64 { return 0 }}
		if status, err := one.finish(repair.Tally{Moving: 1}, nil); status != want || err != nil || !strings.Contains(said.String(), "1 were being written") {
			t.Errorf("%s: status %d, error %v, want %d; it said %s", verb, status, err, want, said)
		}
	}
}

// TestAdopt_ListsEquipmentsOfClosedHours has rows that cannot be restated any more and are not listed: the fleet is the sum of all.
func TestAdopt_ListsEquipmentsOfClosedHours(t *testing.T) {
	leaver := &replica{service: newService(t), region: other}
	leaver.process(t, leaver.write(t, "EQ-1", theHour, "1"), leaver.write(t, "EQ-2", theHour, "2"))
	rows := leaver.items(t, leaver.aggregates)
	adopter := newService(t)
	adopter.adopted, adopter.retention = other, "24h"
	(&replica{service: adopter}).receive(t, adopter.aggregates, rows, func(key string) bool {
		return !strings.HasPrefix(key, contract.EquipmentPartitionPrefix) && !strings.Contains(key, " H#")
	})
	said := adopter.want(t, statusRight, "adopt", "-region", other)
	got := map[string]int64{}
	for key, item := range adopter.items(t, adopter.aggregates) {
		if partition, sort, _ := strings.Cut(key, " "); strings.HasPrefix(partition, contract.FleetPartitionPrefix) {
			got[sort] += sumOf(t, item, contract.AttrSampleCount, contract.AttrTotalInteger, contract.AttrTotalFraction).Count
		}
	}
	for _, fleet := range []string{"D#2026-03-01#", "H#2026-03-01T08#", "S#2026-03-01T08:00#"} {
		if got[fleet+other] != 2 {
			t.Errorf("the fleet's %s counts %d of 2 readings; the command said\n%s", fleet, got[fleet+other], said)
		}
	}
}
