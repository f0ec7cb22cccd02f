package aggregatetest

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

const (
	readingsTable   = "readings"
	aggregatesTable = "aggregates"
)

// Memory is an aggregate.RowTable and an aggregate.WindowTable in memory: the adapter of DynamoDB over the simulation's model
// of it. It is safe for concurrent use and never fails by itself.
type Memory struct {
	*dynamo.Aggregates
	db *locked
}

var (
	_ aggregate.RowTable    = (*Memory)(nil)
	_ aggregate.WindowTable = (*Memory)(nil)
	_ aggregate.FleetTable  = (*Memory)(nil)
)

// FleetKey names a fleet row.
type FleetKey struct {
	Bucket int
	aggregate.FleetKey
}

// FleetRow is what a fleet row holds.
type FleetRow struct {
	aggregate.Sum
	Revision int64
}

// NewMemory returns an empty Memory whose index has so many shards.
func NewMemory(indexShards int) *Memory {
	db := &locked{db: dynamodel.NewDatabase("memory", time.Now)}
	db.db.Create(readingsTable, contract.ReadingsTable())
	db.db.Create(aggregatesTable, contract.AggregatesTable())
	return &Memory{dynamo.NewAggregates(db, readingsTable, aggregatesTable, indexShards), db}
}

// Put stores a reading and returns what it replaced, nil where there was none.
func (m *Memory) Put(i aggregate.Image) (old *aggregate.Image) {
	old = m.Get(i.Key())
	m.db.put(ItemOf(i))
	return old
}

// Delete removes a reading and returns it, nil where there was none.
func (m *Memory) Delete(key reading.Key) (old *aggregate.Image) {
	old = m.Get(key)
	m.db.remove(key)
	return old
}

// Get returns a reading, nil where there is none.
func (m *Memory) Get(key reading.Key) *aggregate.Image { return imageOf(m.db.get(key)) }

// Plant sets a number of a stored item directly, as an error that a test wants to be found.
func (m *Memory) Plant(partition, sort, attribute, number string) {
	m.db.mu.Lock()
	defer m.db.mu.Unlock()
	name, update := aggregatesTable, "SET #n = :n"
	if _, err := m.db.db.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: &name, UpdateExpression: &update, ExpressionAttributeNames: map[string]string{"#n": attribute},
		ExpressionAttributeValues: dynamodel.Item{":n": &types.AttributeValueMemberN{Value: number}},
		Key: dynamodel.Item{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: partition}, contract.AttrInterval: &types.AttributeValueMemberS{Value: sort},
		},
	}); err != nil {
		panic(err)
	}
}

// Forget removes an item of the aggregates directly, without a transaction.
func (m *Memory) Forget(partition, sort string) {
	m.db.mu.Lock()
	defer m.db.mu.Unlock()
	name := aggregatesTable
	if _, err := m.db.db.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: &name, Key: dynamodel.Item{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: partition}, contract.AttrInterval: &types.AttributeValueMemberS{Value: sort},
	}}); err != nil {
		panic(err)
	}
}

// Rows returns all rows of equipments.
func (m *Memory) Rows() map[aggregate.RowKey]aggregate.Row {
	rows := map[aggregate.RowKey]aggregate.Row{}
	for _, item := range m.db.items() {
		id, interval := textOf(item, contract.AttrEquipmentID), textOf(item, contract.AttrInterval)
		if strings.Contains(id, contract.KeySeparator) {
			continue
		}
		start, region, _ := strings.Cut(interval, contract.KeySeparator)
		hour, err := reading.ParseHour(start)
		if err != nil {
			panic(err) // the adapter wrote the key
		}
		key := aggregate.RowKey{EquipmentID: reading.EquipmentID(id), Hour: hour, Region: region}
		found, err := m.ReadRows(context.Background(), []aggregate.RowKey{key})
		if err != nil {
			panic(err)
		}
		rows[key] = found[key]
	}
	return rows
}

// Fleet returns all fleet rows.
func (m *Memory) Fleet() map[FleetKey]FleetRow {
	units := map[string]aggregate.Unit{
		contract.FleetSlicePrefix: aggregate.FiveMinutes, contract.FleetHourPrefix: aggregate.Hour, contract.FleetDayPrefix: aggregate.Day,
	}
	fleet := map[FleetKey]FleetRow{}
	for _, item := range m.db.items() {
		bucket, isFleet := strings.CutPrefix(textOf(item, contract.AttrEquipmentID), contract.FleetPartitionPrefix)
		if !isFleet {
			continue
		}
		interval := textOf(item, contract.AttrInterval)
		start, region, _ := strings.Cut(interval[2:], contract.KeySeparator)
		at, err := time.Parse("2006-01-02T15:04"[:len(start)], start)
		if err != nil {
			panic(err) // the adapter wrote the key
		}
		key := FleetKey{FleetKey: aggregate.FleetKey{Unit: units[interval[:2]], Start: at, Region: region}}
		key.Bucket, _ = strconv.Atoi(bucket)
		fleet[key] = FleetRow{
			aggregate.Sum{Count: whole(item, contract.AttrSampleCount), Total: reading.Total{
				Integer: decimal(item, contract.AttrTotalInteger), Fraction: decimal(item, contract.AttrTotalFraction),
			}},
			whole(item, contract.AttrRevision),
		}
	}
	return fleet
}

