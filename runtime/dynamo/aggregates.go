package dynamo

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// aggregatesClient are the calls that Aggregates makes.
type aggregatesClient interface {
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Aggregates keeps the aggregate rows: it is an aggregate.RowTable, an aggregate.WindowTable and an aggregate.FleetTable.
type Aggregates struct {
	client               aggregatesClient
	readings, aggregates string
	indexShards          int
}

// NewAggregates returns the adapter to the aggregates table and to the readings that its rows are counted from. New rows go
// to one of indexShards partitions of the index.
func NewAggregates(client aggregatesClient, readingsTable, aggregatesTable string, indexShards int) *Aggregates {
	return &Aggregates{client, readingsTable, aggregatesTable, indexShards}
}

// intervalKey is the sort key of an equipment's row.
func intervalKey(key aggregate.RowKey) string {
	return reading.FormatHour(key.Hour) + contract.KeySeparator + key.Region
}

// indexPartition spreads equipments over the partitions of the index, so that none takes a share of the traffic that grows
// with the fleet. The hash must never change, since the rows that are stored follow it.
func (a *Aggregates) indexPartition(id reading.EquipmentID) string {
	return indexPartition(shardOf(id, a.indexShards))
}

// equipmentPartition is the same for the list of equipments.
func equipmentPartition(id reading.EquipmentID) string {
	return equipmentShard(shardOf(id, contract.EquipmentShards))
}

func equipmentShard(shard int) string { return contract.EquipmentPartitionPrefix + strconv.Itoa(shard) }

func shardOf(id reading.EquipmentID, shards int) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))             // never fails
	return int(hash.Sum32() % uint32(shards)) //nolint:gosec // at most contract.ShardsMax
}

func indexPartition(shard int) string { return contract.IndexPartitionPrefix + strconv.Itoa(shard) }

func fleetPartition(bucket int) string { return contract.FleetPartitionPrefix + strconv.Itoa(bucket) }

// fleetKeyPrefix begins the sort key of the fleet rows of a slice, hour or day, in all regions.
func fleetKeyPrefix(unit aggregate.Unit, start time.Time) string {
	switch unit {
	case aggregate.Day:
		return contract.FleetDayPrefix + reading.FormatDay(start)
	case aggregate.Hour:
		return contract.FleetHourPrefix + reading.FormatHour(start)
	default:
		return contract.FleetSlicePrefix + reading.FormatMinute(start)
	}
}

func fleetKeyItem(bucket int, key aggregate.FleetKey) item {
	return item{
		contract.AttrEquipmentID: text(fleetPartition(bucket)),
		contract.AttrInterval:    text(fleetKeyPrefix(key.Unit, key.Start) + contract.KeySeparator + key.Region),
	}
}

// afterSeparator follows contract.KeySeparator in text order and precedes everything that keys are made of: appended to a
// prefix it is above all keys in which the separator follows that prefix, and below all others that begin with it.
const afterSeparator = "$"

func rowKeyItem(key aggregate.RowKey) item {
	return item{contract.AttrEquipmentID: text(string(key.EquipmentID)), contract.AttrInterval: text(intervalKey(key))}
}

// ReadRows returns the rows of at most contract.BatchGetItemsMax different keys as the last writes left them, strongly
// consistent. Rows that the table did not get to are missing from the map.
func (a *Aggregates) ReadRows(ctx context.Context, keys []aggregate.RowKey) (map[aggregate.RowKey]aggregate.Row, error) {
	rows := make(map[aggregate.RowKey]aggregate.Row, len(keys))
	wanted := make([]item, len(keys))
	for i, key := range keys {
		wanted[i] = rowKeyItem(key)
		rows[key] = aggregate.Row{RowKey: key}
	}
	out, err := a.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		a.aggregates: {Keys: wanted, ConsistentRead: aws.Bool(true)},
	}})
	if err != nil {
		return nil, mapError("get aggregate rows", err)
	}
	for _, stored := range out.Responses[a.aggregates] {
		row, err := readRow(stored)
		if err != nil {
			return nil, err
		}
		rows[row.RowKey] = row
	}
	for _, left := range out.UnprocessedKeys[a.aggregates].Keys {
		r := itemReader{item: left}
		key, err := readRowKey(&r)
		if err != nil {
			return nil, err
		}
		delete(rows, key)
	}
	return rows, nil
}

// readRowKey reads the key of a row.
func readRowKey(r *itemReader) (aggregate.RowKey, error) {
	id, interval := r.text(contract.AttrEquipmentID), r.text(contract.AttrInterval)
	start, region, _ := strings.Cut(interval, contract.KeySeparator)
	hour, err := reading.ParseHour(start)
	if err != nil {
		r.fault(contract.AttrInterval, err.Error())
	}
	return aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: hour, Region: region}, r.done()
}

func readRow(stored item) (aggregate.Row, error) {
	r := itemReader{item: stored}
	key, err := readRowKey(&r)
	if err != nil {
		return aggregate.Row{}, err
	}
	row := aggregate.Row{
		RowKey: key, Figures: readFigures(&r), Exists: true,
		AppliedThrough: r.optionalText(contract.AttrAppliedThrough), AdoptedThrough: r.optionalText(contract.AttrAdoptedThrough),
	}
	for i := range row.Slices {
		row.Slices[i] = aggregate.Slice{
			Figures: aggregate.Figures{
				Sum:      readSum(&r, sliceSumAttributes(i)),
				Extremes: readExtremes(&r, contract.SliceAttribute(contract.AttrSliceMin, i), contract.SliceAttribute(contract.AttrSliceMax, i)),
			},
			Revision: r.integer(contract.SliceAttribute(contract.AttrSliceRevision, i)),
		}
	}
	for _, i := range r.integers(contract.AttrRecounted) {
		if i < 0 || i >= int64(len(row.Slices)) {
			r.fault(contract.AttrRecounted, "names no slice")
			break
		}
		row.Slices[i].Recounted = true
	}
	return row, r.done()
}

