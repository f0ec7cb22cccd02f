package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/eventsource"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// binary is the function as it is deployed, endpoint the DynamoDB Local that all tests share.
var (
	binary, endpoint string
	localConfig      aws.Config
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	flag.Parse()
	if fuzz := flag.Lookup("test.fuzz"); fuzz != nil && fuzz.Value.String() != "" {
		return m.Run(), nil // in several processes, none of which needs what is started below
	}
	dir, err := os.MkdirTemp("", "aggregator")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "bootstrap")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", binary, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the function: %w\n%s", err, out)
	}
	heap := 0
	if busyHourFull() {
		heap = 3000 // what it keeps of 300,000 readings and their records
	}
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{HeapMegabytes: heap})
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	endpoint = server.Endpoint
	localConfig = aws.Config{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
	return m.Run(), nil
}

// deployment is the function beside its tables.
type deployment struct {
	*lambdalocal.Function
	client               *dynamodb.Client
	table                *dynamo.Aggregates
	readings, aggregates string
}

func deploy(t testing.TB) *deployment {
	t.Helper()
	d := &deployment{client: dynamo.NewClient(localConfig)}
	name := strings.NewReplacer("/", "-", "#", "-").Replace(t.Name())
	d.readings, d.aggregates = fmt.Sprintf("%s-%d-readings", name, time.Now().UnixNano()), fmt.Sprintf("%s-%d-aggregates", name, time.Now().UnixNano())
	for table, definition := range map[string]contract.Table{d.readings: contract.ReadingsTable(), d.aggregates: contract.AggregatesTable()} {
		if err := dynamolocal.CreateTable(t.Context(), d.client, table, definition); err != nil {
			t.Fatal(err)
		}
	}
	d.table = dynamo.NewAggregates(d.client, d.readings, d.aggregates, contract.IndexShardsDefault)
	d.Function = newFunction(t, d.readings, d.aggregates, endpoint)
	return d
}

func newFunction(t testing.TB, readings, aggregates, dynamoDB string) *lambdalocal.Function {
	t.Helper()
	f, err := lambdalocal.New(context.Background(), lambdalocal.Options{
		Name: "aggregator", Binary: binary, Log: io.Discard, Env: []string{
			contract.EnvRegion + "=" + region, contract.EnvReadingsTable + "=" + readings, contract.EnvAggregatesTable + "=" + aggregates,
			"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_ENDPOINT_URL_DYNAMODB=" + dynamoDB,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// put stores readings as the service of a region does.
func (d *deployment) put(t testing.TB, from string, readings ...reading.Reading) {
	t.Helper()
	for len(readings) > 0 {
		n := min(len(readings), contract.BatchStatementsMax)
		var writes []types.WriteRequest
		for _, r := range readings[:n] {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
				contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: string(r.EquipmentID)},
				contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: reading.FormatTimestamp(r.Timestamp)},
				contract.AttrValue:       &types.AttributeValueMemberN{Value: r.Value.String()},
				contract.AttrRegion:      &types.AttributeValueMemberS{Value: from},
				contract.AttrID:          &types.AttributeValueMemberS{Value: r.ID()},
			}}})
		}
		if _, err := d.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{d.readings: writes},
		}); err != nil {
			t.Fatal(err)
		}
		readings = readings[n:]
	}
}

