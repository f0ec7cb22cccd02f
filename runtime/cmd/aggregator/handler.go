package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

// processor is what does the work.
type processor interface {
	Process(ctx context.Context, changes []aggregate.Change) (aggregate.Result, error)
}

// handler answers invocations.
type handler struct {
	aggregator processor
	now        func() time.Time
	log        *slog.Logger
}

// batch is a stream event. Its records are decoded one by one, so that a bad one does not make the others fail.
type batch struct {
	Records []json.RawMessage `json:"Records"`
}

// errUnnamed makes Lambda deliver the whole batch again, as it would for an empty identifier.
var errUnnamed = errors.New("a record that failed has no sequence number")

// handle takes in a batch and returns the records that failed. A record that can never succeed is among them each time: Lambda
// cuts the batch until it stands alone and sends it to the failure destination after its last attempt.
func (h *handler) handle(ctx context.Context, b batch) (events.DynamoDBEventResponse, error) {
	began := h.now()
	changes, failed := h.decode(ctx, b.Records)
	result, err := h.aggregator.Process(ctx, changes)
	failed = append(failed, result.Failed...)
	if err != nil {
		h.log.WarnContext(ctx, "records go back to the stream", "failed", len(result.Failed), "error", err.Error())
	}
	h.log.InfoContext(ctx, "batch processed",
		"records", len(b.Records), "ignored", result.Ignored, "rows", result.Rows, "applied", result.Applied,
		"recounted", result.Recounted, "adjusted", result.Adjusted, "repeats", result.Repeats, "raced", result.Raced,
		"bucket_changes", result.BucketChanges, "retries", result.Retries, "failed", len(failed),
		"took_ms", h.now().Sub(began).Milliseconds())
	if slices.Contains(failed, "") {
		return events.DynamoDBEventResponse{}, errUnnamed
	}
	slices.SortFunc(failed, aggregate.CompareSequences)
	failed = slices.Compact(failed)
	out := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, sequence := range failed {
		out.BatchItemFailures = append(out.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
	}
	return out, nil
}

// decode decodes the records and returns the sequence numbers of those that cannot be.
func (h *handler) decode(ctx context.Context, records []json.RawMessage) (changes []aggregate.Change, failed []string) {
	for _, raw := range records {
		c, err := decodeRecord(raw)
		if err != nil {
			// A person must act: the record will end at the failure destination.
			h.log.ErrorContext(ctx, "record can never be applied", "sequence_number", c.Sequence, "error", err.Error())
			if failed = append(failed, c.Sequence); c.Old == nil {
				continue
			}
			// The new image counts for nothing, but the reading that it has overwritten must be subtracted.
		}
		changes = append(changes, c)
	}
	return changes, failed
}

// decodeRecord decodes one record; the change has its sequence number, if it has one, also where the rest cannot be decoded,
// and the old image where only the new one cannot.
func decodeRecord(raw json.RawMessage) (aggregate.Change, error) {
	record, err := unmarshalRecord(raw)
	if err != nil {
		var name struct {
			Change struct{ SequenceNumber string } `json:"dynamodb"`
		}
		_ = json.Unmarshal(raw, &name) // what is readable of it stays
		return aggregate.Change{Sequence: name.Change.SequenceNumber}, fmt.Errorf("decode record: %w", err)
	}
	c, err := dynamo.ChangeFromEvent(record)
	if err != nil {
		return c, fmt.Errorf("decode record: %w", err)
	}
	return c, nil
}

// unmarshalRecord turns a panic of package events into an error. It panics on a set of binaries that holds something else, and
// one record must not make its whole batch fail.
func unmarshalRecord(raw json.RawMessage) (record events.DynamoDBEventRecord, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unmarshal: %v", r)
		}
	}()
	err = json.Unmarshal(raw, &record)
	return record, err
}
