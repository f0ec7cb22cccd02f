package storagesuite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Item is what a table stores.
type Item = map[string]types.AttributeValue

type option = func(*dynamodb.Options)

// Client is the calls that SensorFlow makes.
type Client interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...option) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...option) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...option) (*dynamodb.BatchGetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...option) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...option) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...option) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...option) (*dynamodb.ScanOutput, error)
	BatchExecuteStatement(context.Context, *dynamodb.BatchExecuteStatementInput, ...option) (*dynamodb.BatchExecuteStatementOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...option) (*dynamodb.TransactWriteItemsOutput, error)
}

// Storage is an implementation under test.
type Storage struct {
	Client
	// Create makes an empty table and returns its name.
	Create func(t T, definition contract.Table) string
	// Records returns all records of a table's stream, those of each item in their order. It is asked again where the last
	// write is not among them yet, and may wait a moment.
	Records func(t T, table string) []Record
	// From returns the records of a table's stream from one of them on, in its shard.
	From func(t T, table string, first Record) []Record
	// Settings returns what a table says of itself.
	Settings func(t T, table string) Settings
	// Expire lets time to live remove an item that is due. Nil where nobody can make it happen.
	Expire func(t T, table string, key Item)
	// Patience is how long something may take that is so only in the end. 0 where nothing lags.
	Patience time.Duration
	// Concurrent tells that calls may be made at the same time.
	Concurrent bool
	// Elsewhere is another region, which has the same tables under the same names. Nil where there is none.
	Elsewhere *Storage
}

// Record is a record of a stream.
type Record struct {
	Sequence string
	Shard    string
	Key      Item
	Old, New Item // nil where there is none
	// At is when the change took place, nearly.
	At time.Time
	// Service tells that DynamoDB itself made the change, by time to live.
	Service bool
}

// Settings are those of a table that cannot be seen by its calls.
type Settings struct {
	TimeToLive string // the attribute; empty where nothing expires
	Images     string // what the stream's records hold, by the name of its view; empty without a stream
}

// Cases lists what SensorFlow relies on.
func Cases() []Case {
	return append([]Case{
		{"a put replaces the whole item", testPut},
		{"an update changes what it names", testUpdate},
		{"conditions hold for what DynamoDB says", testConditions},
		{"a failed condition returns the old item on request", testConditionFailure},
		{"keys are texts and not empty", testKeys},
		{"expressions name what they use and no more", testExpressions},
		{"an item has 400 KB and no more", testItemBytes},
		{"statements insert and update, each judged by itself", testStatements},
		{"statements that are refused tell the item or nothing", testStatementRefusals},
		{"a statement that a condition refuses tells the item on request", testStatementItem},
		{"statements that read and that write do not mix", testStatementMix},
		{"a batch takes 25 statements on distinct items and no more", testStatementBatch},
		{"numbers have 38 digits", testNumbers},
		{"numbers are added exactly", testAdd},
		{"sets hold each number once", testSets},
		{"contains looks into texts and sets", testContains},
		{"a batch of reads returns what is there of a hundred keys", testBatchGet},
		{"a batch of reads gives 16 MB and names the rest", testBatchGetBytes},
		{"a transaction makes all writes or none", testTransaction},
		{"a transaction gives one reason for each item", testReasons},
		{"a transaction names the item that cannot be written", testReasonInvalid},
		{"a transaction takes a hundred items and no more", testTransactionMax},
		{"a transaction refuses two operations on one item", testTransactionDuplicates},
		{"a transaction with two operations on one item is refused as a whole", testTransactionDuplicatesWhole},
		{"a transaction takes place once under one token", testToken},
		{"writes at the same moment see each other", testAtOnce},
		{"transactions at the same moment follow each other or are canceled", testTransactionsAtOnce},
		{"a query returns a range in order", testQueryRange},
		{"a query goes over pages", testQueryPages},
		{"a page ends at a megabyte", testQueryMegabyte},
		{"an index holds the items that have its keys", testIndex},
		{"an index carries what it was told to", testIndexProjection},
		{"an index refuses what it does not carry", testNotProjected},
		{"an index follows the keys of its items", testIndexKeys},
		{"reads that may lag see a write in the end", testLag},
		{"a scan meets everything once, from any key on", testScan},
		{"reads tell what they took", testReadUnits},
		{"the stream has the images of each change", testImages},
		{"the stream has nothing where nothing changed", testNoRecord},
		{"the stream orders the records of an item", testStreamOrder},
		{"the stream has the writes of statements and transactions", testStreamOfMany},
		{"the stream is read from any record on", testStreamFrom},
		{"a record tells when its change took place", testRecordTime},
		{"tables have their stream and their time to live", testSettings},
		{"what has expired is removed, and its record says by whom", testExpired},
		{"replicas take each other's writes, and the later one wins", testReplicas},
		{"readings are written through the adapter", testReadings},
		{"statements of readings state the whole item", testOwnStatements},
		{"readings that were throttled are written again", testThrottled},
		{"a deleted reading leaves a tombstone", testDeletion},
		{"readings expire no earlier than they may", testExpiry},
		{"uploads begin once and end once", testUploads},
		{"ranges are committed once", testRanges},
		{"a range is committed in steps", testRangeInSteps},
		{"uploads are listed newest first", testUploadList},
		{"deletions are claimed, advanced and completed", testDeletions},
		{"equipments, hours and rows are found by scans and queries", testFinder},
		{"revocations are seen as soon as they are made", testRevocations},
		{"any sequence of calls ends as it does in the model", testAsModel},
	}, aggregateCases()...)
}