// Equipments returns the list of equipments: each with the region, in the form <equipmentId>#<region>.
func (m *Memory) Equipments() (all []string) {
	for _, item := range m.db.items() {
		if strings.HasPrefix(textOf(item, contract.AttrEquipmentID), contract.EquipmentPartitionPrefix) {
			all = append(all, textOf(item, contract.AttrInterval))
		}
	}
	return all
}

// Commits is how many transactions took place.
func (m *Memory) Commits() int {
	m.db.mu.Lock()
	defer m.db.mu.Unlock()
	return m.db.commits
}

// ItemOf returns a reading as the service stores it.
func ItemOf(i aggregate.Image) map[string]types.AttributeValue {
	item := map[string]types.AttributeValue{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: string(i.EquipmentID)},
		contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(i.Timestamp)},
		contract.AttrValue:       &types.AttributeValueMemberN{Value: i.Value.String()},
		contract.AttrRegion:      &types.AttributeValueMemberS{Value: i.Region},
	}
	if !i.ExpiresAt.IsZero() {
		item[contract.AttrExpiresAt] = &types.AttributeValueMemberN{Value: strconv.FormatInt(i.ExpiresAt.Unix(), 10)}
	}
	return item
}

func imageOf(item dynamodel.Item) *aggregate.Image {
	if item == nil {
		return nil
	}
	when, err := reading.ParseTimestamp(textOf(item, contract.AttrTimestamp))
	if err != nil {
		panic(err) // ItemOf wrote it
	}
	i := &aggregate.Image{Region: textOf(item, contract.AttrRegion), Reading: reading.Reading{
		EquipmentID: reading.EquipmentID(textOf(item, contract.AttrEquipmentID)), Timestamp: when, Value: decimal(item, contract.AttrValue),
	}}
	if item[contract.AttrExpiresAt] != nil {
		i.ExpiresAt = time.Unix(whole(item, contract.AttrExpiresAt), 0).UTC()
	}
	return i
}

func textOf(item dynamodel.Item, name string) string {
	s, _ := item[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func decimal(item dynamodel.Item, name string) reading.Decimal {
	n, _ := item[name].(*types.AttributeValueMemberN)
	if n == nil {
		return reading.Decimal{}
	}
	d, err := reading.ParseDecimal(n.Value)
	if err != nil {
		panic(err) // a table stores numbers only
	}
	return d
}

func whole(item dynamodel.Item, name string) int64 {
	n, _ := strconv.ParseInt(decimal(item, name).String(), 10, 64)
	return n
}

// locked is a database that several goroutines may use.
type locked struct {
	mu      sync.Mutex
	db      *dynamodel.Database
	commits int
}

type option = func(*dynamodb.Options)

func (l *locked) put(item dynamodel.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := readingsTable
	if _, err := l.db.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &name, Item: item}); err != nil {
		panic(err) // a reading is always storable
	}
}

func (l *locked) remove(key reading.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := readingsTable
	if _, err := l.db.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: &name, Key: dynamodel.Item{
		contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: string(key.EquipmentID)},
		contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: key.Timestamp},
	}}); err != nil {
		panic(err)
	}
}

func modelKey(key reading.Key) dynamodel.Key {
	return dynamodel.Key{Partition: string(key.EquipmentID), Sort: key.Timestamp}
}

func (l *locked) get(key reading.Key) dynamodel.Item {
	l.mu.Lock()
	defer l.mu.Unlock()
	item, _ := l.db.Get(readingsTable, modelKey(key))
	return item
}

func (l *locked) items() []dynamodel.Item {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.Items(aggregatesTable)
}

func (l *locked) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...option) (*dynamodb.BatchGetItemOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.BatchGetItem(ctx, in, o...)
}

func (l *locked) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...option) (*dynamodb.PutItemOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.PutItem(ctx, in, o...)
}

func (l *locked) Query(ctx context.Context, in *dynamodb.QueryInput, o ...option) (*dynamodb.QueryOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.Query(ctx, in, o...)
}

func (l *locked) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...option) (*dynamodb.UpdateItemOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.UpdateItem(ctx, in, o...)
}

func (l *locked) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...option) (*dynamodb.TransactWriteItemsOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.db.TransactWriteItems(ctx, in, o...)
	if err == nil {
		l.commits++
	}
	return out, err
}
