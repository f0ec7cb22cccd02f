package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/function"
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

// errUnnamed makes Lambda deliver the whole batch again, as it would for an empty identifier.
var errUnnamed = errors.New("a record that failed has no sequence number")

// handle takes in a batch and returns the records that failed. A record that can never succeed is among them each time: Lambda
// cuts the batch until it stands alone and sends it to the failure destination after its last attempt.
func (h *handler) handle(ctx context.Context, payload function.Payload) (events.DynamoDBEventResponse, error) {
	began := h.now()
	event, err := h.decode(ctx, payload)
	if err != nil {
		return events.DynamoDBEventResponse{}, err
	}
	result, err := h.aggregator.Process(ctx, event.changes)
	failed := slices.Concat(event.failed, result.Failed)
	if err != nil {
		h.log.WarnContext(ctx, "records go back to the stream", "failed", len(result.Failed), "error", err.Error())
	}
	h.log.InfoContext(ctx, "batch processed",
		"records", event.records, "ignored", result.Ignored, "rows", result.Rows, "applied", result.Applied,
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
