package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Expressions of the writes of a range, whose row is there once the range is committed.
const (
	commitUpdate    = "SET #lines = :lines, #bytes = :bytes, #accepted = :accepted, #rejected = :rejected, #updated = :at, #expires = :expires"
	commitCondition = "attribute_not_exists(#part)"
	addUpdate       = "ADD #processed :bytes, #accepted :accepted, #rejected :rejected, #done :one SET #updated = :at"

	rangesCondition = "#id = :id AND begins_with(#part, :range)"
)

// rangePart is the sort key of a range's row; text order is the order of the ranges.
func rangePart(number int) string { return fmt.Sprintf("%s%06d", contract.PartRangePrefix, number) }

func rangeKey(r csvfile.RangeID) item {
	return item{contract.AttrUploadID: text(r.UploadID), contract.AttrPart: text(rangePart(r.Number))}
}

// RangeCommitted tells whether the range is committed.
func (s *Uploads) RangeCommitted(ctx context.Context, r csvfile.RangeID) (bool, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: rangeKey(r), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return false, mapError("get a range", err)
	}
	return len(out.Item) > 0, nil
}

// CommitRange records the result of a range and adds it to the upload, both or neither, and only once: where the range is
// committed already, nothing changes and the call succeeds. The error is of kind fault.NotFound where there is no such upload,
// and fault.Unavailable where another range of the upload is committed at the same moment. The last is usual; the SDK does not
// repeat such calls, so the caller must.
func (s *Uploads) CommitRange(ctx context.Context, r csvfile.RangeID, result csvfile.RangeResult, at time.Time) error {
	bytes, accepted, rejected := integer(result.Bytes), integer(result.RowsAccepted), integer(result.RowsRejected)
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: &s.table, Key: rangeKey(r),
			UpdateExpression: aws.String(commitUpdate), ConditionExpression: aws.String(commitCondition),
			ExpressionAttributeNames: namesIn(commitUpdate, commitCondition),
			ExpressionAttributeValues: item{
				":lines": integer(result.Lines), ":bytes": bytes, ":accepted": accepted, ":rejected": rejected,
				":at": text(reading.FormatTimestamp(at)), ":expires": uploadExpiry(at),
			},
		}},
		{Update: &types.Update{
			TableName: &s.table, Key: uploadKey(r.UploadID),
			UpdateExpression: aws.String(addUpdate), ConditionExpression: aws.String(whereKnown),
			ExpressionAttributeNames: namesIn(addUpdate, whereKnown),
			ExpressionAttributeValues: item{
				":bytes": bytes, ":accepted": accepted, ":rejected": rejected, ":one": integer(1), ":at": text(reading.FormatTimestamp(at)),
			},
		}},
	}})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return commitCancellation(canceled)
	}
	return mapError("commit a range", err)
}

// commitCancellation tells the reasons apart, of which there is one for the range and one for the upload.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html lists the codes.
func commitCancellation(canceled *types.TransactionCanceledException) error {
	const ofRange, ofUpload, items = 0, 1, 2
	cause := fmt.Errorf("commit a range: %w", canceled)
	busy := &fault.Error{Kind: fault.Unavailable, Message: unavailableMessage, Cause: cause}
	if len(canceled.CancellationReasons) != items {
		return busy // canceled without saying why
	}
	const conditionFailed = "ConditionalCheckFailed"
	var codes [items]string
	for i, reason := range canceled.CancellationReasons {
		codes[i] = aws.ToString(reason.Code)
	}
	switch {
	case codes[ofRange] == conditionFailed:
		return nil // it is committed
	case codes[ofUpload] == conditionFailed:
		return noUpload()
	}
	for _, code := range codes {
		if code == "ValidationError" || code == "ItemCollectionSizeLimitExceeded" {
			return &fault.Error{Kind: fault.Internal, Message: refusedMessage, Cause: cause}
		}
	}
	return busy // TransactionConflict, ThrottlingError, ProvisionedThroughputExceeded
}

// RangeResults returns the committed results by range number.
func (s *Uploads) RangeResults(ctx context.Context, id string) (map[int]csvfile.RangeResult, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String(rangesCondition),
		ExpressionAttributeNames:  namesIn(rangesCondition),
		ExpressionAttributeValues: item{":id": text(id), ":range": text(contract.PartRangePrefix)},
	}
	results := map[int]csvfile.RangeResult{}
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, mapError("query the ranges of an upload", err)
		}
		for _, stored := range out.Items {
			number, result, err := readRange(stored)
			if err != nil {
				return nil, err
			}
			results[number] = result
		}
		if len(out.LastEvaluatedKey) == 0 {
			return results, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func readRange(stored item) (number int, result csvfile.RangeResult, err error) {
	r := itemReader{item: stored}
	if number, err = strconv.Atoi(strings.TrimPrefix(r.text(contract.AttrPart), contract.PartRangePrefix)); err != nil {
		r.fault(contract.AttrPart, "does not number a range")
	}
	result = csvfile.RangeResult{
		Bytes: r.integer(contract.AttrBytes), Lines: r.integer(contract.AttrLines),
		RowsAccepted: r.integer(contract.AttrRowsAccepted), RowsRejected: r.integer(contract.AttrRowsRejected),
	}
	return number, result, r.done()
}
