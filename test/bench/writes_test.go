package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/cputime"
	"github.com/sensorflow/sensorflow/test/standin"
)

// BenchmarkWrites weighs three ways to write readings against each other: the service's, by statements that its own adapter sends,
// and the two others with the calls of the SDK. Versions need a condition on each reading, which BatchWriteItem has none of: it is
// there to show what conditions cost.
//
//	go test -run - -bench Writes -benchtime 2000x ./test/bench
//
// prints for readings that are new, sent again, or corrected: readings a second, calls and microseconds of this process's
// processors a reading, of DynamoDB Local's own (table-cpu-µs, on Linux), and write units where the table tells them, which DynamoDB
// Local does not for statements. A reading sent again is a later request with the same value, which raises the version. On a
// machine that others use, readings a second say little and the microseconds still compare.
func BenchmarkWrites(b *testing.B) {
	ways := []way{{"BatchWriteItem", putBatches}, {"PutItem", putSingly}, {"BatchExecuteStatement", runStatements}}
	b.Run("table=4ms", func(b *testing.B) {
		for _, w := range ways {
			for _, kind := range []string{kindNew, kindAgain, kindCorrected} {
				b.Run("way="+w.name+"/readings="+kind, func(b *testing.B) { w.ontoStandIn(b, kind) })
			}
		}
	})
	b.Run("table=DynamoDBLocal", func(b *testing.B) {
		for _, w := range ways {
			for _, kind := range []string{kindNew, kindAgain, kindCorrected} {
				b.Run("way="+w.name+"/readings="+kind, func(b *testing.B) { w.ontoLocal(b, kind) })
			}
		}
	})
}

// benchTable is where readings are written to.
type benchTable struct {
	url string
	pid int // of the process that has the table; 0 for the stand-in, which stores nothing
	inFlight
}

// ontoStandIn writes to a stand-in, which keeps the versions of the readings before where they are not new.
func (w way) ontoStandIn(b *testing.B, kind string) {
	b.Helper()
	if b.N == 1 { // as it always begins; it is not worth a process
		return
	}
	backend, err := standin.Start(b.Context(), standin.Options{Remember: true})
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Kill()
	c, table := newCounting(benchTable{url: backend.URL, inFlight: inFlight{16, 64}}), standin.TableName(contract.ReadingsTable())
	if kind != kindNew {
		if err := (way{write: runStatements}).all(c, table, b.N, 0); err != nil {
			b.Fatal(err)
		}
	}
	w.measure(b, c, table, kind)
}

// ontoLocal writes to a DynamoDB Local of its own, which has the readings before where they are not new: all of its calls take longer
// the more tables and records it has.
func (w way) ontoLocal(b *testing.B, kind string) {
	b.Helper()
	if b.N == 1 { // as it always begins; it is not worth a process
		return
	}
	c := newCounting(startLocalTable(b))
	if err := w.all(c, c.newTable(b), 20*batchLength, 1); err != nil { // a Java program is slow at first
		b.Fatal(err)
	}
	table := c.newTable(b)
	if kind != kindNew {
		if err := (way{write: putBatches}).all(c, table, b.N, 0); err != nil {
			b.Fatal(err)
		}
	}
	w.measure(b, c, table, kind)
}

const (
	kindNew, kindAgain, kindCorrected = "new", "again", "corrected"

	batchLength = 25
)

// inFlight is how many batches are on their way at a time, and how many calls where each takes one reading.
type inFlight struct{ batches, singles int }

type way struct {
	name  string
	write func(c *counting, table string, writes []reading.Write) error
}

func (w way) measure(b *testing.B, c *counting, table, kind string) {
	b.Helper()
	c.calls.Store(0)
	c.units.Store(0)
	version := 1
	if kind == kindCorrected {
		version = 2
	}
	before, beforeTable := cputime.Own(b), c.tableTime(b)
	b.ResetTimer()
	if err := w.all(c, table, b.N, version); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "readings/s")
	b.ReportMetric(float64(c.calls.Load())/n, "calls/reading")
	b.ReportMetric(float64((cputime.Own(b)-before).Microseconds())/n, "cpu-µs/reading")
	if spent := c.tableTime(b) - beforeTable; spent > 0 {
		b.ReportMetric(float64(spent.Microseconds())/n, "table-cpu-µs/reading")
	}
	if units := c.units.Load(); units > 0 {
		b.ReportMetric(float64(units)/100/n, "units/reading")
	}
}

