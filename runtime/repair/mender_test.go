package repair_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/repair"
)

const message = `{"requestContext":{"condition":"RetryAttemptsExhausted"},"DDBStreamBatchInfo":{"shardId":"shard","streamArn":"arn",` +
	`"startSequenceNumber":"100","endSequenceNumber":"104","batchSize":5}}`

// stream is a shard with these records.
type stream struct {
	records []repair.Record
	err     error
}

func (s stream) Read(_ context.Context, piece repair.Piece, take func(repair.Record) error) error {
	if s.err != nil {
		return s.err
	}
	for _, r := range s.records {
		if aggregate.CompareSequences(r.Sequence, piece.First) < 0 || aggregate.CompareSequences(r.Sequence, piece.Last) > 0 {
			continue
		}
		if err := take(r); err != nil {
			return err
		}
	}
	return nil
}

func record(sequence, id, at string, regions ...string) repair.Record {
	return repair.Record{Sequence: sequence, Key: reading.Key{EquipmentID: reading.EquipmentID(id), Timestamp: at}, Regions: regions}
}

type queue struct {
	sent []string
	err  error
}

func (q *queue) Send(_ context.Context, bodies []string) error {
	q.sent = append(q.sent, bodies...)
	return q.err
}

// mending is a Mender of eu-west-1, which has adopted us-east-1.
type mending struct {
	*repair.Mender
	rows           *rows
	again, putAway *queue
	now            time.Time
}

func newMending(s stream, script func(key aggregate.RowKey, look int) (stored, found int64, err error)) *mending {
	m := &mending{rows: &rows{looks: map[string]int{}, script: script}, again: &queue{}, putAway: &queue{}, now: theHour}
	m.Mender = repair.NewMender(s, m.rows, m.again, m.putAway, repair.MenderOptions{
		Regions: []string{"eu-west-1", "us-east-1"}, Now: func() time.Time { return m.now },
	})
	return m
}

const at8, at9 = "2026-03-01T08:00:00.000000000Z", "2026-03-01T09:59:59.000000000Z"

func someRecords() stream {
	return stream{records: []repair.Record{
		record("99", "EARLIER", at8, "eu-west-1"),
		record("100", "A", at8, "eu-west-1"),
		record("101", "A", at8, "eu-central-1", "us-east-1"), // from one region to another: of the two the latter is kept here
		record("102", "B", at9, "eu-central-1"),              // another region's alone
		record("103", "no id", at8, "eu-west-1"),
		record("104", "B", at9, "eu-west-1", "eu-west-1"),
		record("105", "LATER", at8, "eu-west-1"),
	}}
}

func TestMender_RestatesTheRowsOfItsRegionsOnce(t *testing.T) {
	m := newMending(someRecords(), func(key aggregate.RowKey, _ int) (int64, int64, error) {
		if key.EquipmentID == "B" {
			return 1, 2, nil
		}
		return 1, 1, nil
	})
	r, err := m.Mend(t.Context(), message, 1)
	if err != nil || r.Records != 3 || r.Rows != 3 || r.Wrong != 1 || r.Foreign != 1 || len(r.Hopeless) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if want := []string{"A 2026-03-01T08", "A 2026-03-01T08", "B 2026-03-01T09"}; !slices.Equal(m.rows.order, want) {
		t.Errorf("restated %v, want %v: A of two regions", m.rows.order, want)
	}
	if len(m.again.sent)+len(m.putAway.sent) > 0 {
		t.Errorf("sent %v and %v", m.again.sent, m.putAway.sent)
	}
}

func TestMender_GoesOnWhereItHadNoTime(t *testing.T) {
	var m *mending
	m = newMending(someRecords(), func(aggregate.RowKey, int) (int64, int64, error) {
		m.now = m.now.Add(2 * time.Minute)
		return 1, 1, nil
	})
	ctx, cancel := context.WithDeadline(t.Context(), m.now.Add(200*time.Hour*24*365))
	defer cancel()
	m.now = m.now.Add(200*time.Hour*24*365 - 3*time.Minute)
	r, err := m.Mend(ctx, message, 1)
	if err != nil || !r.Continued || r.Rows != 1 || len(m.again.sent) != 1 {
		t.Fatalf("%+v, %v: %v", r, err, m.again.sent)
	}
	if !strings.Contains(m.again.sent[0], `"startSequenceNumber":"101"`) || !strings.Contains(m.again.sent[0], "RetryAttemptsExhausted") {
		t.Errorf("sent on: %s", m.again.sent[0])
	}
	if r, err = m.Mend(t.Context(), m.again.sent[0], 1); err != nil || r.Rows != 2 || r.Continued {
		t.Errorf("the rest: %+v, %v", r, err)
	}
}

func TestMender_DropsNothingInSilence(t *testing.T) {
	gone := &fault.Error{Kind: fault.NotFound, Message: "the stream does not hold the records any more"}
	fine := func(aggregate.RowKey, int) (int64, int64, error) { return 1, 1, nil }
	fails := func(err error) func(aggregate.RowKey, int) (int64, int64, error) {
		return func(key aggregate.RowKey, _ int) (int64, int64, error) {
			if key.EquipmentID == "B" {
				return 0, 0, err
			}
			return 1, 1, nil
		}
	}
	for name, c := range map[string]struct {
		stream   stream
		rows     func(aggregate.RowKey, int) (int64, int64, error)
		body     string
		receives int
		comes    bool   // again
		aside    string // what the message that is put aside says
	}{
		"no message of ours":        {someRecords(), fine, `{"hello":1}`, 1, false, "names no piece of a stream"},
		"no JSON":                   {someRecords(), fine, `hello`, 1, false, "names no piece of a stream"},
		"trimmed":                   {stream{err: gone}, fine, message, 1, false, "does not hold the records any more"},
		"a busy stream":             {stream{err: errBusy}, fine, message, 1, true, ""},
		"a busy row":                {someRecords(), fails(errBusy), message, contract.StreamFailureReceivesMax - 1, true, ""},
		"a row that stays busy":     {someRecords(), fails(errBusy), message, contract.StreamFailureReceivesMax, false, "busy"},
		"a closed hour":             {someRecords(), fails(aggregate.ErrClosed), message, 1, false, "row of B, hour 2026-03-01T09 in eu-west-1: readings of the hour have begun to expire"},
		"a row that cannot be held": {someRecords(), fails(errors.New("refused")), message, 1, false, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMending(c.stream, c.rows)
			_, err := m.Mend(t.Context(), c.body, c.receives)
			if (err != nil) != c.comes {
				t.Errorf("error %v", err)
			}
			if c.aside == "" {
				if len(m.putAway.sent) > 0 {
					t.Errorf("put aside: %v", m.putAway.sent)
				}
				return
			}
			if len(m.putAway.sent) != 1 || !strings.Contains(m.putAway.sent[0], c.aside) {
				t.Fatalf("put aside: %v", m.putAway.sent)
			}
			m = newMending(c.stream, c.rows)
			m.putAway.err = errBusy
			if _, err := m.Mend(t.Context(), c.body, c.receives); err == nil {
				t.Error("the message is gone although it could not be put aside")
			}
		})
	}
}
