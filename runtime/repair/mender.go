package repair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// Piece is a part of one shard of the stream, both ends included.
type Piece struct {
	StreamARN, ShardID, First, Last string
}

// Record is a record of the stream, as far as it tells which rows it concerns.
type Record struct {
	Sequence string
	// Key is the reading's, as the table holds it.
	Key reading.Key
	// Regions are those that wrote the images.
	Regions []string
}

// Stream reads what a stream still holds.
type Stream interface {
	// Read calls take with the records of a piece in their order, and returns its error. The error is of kind fault.NotFound where
	// the stream does not hold the piece any more, and of kind fault.Unavailable where it may pass.
	Read(ctx context.Context, piece Piece, take func(Record) error) error
}

// Queue takes messages.
type Queue interface {
	Send(ctx context.Context, bodies []string) error
}

// rowTime is more than a row needs: twelve slices of what a partition takes in five minutes, and attempts.
const rowTime = 90 * time.Second

// Mender restates the rows of records that the aggregator's event source has given up.
type Mender struct {
	stream          Stream
	rows            Rows
	again, hopeless Queue
	o               MenderOptions
}

// MenderOptions adapt a Mender.
type MenderOptions struct {
	// Regions are those whose rows this region keeps. Required.
	Regions []string
	// Now tells the time. Default: time.Now.
	Now func() time.Time
}

// NewMender returns a Mender. What an invocation has no time for is sent to again, from where its messages come; what cannot be
// mended goes to hopeless with the reason.
func NewMender(stream Stream, rows Rows, again, hopeless Queue, o MenderOptions) *Mender {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Mender{stream, rows, again, hopeless, o}
}

// MendResult tells what became of a message.
type MendResult struct {
	// Records are those that the piece held and that concern this region's rows, Rows the rows that were restated, Wrong those of
	// them that were not right.
	Records, Rows, Wrong int
	// Foreign are records of items that are no readings, so that they count for nothing.
	Foreign int
	// Continued tells that the rest was sent on, since the time was over.
	Continued bool
	// Hopeless says why the message, or a part of it, was put aside.
	Hopeless []string
}

// failure is the message of a failure destination, as far as it is used
// (https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html).
type failure struct {
	Batch struct {
		ShardID   string `json:"shardId"`
		StreamARN string `json:"streamArn"`
		First     string `json:"startSequenceNumber"`
		Last      string `json:"endSequenceNumber"`
	} `json:"DDBStreamBatchInfo"`
}

const batchField = "DDBStreamBatchInfo"

var (
	errNoFailure = errors.New("the message names no piece of a stream")
	errContinue  = errors.New("the time is over")
)

// Mend works a message of the failure destination off. The error says that the message must come again, which it may do
// contract.StreamFailureReceivesMax times; receives counts this one too. All that was done until then stays done.
func (m *Mender) Mend(ctx context.Context, body string, receives int) (r MendResult, err error) {
	var f failure
	if err := json.Unmarshal([]byte(body), &f); err != nil || f.Batch.ShardID == "" || f.Batch.First == "" || f.Batch.Last == "" {
		return r, m.giveUp(ctx, body, &r, errors.Join(errNoFailure, err).Error())
	}
	piece := Piece{f.Batch.StreamARN, f.Batch.ShardID, f.Batch.First, f.Batch.Last}
	next, err := m.mendPiece(ctx, piece, &r)
	switch {
	case errors.Is(err, errContinue):
		return r, m.continueFrom(ctx, body, next, &r)
	case err != nil && fault.KindOf(err) == fault.Unavailable && receives < contract.StreamFailureReceivesMax:
		return r, err
	case err != nil:
		r.Hopeless = append(r.Hopeless, err.Error())
	}
	if len(r.Hopeless) > 0 {
		return r, m.giveUp(ctx, body, &r)
	}
	return r, nil
}

