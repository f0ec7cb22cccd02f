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

// uploadsClient lists the calls in use.
type uploadsClient interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Uploads is the table of uploads: a csvfile.UploadTable and a csvfile.WorkTable. It is safe for concurrent use.
type Uploads struct {
	client uploadsClient
	table  string
}

// NewUploads returns the adapter to the table of uploads. All arguments are required.
func NewUploads(client uploadsClient, table string) *Uploads {
	return &Uploads{client: client, table: table}
}

// uploadNames are the placeholders of the expressions below.
var uploadNames = map[string]string{
	"#id": contract.AttrUploadID, "#status": contract.AttrStatus, "#reason": contract.AttrReason, "#updated": contract.AttrUpdatedAt,
	"#etag": contract.AttrETag, "#bytes": contract.AttrBytes, "#ranges": contract.AttrRanges, "#columns": contract.AttrColumns,
	"#planned": contract.AttrPlannedAt, "#done": contract.AttrRangesDone, "#processed": contract.AttrBytesProcessed,
	"#accepted": contract.AttrRowsAccepted, "#rejected": contract.AttrRowsRejected, "#lines": contract.AttrLines,
	"#left": contract.AttrBytesLeft, "#pieces": contract.AttrPieces,
	"#expires": contract.AttrExpiresAt, "#part": contract.AttrPart,
	"#unpacked": contract.AttrUnpackedBytes, "#list": contract.AttrListPartition, "#sort": contract.AttrListSort,
}

// namesIn returns the placeholders that occur in the expressions: DynamoDB refuses those that do not.
func namesIn(expressions ...string) map[string]string {
	names := map[string]string{}
	for placeholder, name := range uploadNames {
		for _, expression := range expressions {
			if strings.Contains(expression, placeholder) {
				names[placeholder] = name
			}
		}
	}
	return names
}

// Expressions of the writes of an upload's own row.
const (
	whereNew     = "attribute_not_exists(#id)"
	whereKnown   = "attribute_exists(#id)"
	whereWaiting = "#status = :waiting"
	whereOpen    = "#status IN (:waiting, :processing)"
	whereDone    = "#status = :processing AND #ranges = #done"

	beginUpdate = "SET #status = :processing, #etag = :etag, #bytes = :bytes, #ranges = :ranges, #columns = :columns, " +
		"#planned = :planned, #updated = :planned"
	beginPacked  = ", #unpacked = :unpacked"
	failUpdate   = "SET #status = :failed, #reason = :reason, #updated = :at"
	failSize     = ", #bytes = :bytes"
	finishUpdate = "SET #status = :status, #updated = :at"
)

func uploadKey(id string) item {
	return item{contract.AttrUploadID: text(id), contract.AttrPart: text(contract.PartUpload)}
}

// CreateUpload stores a new upload. The error is of kind fault.Conflict where its id is taken.
func (s *Uploads) CreateUpload(ctx context.Context, u csvfile.Upload) error {
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: uploadItem(u),
		ConditionExpression: aws.String(whereNew), ExpressionAttributeNames: namesIn(whereNew),
	})
	return mapError("create an upload", err)
}

// ReadUpload returns the upload as the last write left it; the error is of kind fault.NotFound where there is none.
func (s *Uploads) ReadUpload(ctx context.Context, id string) (csvfile.Upload, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: uploadKey(id), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return csvfile.Upload{}, mapError("get an upload", err)
	}
	return readUpload(out.Item)
}

// BeginUpload gives an upload that awaits its file the plan and the status csvfile.Processing. In any other status it
// changes nothing. It returns the upload as it then is; the error is of kind fault.NotFound where there is none.
func (s *Uploads) BeginUpload(ctx context.Context, id string, plan csvfile.Plan) (csvfile.Upload, error) {
	update, values := beginUpdate, item{
		":waiting": text(string(csvfile.AwaitingUpload)), ":processing": text(string(csvfile.Processing)),
		":etag": text(plan.ETag), ":bytes": integer(plan.Bytes), ":ranges": integer(int64(plan.Ranges)),
		":columns": text(layoutText(plan.Layout)), ":planned": text(reading.FormatTimestamp(plan.At)),
	}
	if plan.Unpacked > 0 {
		update += beginPacked
		values[":unpacked"] = integer(plan.Unpacked)
	}
	in := s.update(id, update, whereWaiting, values)
	in.ReturnValues = types.ReturnValueAllNew
	out, err := s.client.UpdateItem(ctx, in)
	if current, refused := itemBefore(err); refused {
		return readUpload(current)
	}
	if err != nil {
		return csvfile.Upload{}, mapError("begin an upload", err)
	}
	return readUpload(out.Attributes)
}

