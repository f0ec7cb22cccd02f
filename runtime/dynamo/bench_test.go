package dynamo_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/cputime"
)

// BenchmarkTry measures what a call of statements costs the service, without the network: its request is made, signed and
// thrown away, and its answer is read. Each is made by a goroutine of its own, as most of the service's are.
func BenchmarkTry(b *testing.B) {
	for _, n := range []int{1, 10, 25} {
		b.Run(fmt.Sprintf("statements=%d", n), func(b *testing.B) {
			readings := dynamo.NewReadings(answersTo(n), "sensor-flow-readings", "eu-west-1", 0)
			attempts := make([]ingest.Attempt, n)
			for i := range attempts {
				value, err := reading.ParseValue(fmt.Sprint(i, ".25"))
				if err != nil {
					b.Fatal(err)
				}
				at := time.Date(2026, 3, 1, 8, 30, 0, i, time.UTC)
				attempts[i].Write = reading.Write{
					Reading: reading.Reading{EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", i)), Timestamp: at, Value: value},
					Version: reading.VersionAt(at),
				}
			}
			b.ReportAllocs()
			before, made := cputime.Own(b), make(chan []ingest.Outcome)
			for b.Loop() {
				go func() { made <- readings.Try(b.Context(), attempts) }()
				for _, o := range <-made {
					if o.Result != ingest.Made {
						b.Fatalf("came to %v: %v", o.Result, o.Err)
					}
				}
			}
			b.ReportMetric(float64((cputime.Own(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// answersTo is a client whose calls come to n statements that were made, at once.
func answersTo(n int) *dynamodb.Client {
	answer := []byte(`{"Responses":[` + strings.Repeat(`,{"TableName":"sensor-flow-readings"}`, n)[1:] + `]}`)
	date, sum := time.Now().UTC().Format(http.TimeFormat), fmt.Sprint(crc32.ChecksumIEEE(answer))
	return dynamodb.NewFromConfig(aws.Config{
		Region: "eu-west-1", Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("id", "key", "")),
		HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			return &http.Response{
				StatusCode: http.StatusOK, ContentLength: int64(len(answer)), Body: io.NopCloser(bytes.NewReader(answer)),
				Header: http.Header{
					"Content-Type": {"application/x-amz-json-1.0"}, "Date": {date}, "X-Amzn-Requestid": {"1"}, "X-Amz-Crc32": {sum},
				},
			}, nil
		}),
	}, dynamo.RememberEndpoints)
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) Do(r *http.Request) (*http.Response, error) { return t(r) }