// someReadings spreads readings over equipments, hours around midnight, and values of every size.
func someReadings(t testing.TB, n, equipments int, salt string) (out []reading.Reading) {
	t.Helper()
	values := []string{"0.1", "-0.3", "999999999999999999999999999", "1e-27", "12.5"}
	for i := range n {
		when := reading.Day(theHour).Add(time.Duration(i)*time.Second - 5*time.Minute)
		v, err := reading.ParseValue(values[(i+len(salt))%len(values)])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, reading.Reading{EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%d", i%equipments)), Timestamp: when, Value: v})
	}
	return out
}

// records reads what the stream holds of this region, n records, as Lambda would pass them on.
func (d *deployment) records(t testing.TB, n int) []json.RawMessage {
	t.Helper()
	out, err := d.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &d.readings})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second+time.Duration(n)*time.Millisecond)
	defer cancel()
	sink := &recordSink{enough: n, cancel: cancel}
	if err := eventsource.PollStream(ctx, eventsource.StreamOptions{
		Client: dynamodbstreams.NewFromConfig(localConfig), StreamARN: *out.Table.LatestStreamArn, Function: sink,
		Log: slog.New(slog.DiscardHandler), Region: region, BatchSize: 1000, PollInterval: 20 * time.Millisecond,
	}); err != nil || len(sink.records) != n {
		t.Fatalf("%d records, want %d: %v", len(sink.records), n, err)
	}
	return sink.records
}

// recordSink is a function that keeps what it is given.
type recordSink struct {
	mu      sync.Mutex
	records []json.RawMessage
	enough  int
	cancel  func()
}

func (s *recordSink) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b batch
	if err := json.Unmarshal(payload, &b); err != nil {
		return nil, err
	}
	if s.records = append(s.records, b.Records...); len(s.records) >= s.enough {
		s.cancel()
	}
	return []byte(`{"batchItemFailures":[]}`), nil
}

func encode(t testing.TB, records []json.RawMessage) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// deliver invokes the function with batches of a size; none of the records may fail.
func (d *deployment) deliver(t testing.TB, records []json.RawMessage, size int) {
	t.Helper()
	for len(records) > 0 {
		n := min(size, len(records))
		answer, err := d.Invoke(t.Context(), encode(t, records[:n]))
		if err != nil || string(answer) != `{"batchItemFailures":[]}` {
			t.Fatalf("got %s, %v", answer, err)
		}
		records = records[n:]
	}
}

// wantExact compares the region's rows, and the fleet's totals, with a scan of the readings.
func (d *deployment) wantExact(t testing.TB) (rows int) {
	t.Helper()
	want := map[aggregate.RowKey]*[contract.SlicesPerHour]aggregate.Figures{}
	var all aggregate.Sum
	patient := dynamodb.NewFromConfig(localConfig) // without the deadline of the service's own calls
	pages := dynamodb.NewScanPaginator(patient, &dynamodb.ScanInput{TableName: &d.readings})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			text := func(name string) string { return item[name].(*types.AttributeValueMemberS).Value }
			r, faults := reading.Parse(text(contract.AttrEquipmentID), text(contract.AttrTimestamp),
				item[contract.AttrValue].(*types.AttributeValueMemberN).Value, reading.Limits{Now: theHour})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if text(contract.AttrRegion) != region {
				continue
			}
			key := aggregate.RowKey{EquipmentID: r.EquipmentID, Hour: reading.Hour(r.Timestamp), Region: region}
			if want[key] == nil {
				want[key] = new([contract.SlicesPerHour]aggregate.Figures)
			}
			slice := &want[key][r.Timestamp.Minute()/5]
			*slice, all = slice.Join(aggregate.FiguresOf(r.Value)), all.Add(aggregate.SumOf(r.Value))
		}
	}
	for key, figures := range want {
		rows, err := d.table.ReadRows(t.Context(), []aggregate.RowKey{key})
		if err != nil {
			t.Fatal(err)
		}
		var hour aggregate.Figures
		for i, s := range rows[key].Slices {
			if s.Figures != figures[i] {
				t.Errorf("%v, slice %d: got %v, want %v", key, i, s.Figures, figures[i])
			}
			hour = hour.Join(figures[i])
		}
		if rows[key].Figures != hour {
			t.Errorf("%v: got %v, want %v", key, rows[key].Figures, hour)
		}
	}
	first, last := reading.Day(theHour).Add(-24*time.Hour), reading.Day(theHour).Add(24*time.Hour)
	for _, unit := range []aggregate.Unit{aggregate.FiveMinutes, aggregate.Hour, aggregate.Day} {
		var fleet aggregate.Sum
		for bucket := range contract.FleetBucketsDefault {
			share, err := d.table.FleetSum(t.Context(), bucket, aggregate.FleetSpan{Unit: unit, From: first, Through: last})
			if err != nil {
				t.Fatal(err)
			}
			fleet = fleet.Add(share)
		}
		if fleet != all {
			t.Errorf("the fleet has %v by unit %d, want %v", fleet, unit, all)
		}
	}
	return len(want)
}

