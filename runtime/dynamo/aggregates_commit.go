package dynamo

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Commit makes all writes of the transaction or none. Where none was made for reasons that the table gives, the error is an
// *aggregate.Canceled; one of kind fault.Unavailable leaves open whether they were made, and one of kind fault.Invalid
// says that some write is not possible, but not which.
func (a *Aggregates) Commit(ctx context.Context, t aggregate.Transaction) error {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: &t.Token}
	for _, row := range t.Rows {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Update: a.rowUpdate(row)})
	}
	for _, fleet := range t.Fleet {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Update: a.update(fleetKeyItem(t.Bucket, fleet.FleetKey), a.fleetExpression(fleet))})
	}
	_, err := a.client.TransactWriteItems(ctx, in)

	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return cancellation(canceled.CancellationReasons, len(t.Rows))
	}
	var reused *types.IdempotentParameterMismatchException
	if errors.As(err, &reused) {
		// Nothing was written by this call. The conditions tell whether it was by an earlier one.
		return &aggregate.Canceled{Throttled: len(in.TransactItems)}
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationException" {
		return &fault.Error{Kind: fault.Invalid, Message: "an aggregate row cannot be written", Cause: err}
	}
	return mapError("write aggregate rows", err)
}

func (a *Aggregates) rowUpdate(row aggregate.RowWrite) *types.Update {
	e := newExpression()
	e.addSum(sumAttributes, row.Delta)
	e.setExtremes(contract.AttrMinValue, contract.AttrMaxValue, row.Extremes)
	var recounted []string
	for _, s := range row.Slices {
		e.writeSlice(s)
		if s.Recounted {
			recounted = append(recounted, strconv.Itoa(s.Slice))
		}
	}
	if len(recounted) > 0 {
		e.increase(contract.AttrRecounted, &types.AttributeValueMemberNS{Value: recounted})
	}
	for _, g := range row.Guards {
		e.require(e.guard(g))
	}
	for _, bound := range row.Bounds {
		e.require(e.bound(bound))
	}
	if t := row.Through; t != nil {
		through := contract.AttrAppliedThrough
		if t.Adopted {
			through = contract.AttrAdoptedThrough
		}
		e.require("(" + e.missing(through) + " OR " + e.compared(through, "<", text(t.Lowest)) + ")")
		e.assign(through, text(t.Highest))
	}
	e.assign(contract.AttrIntervalStart, integer(row.Key.Hour.Unix()))
	e.assign(contract.AttrPartitionKey, text(a.indexPartition(row.Key.EquipmentID)))
	e.assign(contract.AttrIndexSort, text(indexSort(row.Key)))
	return a.update(rowKeyItem(row.Key), e)
}

// fleetExpression adds to a fleet row.
func (a *Aggregates) fleetExpression(fleet aggregate.FleetWrite) *expression {
	e := newExpression()
	e.addSum(sumAttributes, fleet.Delta)
	e.increase(contract.AttrRevision, integer(1))
	e.assign(contract.AttrIntervalStart, integer(fleet.Start.Unix()))
	return e
}

func (a *Aggregates) update(key item, e *expression) *types.Update {
	return &types.Update{
		TableName: &a.aggregates, Key: key, UpdateExpression: aws.String(e.text()), ConditionExpression: e.condition(),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
}

// addSum adds to the three attributes of a sum. What is 0 is left out.
func (e *expression) addSum(names [3]string, s aggregate.Sum) {
	if s.Count != 0 {
		e.increase(names[0], integer(s.Count))
	}
	for i, part := range []reading.Decimal{s.Total.Integer, s.Total.Fraction} {
		if !part.IsZero() {
			e.increase(names[1+i], decimal(part))
		}
	}
}

func (e *expression) setExtremes(least, largest string, extremes [2]*aggregate.Extreme) {
	for end, name := range []string{least, largest} {
		switch next := extremes[end]; {
		case next == nil:
		case next.Any:
			e.assign(name, decimal(next.Value))
		default:
			e.drop(name)
		}
	}
}

func (e *expression) writeSlice(s aggregate.SliceWrite) {
	revision := contract.SliceAttribute(contract.AttrSliceRevision, s.Slice)
	e.addSum(sliceSumAttributes(s.Slice), s.Delta)
	e.setExtremes(contract.SliceAttribute(contract.AttrSliceMin, s.Slice), contract.SliceAttribute(contract.AttrSliceMax, s.Slice), s.Extremes)
	e.increase(revision, integer(1))
	if s.Unmarked {
		e.require("NOT contains(" + e.name(contract.AttrRecounted) + ", " + e.value(integer(int64(s.Slice))) + ")")
	}
}

// guard is the condition on a slice's revision.
func (e *expression) guard(g aggregate.Guard) string {
	revision := contract.SliceAttribute(contract.AttrSliceRevision, g.Slice)
	if g.Revision == 0 {
		return e.missing(revision)
	}
	return e.compared(revision, "=", integer(g.Revision))
}

// bound is the condition on an extreme.
func (e *expression) bound(b aggregate.Bound) string {
	name := extremeAttribute(b.Slice, b.End)
	if !b.Extreme.Any {
		return e.missing(name)
	}
	outer, inner := "<", ">="
	if b.End == aggregate.Max {
		outer, inner = ">", "<="
	}
	value := decimal(b.Extreme.Value)
	switch b.Relation {
	case aggregate.Within:
		return "(" + e.missing(name) + " OR " + e.compared(name, inner, value) + ")"
	case aggregate.Reaches:
		return e.compared(name, outer+"=", value)
	case aggregate.Beyond:
		return e.compared(name, outer, value)
	default:
		return e.compared(name, "=", value)
	}
}

// cancellation sorts the reasons, of which there is one per item in the order of the request: rows first, then the fleet.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html lists the codes.
func cancellation(reasons []types.CancellationReason, rows int) error {
	c := &aggregate.Canceled{}
	for i, reason := range reasons {
		isRow := i < rows
		switch code := aws.ToString(reason.Code); code {
		case "None", "":
		case "ConditionalCheckFailed":
			c.Stale = append(c.Stale, i)
		case "TransactionConflict":
			c.Throttled++
			c.FleetBusy = c.FleetBusy || !isRow
		case "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded":
			c.Throttled++
			c.FleetBusy = c.FleetBusy || !isRow // another bucket is another partition
		case "ValidationError", "ItemCollectionSizeLimitExceeded":
			if isRow {
				c.Rejected = append(c.Rejected, i)
			} else {
				c.FleetRejected = true
			}
		default:
			return &fault.Error{
				Kind: fault.Internal, Message: refusedMessage,
				Cause: errors.New("transaction canceled: " + code + ": " + aws.ToString(reason.Message)),
			}
		}
	}
	if len(c.Stale)+len(c.Rejected)+c.Throttled == 0 && !c.FleetRejected {
		c.Throttled = 1 // canceled without a reason
	}
	return c
}
