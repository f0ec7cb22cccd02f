package dynamo

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// finderClient are the calls that a Finder makes.
type finderClient interface {
	aggregatesClient
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Finder finds the rows that there are and those that there should be, without reading what lies between: it is a repair.Finder
// and all that Aggregates is. All its reads are strongly consistent.
type Finder struct {
	*Aggregates
	client finderClient
}

// NewFinder returns the adapter for repairs and audits. The arguments are those of NewAggregates.
func NewFinder(client finderClient, readingsTable, aggregatesTable string, indexShards int) *Finder {
	return &Finder{NewAggregates(client, readingsTable, aggregatesTable, indexShards), client}
}

// NextWithReadings returns the equipment that follows another one among those that have readings, in the order in which the table
// keeps them, which spreads them evenly and stays the same. Before the first one stands "". There need not be an equipment of the
// given id: then the one that would follow it is returned.
func (f *Finder) NextWithReadings(ctx context.Context, after reading.EquipmentID) (id reading.EquipmentID, found bool, err error) {
	return f.nextEquipment(ctx, contract.ReadingsTable().Key, f.readings, after)
}

// NextWithRows is the same of the equipments that have rows, of any region.
func (f *Finder) NextWithRows(ctx context.Context, after reading.EquipmentID) (id reading.EquipmentID, found bool, err error) {
	return f.nextEquipment(ctx, contract.AggregatesTable().Key, f.aggregates, after)
}

// nextEquipment scans one item at a time and leaves out the rest of its partition: a scan may begin behind any key, and keys of
// one partition follow each other.
func (f *Finder) nextEquipment(ctx context.Context, key contract.Key, table string, after reading.EquipmentID) (reading.EquipmentID, bool, error) {
	const aboveAll = "~" // of the sort keys of both tables
	in := &dynamodb.ScanInput{
		TableName: &table, ConsistentRead: aws.Bool(true), Limit: aws.Int32(1), ProjectionExpression: aws.String("#partition"),
		ExpressionAttributeNames: map[string]string{"#partition": key.Partition},
	}
	behind := func(partition string) {
		in.ExclusiveStartKey = item{key.Partition: text(partition), key.Sort: text(aboveAll)}
	}
	if after != "" {
		behind(string(after))
	}
	for {
		out, err := f.client.Scan(ctx, in)
		if err != nil {
			return "", false, mapError("look for an equipment", err)
		}
		if len(out.Items) == 0 {
			if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
				return "", false, nil
			}
			continue
		}
		r := itemReader{item: out.Items[0]}
		partition := r.text(key.Partition)
		if err := r.done(); err != nil {
			return "", false, err
		}
		// The fleet, the list of equipments, and what somebody else has put there are none.
		if id, err := reading.ParseEquipmentID(partition); err == nil {
			return id, true, nil
		}
		behind(partition)
	}
}

// NextReading returns the first hour of a range, both ends included, in which an equipment has readings, of whichever region.
func (f *Finder) NextReading(ctx context.Context, id reading.EquipmentID, from, through time.Time) (hour time.Time, found bool, err error) {
	in := &dynamodb.QueryInput{
		TableName: &f.readings, ConsistentRead: aws.Bool(true), Limit: aws.Int32(1), ProjectionExpression: aws.String("#timestamp"),
		KeyConditionExpression:   aws.String("#equipment = :equipment AND #timestamp BETWEEN :first AND :last"),
		ExpressionAttributeNames: map[string]string{"#equipment": contract.AttrEquipmentID, "#timestamp": contract.AttrTimestamp},
		ExpressionAttributeValues: item{
			":equipment": text(string(id)), ":first": text(reading.FormatTimestamp(from)),
			":last": text(reading.FormatTimestamp(through.Add(time.Hour - 1))),
		},
	}
	return f.nextHour(ctx, in, func(r *itemReader) (time.Time, bool) {
		at, err := reading.ParseTimestamp(r.text(contract.AttrTimestamp))
		return reading.Hour(at), err == nil
	})
}

// NextRow returns the first hour of a range, both ends included, of which an equipment has a row of the region.
func (f *Finder) NextRow(ctx context.Context, id reading.EquipmentID, region string, from, through time.Time) (hour time.Time, found bool, err error) {
	const regionsPage = contract.RegionsMax
	in := f.consistentRange(string(id), reading.FormatHour(from)+contract.KeySeparator, reading.FormatHour(through)+afterSeparator)
	in.Limit, in.ProjectionExpression = aws.Int32(regionsPage), aws.String("#partition, #interval")
	return f.nextHour(ctx, in, func(r *itemReader) (time.Time, bool) {
		key, err := readRowKey(r)
		return key.Hour, err == nil && key.Region == region
	})
}

// nextHour returns the hour of the first item that has one.
func (f *Finder) nextHour(ctx context.Context, in *dynamodb.QueryInput, hourOf func(*itemReader) (time.Time, bool)) (time.Time, bool, error) {
	for {
		out, err := f.client.Query(ctx, in)
		if err != nil {
			return time.Time{}, false, mapError("look for an hour", err)
		}
		for _, stored := range out.Items {
			if hour, ok := hourOf(&itemReader{item: stored}); ok {
				return hour, true, nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return time.Time{}, false, nil
		}
	}
}

// FleetDays returns the days of a range, both ends included, of which some bucket has a row of the region, in their order.
func (f *Finder) FleetDays(ctx context.Context, buckets int, region string, from, through time.Time) ([]time.Time, error) {
	var days []time.Time
	for bucket := range buckets {
		in := f.consistentRange(fleetPartition(bucket), fleetKeyPrefix(aggregate.Day, from), fleetKeyPrefix(aggregate.Day, through)+afterSeparator)
		in.ProjectionExpression = aws.String("#partition, #interval")
		err := f.queryAll(ctx, in, func(stored item) error {
			r := itemReader{item: stored}
			start, of, _ := strings.Cut(strings.TrimPrefix(r.text(contract.AttrInterval), contract.FleetDayPrefix), contract.KeySeparator)
			day, err := time.Parse(time.DateOnly, start)
			if err != nil {
				r.fault(contract.AttrInterval, "names no day")
			}
			if of == region {
				days = append(days, day)
			}
			return r.done()
		})
		if err != nil {
			return nil, mapRead("query the fleet's days", err)
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal), nil
}
