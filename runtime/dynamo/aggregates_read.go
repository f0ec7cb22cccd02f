package dynamo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// hourProjection is of a row what its hour gives; the slices and what only writers need are left out.
const hourProjection = "#partition, #interval, #start, #count, #integer, #fraction, #least, #largest"

func hourNames(more map[string]string) map[string]string {
	names := map[string]string{
		"#partition": contract.AttrEquipmentID, "#interval": contract.AttrInterval, "#start": contract.AttrIntervalStart,
		"#count": contract.AttrSampleCount, "#integer": contract.AttrTotalInteger, "#fraction": contract.AttrTotalFraction,
		"#least": contract.AttrMinValue, "#largest": contract.AttrMaxValue,
	}
	for placeholder, name := range more {
		names[placeholder] = name
	}
	return names
}

// sortRange asks for the items of one partition of the aggregates table whose sort key lies between two texts.
func (a *Aggregates) sortRange(partition, first, last string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName:                 &a.aggregates,
		KeyConditionExpression:    aws.String("#partition = :partition AND #interval BETWEEN :first AND :last"),
		ProjectionExpression:      aws.String(hourProjection),
		ExpressionAttributeNames:  hourNames(nil),
		ExpressionAttributeValues: item{":partition": text(partition), ":first": text(first), ":last": text(last)},
	}
}

// EquipmentRows calls take with one equipment's rows of a range of hours, in the order of the hours.
func (a *Aggregates) EquipmentRows(ctx context.Context, rows aggregate.EquipmentHours, take func(aggregate.RegionFigures)) error {
	in := a.sortRange(string(rows.EquipmentID),
		reading.FormatHour(rows.From)+contract.KeySeparator, reading.FormatHour(rows.Through)+afterSeparator)
	read := readRegionFigures
	if rows.Sliced { // the projection leaves out little then
		in.ProjectionExpression, read = nil, readSlicedFigures
		in.ExpressionAttributeNames = map[string]string{"#partition": contract.AttrEquipmentID, "#interval": contract.AttrInterval}
	}
	err := a.queryAll(ctx, in, func(stored item) error {
		row, err := read(stored)
		if err == nil {
			take(row)
		}
		return err
	})
	return mapRead("query an equipment's aggregates", err)
}

// slicedAttempts is how often the rows that the table did not get to are asked for again.
const slicedAttempts = 5

// SlicedRows returns the rows of at most contract.BatchGetItemsMax different keys with their slices, in any order. Those that do not
// exist are left out.
func (a *Aggregates) SlicedRows(ctx context.Context, keys []aggregate.RowKey) (rows []aggregate.RegionFigures, err error) {
	wanted := make([]item, len(keys))
	for i, key := range keys {
		wanted[i] = rowKeyItem(key)
	}
	for attempt := 1; len(wanted) > 0; attempt++ {
		out, err := a.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{a.aggregates: {Keys: wanted}},
		})
		if err != nil {
			return nil, mapError("get aggregate rows with their slices", err)
		}
		for _, stored := range out.Responses[a.aggregates] {
			row, err := readSlicedFigures(stored)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		if wanted = out.UnprocessedKeys[a.aggregates].Keys; len(wanted) == 0 {
			break
		}
		if attempt == slicedAttempts {
			return nil, &fault.Error{Kind: fault.Unavailable, Message: unavailableMessage}
		}
		if err := (pacing.Pacer{}).Pause(ctx, attempt); err != nil {
			return nil, mapError("get aggregate rows with their slices", err)
		}
	}
	return rows, nil
}

// IndexRows returns at most page.Limit rows of one shard of the index, ordered by hour, equipment and region, and whether
// there may be more.
func (a *Aggregates) IndexRows(ctx context.Context, shard int, page aggregate.IndexPage) (rows []aggregate.RegionFigures, more bool, err error) {
	in := &dynamodb.QueryInput{
		TableName: &a.aggregates, IndexName: aws.String(contract.IndexByInterval), Limit: aws.Int32(int32(page.Limit)), //nolint:gosec // bounded by the caller's page
		KeyConditionExpression:   aws.String("#index = :partition AND #sort BETWEEN :first AND :last"),
		ProjectionExpression:     aws.String(hourProjection),
		ExpressionAttributeNames: hourNames(map[string]string{"#index": contract.AttrPartitionKey, "#sort": contract.AttrIndexSort}),
		ExpressionAttributeValues: item{
			":partition": text(indexPartition(shard)), ":first": text(indexStart(page)),
			":last": text(reading.FormatHour(page.Through) + afterSeparator),
		},
	}
	out, err := a.client.Query(ctx, in)
	if err != nil {
		return nil, false, mapError("query the aggregates' index", err)
	}
	for _, stored := range out.Items {
		row, err := readRegionFigures(stored)
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, row)
	}
	return rows, len(out.LastEvaluatedKey) > 0, nil
}

