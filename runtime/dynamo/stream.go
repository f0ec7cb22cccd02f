package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

// streamClient lists the calls in use.
type streamClient interface {
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Stream reads pieces of the readings' stream: it is a repair.Stream. It is safe for concurrent use.
type Stream struct{ client streamClient }

// streamTimeout bounds one attempt of a call, which brings up to a megabyte.
const streamTimeout = 10 * time.Second

// NewStream returns the adapter to the streams of a region.
func NewStream(cfg aws.Config) *Stream {
	client := awsclient.HTTP(1).WithTimeout(streamTimeout)
	return &Stream{dynamodbstreams.NewFromConfig(cfg, func(o *dynamodbstreams.Options) { o.HTTPClient = client })}
}

// pollPause is kept between two reads of a shard, which takes five a second from all its readers together.
const pollPause = 500 * time.Millisecond

// Read calls take with the records of a piece in their order.
func (s *Stream) Read(ctx context.Context, piece repair.Piece, take func(repair.Record) error) error {
	out, err := s.client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &piece.StreamARN, ShardId: &piece.ShardID,
		ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, SequenceNumber: &piece.First,
	})
	if err != nil {
		return streamError("find a piece of the stream", err)
	}
	for iterator := out.ShardIterator; iterator != nil; {
		page, err := s.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
		if err != nil {
			return streamError("read a piece of the stream", err)
		}
		for _, r := range page.Records {
			record := streamRecord(r)
			if aggregate.CompareSequences(record.Sequence, piece.Last) > 0 {
				return nil
			}
			if err := take(record); err != nil {
				return err
			}
			if record.Sequence == piece.Last {
				return nil
			}
		}
		if iterator = page.NextShardIterator; iterator != nil {
			if err := pacing.Sleep(ctx, pollPause); err != nil {
				return streamError("read a piece of the stream", err)
			}
		}
	}
	return nil // the shard is closed, and the last record was its last
}

// streamRecord takes out of a record which rows it concerns.
func streamRecord(r types.Record) repair.Record {
	text := func(of map[string]types.AttributeValue, name string) string {
		s, ok := of[name].(*types.AttributeValueMemberS)
		if !ok {
			return ""
		}
		return s.Value
	}
	var record repair.Record
	if r.Dynamodb == nil {
		return record
	}
	record.Sequence = aws.ToString(r.Dynamodb.SequenceNumber)
	record.Key = reading.Key{
		EquipmentID: reading.EquipmentID(text(r.Dynamodb.Keys, contract.AttrEquipmentID)),
		Timestamp:   text(r.Dynamodb.Keys, contract.AttrTimestamp),
	}
	for _, image := range []map[string]types.AttributeValue{r.Dynamodb.OldImage, r.Dynamodb.NewImage} {
		if region := text(image, contract.AttrRegion); region != "" {
			record.Regions = append(record.Regions, region)
		}
	}
	return record
}

// streamError tells a piece that is gone from a call that may succeed later.
func streamError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	var api smithy.APIError
	gone := errors.As(err, new(*types.TrimmedDataAccessException)) || errors.As(err, new(*types.ResourceNotFoundException)) ||
		errors.As(err, &api) && api.ErrorCode() == "ValidationException"
	switch {
	case gone:
		return &fault.Error{Kind: fault.NotFound, Message: "the stream does not hold the records any more", Cause: err}
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException":
		return &fault.Error{Kind: fault.Internal, Message: "the stream refused the request", Cause: err}
	default: // also an iterator that has expired: the piece is read from its beginning again
		return &fault.Error{Kind: fault.Unavailable, Message: "the stream is busy; try again shortly", Cause: err}
	}
}