// FailUpload ends an upload as failed, unless it has ended before; the error is of kind fault.NotFound where there is none.
func (s *Uploads) FailUpload(ctx context.Context, id string, f csvfile.Failure) error {
	update, values := failUpdate, item{
		":waiting": text(string(csvfile.AwaitingUpload)), ":processing": text(string(csvfile.Processing)),
		":failed": text(string(csvfile.Failed)), ":reason": text(f.Reason), ":at": text(reading.FormatTimestamp(f.At)),
	}
	if f.Bytes > 0 {
		update += failSize
		values[":bytes"] = integer(f.Bytes)
	}
	_, err := s.client.UpdateItem(ctx, s.update(id, update, whereOpen, values))
	return unlessKnown("end an upload as failed", err)
}

// FinishUpload sets the final status of an upload that is csvfile.Processing and whose ranges are all done; otherwise
// nothing changes. The error is of kind fault.NotFound where there is none.
func (s *Uploads) FinishUpload(ctx context.Context, id string, status csvfile.Status, at time.Time) error {
	_, err := s.client.UpdateItem(ctx, s.update(id, finishUpdate, whereDone, item{
		":processing": text(string(csvfile.Processing)), ":status": text(string(status)), ":at": text(reading.FormatTimestamp(at)),
	}))
	return unlessKnown("finish an upload", err)
}

// update is a conditional write of an upload's own row that returns the row where the condition fails.
func (s *Uploads) update(id, update, condition string, values item) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: uploadKey(id), UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: namesIn(update, condition), ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// itemBefore returns the item that did not meet a write's condition, nil where there is none, and whether err says so.
func itemBefore(err error) (before item, refused bool) {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, false
	}
	return failed.Item, true
}

// unlessKnown is the error of a write that may change nothing, but not because there is no upload.
func unlessKnown(doing string, err error) error {
	before, refused := itemBefore(err)
	switch {
	case !refused:
		return mapError(doing, err)
	case len(before) == 0:
		return noUpload()
	default:
		return nil
	}
}

func noUpload() error {
	return &fault.Error{Kind: fault.NotFound, Message: "there is no such upload"}
}

func uploadItem(u csvfile.Upload) item {
	created := reading.FormatTimestamp(u.CreatedAt)
	stored := item{
		contract.AttrUploadID: text(u.ID), contract.AttrPart: text(contract.PartUpload), contract.AttrFileName: text(u.FileName),
		contract.AttrStatus: text(string(u.Status)), contract.AttrBytes: integer(u.Bytes),
		contract.AttrBytesProcessed: integer(u.BytesProcessed), contract.AttrRowsAccepted: integer(u.RowsAccepted),
		contract.AttrRowsRejected: integer(u.RowsRejected), contract.AttrRangesDone: integer(int64(u.RangesDone)),
		contract.AttrCreatedAt: text(created), contract.AttrUpdatedAt: text(reading.FormatTimestamp(u.UpdatedAt)),
		contract.AttrListPartition: text(listPartition(listShard(u.ID))), contract.AttrListSort: text(listSort(created, u.ID)),
		contract.AttrExpiresAt: uploadExpiry(u.CreatedAt),
	}
	if u.Reason != "" {
		stored[contract.AttrReason] = text(u.Reason)
	}
	if u.Parts != (csvfile.Parts{}) {
		stored[contract.AttrPartsName], stored[contract.AttrPartBytes] = text(u.Parts.Name), integer(u.Parts.Bytes)
	}
	if u.Format != (csvfile.Format{}) {
		stored[contract.AttrFormat] = text(u.Format.Text())
	}
	if !u.Plan.At.IsZero() {
		stored[contract.AttrETag], stored[contract.AttrColumns] = text(u.Plan.ETag), text(layoutText(u.Plan.Layout))
		if u.Plan.Unpacked > 0 {
			stored[contract.AttrUnpackedBytes] = integer(u.Plan.Unpacked)
		}
		stored[contract.AttrRanges], stored[contract.AttrPlannedAt] = integer(int64(u.Plan.Ranges)), text(reading.FormatTimestamp(u.Plan.At))
	}
	return stored
}

