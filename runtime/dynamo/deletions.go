package dynamo

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// deletionsClient lists the calls in use.
type deletionsClient interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Deletions keeps long deletions in the table of uploads: a deletion.Table. It is safe for concurrent use.
type Deletions struct {
	client deletionsClient
	table  string
}

// NewDeletions returns the adapter to the deletions in the table of uploads. All arguments are required.
func NewDeletions(client deletionsClient, table string) *Deletions {
	return &Deletions{client: client, table: table}
}

// Expressions of the writes of a deletion's row. One that runs is in the index, by which workers find it.
const (
	deletionRuns = "#status = :running"
	// claimable holds also for the worker that has the lease.
	claimable   = deletionRuns + " AND (attribute_not_exists(#leased) OR #leased <= :now OR #worker = :worker)"
	claimUpdate = "SET #leased = :until, #worker = :worker"
	// atPlace is false where another worker has recorded the part.
	atPlace        = deletionRuns + " AND #place = :from"
	advanceUpdate  = "SET #place = :place, #count = :count, #updated = :now, "
	advanceRunning = advanceUpdate + "#leased = :until, #worker = :worker"
	advanceDone    = advanceUpdate + "#status = :completed REMOVE #leased, #worker, #list, #sort"
)

func deletionNames(expressions ...string) map[string]string {
	names := map[string]string{}
	for placeholder, name := range map[string]string{
		"#status": contract.AttrStatus, "#leased": contract.AttrLeasedUntil, "#worker": contract.AttrWorker, "#place": contract.AttrPlace,
		"#count": contract.AttrDeletedCount, "#updated": contract.AttrUpdatedAt, "#list": contract.AttrListPartition, "#sort": contract.AttrListSort,
	} {
		for _, expression := range expressions {
			if strings.Contains(expression, placeholder) {
				names[placeholder] = name
			}
		}
	}
	return names
}

func deletionKey(id string) item {
	return item{contract.AttrUploadID: text(id), contract.AttrPart: text(contract.PartDeletion)}
}

// CreateDeletion stores a new deletion.
func (s *Deletions) CreateDeletion(ctx context.Context, d deletion.Deletion) error {
	created := reading.FormatTimestamp(d.CreatedAt)
	stored := deletionKey(d.ID)
	maps.Copy(stored, item{
		contract.AttrStatus: text(string(d.Status)), contract.AttrEquipmentID: text(string(d.EquipmentID)),
		contract.AttrFrom: text(reading.FormatTimestamp(d.From)), contract.AttrTo: text(reading.FormatTimestamp(d.To)),
		contract.AttrRegisterTime: text(string(d.Version)), contract.AttrPlace: text(d.Place), contract.AttrDeletedCount: integer(d.Deleted),
		contract.AttrCreatedAt: text(created), contract.AttrUpdatedAt: text(created), contract.AttrExpiresAt: uploadExpiry(d.CreatedAt),
		contract.AttrListPartition: text(contract.ListDeletions), contract.AttrListSort: text(listSort(created, d.ID)),
	})
	// No condition: the id is new, and the SDK's second attempt after a lost answer puts the same item again. Nobody can have
	// worked on it before the answer.
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: stored})
	return mapError("create a deletion", err)
}

// ReadDeletion returns a deletion as the last write left it; the error is of kind fault.NotFound where there is none.
func (s *Deletions) ReadDeletion(ctx context.Context, id string) (deletion.Deletion, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: deletionKey(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return deletion.Deletion{}, mapError("get a deletion", err)
	}
	return readDeletion(out.Item)
}

// RunningDeletions returns the ids of at most limit deletions that run, oldest first. It may lag a moment behind.
func (s *Deletions) RunningDeletions(ctx context.Context, limit int) (ids []string, err error) {
	const condition = "#list = :list"
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(contract.IndexByCreation), Limit: aws.Int32(int32(limit)), //nolint:gosec // at most 100
		KeyConditionExpression: aws.String(condition), ExpressionAttributeNames: deletionNames(condition),
		ExpressionAttributeValues: item{":list": text(contract.ListDeletions)},
	})
	if err != nil {
		return nil, mapError("list deletions", err)
	}
	for _, stored := range out.Items {
		r := itemReader{item: stored}
		id := r.text(contract.AttrUploadID)
		if err := r.done(); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// ClaimDeletion leases a deletion that runs to a worker, unless another one's lease lasts beyond now. It returns the deletion,
// and whether the worker has it.
func (s *Deletions) ClaimDeletion(ctx context.Context, id string, l deletion.Lease) (d deletion.Deletion, claimed bool, err error) {
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: deletionKey(id), UpdateExpression: aws.String(claimUpdate), ConditionExpression: aws.String(claimable),
		ExpressionAttributeNames: deletionNames(claimUpdate, claimable), ReturnValues: types.ReturnValueAllNew,
		ExpressionAttributeValues: item{
			":running": text(string(deletion.Running)), ":worker": text(l.Worker),
			":now": text(reading.FormatTimestamp(l.Now)), ":until": text(reading.FormatTimestamp(l.Until)),
		},
	})
	if isConditionFailed(err) {
		return deletion.Deletion{}, false, nil
	}
	if err != nil {
		return deletion.Deletion{}, false, mapError("claim a deletion", err)
	}
	d, err = readDeletion(out.Attributes)
	return d, err == nil, err
}

