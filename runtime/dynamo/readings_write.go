package dynamo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// statements are the texts of the writes. Each states the whole item: what a write left out would stay as the write before it
// had it, and a value over a tombstone would vanish with that.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
type statements struct{ insert, insertTombstone, update, updateTombstone statement }

type statement struct {
	text string
	json []byte
}

func newStatement(text string) statement { return statement{text: text, json: appendText(nil, text)} }

// newStatements makes the statements for a table, in which readings expire or do not. Their parameters are those that
// parameters gives.
func newStatements(table string, expires bool) statements {
	const version, region, id, expiry = contract.AttrRegisterTime, contract.AttrRegion, contract.AttrID, contract.AttrExpiresAt
	stored, removed := []string{contract.AttrValue, version, region, id}, []string{contract.AttrDeleted}
	if expires {
		stored = append(stored, expiry)
	} else {
		removed = append(removed, expiry)
	}
	tombstone := []string{contract.AttrDeleted, version, region, id, expiry}
	return statements{
		insert: newStatement(insertStatement(table, stored)), insertTombstone: newStatement(insertStatement(table, tombstone)),
		update:          newStatement(updateStatement(table, stored, removed)),
		updateTombstone: newStatement(updateStatement(table, tombstone, []string{contract.AttrValue})),
	}
}

// of is the statement of an attempt.
func (s *statements) of(a *ingest.Attempt) *statement {
	switch {
	case a.Over && a.Deleted:
		return &s.updateTombstone
	case a.Over:
		return &s.update
	case a.Deleted:
		return &s.insertTombstone
	default:
		return &s.insert
	}
}

func insertStatement(table string, attributes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `INSERT INTO "%s" VALUE {'%s': ?, '%s': ?`, table, contract.AttrEquipmentID, contract.AttrTimestamp)
	for _, name := range attributes {
		fmt.Fprintf(&b, `, '%s': ?`, name)
	}
	return b.String() + "}"
}

// updateStatement takes the place of an item that is older or, as it has no version, is not a reading.
func updateStatement(table string, attributes, removed []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `UPDATE "%s"`, table)
	for _, name := range attributes {
		fmt.Fprintf(&b, ` SET "%s" = ?`, name)
	}
	for _, name := range removed {
		fmt.Fprintf(&b, ` REMOVE "%s"`, name)
	}
	fmt.Fprintf(&b, ` WHERE "%s" = ? AND "%s" = ? AND ("%[3]s" < ? OR "%[3]s" IS MISSING)`,
		contract.AttrEquipmentID, contract.AttrTimestamp, contract.AttrRegisterTime)
	return b.String()
}

// Try attempts at most contract.BatchStatementsMax writes of distinct identities in one call, which is sent once: what a
// second one found would hide what became of the first. It tells what became of each, in their order.
func (s *Readings) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	growStack()
	outcomes := make([]ingest.Outcome, len(attempts))
	out, err := s.execute(ctx, attempts)
	if err == nil && len(out.Responses) != len(attempts) {
		err = fmt.Errorf("%d answers to %d statements", len(out.Responses), len(attempts))
	}
	if err != nil {
		// An error of the call says nothing about its statements, some of which may have been run by then.
		one := ingest.Outcome{Result: ingest.Unknown, Err: mapError("write readings", err)}
		if isInvalid(err) {
			one.Result = ingest.Impossible
		}
		for i := range outcomes {
			outcomes[i] = one
		}
		return outcomes
	}
	for i, answer := range out.Responses {
		outcomes[i] = statementOutcome(answer.Error)
	}
	return outcomes
}

// stackOfCall is what a call takes of its goroutine's stack, at least.
const stackOfCall = 15 << 10

// growStack makes the stack large enough for a call while hardly anything is on it. A goroutine begins with 2 to 8 KB, and doubling
// that three times over, with more of the SDK's many frames to move each time, was a twelfth of what a call costs.
//
//go:noinline
func growStack() {
	var room [stackOfCall]byte
	runtime.KeepAlive(&room)
}

func (s *Readings) execute(ctx context.Context, attempts []ingest.Attempt) (*dynamodb.BatchExecuteStatementOutput, error) {
	in := func() *dynamodb.BatchExecuteStatementInput {
		return &dynamodb.BatchExecuteStatementInput{Statements: s.batch(attempts)}
	}
	if s.direct != nil {
		return s.direct.call(ctx, in, func() []byte { return s.encode(attempts) })
	}
	return s.client.BatchExecuteStatement(ctx, in(), sentOnce)
}

