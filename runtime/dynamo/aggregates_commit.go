package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// Expressions of the writes. Nothing of AttrRecounted but its presence counts.
const (
	applyUpdate = "ADD #count :count, #integer :integer, #fraction :fraction, #revision :one " +
		"SET #through = :through, #start = :start, #partition = :partition, #sort = :sort"
	applyCondition = "attribute_not_exists(#recounted) AND (attribute_not_exists(#through) OR #through < :lowest)"

	replaceUpdate = "SET #count = :count, #integer = :integer, #fraction = :fraction, #revision = :next, " +
		"#through = :through, #start = :start, #partition = :partition, #sort = :sort"
	replaceRecounted  = ", #recounted = :true"
	replaceCondition  = "#revision = :revision"
	replaceNoneBefore = "attribute_not_exists(#revision)"

	fleetUpdate = "ADD #count :count, #integer :integer, #fraction :fraction SET #start = :start"
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
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Update: a.fleetUpdate(t.Bucket, fleet)})
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
	u := &types.Update{
		TableName: &a.aggregates, Key: rowKeyItem(row.Key),
		ExpressionAttributeNames: map[string]string{
			"#count": contract.AttrSampleCount, "#integer": contract.AttrTotalInteger, "#fraction": contract.AttrTotalFraction,
			"#revision": contract.AttrRevision, "#through": contract.AttrAppliedThrough, "#start": contract.AttrIntervalStart,
			"#partition": contract.AttrPartitionKey, "#sort": contract.AttrIndexSort,
		},
		ExpressionAttributeValues: item{
			":through": text(row.AppliedThrough), ":start": integer(row.Key.Hour.Unix()),
			":partition": text(a.indexPartition(row.Key.EquipmentID)), ":sort": text(indexSort(row.Key)),
		},
	}
	if row.Apply != nil {
		u.UpdateExpression, u.ConditionExpression = aws.String(applyUpdate), aws.String(applyCondition)
		u.ExpressionAttributeNames["#recounted"] = contract.AttrRecounted
		u.ExpressionAttributeValues[":one"], u.ExpressionAttributeValues[":lowest"] = integer(1), text(row.Apply.Lowest)
		setSum(u.ExpressionAttributeValues, row.Apply.Delta)
		return u
	}
	update, condition := replaceUpdate, replaceNoneBefore
	if row.Replace.Recounted {
		update += replaceRecounted
		u.ExpressionAttributeNames["#recounted"] = contract.AttrRecounted
		u.ExpressionAttributeValues[":true"] = boolean(true)
	}
	if row.Replace.Revision != 0 {
		condition = replaceCondition
		u.ExpressionAttributeValues[":revision"] = integer(row.Replace.Revision)
	}
	u.UpdateExpression, u.ConditionExpression = &update, &condition
	u.ExpressionAttributeValues[":next"] = integer(row.Replace.Revision + 1)
	setSum(u.ExpressionAttributeValues, row.Replace.Sum)
	return u
}

func (a *Aggregates) fleetUpdate(bucket int, fleet aggregate.FleetWrite) *types.Update {
	u := &types.Update{
		TableName: &a.aggregates, UpdateExpression: aws.String(fleetUpdate),
		Key: item{
			contract.AttrEquipmentID: text(fleetPartition(bucket)),
			contract.AttrInterval:    text(fleetKeyPrefix(fleet.Unit, fleet.Start) + contract.KeySeparator + fleet.Region),
		},
		ExpressionAttributeNames: map[string]string{
			"#count": contract.AttrSampleCount, "#integer": contract.AttrTotalInteger, "#fraction": contract.AttrTotalFraction,
			"#start": contract.AttrIntervalStart,
		},
		ExpressionAttributeValues: item{":start": integer(fleet.Start.Unix())},
	}
	setSum(u.ExpressionAttributeValues, fleet.Delta)
	return u
}

func setSum(values item, s aggregate.Sum) {
	values[":count"], values[":integer"], values[":fraction"] = integer(s.Count), decimal(s.Total.Integer), decimal(s.Total.Fraction)
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
				Kind: fault.Internal, Message: "the data store refused the request",
				Cause: errors.New("transaction canceled: " + code + ": " + aws.ToString(reason.Message)),
			}
		}
	}
	if len(c.Stale)+len(c.Rejected)+c.Throttled == 0 && !c.FleetRejected {
		c.Throttled = 1 // canceled without a reason
	}
	return c
}
