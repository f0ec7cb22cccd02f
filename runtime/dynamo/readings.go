package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// readingsClient lists the calls in use.
type readingsClient interface {
	BatchExecuteStatement(context.Context, *dynamodb.BatchExecuteStatementInput, ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Readings is the table of raw readings. It is safe for concurrent use.
type Readings struct {
	client     readingsClient
	table      string
	retention  time.Duration
	now        func() time.Time
	statements statements
	region     string
	direct     *direct // nil where the client makes the calls of statements
}

// NewReadings returns the adapter to the readings table. Items carry region as that of their writer and, where retention is
// not 0, the moment at which they expire.
func NewReadings(client readingsClient, table, region string, retention time.Duration) *Readings {
	s := &Readings{
		client: client, table: table, retention: retention, now: time.Now, statements: newStatements(table, retention > 0),
		region: region,
	}
	if sdk, ok := client.(*dynamodb.Client); ok {
		s.direct = newDirect(sdk)
	}
	return s
}

// The timestamps between which all readings lie.
var (
	timestampFirst = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	timestampLast  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// PageQueriesMax bounds the queries of one page, of at most pageExamined items and 1 MB each. What is left out costs as much as
// what is listed, and a deletion may leave any number of tombstones side by side.
const PageQueriesMax = 16

// pageExamined is how many items a query of a page examines at most.
const pageExamined = contract.ReadingsPageMax + 1

// Page returns at most limit readings of an equipment, newest first. It takes those of from <= t < to; a zero time leaves that
// end open. Where there may be more, next is not zero, and the page that goes on has it for its to. Such a page may hold fewer
// than limit, or none: its queries are bounded by PageQueriesMax. They grow, so that few step over many items that are left out;
// before one may answer with more items than limit + 1, room is asked for as many more, and where it says no the queries stay
// as they are. A nil room always has some.
//
// It sees every write that was acknowledged in this region before. DynamoDB deletes expired items within a few days; where
// readings have a retention, those that have expired are left out, so that what is listed does not depend on that. Items that
// somebody else put into the table and that are no readings are left out, as they are from the aggregates; so are tombstones,
// which have no value.
func (s *Readings) Page(
	ctx context.Context, id reading.EquipmentID, from, to time.Time, limit int, room func(items int) bool,
) (rs []reading.Stored, next time.Time, err error) {
	first, last := s.span(from, to)
	if last.Before(first) {
		return nil, time.Time{}, nil // DynamoDB refuses such a range
	}
	in := s.spanQuery(id, reading.FormatTimestamp(first), reading.FormatTimestamp(last))
	in.ScanIndexForward, in.FilterExpression = aws.Bool(false), aws.String("attribute_exists(#value)")
	held, place := limit+1, ""
	for query := range PageQueriesMax {
		// One more than asked for tells whether there are more.
		examined := min((limit+1-len(rs))<<(2*min(query, 5)), max(held, pageExamined))
		if examined > held && (room == nil || room(examined-held)) {
			held = examined
		}
		in.Limit = aws.Int32(int32(min(examined, held))) //nolint:gosec // at most pageExamined
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, time.Time{}, mapError("query readings", err)
		}
		for _, stored := range out.Items {
			r, err := readStored(stored)
			if err != nil {
				continue
			}
			if len(rs) == limit {
				return rs, rs[limit-1].Timestamp, nil
			}
			rs = append(rs, r)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return rs, time.Time{}, nil
		}
		key := itemReader{item: out.LastEvaluatedKey}
		if place = key.text(contract.AttrTimestamp); key.done() != nil {
			return nil, time.Time{}, fmt.Errorf("query readings: where a page ended: %w", key.done())
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return rs, timeOf(place), nil
}

// Ends returns the first and the last reading of an equipment of those that Page lists, nil where there are none.
func (s *Readings) Ends(ctx context.Context, id reading.EquipmentID) (first, last *reading.Stored, err error) {
	if first, err = s.end(ctx, id, true); err != nil || first == nil {
		return nil, nil, err
	}
	last, err = s.end(ctx, id, false)
	if last == nil { // it has been deleted meanwhile
		first = nil
	}
	return first, last, err
}

// end returns the first reading in one direction. It steps over any number of tombstones, which are gone after two days.
func (s *Readings) end(ctx context.Context, id reading.EquipmentID, forward bool) (*reading.Stored, error) {
	earliest, latest := s.span(time.Time{}, time.Time{})
	in := s.spanQuery(id, reading.FormatTimestamp(earliest), reading.FormatTimestamp(latest))
	in.ScanIndexForward, in.FilterExpression = aws.Bool(forward), aws.String("attribute_exists(#value)")
	for examined := int32(1); ; examined = min(examined*16, pageExamined) {
		in.Limit = aws.Int32(examined)
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, mapError("query the end of an equipment's readings", err)
		}
		for _, stored := range out.Items {
			if r, err := readStored(stored); err == nil {
				return &r, nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil, nil
		}
	}
}

// timeOf returns the earliest time whose stored form is not before a text that lies between those of the first and the last
// timestamp. The text may be somebody else's, and no timestamp.
func timeOf(text string) time.Time {
	start := timestampFirst.Unix()
	second := sort.Search(int(timestampLast.Unix()-start), func(i int) bool {
		return reading.FormatTimestamp(time.Unix(start+int64(i)+1, 0)) > text
	})
	t := time.Unix(start+int64(second), 0).UTC()
	return t.Add(time.Duration(sort.Search(int(time.Second), func(i int) bool {
		return reading.FormatTimestamp(t.Add(time.Duration(i))) >= text
	})))
}

// spanQuery asks for the items of an equipment from the first to the last timestamp, as they are now.
func (s *Readings) spanQuery(id reading.EquipmentID, first, last string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("#equipment = :equipment AND #timestamp BETWEEN :first AND :last"),
		ProjectionExpression:   aws.String("#equipment, #timestamp, #value, #registered, #deleted"),
		ExpressionAttributeNames: map[string]string{
			"#equipment": contract.AttrEquipmentID, "#timestamp": contract.AttrTimestamp,
			"#value": contract.AttrValue, "#registered": contract.AttrRegisterTime, "#deleted": contract.AttrDeleted,
		},
		ExpressionAttributeValues: item{":equipment": text(string(id)), ":first": text(first), ":last": text(last)},
	}
}

// span returns the first and the last timestamp of from <= t < to that a listing shows, both included.
func (s *Readings) span(from, to time.Time) (first, last time.Time) {
	first, last = timestampFirst, timestampLast
	if s.retention > 0 {
		first = s.now().Add(-s.retention - contract.ExpiryMargin)
	}
	if from.After(first) {
		first = from
	}
	if !to.IsZero() && to.Add(-1).Before(last) {
		last = to.Add(-1)
	}
	return first, last
}

func readStored(stored item) (reading.Stored, error) {
	r := itemReader{item: stored}
	equipmentID, timestamp := r.text(contract.AttrEquipmentID), r.text(contract.AttrTimestamp)
	registered, err := reading.Version(r.text(contract.AttrRegisterTime)).Time()
	if err := cmp.Or(r.done(), err); err != nil {
		return reading.Stored{}, err
	}
	number, isNumber := stored[contract.AttrValue].(*types.AttributeValueMemberN)
	if !isNumber {
		return reading.Stored{}, fmt.Errorf("stored attribute %s is not a number", contract.AttrValue)
	}
	parsed, err := parseStored(equipmentID, timestamp, number.Value)
	return reading.Stored{Reading: parsed, RegisterTime: registered}, err
}
