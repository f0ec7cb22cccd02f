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
type statements struct{ insert, insertTombstone, update, updateTombstone string }

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
		insert: insertStatement(table, stored), insertTombstone: insertStatement(table, tombstone),
		update: updateStatement(table, stored, removed), updateTombstone: updateStatement(table, tombstone, []string{contract.AttrValue}),
	}
}

// of is the statement of an attempt.
func (s *statements) of(a *ingest.Attempt) *string {
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
	in := &dynamodb.BatchExecuteStatementInput{Statements: s.batch(attempts)}
	outcomes := make([]ingest.Outcome, len(attempts))
	out, err := s.execute(ctx, in)
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

func (s *Readings) execute(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	if s.direct != nil {
		return s.direct.call(ctx, in)
	}
	return s.client.BatchExecuteStatement(ctx, in, sentOnce)
}

func sentOnce(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// parametersMax is how many parameters a statement has at most.
const parametersMax = 8

// batch makes the statements of attempts. Their parameters lie side by side, so that they take three allocations and not eight for
// each reading.
func (s *Readings) batch(attempts []ingest.Attempt) []types.BatchStatementRequest {
	all := make([]types.BatchStatementRequest, len(attempts))
	values := make([]types.AttributeValue, 0, parametersMax*len(attempts))
	places := make([]place, len(attempts))
	for i := range attempts {
		from := len(values)
		values = s.parameters(values, &attempts[i], &places[i])
		all[i].Statement, all[i].Parameters = s.statements.of(&attempts[i]), values[from:len(values):len(values)]
		if attempts[i].Over {
			all[i].ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
	}
	return all
}

// place is where the parameters of a statement are.
type place struct {
	equipmentID, timestamp, version, id types.AttributeValueMemberS
	value, expiry                       types.AttributeValueMemberN
}

// parameters appends those of an attempt's statement, in the order in which that has them.
func (s *Readings) parameters(to []types.AttributeValue, a *ingest.Attempt, p *place) []types.AttributeValue {
	p.equipmentID.Value, p.timestamp.Value = string(a.EquipmentID), reading.FormatTimestamp(a.Timestamp)
	p.version.Value, p.id.Value = string(a.Version), a.ID()
	if !a.Over {
		to = append(to, &p.equipmentID, &p.timestamp)
	}
	at, expires := a.ExpiresAt(s.retention)
	if a.Deleted {
		at, expires = s.now().Add(contract.TombstoneLifetime), true
		to = append(to, boolean(true))
	} else {
		p.value.Value = a.Value.String()
		to = append(to, &p.value)
	}
	to = append(to, &p.version, s.writer, &p.id)
	if expires {
		p.expiry.Value = unixCeiling(at)
		to = append(to, &p.expiry)
	}
	if a.Over {
		to = append(to, &p.equipmentID, &p.timestamp, &p.version)
	}
	return to
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
