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

// Expressions of the writes of a range, whose row is there once anything of the range is committed.
const (
	commitUpdate   = "SET #lines = :lines, #bytes = :bytes, #accepted = :accepted, #rejected = :rejected, #updated = :at, #expires = :expires"
	commitLeft     = ", #left = :left"
	commitPieces   = ", #pieces = :pieces"
	commitDone     = " REMOVE #left"
	whereUntouched = "attribute_not_exists(#part)"
	whereCommitted = "#bytes = :from AND attribute_exists(#left)"
	addUpdate      = "ADD #processed :bytes, #accepted :accepted, #rejected :rejected, #done :done SET #updated = :at"

	rangesCondition = "#id = :id AND begins_with(#part, :range)"
)

// rangePart is the sort key of a range's row; text order is the order of the ranges.
func rangePart(number int) string { return fmt.Sprintf("%s%06d", contract.PartRangePrefix, number) }

func rangeKey(r csvfile.RangeID) item {
	return item{contract.AttrUploadID: text(r.UploadID), contract.AttrPart: text(rangePart(r.Number))}
}

// ReadRange returns what is committed of a range, the zero value where nothing is.
func (s *Uploads) ReadRange(ctx context.Context, r csvfile.RangeID) (csvfile.RangeResult, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: rangeKey(r), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return csvfile.RangeResult{}, mapError("get a range", err)
	}
	if len(out.Item) == 0 {
		return csvfile.RangeResult{}, nil
	}
	_, result, err := readRange(out.Item)
	return result, err
}

// CommitRange records to as the result of a range in place of from, and adds the difference to the upload, both or neither. The error
// is of kind fault.Conflict where from is not what is committed, fault.NotFound where there is no such upload, and fault.Unavailable
// where another range of the upload is committed at the same moment. The last is usual; the SDK does not repeat such calls, so the
// caller must.
func (s *Uploads) CommitRange(ctx context.Context, r csvfile.RangeID, from, to csvfile.RangeResult, at time.Time) error {
	done := int64(0)
	if to.Left == 0 {
		done = 1
	}
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: s.rangeUpdate(r, from, to, at)},
		{Update: &types.Update{
			TableName: &s.table, Key: uploadKey(r.UploadID),
			UpdateExpression: aws.String(addUpdate), ConditionExpression: aws.String(whereKnown),
			ExpressionAttributeNames: namesIn(addUpdate, whereKnown),
			ExpressionAttributeValues: item{
				":bytes": integer(to.Bytes - from.Bytes), ":accepted": integer(to.RowsAccepted - from.RowsAccepted),
				":rejected": integer(to.RowsRejected - from.RowsRejected), ":done": integer(done), ":at": text(reading.FormatTimestamp(at)),
			},
		}},
	}})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return commitCancellation(canceled)
	}
	return mapError("commit a range", err)
}

// rangeUpdate writes a range's own row. What is committed grows with each commit, so that its length tells whether it is still from.
func (s *Uploads) rangeUpdate(r csvfile.RangeID, from, to csvfile.RangeResult, at time.Time) *types.Update {
	update, condition := commitUpdate, whereUntouched
	values := item{
		":lines": integer(to.Lines), ":bytes": integer(to.Bytes), ":accepted": integer(to.RowsAccepted), ":rejected": integer(to.RowsRejected),
		":at": text(reading.FormatTimestamp(at)), ":expires": uploadExpiry(at),
	}
	if len(to.Pieces) > 0 {
		update += commitPieces
		values[":pieces"] = text(piecesText(to.Pieces))
	}
	if to.Left > 0 {
		update += commitLeft
		values[":left"] = integer(to.Left)
	} else {
		update += commitDone
	}
	if from.Bytes > 0 {
		condition = whereCommitted
		values[":from"] = integer(from.Bytes)
	}
	return &types.Update{
		TableName: &s.table, Key: rangeKey(r), UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: namesIn(update, condition), ExpressionAttributeValues: values,
	}
}

// piecesText writes pieces as "0-512 2048-4096".
func piecesText(pieces []csvfile.Piece) string {
	texts := make([]string, len(pieces))
	for i, p := range pieces {
		texts[i] = fmt.Sprintf("%d-%d", p.From, p.To)
	}
	return strings.Join(texts, " ")
}

func parsePieces(text string) (pieces []csvfile.Piece, err error) {
	for _, field := range strings.Fields(text) {
		var p csvfile.Piece
		if _, err := fmt.Sscanf(field, "%d-%d", &p.From, &p.To); err != nil {
			return nil, errors.New("does not hold pieces")
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
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
		return &fault.Error{Kind: fault.Conflict, Message: "another worker has moved the range on", Cause: cause}
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

// RangeResults returns what is committed by range number, also of ranges that are not done.
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
	if stored[contract.AttrBytesLeft] != nil {
		result.Left = r.integer(contract.AttrBytesLeft)
	}
	if result.Pieces, err = parsePieces(r.optionalText(contract.AttrPieces)); err != nil {
		r.fault(contract.AttrPieces, err.Error())
	}
	return number, result, r.done()
}