// all writes n readings of one version.
func (w way) all(c *counting, table string, n, version int) error {
	batches := make(chan []reading.Write)
	var writers sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range c.batches {
		writers.Go(func() {
			for batch := range batches {
				if err := w.write(c, table, batch); err != nil {
					mu.Lock()
					failed = cmp.Or(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	for first := 0; first < n; first += batchLength {
		batch := make([]reading.Write, 0, batchLength)
		for i := first; i < min(first+batchLength, n); i++ {
			batch = append(batch, benchWrite(i, version))
		}
		batches <- batch
	}
	close(batches)
	writers.Wait()
	return failed
}

func benchText(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

const benchRegion = "eu-west-1"

var benchMorning = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// benchWrite is a write of the i-th reading. The second version has another value than the first two.
func benchWrite(i, version int) reading.Write {
	value, err := reading.ParseValue(fmt.Sprintf("%d.25", i%100+version/2))
	if err != nil {
		panic(err)
	}
	return reading.Write{
		Reading: reading.Reading{
			EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", i%1000)), Timestamp: benchMorning.Add(time.Duration(i)), Value: value,
		},
		Version: reading.VersionAt(benchMorning.Add(time.Duration(version) * time.Second)),
	}
}

// benchItem is what a write leaves.
func benchItem(w reading.Write) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		contract.AttrEquipmentID:  benchText(string(w.EquipmentID)),
		contract.AttrTimestamp:    benchText(reading.FormatTimestamp(w.Timestamp)),
		contract.AttrValue:        &types.AttributeValueMemberN{Value: w.Value.String()},
		contract.AttrRegion:       benchText(benchRegion),
		contract.AttrRegisterTime: benchText(string(w.Version)),
		contract.AttrID:           benchText(w.ID()),
	}
}

func putBatches(c *counting, table string, writes []reading.Write) error {
	requests := make([]types.WriteRequest, len(writes))
	for i, w := range writes {
		requests[i].PutRequest = &types.PutRequest{Item: benchItem(w)}
	}
	for len(requests) > 0 {
		out, err := c.BatchWriteItem(context.Background(), &dynamodb.BatchWriteItemInput{
			RequestItems:           map[string][]types.WriteRequest{table: requests},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return err
		}
		c.told(out.ConsumedCapacity)
		requests = out.UnprocessedItems[table]
	}
	return nil
}

func putSingly(c *counting, table string, writes []reading.Write) error {
	var calls sync.WaitGroup
	var failed atomic.Pointer[error]
	slots := make(chan struct{}, c.singles/c.batches)
	for _, w := range writes {
		item := benchItem(w)
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			out, err := c.PutItem(context.Background(), &dynamodb.PutItemInput{
				TableName: &table, Item: item, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
				ConditionExpression:                 aws.String("attribute_not_exists(registerTime) OR registerTime < :version"),
				ExpressionAttributeValues:           map[string]types.AttributeValue{":version": item[contract.AttrRegisterTime]},
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			})
			if err != nil {
				failed.Store(&err)
				return
			}
			if out.ConsumedCapacity != nil {
				c.told([]types.ConsumedCapacity{*out.ConsumedCapacity})
			} else {
				c.told(nil)
			}
		})
	}
	calls.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// runStatements makes the attempts that package ingest makes: an insertion, and an update of what is there already.
func runStatements(c *counting, table string, writes []reading.Write) error {
	adapter := dynamo.NewReadings(c, table, benchRegion, 0)
	attempts := make([]ingest.Attempt, len(writes))
	for i, w := range writes {
		attempts[i].Write = w
	}
	for len(attempts) > 0 {
		var again []ingest.Attempt
		for i, o := range adapter.Try(context.Background(), attempts) {
			switch {
			case o.Result == ingest.Made:
			case o.Result == ingest.Refused && !attempts[i].Over:
				again = append(again, ingest.Attempt{Write: attempts[i].Write, Over: true})
			default:
				return fmt.Errorf("attempt came to %v: %w", o.Result, o.Err)
			}
		}
		attempts = again
	}
	return nil
}

// counting is a client that counts its calls and the write units that they are said to take.
type counting struct {
	*dynamodb.Client
	benchTable
	calls atomic.Int64
	units atomic.Int64 // in hundredths
}

// answerWithin bounds a call. It is longer than the service's own bound: a table that is slow here is a result and no error.
const answerWithin = time.Minute

func newCounting(table benchTable) *counting {
	transport := awsclient.HTTP(2 * table.singles).WithTimeout(answerWithin)
	return &counting{benchTable: table, Client: dynamodb.NewFromConfig(aws.Config{
		Region: benchRegion, BaseEndpoint: &table.url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, func(o *dynamodb.Options) { o.HTTPClient = transport })}
}

// BatchExecuteStatement is the client's, and is counted: the adapter does not ask what it takes.
func (c *counting) BatchExecuteStatement(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchExecuteStatementOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := c.Client.BatchExecuteStatement(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	c.told(out.ConsumedCapacity)
	return out, nil
}

func (c *counting) told(capacity []types.ConsumedCapacity) {
	c.calls.Add(1)
	for _, one := range capacity {
		c.units.Add(int64(100 * aws.ToFloat64(one.CapacityUnits)))
	}
}

func (c *counting) newTable(b *testing.B) string {
	b.Helper()
	table := fmt.Sprintf("readings-%d", time.Now().UnixNano())
	if err := dynamolocal.CreateTable(b.Context(), c.Client, table, contract.ReadingsTable()); err != nil {
		b.Fatal(err)
	}
	return table
}

// tableTime is what the table's process has had of the processors so far; 0 where nobody tells.
func (c *counting) tableTime(b *testing.B) time.Duration {
	b.Helper()
	if c.pid == 0 {
		return 0
	}
	spent, err := standin.ProcessOf(c.pid).CPU()
	if err != nil {
		return 0 // Linux alone tells
	}
	return spent
}

func startLocalTable(b *testing.B) benchTable {
	b.Helper()
	server, err := dynamolocal.Start(b.Context(), dynamolocal.Options{HeapMegabytes: 1024})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	return benchTable{url: server.Endpoint, pid: server.PID(), inFlight: inFlight{4, 4}}
}