func sentOnce(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// batch makes the statements of attempts, for the SDK.
func (s *Readings) batch(attempts []ingest.Attempt) []types.BatchStatementRequest {
	all := make([]types.BatchStatementRequest, len(attempts))
	for i := range attempts {
		var to values
		s.parameters(&to, &attempts[i])
		all[i].Statement, all[i].Parameters = &s.statements.of(&attempts[i]).text, to
		if attempts[i].Over {
			all[i].ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
	}
	return all
}

// list takes the parameters of a statement, one after the other.
type list interface {
	text(string)
	number(string)
	moment(time.Time)
	yes()
}

// values is a list for the SDK.
type values []types.AttributeValue

func (v *values) text(t string)      { *v = append(*v, text(t)) }
func (v *values) number(n string)    { *v = append(*v, &types.AttributeValueMemberN{Value: n}) }
func (v *values) moment(t time.Time) { v.text(reading.FormatTimestamp(t)) }
func (v *values) yes()               { *v = append(*v, boolean(true)) }

// parameters lists those of an attempt's statement, in the order in which that has them.
func (s *Readings) parameters(to list, a *ingest.Attempt) {
	key := func() {
		to.text(string(a.EquipmentID))
		to.moment(a.Timestamp)
	}
	if !a.Over {
		key()
	}
	at, expires := a.ExpiresAt(s.retention)
	if a.Deleted {
		at, expires = s.now().Add(contract.TombstoneLifetime), true
		to.yes()
	} else {
		to.number(a.Value.String())
	}
	to.text(string(a.Version))
	to.text(s.region)
	to.text(a.ID())
	if expires {
		to.number(unixCeiling(at))
	}
	if a.Over {
		key()
		to.text(string(a.Version))
	}
}

// unixCeiling is a moment for time to live, which counts whole seconds: rounding up never lets an item expire early.
func unixCeiling(t time.Time) string { return strconv.FormatInt(t.Add(time.Second-1).Unix(), 10) }

// statementOutcome is what became of one statement of a batch.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html lists the codes.
func statementOutcome(e *types.BatchStatementError) ingest.Outcome {
	if e == nil {
		return ingest.Outcome{Result: ingest.Made}
	}
	if e.Code == types.BatchStatementErrorCodeEnumDuplicateItem {
		return ingest.Outcome{Result: ingest.Refused}
	}
	if e.Code == types.BatchStatementErrorCodeEnumConditionalCheckFailed {
		o := ingest.Outcome{Result: ingest.Refused}
		if len(e.Item) > 0 { // where there is no item, and on DynamoDB Local, it tells nothing
			found := foundItem(e.Item)
			o.Found = &found
		}
		return o
	}
	err := &fault.Error{
		Kind: fault.Unavailable, Message: unavailableMessage,
		Cause: fmt.Errorf("write a reading: %s: %s", e.Code, aws.ToString(e.Message)),
	}
	switch e.Code {
	case types.BatchStatementErrorCodeEnumThrottlingError, types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded,
		types.BatchStatementErrorCodeEnumRequestLimitExceeded, types.BatchStatementErrorCodeEnumTransactionConflict:
		return ingest.Outcome{Result: ingest.Busy, Err: err}
	case types.BatchStatementErrorCodeEnumInternalServerError:
		return ingest.Outcome{Result: ingest.Unknown, Err: err}
	default:
		err.Kind, err.Message = fault.Internal, refusedMessage
		return ingest.Outcome{Result: ingest.Impossible, Err: err}
	}
}

// Look returns what the table holds of each identity, in their order, as it is now.
func (s *Readings) Look(ctx context.Context, keys []reading.Key) ([]ingest.Found, error) {
	wanted := make([]item, len(keys))
	for i, key := range keys {
		wanted[i] = item{contract.AttrEquipmentID: text(string(key.EquipmentID)), contract.AttrTimestamp: text(key.Timestamp)}
	}
	in := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		s.table: {Keys: wanted, ConsistentRead: aws.Bool(true)},
	}}
	out, err := s.client.BatchGetItem(ctx, in)
	if err == nil && len(out.UnprocessedKeys) > 0 {
		err = errors.New("the table left keys unprocessed")
	}
	if err != nil {
		return nil, mapError("look at readings", err)
	}
	stored := map[reading.Key]ingest.Found{}
	for _, items := range out.Responses { // of one table, which may go by its name or by its ARN
		for _, one := range items {
			r := itemReader{item: one}
			key := reading.Key{EquipmentID: reading.EquipmentID(r.text(contract.AttrEquipmentID)), Timestamp: r.text(contract.AttrTimestamp)}
			stored[key] = foundItem(one)
		}
	}
	found := make([]ingest.Found, len(keys))
	for i, key := range keys {
		found[i] = stored[key]
	}
	return found, nil
}

// foundItem is an item as far as a write must know it. One that somebody else put there has no version, and the value of none.
func foundItem(stored item) ingest.Found {
	r := itemReader{item: stored}
	return ingest.Found{
		Exists: true, Version: reading.Version(r.optionalText(contract.AttrRegisterTime)), Value: r.decimal(contract.AttrValue),
		Deleted: r.tombstone(),
	}
}