func TestBinary_KeepsRowsEqualToTheReadings(t *testing.T) {
	d := deploy(t)
	const n, overwritten = 600, 50
	d.put(t, region, someReadings(t, n, 7, "")...)
	d.put(t, region, someReadings(t, 100, 7, "corrected")...)
	d.put(t, "us-east-1", someReadings(t, overwritten, 7, "elsewhere")...) // their retries landed in another region
	records := d.records(t, n+100+overwritten)
	d.deliver(t, records, 64)
	if rows := d.wantExact(t); rows != 14 {
		t.Errorf("%d rows", rows)
	}
	d.deliver(t, records, 100) // again, and in another cut
	d.wantExact(t)
	d.deliver(t, records[:1], 1)
	d.wantExact(t)
}

// killing stands between the function and DynamoDB and kills the function around one of its transactions.
type killing struct {
	forward http.Handler
	kill    func()
	left    atomic.Int64 // transactions up to that one
	done    atomic.Bool  // DynamoDB has done it before the function is killed
}

// ServeHTTP implements http.Handler.
func (k *killing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") || k.left.Add(-1) != 0:
		k.forward.ServeHTTP(w, r)
	case k.done.Load():
		k.forward.ServeHTTP(httptest.NewRecorder(), r)
		k.kill()
	default:
		k.kill() // the transaction never leaves
	}
}

func TestBinary_IsExactThoughItIsKilled(t *testing.T) {
	d := deploy(t)
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // who asked is dead
	killer := &killing{forward: forward}
	proxy := httptest.NewServer(killer)
	defer proxy.Close()
	d.Function = newFunction(t, d.readings, d.aggregates, proxy.URL)
	killer.kill = d.Kill
	const n, kills = 400, 8
	d.put(t, region, someReadings(t, n, 150, "")...)
	records := d.records(t, n)
	for i := range kills {
		killer.done.Store(i%2 == 1)
		killer.left.Store(int64(1 + i/2))
		var failed *lambdalocal.FunctionError
		if answer, err := d.Invoke(t.Context(), encode(t, records)); !errors.As(err, &failed) {
			t.Errorf("the invocation was not killed: %s, %v", answer, err)
		}
	}
	d.deliver(t, records, 300)
	d.wantExact(t)
}

func TestBinary_NamesEachMissingKey(t *testing.T) {
	cmd := exec.Command(binary)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v", err)
	}
	for _, key := range []string{contract.EnvRegion, contract.EnvReadingsTable, contract.EnvAggregatesTable} {
		if n := strings.Count(string(out), key+" must be set"); n != 1 {
			t.Errorf("%s is named %d times in:\n%s", key, n, out)
		}
	}
}

// BenchmarkBinary is the throughput against DynamoDB Local, which is what limits it here.
func BenchmarkBinary(b *testing.B) {
	for name, equipments := range map[string]int{"one-equipment": 1, "100-equipments": 100, "1000-equipments": 1000} {
		b.Run(name, func(b *testing.B) {
			const n = 5000
			d := deploy(b)
			d.put(b, region, someReadings(b, n, equipments, "")...)
			records := d.records(b, n)
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				fresh := deploy(b) // with empty aggregates; the records are the same
				if _, err := fresh.Invoke(b.Context(), encode(b, nil)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				fresh.deliver(b, records, 1000)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkStart is the time from the start of a process to its first answer. It is not a cold start.
func BenchmarkStart(b *testing.B) {
	for range b.N {
		f := newFunction(b, "readings", "aggregates", endpoint)
		if _, err := f.Invoke(b.Context(), encode(b, nil)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		f.Close()
		b.StartTimer()
	}
}