// AdvanceDeletion records that a deletion that was at a place is now as d says, and renews the lease, or ends it where d is
// completed. It returns false, and changes nothing, where the deletion runs no longer or is at another place.
func (s *Deletions) AdvanceDeletion(ctx context.Context, d deletion.Deletion, from deletion.Progress, l deletion.Lease) (bool, error) {
	update, values := advanceRunning, item{
		":running": text(string(deletion.Running)), ":from": text(from.Place), ":place": text(d.Place), ":count": integer(d.Deleted),
		":now": text(reading.FormatTimestamp(l.Now)),
	}
	if d.Status == deletion.Completed {
		update, values[":completed"] = advanceDone, text(string(deletion.Completed))
	} else {
		values[":until"], values[":worker"] = text(reading.FormatTimestamp(l.Until)), text(l.Worker)
	}
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: deletionKey(d.ID), UpdateExpression: &update, ConditionExpression: aws.String(atPlace),
		ExpressionAttributeNames: deletionNames(update, atPlace), ExpressionAttributeValues: values,
	})
	if isConditionFailed(err) {
		return false, nil
	}
	return err == nil, mapError("advance a deletion", err)
}

func readDeletion(stored item) (deletion.Deletion, error) {
	if len(stored) == 0 {
		return deletion.Deletion{}, &fault.Error{Kind: fault.NotFound, Message: "there is no such deletion"}
	}
	r := itemReader{item: stored}
	d := deletion.Deletion{
		ID: r.text(contract.AttrUploadID),
		Range: deletion.Range{
			EquipmentID: reading.EquipmentID(r.text(contract.AttrEquipmentID)), From: r.time(contract.AttrFrom), To: r.time(contract.AttrTo),
		},
		Version: reading.Version(r.text(contract.AttrRegisterTime)), CreatedAt: r.time(contract.AttrCreatedAt),
		Status:   deletion.Status(r.text(contract.AttrStatus)),
		Progress: deletion.Progress{Place: r.text(contract.AttrPlace), Deleted: r.integer(contract.AttrDeletedCount)},
	}
	return d, r.done()
}

// Deletable returns a part of r, oldest first, as one call to the table gives it: at most limit of the readings and tombstones
// whose place, their timestamp as it is stored, is above after. What has expired is left out, as is what is neither.
func (s *Readings) Deletable(ctx context.Context, r deletion.Range, after string, limit int) (deletion.Part, error) {
	first, last := s.span(r.From, r.To)
	// DynamoDB refuses such a range. A zero time leaves no end open here: it is the first moment that there is.
	if last.Before(first) || !r.From.Before(r.To) {
		return deletion.Part{Place: after}, nil
	}
	low, high := max(reading.FormatTimestamp(first), after), reading.FormatTimestamp(last)
	if high <= after {
		return deletion.Part{Place: after}, nil
	}
	in := s.spanQuery(r.EquipmentID, low, high)
	in.Limit = aws.Int32(int32(limit + 1)) //nolint:gosec // at most contract.DeletionReadingsMax + 2; one may stand at the place itself
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return deletion.Part{}, mapError("query readings to delete", err)
	}
	part := deletion.Part{Place: after, More: len(out.LastEvaluatedKey) > 0}
	for _, stored := range out.Items {
		one := itemReader{item: stored}
		place := one.text(contract.AttrTimestamp)
		if place <= after {
			continue
		}
		if len(part.Readings)+len(part.Tombstones) == limit {
			part.More = true
			break
		}
		part.Place = place
		version := reading.Version(one.optionalText(contract.AttrRegisterTime))
		if one.tombstone() {
			if buried, err := parseStored(string(r.EquipmentID), place, "0"); err == nil { // a tombstone has no value
				part.Tombstones = append(part.Tombstones, deletion.Found{Reading: buried, Version: version})
			}
		} else if found, err := readStored(stored); err == nil {
			part.Readings = append(part.Readings, deletion.Found{Reading: found.Reading, Version: version})
		}
	}
	return part, nil
}
