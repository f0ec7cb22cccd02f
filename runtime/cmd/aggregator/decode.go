package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
)

// batch is a stream event. Its records are decoded one by one, so that a bad one does not make the others fail.
type batch struct {
	Records []json.RawMessage `json:"Records"`
}

// What Lambda writes before the records, between them and after them.
const eventBegin, eventBetween, eventEnd = `{"Records":[`, ",", "]}"

// decoded is an event.
type decoded struct {
	records int
	changes []aggregate.Change
	failed  []string // the sequence numbers of the records that cannot be decoded
}

// decode decodes the records of an event.
func (h *handler) decode(ctx context.Context, event []byte) (d decoded, err error) {
	changes, event, all := plainChanges(event)
	d.changes, d.records = changes, len(changes)
	if all {
		return d, nil
	}
	var left batch
	if err := json.Unmarshal(event, &left); err != nil {
		return d, fmt.Errorf("decode the event: %w", err)
	}
	d.records += len(left.Records)
	for _, raw := range left.Records {
		c, err := decodeRecord(raw)
		if err != nil {
			// A person must act: the record will end at the failure destination.
			h.log.ErrorContext(ctx, "record can never be applied", "sequence_number", c.Sequence, "error", err.Error())
			if d.failed = append(d.failed, c.Sequence); c.Old == nil {
				continue
			}
			// The new image counts for nothing, but the reading that it has overwritten must be subtracted.
		}
		d.changes = append(d.changes, c)
	}
	return d, nil
}

// plainChanges decodes the records of an event as long as they are plain. Where that is not all of it, what is left is an event of the
// others.
func plainChanges(event []byte) (changes []aggregate.Change, left []byte, all bool) {
	records, found := bytes.CutPrefix(event, []byte(eventBegin))
	if !found {
		return nil, event, false
	}
	last := records // from the last record on that was decoded, with the comma behind it
	for {
		c, length := dynamo.PlainChange(records)
		after, more := bytes.CutPrefix(records[length:], []byte(eventBetween))
		if length == 0 || !more && string(after) != eventEnd {
			return changes[:max(len(changes)-1, 0)], append([]byte(eventBegin), last...), false
		}
		changes = append(changes, c)
		if !more {
			return changes, nil, true
		}
		last, records = records, after
	}
}

// decodeRecord decodes one record; the change has its sequence number, if it has one, also where the rest cannot be decoded,
// and the old image where only the new one cannot.
func decodeRecord(raw json.RawMessage) (aggregate.Change, error) {
	if c, length := dynamo.PlainChange(raw); length == len(raw) {
		return c, nil
	}
	return decodeAnyRecord(raw)
}

// decodeAnyRecord is decodeRecord for records of all kinds.
func decodeAnyRecord(raw json.RawMessage) (aggregate.Change, error) {
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
