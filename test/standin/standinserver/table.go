package main

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/test/standin"
)

// answer is what a call to a table comes to.
type answer struct {
	status int
	body   []byte
}

const (
	empty = "{}"

	throttled = `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The stand-in is throttling."}`
	failed    = `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"The stand-in fails."}`
	unknown   = `{"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException","message":"The stand-in does not know this call."}`
	malformed = `{"__type":"com.amazon.coral.service#SerializationException","message":"The stand-in cannot read this call."}`
)

func (b *backend) serveTable(w http.ResponseWriter, r *http.Request, operation string) {
	arrived := time.Now()
	settings := b.settings.Load()
	body, err := b.body(r)
	defer b.buffers.Put(body)
	if err != nil {
		return // the caller has gone
	}
	b.counted.mu.Lock()
	b.counted.calls[operation]++
	b.counted.mu.Unlock()
	var a answer
	fails := chance(settings.FailCalls)
	if !fails || chance(0.5) {
		a = b.answer(r.Context(), operation, *body, settings, arrived)
	}
	if fails {
		a = answer{http.StatusInternalServerError, []byte(failed)}
	}
	if !wait(r.Context(), arrived, settings.Latency) {
		return
	}
	header := w.Header()
	header["Content-Type"] = []string{"application/x-amz-json-1.0"}
	header["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	header["X-Amz-Crc32"] = []string{strconv.FormatUint(uint64(crc32.ChecksumIEEE(a.body)), 10)}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // who has gone away needs no answer
}

// wait returns once the latency is over, or false when the caller has gone.
func wait(ctx context.Context, arrived time.Time, latency time.Duration) bool {
	return pacing.Sleep(ctx, latency-time.Since(arrived)) == nil
}

func (b *backend) answer(ctx context.Context, operation string, body []byte, o *standin.Options, now time.Time) answer {
	switch operation {
	case "BatchExecuteStatement":
		return b.statements(body, o, now)
	case "BatchWriteItem":
		return b.batch(body, o, now)
	case "DescribeTable":
		return describe(body)
	}
	if bytes.Contains(body, b.readings) {
		return b.answerOfReadings(operation, body, o, now)
	}
	if o.AggregateEquipments > 0 && operation == "Query" && bytes.Contains(body, b.aggregates) {
		if a, known := newMonth(o.AggregateEquipments, now).query(body); known {
			return a
		}
	}
	return b.model.call(ctx, operation, body)
}

// answerOfReadings answers a call to that table alone.
func (b *backend) answerOfReadings(operation string, body []byte, o *standin.Options, now time.Time) answer {
	switch operation {
	case "PutItem", "UpdateItem", "DeleteItem", "ExecuteStatement":
		if b.admit(1, o, now) == 0 {
			return answer{http.StatusBadRequest, []byte(throttled)}
		}
		b.counted.accepted.Add(1)
		return answer{http.StatusOK, []byte(empty)}
	case "GetItem":
		return answer{http.StatusOK, []byte(empty)}
	case "BatchGetItem":
		return b.look(body, o)
	case "Query", "Scan":
		return answer{http.StatusOK, []byte(`{"Items":[],"Count":0,"ScannedCount":0}`)}
	default:
		return answer{http.StatusBadRequest, []byte(unknown)}
	}
}

// chance tells whether what happens in a share of all cases happens now.
func chance(share float64) bool {
	return share > 0 && rand.Float64() < share //nolint:gosec // no secret
}

// admit throttles writes and returns how many are left. Those that fail by chance have used the capacity.
func (b *backend) admit(writes int, o *standin.Options, now time.Time) (taken int) {
	taken = b.capacity.take(writes, o.WritesPerSecond, now)
	for range taken {
		if chance(o.FailWrites) {
			taken--
		}
	}
	b.counted.throttled.Add(int64(writes - taken))
	return taken
}

// batch takes the first items and gives the others back.
func (b *backend) batch(body []byte, o *standin.Options, now time.Time) answer {
	var in struct {
		RequestItems map[string][]json.RawMessage
	}
	writes := bytes.Count(body, []byte(`"PutRequest":`)) + bytes.Count(body, []byte(`"DeleteRequest":`))
	taken := b.admit(writes, o, now)
	b.counted.accepted.Add(int64(taken))
	if taken == writes {
		return answer{http.StatusOK, []byte(`{"UnprocessedItems":{}}`)}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	for table, items := range in.RequestItems {
		first := min(taken, len(items))
		taken -= first
		if in.RequestItems[table] = items[first:]; first == len(items) {
			delete(in.RequestItems, table)
		}
	}
	text, err := json.Marshal(map[string]any{"UnprocessedItems": in.RequestItems})
	if err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	return answer{http.StatusOK, text}
}

func describe(body []byte) answer {
	var in struct{ TableName string }
	if err := json.Unmarshal(body, &in); err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	text, err := json.Marshal(map[string]any{"Table": map[string]any{"TableName": in.TableName, "TableStatus": "ACTIVE"}})
	if err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	return answer{http.StatusOK, text}
}