// uploadExpiry is when a row that was written at a moment may vanish.
func uploadExpiry(at time.Time) types.AttributeValue {
	return integer(at.AddDate(0, 0, contract.UploadStatusDays).Unix())
}

func readUpload(stored item) (csvfile.Upload, error) {
	if len(stored) == 0 {
		return csvfile.Upload{}, noUpload()
	}
	r := itemReader{item: stored}
	u := csvfile.Upload{
		ID: r.text(contract.AttrUploadID), FileName: r.text(contract.AttrFileName), Status: csvfile.Status(r.text(contract.AttrStatus)),
		Reason: r.optionalText(contract.AttrReason), Bytes: r.integer(contract.AttrBytes),
		BytesProcessed: r.integer(contract.AttrBytesProcessed), RowsAccepted: r.integer(contract.AttrRowsAccepted),
		RowsRejected: r.integer(contract.AttrRowsRejected), RangesDone: int(r.integer(contract.AttrRangesDone)),
		CreatedAt: r.time(contract.AttrCreatedAt), UpdatedAt: r.time(contract.AttrUpdatedAt),
	}
	if name := r.optionalText(contract.AttrPartsName); name != "" {
		u.Parts = csvfile.Parts{Name: name, Bytes: r.integer(contract.AttrPartBytes)}
	}
	if format := r.optionalText(contract.AttrFormat); format != "" {
		var err error
		if u.Format, err = csvfile.ParseFormat(format); err != nil {
			r.fault(contract.AttrFormat, err.Error())
		}
	}
	if stored[contract.AttrPlannedAt] != nil {
		u.Plan = csvfile.Plan{
			ETag: r.text(contract.AttrETag), Bytes: u.Bytes, Ranges: int(r.integer(contract.AttrRanges)), At: r.time(contract.AttrPlannedAt),
		}
		if stored[contract.AttrUnpackedBytes] != nil {
			u.Plan.Unpacked = r.integer(contract.AttrUnpackedBytes)
		}
		var err error
		if u.Plan.Layout, err = parseLayout(r.text(contract.AttrColumns)); err != nil {
			r.fault(contract.AttrColumns, err.Error())
		}
	}
	return u, r.done()
}

// The fields of a strict layout, whose header is the first line.
const strictFields = 3

// layoutText writes the positions in the order equipmentId, timestamp, value. Behind them stand how many fields a row has and where the
// header begins, unless that is as in a strict file: a program of an earlier version, which may still run, knows no other.
func layoutText(l csvfile.Layout) string {
	text := fmt.Sprintf("%d,%d,%d", l.Columns.EquipmentID, l.Columns.Timestamp, l.Columns.Value)
	if l.Fields != strictFields || l.HeaderAt != 0 {
		text += fmt.Sprintf(",%d,%d", l.Fields, l.HeaderAt)
	}
	return text
}

func parseLayout(text string) (csvfile.Layout, error) {
	const columns, all = 3, 5
	parts := strings.Split(text, ",")
	if len(parts) == columns {
		parts = append(parts, strconv.Itoa(strictFields), "0")
	}
	if len(parts) != all {
		return csvfile.Layout{}, errors.New("does not hold three positions, or five numbers")
	}
	var at [all]int
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 && (i > 0 || n < -1) {
			return csvfile.Layout{}, errors.New("does not hold positions")
		}
		at[i] = n
	}
	return csvfile.Layout{
		Columns: csvfile.Columns{EquipmentID: at[0], Timestamp: at[1], Value: at[2]}, Fields: at[3], HeaderAt: int64(at[4]),
	}, nil
}