// sumAttributes hold the sum of an hour's row or of a fleet row.
var sumAttributes = [3]string{contract.AttrSampleCount, contract.AttrTotalInteger, contract.AttrTotalFraction}

// sliceSumAttributes hold the sum of a slice.
func sliceSumAttributes(slice int) [3]string {
	return [3]string{
		contract.SliceAttribute(contract.AttrSliceCount, slice), contract.SliceAttribute(contract.AttrSliceInteger, slice),
		contract.SliceAttribute(contract.AttrSliceFraction, slice),
	}
}

// extremeAttribute holds an extreme of a slice or of the hour.
func extremeAttribute(slice int, end aggregate.End) string {
	if slice == aggregate.WholeHour {
		return [2]string{contract.AttrMinValue, contract.AttrMaxValue}[end]
	}
	return contract.SliceAttribute([2]string{contract.AttrSliceMin, contract.AttrSliceMax}[end], slice)
}

func readSum(r *itemReader, names [3]string) aggregate.Sum {
	return aggregate.Sum{
		Count: r.integer(names[0]), Total: reading.Total{Integer: r.decimal(names[1]), Fraction: r.decimal(names[2])},
	}
}

func readExtremes(r *itemReader, least, largest string) (e aggregate.Extremes) {
	for end, name := range []string{least, largest} {
		if r.item[name] != nil {
			e[end] = aggregate.ExtremeOf(r.decimal(name))
		}
	}
	return e
}

// readFigures reads those of an hour.
func readFigures(r *itemReader) aggregate.Figures {
	return aggregate.Figures{
		Sum: readSum(r, sumAttributes), Extremes: readExtremes(r, contract.AttrMinValue, contract.AttrMaxValue),
	}
}

// littleReading is how many pages of readings a call of ReadSlices reads where they are not all of its first slice. A page is a
// megabyte, some 7,000 readings.
const littleReading = 2

// ReadSlices returns the figures of the readings that the region wrote, strongly consistent: of the first slice over all pages of
// it, and of those of the following ones that a few pages hold whole.
func (a *Aggregates) ReadSlices(ctx context.Context, key aggregate.RowKey, first, last int) ([]aggregate.Figures, error) {
	in := &dynamodb.QueryInput{
		TableName: &a.readings, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("#equipment = :equipment AND #timestamp BETWEEN :first AND :last"),
		FilterExpression:       aws.String("#region = :region"),
		ProjectionExpression:   aws.String("#timestamp, #value"),
		ExpressionAttributeNames: map[string]string{
			"#equipment": contract.AttrEquipmentID, "#timestamp": contract.AttrTimestamp,
			"#region": contract.AttrRegion, "#value": contract.AttrValue,
		},
		ExpressionAttributeValues: item{
			":equipment": text(string(key.EquipmentID)), ":region": text(key.Region),
			":first": text(reading.FormatTimestamp(key.SliceStart(first))),
			":last":  text(reading.FormatTimestamp(key.SliceStart(last + 1).Add(-1))),
		},
	}
	found := make([]aggregate.Figures, last-first+1)
	for page := 1; ; page++ {
		out, err := a.client.Query(ctx, in)
		if err != nil {
			return nil, mapError("query a slice's readings", err)
		}
		for _, stored := range out.Items {
			if one, ok := storedReading(key.EquipmentID, stored); ok {
				slice := int(one.Timestamp.Sub(key.Hour)/contract.SliceLength) - first
				found[slice] = found[slice].Join(aggregate.FiguresOf(one.Value))
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return found, nil
		}
		// What lies before the slice that the page ends in has been read whole.
		r := itemReader{item: out.LastEvaluatedKey}
		end, err := reading.ParseTimestamp(r.text(contract.AttrTimestamp))
		if whole := int(end.Sub(key.Hour)/contract.SliceLength) - first; err == nil && whole > 0 && page >= littleReading {
			return found[:whole], nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// storedReading takes a reading out of a stored item. What is none counts for nothing; its stream record was reported when
// somebody else wrote it.
func storedReading(id reading.EquipmentID, stored item) (reading.Reading, bool) {
	r := itemReader{item: stored}
	timestamp := r.text(contract.AttrTimestamp)
	number, _ := stored[contract.AttrValue].(*types.AttributeValueMemberN)
	if number == nil {
		return reading.Reading{}, false
	}
	one, err := parseStored(string(id), timestamp, number.Value)
	return one, err == nil
}

// PutEquipment adds an equipment to the list of those that have rows of a region. It does nothing where it is there.
func (a *Aggregates) PutEquipment(ctx context.Context, id reading.EquipmentID, region string) error {
	_, err := a.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &a.aggregates,
		Item: item{
			contract.AttrEquipmentID: text(equipmentPartition(id)),
			contract.AttrInterval:    text(string(id) + contract.KeySeparator + region),
		},
		ConditionExpression:      aws.String("attribute_not_exists(#partition)"),
		ExpressionAttributeNames: map[string]string{"#partition": contract.AttrEquipmentID},
	})
	if isConditionFailed(err) {
		return nil
	}
	return mapError("list an equipment", err)
}

// queryAll calls take with the items of all pages.
func (a *Aggregates) queryAll(ctx context.Context, in *dynamodb.QueryInput, take func(item) error) error {
	for {
		out, err := a.client.Query(ctx, in)
		if err != nil {
			return err
		}
		for _, stored := range out.Items {
			if err := take(stored); err != nil {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
