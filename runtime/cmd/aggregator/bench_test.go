package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/cputime"
)

// BenchmarkHandle takes in batches of the stream, from the bytes of the event to those of the calls, which are answered at once and
// inside the process: what is measured is the function alone, of which a task of its own has two processors at most.
func BenchmarkHandle(b *testing.B) {
	for _, equipments := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("equipments=%d", equipments), func(b *testing.B) {
			payload, records := benchBatch(equipments)
			table := &benchTable{}
			h := &handler{
				aggregator: aggregate.NewAggregator(table.adapter(), region, aggregate.AggregatorOptions{}),
				now:        time.Now, log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
			}
			b.ReportAllocs()
			began := cputime.Own(b)
			for b.Loop() {
				if out, err := h.handle(b.Context(), payload); err != nil || len(out.BatchItemFailures) > 0 {
					b.Fatal(out, err)
				}
			}
			spent := cputime.Own(b) - began
			taken := float64(b.N * records)
			b.ReportMetric(taken/spent.Seconds(), "records/cpu-s")
			b.ReportMetric(float64(table.calls.Load())/taken*1000, "calls/1000")
		})
	}
}

// benchBatch is a batch of the size that the event source has, of new readings of one slice, as Lambda passes it on.
func benchBatch(equipments int) (payload []byte, records int) {
	records = 5000
	var b bytes.Buffer
	for i := range records {
		at := theHour.Add(time.Duration(i) * time.Millisecond)
		image := fmt.Sprintf(`{"equipmentId":{"S":"EQ-%05d"},"timestamp":{"S":%q},"value":{"N":"%d.%d"},"registerTime":{"S":%q},"region":{"S":%q},`+
			`"id":{"S":"0b5f9c3e-0000-4000-8000-%012d"}}`, i%equipments, reading.FormatTimestamp(at), 20+i%9, 1+i%9, reading.FormatTimestamp(at), region, i)
		key := fmt.Sprintf(`{"equipmentId":{"S":"EQ-%05d"},"timestamp":{"S":%q}}`, i%equipments, reading.FormatTimestamp(at))
		fmt.Fprintf(&b, `,{"eventID":"%032d","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":%q,`+
			`"dynamodb":{"ApproximateCreationDateTime":1772354000.0,"Keys":%s,"NewImage":%s,"SequenceNumber":"4%020d","SizeBytes":190,`+
			`"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/readings/stream/2026-03-01T00:00:00.000"}`,
			i, region, key, image, i)
	}
	return []byte(`{"Records":[` + b.String()[1:] + `]}`), records
}

// benchTable answers the calls of the adapter: every row is there, with an hour behind it, and takes each write.
type benchTable struct{ calls atomic.Int64 }

func (t *benchTable) adapter() *dynamo.Aggregates {
	client := dynamodb.NewFromConfig(aws.Config{
		Region: region, Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("id", "key", "")), HTTPClient: t,
	})
	return dynamo.NewAggregates(client, "sensor-flow-readings", "sensor-flow-aggregates", contract.IndexShardsDefault)
}

// Do implements the HTTP client of the SDK.
func (t *benchTable) Do(r *http.Request) (*http.Response, error) {
	t.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	answer := []byte("{}")
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchGetItem") {
		if answer, err = benchRows(body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(len(answer)), Body: io.NopCloser(bytes.NewReader(answer)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, nil
}

func benchRows(request []byte) ([]byte, error) {
	var in struct {
		RequestItems map[string]struct {
			Keys []map[string]struct{ S string }
		}
	}
	if err := json.Unmarshal(request, &in); err != nil {
		return nil, err
	}
	var slices strings.Builder
	for i := range contract.SlicesPerHour - 1 {
		for prefix, value := range map[string]string{
			contract.AttrSliceCount: "300", contract.AttrSliceInteger: "6420", contract.AttrSliceFraction: "151.4", contract.AttrSliceMin: "20.1",
			contract.AttrSliceMax: "29.9", contract.AttrSliceRevision: "71",
		} {
			fmt.Fprintf(&slices, `,%q:{"N":%q}`, contract.SliceAttribute(prefix, i), value)
		}
	}
	var b bytes.Buffer
	for name, wanted := range in.RequestItems {
		for _, key := range wanted.Keys {
			fmt.Fprintf(&b, `,{"equipmentId":{"S":%q},"interval":{"S":%q},"intervalStart":{"N":"1772352000"},"sampleCount":{"N":"3300"},`+
				`"totalInteger":{"N":"70620"},"totalFraction":{"N":"1665.4"},"minValue":{"N":"20.1"},"maxValue":{"N":"29.9"},`+
				`"appliedThrough":{"S":"%040d"}%s}`, key["equipmentId"].S, key["interval"].S, 3, slices.String())
		}
		return []byte(`{"Responses":{"` + name + `":[` + strings.TrimPrefix(b.String(), ",") + `]},"UnprocessedKeys":{}}`), nil
	}
	return []byte("{}"), nil
}
