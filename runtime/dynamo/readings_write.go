package dynamo

import (
	"context"
	"errors"
	"fmt"
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
func (s *statements) of(a ingest.Attempt) *string {
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
	in := &dynamodb.BatchExecuteStatementInput{Statements: make([]types.BatchStatementRequest, len(attempts))}
	for i, a := range attempts {
		in.Statements[i] = s.statement(a)
	}
	outcomes := make([]ingest.Outcome, len(attempts))
	out, err := s.client.BatchExecuteStatement(ctx, in, sentOnce)
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

func sentOnce(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

func (s *Readings) statement(a ingest.Attempt) types.BatchStatementRequest {
	key := []types.AttributeValue{text(string(a.EquipmentID)), text(reading.FormatTimestamp(a.Timestamp))}
	version := text(string(a.Version))
	attributes := []types.AttributeValue{decimal(a.Value), version, text(s.region), text(a.ID())}
	if a.Deleted {
		attributes[0] = boolean(true)
		attributes = append(attributes, unixCeiling(s.now().Add(contract.TombstoneLifetime)))
	} else if at, expires := a.ExpiresAt(s.retention); expires {
		attributes = append(attributes, unixCeiling(at))
	}
	if !a.Over {
		return types.BatchStatementRequest{Statement: s.statements.of(a), Parameters: append(key, attributes...)}
	}
	return types.BatchStatementRequest{
		Statement: s.statements.of(a), Parameters: append(append(attributes, key...), version),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// unixCeiling is a moment for time to live, which counts whole seconds: rounding up never lets an item expire early.
func unixCeiling(t time.Time) types.AttributeValue { return integer(t.Add(time.Second - 1).Unix()) }

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