// mendPiece restates the rows of a piece. Where the time ends it returns the record to go on with.
func (m *Mender) mendPiece(ctx context.Context, piece Piece, r *MendResult) (next string, err error) {
	seen := map[aggregate.RowKey]bool{}
	err = m.stream.Read(ctx, piece, func(record Record) error {
		keys, isReading := m.rowsOf(record)
		if !isReading {
			r.Foreign++
			return nil
		}
		if len(keys) > 0 {
			r.Records++
		}
		for _, key := range keys {
			if seen[key] {
				continue
			}
			if deadline, ok := ctx.Deadline(); ok && r.Rows > 0 && deadline.Sub(m.o.Now()) < rowTime {
				next = record.Sequence
				return errContinue
			}
			if err := m.mendRow(ctx, key, r); err != nil {
				return err
			}
			seen[key] = true
		}
		return nil
	})
	return next, err
}

// rowsOf returns the rows of this region that a record concerns, and whether it is of a reading at all. An item of which the key
// is none of a reading's was never counted, whatever its images.
func (m *Mender) rowsOf(r Record) (keys []aggregate.RowKey, isReading bool) {
	id, idErr := reading.ParseEquipmentID(string(r.Key.EquipmentID))
	at, timeErr := reading.ParseTimestamp(r.Key.Timestamp)
	if idErr != nil || timeErr != nil || reading.FormatTimestamp(at) != r.Key.Timestamp {
		return nil, false
	}
	for _, kept := range m.o.Regions {
		for _, writer := range r.Regions {
			if kept == writer {
				keys = append(keys, aggregate.RowKey{EquipmentID: id, Hour: reading.Hour(at), Region: kept})
				break
			}
		}
	}
	return keys, true
}

// mendRow restates one row, and returns an error where the message must come again.
func (m *Mender) mendRow(ctx context.Context, key aggregate.RowKey, r *MendResult) error {
	restated, err := m.rows.Restate(ctx, key)
	r.Rows++
	if len(restated.Differences) > 0 {
		r.Wrong++
	}
	if err == nil {
		return nil
	}
	if fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil {
		return err
	}
	const reasonsMax = 20
	if len(r.Hopeless) < reasonsMax {
		r.Hopeless = append(r.Hopeless, fmt.Sprintf("row of %s, hour %s in %s: %v", key.EquipmentID, reading.FormatHour(key.Hour), key.Region, err))
	}
	return nil
}

// continueFrom sends the rest of a message to the queue that it came from.
func (m *Mender) continueFrom(ctx context.Context, body, first string, r *MendResult) error {
	rest, err := replaceFirst(body, first)
	if err != nil {
		return err
	}
	if len(r.Hopeless) > 0 {
		if err := m.giveUp(ctx, body, r); err != nil {
			return err
		}
	}
	if err := m.again.Send(ctx, []string{rest}); err != nil {
		return fmt.Errorf("send the rest of a piece on: %w", err)
	}
	r.Continued = true
	return nil
}

// replaceFirst is the message with another beginning; what it says besides stays.
func replaceFirst(body, first string) (string, error) {
	var message, batch map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return "", fmt.Errorf("decode a message: %w", err)
	}
	if err := json.Unmarshal(message[batchField], &batch); err != nil {
		return "", fmt.Errorf("decode a message: %w", err)
	}
	var err error
	if batch["startSequenceNumber"], err = json.Marshal(first); err != nil {
		return "", fmt.Errorf("encode a message: %w", err)
	}
	if message[batchField], err = json.Marshal(batch); err != nil {
		return "", fmt.Errorf("encode a message: %w", err)
	}
	rest, err := json.Marshal(message)
	if err != nil {
		return "", fmt.Errorf("encode a message: %w", err)
	}
	return string(rest), nil
}

// giveUp puts a message aside, with the reasons.
func (m *Mender) giveUp(ctx context.Context, body string, r *MendResult, reasons ...string) error {
	r.Hopeless = append(r.Hopeless, reasons...)
	aside, err := json.Marshal(map[string]any{"reasons": r.Hopeless, "message": body})
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if err := m.hopeless.Send(ctx, []string{string(aside)}); err != nil {
		return fmt.Errorf("put a message aside: %w", err)
	}
	return nil
}
