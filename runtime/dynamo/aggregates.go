package dynamo

import (
	"context"
	"hash/fnv"
	"strconv"
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
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Aggregates keeps the aggregate rows: it is an aggregate.RowTable and an aggregate.WindowTable.
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
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))                                    // never fails
	return indexPartition(int(hash.Sum32() % uint32(a.indexShards))) //nolint:gosec // at most contract.ShardsMax
}

func indexPartition(shard int) string { return contract.IndexPartitionPrefix + strconv.Itoa(shard) }

func fleetPartition(bucket int) string { return contract.FleetPartitionPrefix + strconv.Itoa(bucket) }

// fleetKeyPrefix begins the sort key of the fleet rows of an hour or day, in all regions.
func fleetKeyPrefix(unit aggregate.Unit, start time.Time) string {
	if unit == aggregate.Day {
		return contract.FleetDayPrefix + reading.FormatDay(start)
	}
	return contract.FleetHourPrefix + reading.FormatHour(start)
}

// afterSeparator follows contract.KeySeparator in text order and precedes everything that keys are made of: appended to a
// prefix it is above all keys in which the separator follows that prefix, and below all others that begin with it.
const afterSeparator = "$"

func rowKeyItem(key aggregate.RowKey) item {
	return item{contract.AttrEquipmentID: text(string(key.EquipmentID)), contract.AttrInterval: text(intervalKey(key))}
}

// ReadRow returns the row as the last write left it, and a row of revision 0 where there is none.
func (a *Aggregates) ReadRow(ctx context.Context, key aggregate.RowKey) (aggregate.Row, error) {
	out, err := a.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &a.aggregates, Key: rowKeyItem(key), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return aggregate.Row{}, mapError("get aggregate row", err)
	}
	row := aggregate.Row{RowKey: key}
	if len(out.Item) == 0 {
		return row, nil
	}
	r := itemReader{item: out.Item}
	row.Sum, row.AppliedThrough = readSum(&r), r.optionalText(contract.AttrAppliedThrough)
	row.Revision, row.Recounted = r.integer(contract.AttrRevision), r.boolean(contract.AttrRecounted)
	return row, r.done()
}

func readSum(r *itemReader) aggregate.Sum {
	return aggregate.Sum{
		Count: r.integer(contract.AttrSampleCount),
		Total: reading.Total{Integer: r.decimal(contract.AttrTotalInteger), Fraction: r.decimal(contract.AttrTotalFraction)},
	}
}

// ReadHour adds up the readings of an hour that the region wrote, all pages of them, strongly consistent.
func (a *Aggregates) ReadHour(ctx context.Context, key aggregate.RowKey) (aggregate.Sum, error) {
	hour := reading.Hour(key.Hour)
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
			":first": text(reading.FormatTimestamp(hour)), ":last": text(reading.FormatTimestamp(hour.Add(time.Hour - 1))),
		},
	}
	var sum aggregate.Sum
	err := a.queryAll(ctx, in, func(stored item) error {
		var r itemReader
		r.item = stored
		timestamp := r.text(contract.AttrTimestamp)
		number, _ := stored[contract.AttrValue].(*types.AttributeValueMemberN)
		if number == nil {
			return nil // no reading, like what parseStored refuses
		}
		one, err := parseStored(string(key.EquipmentID), timestamp, number.Value)
		if err != nil {
			return nil //nolint:nilerr // its stream record was reported when somebody else wrote it
		}
		sum = sum.Add(aggregate.SumOf(one.Value))
		return nil
	})
	return sum, mapError("query an hour's readings", err)
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
