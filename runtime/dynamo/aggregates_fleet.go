package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// consistentRange asks for whole items of one partition of the aggregates table, strongly consistent.
func (a *Aggregates) consistentRange(partition, first, last string) *dynamodb.QueryInput {
	in := a.sortRange(partition, first, last)
	in.ProjectionExpression, in.ConsistentRead = nil, aws.Bool(true)
	in.ExpressionAttributeNames = map[string]string{"#partition": contract.AttrEquipmentID, "#interval": contract.AttrInterval}
	return in
}

// aboveIDs is above every character of an equipment id.
const aboveIDs = "~"

// ListEquipments returns at most limit equipments that have rows of the region, of one partition of the list and after an id, in
// their order, and whether there may be more.
func (a *Aggregates) ListEquipments(
	ctx context.Context, shard int, region string, after reading.EquipmentID, limit int,
) (ids []reading.EquipmentID, more bool, err error) {
	in := a.consistentRange(equipmentShard(shard), string(after)+afterSeparator, aboveIDs)
	in.Limit = aws.Int32(int32(limit)) //nolint:gosec // a page
	for len(ids) == 0 {                // a page may hold other regions' alone
		out, err := a.client.Query(ctx, in)
		if err != nil {
			return nil, false, mapError("list equipments", err)
		}
		for _, stored := range out.Items {
			r := itemReader{item: stored}
			id, of, _ := strings.Cut(r.text(contract.AttrInterval), contract.KeySeparator)
			if err := r.done(); err != nil {
				return nil, false, err
			}
			if of == region {
				ids = append(ids, reading.EquipmentID(id))
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return ids, false, nil
		}
	}
	return ids, true, nil
}

// RowsOf returns an equipment's rows of a region in a range of hours, both ends included, in their order.
func (a *Aggregates) RowsOf(ctx context.Context, id reading.EquipmentID, region string, from, through time.Time) (rows []aggregate.Row, err error) {
	in := a.consistentRange(string(id), reading.FormatHour(from)+contract.KeySeparator, reading.FormatHour(through)+afterSeparator)
	err = a.queryAll(ctx, in, func(stored item) error {
		row, err := readRow(stored)
		if err == nil && row.Region == region {
			rows = append(rows, row)
		}
		return err
	})
	return rows, mapRead("query an equipment's rows", err)
}

// ReadFleet returns the shares that a bucket holds of the slices, hours and the day of one day in a region.
func (a *Aggregates) ReadFleet(ctx context.Context, bucket int, region string, day time.Time) (map[aggregate.FleetKey]aggregate.FleetShare, error) {
	shares := map[aggregate.FleetKey]aggregate.FleetShare{}
	for unit, rest := range []string{aggregate.FiveMinutes: ":00Z", aggregate.Hour: ":00:00Z", aggregate.Day: "T00:00:00Z"} {
		unit := aggregate.Unit(unit)
		prefix := fleetKeyPrefix(unit, day)[:len(contract.FleetDayPrefix)]
		first := prefix + reading.FormatDay(day)
		err := a.queryAll(ctx, a.consistentRange(fleetPartition(bucket), first, first+"~"), func(stored item) error {
			r := itemReader{item: stored}
			sort, isUnit := strings.CutPrefix(r.text(contract.AttrInterval), prefix)
			start, of, _ := strings.Cut(sort, contract.KeySeparator)
			at, err := reading.ParseTimestamp(start + rest)
			if !isUnit || err != nil {
				r.fault(contract.AttrInterval, "names no part of a day")
			}
			if of == region {
				shares[aggregate.FleetKey{Unit: unit, Start: at, Region: region}] = aggregate.FleetShare{
					Sum: readSum(&r, sumAttributes), Revision: r.integer(contract.AttrRevision),
				}
			}
			return r.done()
		})
		if err != nil {
			return nil, mapRead("query fleet rows", err)
		}
	}
	return shares, nil
}

// AddToFleet adds to the share of a bucket, on condition that its revision is still the one given, 0 meaning that there is none.
// The error is of kind fault.Conflict where it is not.
func (a *Aggregates) AddToFleet(ctx context.Context, bucket int, write aggregate.FleetWrite, revision int64) error {
	e := a.fleetExpression(write)
	if revision == 0 {
		e.require(e.missing(contract.AttrRevision))
	} else {
		e.require(e.compared(contract.AttrRevision, "=", integer(revision)))
	}
	_, err := a.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &a.aggregates, Key: fleetKeyItem(bucket, write.FleetKey),
		UpdateExpression: aws.String(e.text()), ConditionExpression: e.condition(),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	})
	return mapError("write a fleet row", err)
}