// EquipmentIDs returns at most limit ids of one partition of the list of equipments that begin with a prefix and come after an id,
// in their order, and whether there may be more; then there is at least one. An equipment of several regions comes once.
func (a *Aggregates) EquipmentIDs(
	ctx context.Context, shard int, prefix string, after reading.EquipmentID, limit int,
) (ids []reading.EquipmentID, more bool, err error) {
	const belowIDs = "!" // no key may be empty, not even one to begin at
	first := max(prefix, belowIDs)
	if after != "" {
		first = max(prefix, string(after)+afterSeparator)
	}
	in := a.sortRange(equipmentShard(shard), first, prefix+aboveIDs)
	in.ProjectionExpression = aws.String("#interval")
	in.ExpressionAttributeNames = map[string]string{"#partition": contract.AttrEquipmentID, "#interval": contract.AttrInterval}
	in.Limit = aws.Int32(int32(limit)) //nolint:gosec // a page
	out, err := a.client.Query(ctx, in)
	if err != nil {
		return nil, false, mapError("list equipments", err)
	}
	for _, stored := range out.Items {
		r := itemReader{item: stored}
		id, _, _ := strings.Cut(r.text(contract.AttrInterval), contract.KeySeparator)
		if err := r.done(); err != nil {
			return nil, false, err
		}
		if ids = append(ids, reading.EquipmentID(id)); len(ids) > 1 && ids[len(ids)-2] == ids[len(ids)-1] {
			ids = ids[:len(ids)-1]
		}
	}
	return ids, len(out.LastEvaluatedKey) > 0, nil
}

// indexSort is the sort key of a row in the index.
func indexSort(key aggregate.RowKey) string {
	return strings.Join([]string{reading.FormatHour(key.Hour), string(key.EquipmentID), key.Region}, contract.KeySeparator)
}

// indexStart is the least sort key that the page may hold.
func indexStart(page aggregate.IndexPage) string {
	// A region holds no character as low as this one, so that no key lies between a key and the same with it appended.
	const next = "!"
	switch after := page.After; {
	case after.Hour.IsZero():
		return reading.FormatHour(page.From) + contract.KeySeparator
	case after.Region == "":
		return reading.FormatHour(after.Hour) + contract.KeySeparator + string(after.EquipmentID) + afterSeparator
	default:
		return indexSort(after) + next
	}
}

// FleetSum returns what the fleet rows of one bucket and span add up to, over all regions.
func (a *Aggregates) FleetSum(ctx context.Context, bucket int, span aggregate.FleetSpan) (aggregate.Sum, error) {
	var sum aggregate.Sum
	in := a.sortRange(fleetPartition(bucket),
		fleetKeyPrefix(span.Unit, span.From)+contract.KeySeparator, fleetKeyPrefix(span.Unit, span.Through)+afterSeparator)
	err := a.queryAll(ctx, in, func(stored item) error {
		r := itemReader{item: stored}
		sum = sum.Add(readSum(&r, sumAttributes))
		return r.done()
	})
	return sum, mapRead("query fleet totals", err)
}

func readRegionFigures(stored item) (aggregate.RegionFigures, error) {
	r := itemReader{item: stored}
	_, region, _ := strings.Cut(r.text(contract.AttrInterval), contract.KeySeparator)
	return aggregate.RegionFigures{
		RowKey: aggregate.RowKey{
			EquipmentID: reading.EquipmentID(r.text(contract.AttrEquipmentID)),
			Hour:        time.Unix(r.integer(contract.AttrIntervalStart), 0).UTC(), Region: region,
		},
		Figures: readFigures(&r),
	}, r.done()
}

// readSlicedFigures is readRegionFigures for a row that is there as a whole.
func readSlicedFigures(stored item) (aggregate.RegionFigures, error) {
	row, err := readRow(stored)
	slices := new([contract.SlicesPerHour]aggregate.Figures)
	for i, slice := range row.Slices {
		slices[i] = slice.Figures
	}
	return aggregate.RegionFigures{RowKey: row.RowKey, Figures: row.Figures, Slices: slices}, err
}

// mapRead is mapError for an error that may already say that a stored item cannot be read.
func mapRead(doing string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return mapError(doing, err)
}