// subject is an implementation with a table of readings, in which most tests write.
type subject struct {
	Storage
	table string
	marks int
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

func yes() types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: true} }

func keyOf(partition, sort string) Item {
	return Item{contract.AttrEquipmentID: text(partition), contract.AttrTimestamp: text(sort)}
}

// with returns the item with attributes added.
func with(item Item, more Item) Item {
	out := maps.Clone(item)
	maps.Copy(out, more)
	return out
}

// show writes an item in one line, the same for equal items. Numbers are shown by their value: DynamoDB Local gives some back as
// they were sent, and 0.1 less 0.1 as 0.0, where DynamoDB trims zeros
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html).
func show(item Item) string {
	if item == nil {
		return "none"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(item)) {
		switch v := item[name].(type) {
		case *types.AttributeValueMemberS:
			parts = append(parts, fmt.Sprintf("%s=%q", name, v.Value))
		case *types.AttributeValueMemberN:
			n, err := reading.ParseDecimal(v.Value)
			if err != nil {
				parts = append(parts, name+"="+v.Value+"?")
				continue
			}
			parts = append(parts, name+"="+n.String())
		case *types.AttributeValueMemberNS:
			parts = append(parts, name+"="+showSet(v.Value))
		case *types.AttributeValueMemberBOOL:
			parts = append(parts, fmt.Sprintf("%s=%t", name, v.Value))
		default:
			parts = append(parts, fmt.Sprintf("%s=%v", name, v))
		}
	}
	return strings.Join(parts, " ")
}

// showSet writes a set of numbers in one order.
func showSet(texts []string) string {
	var all []reading.Decimal
	for _, text := range texts {
		n, err := reading.ParseDecimal(text)
		if err != nil {
			return fmt.Sprint(texts) + "?"
		}
		all = append(all, n)
	}
	slices.SortFunc(all, reading.Decimal.Cmp)
	return fmt.Sprint(all)
}

// outcome names an error by its code, and the reasons of a canceled transaction by theirs.
func outcome(err error) string {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		var reasons []string
		for _, r := range canceled.CancellationReasons {
			reason := aws.ToString(r.Code)
			if len(r.Item) > 0 {
				reason += "(" + show(r.Item) + ")"
			}
			reasons = append(reasons, reason)
		}
		return "canceled: " + strings.Join(reasons, ", ")
	}
	var api smithy.APIError
	var response *awshttp.ResponseError
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.As(err, &response) && response.HTTPStatusCode() > 0: // of an emulator that broke down
		return fmt.Sprintf("HTTP status %d without a code", response.HTTPStatusCode())
	default:
		return err.Error()
	}
}

// because is what an error says beside its code, in brackets.
func because(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorMessage() == "" {
		return ""
	}
	return " (" + api.ErrorMessage() + ")"
}

const (
	done       = "done"
	refused    = "ValidationException"
	conditions = "ConditionalCheckFailedException"
)

func want(t T, what string, err error, outcomeWanted string) {
	t.Helper()
	if got := outcome(err); got != outcomeWanted {
		t.Errorf("%s: %s%s, want %s", what, got, because(err), outcomeWanted)
	}
}

func (s *subject) put(t T, item Item) {
	t.Helper()
	if _, err := s.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: item}); err != nil {
		t.Fatalf("put %s: %v", show(item), err)
	}
}

func (s *subject) remove(t T, key Item) {
	t.Helper()
	if _, err := s.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.table, Key: key}); err != nil {
		t.Fatalf("delete %s: %v", show(key), err)
	}
}

func (s *subject) get(t T, table string, key Item) Item {
	t.Helper()
	out, err := s.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatalf("get %s: %v", show(key), err)
	}
	if len(out.Item) == 0 {
		return nil
	}
	return out.Item
}

// wantItem compares what is stored under a key.
func (s *subject) wantItem(t T, what string, key, item Item) {
	t.Helper()
	if got := show(s.get(t, s.table, key)); got != show(item) {
		t.Errorf("%s: stored is %s, want %s", what, got, show(item))
	}
}

// textOf returns a text, "" where there is none.
func textOf(value types.AttributeValue) string {
	s, isText := value.(*types.AttributeValueMemberS)
	if !isText {
		return ""
	}
	return s.Value
}
