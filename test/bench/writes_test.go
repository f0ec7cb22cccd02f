package bench_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
)

// BenchmarkWrites weighs three ways to write readings against each other, each with the calls of the SDK alone. Versions need
// a condition on each reading, which BatchWriteItem has none of: it is there to show what conditions cost.
//
//	go test -run - -bench Writes ./test/bench
//
// prints for readings that are new, sent again, or corrected: readings a second, calls and microseconds of this process's
// processors a reading, and write units where the table tells them, which DynamoDB Local does not for statements.
func BenchmarkWrites(b *testing.B) {
	for _, target := range []struct {
		name  string
		start func(*testing.B) (url string)
		slow  bool
	}{{"table=4ms", startSlowTable, true}, {"table=DynamoDBLocal", startLocalTable, false}} {
		b.Run(target.name, func(b *testing.B) {
			url := target.start(b)
			for _, w := range []way{{"BatchWriteItem", putBatches}, {"PutItem", putSingly}, {"BatchExecuteStatement", runStatements}} {
				for _, kind := range []string{kindNew, kindAgain, kindCorrected} {
					b.Run("way="+w.name+"/readings="+kind, func(b *testing.B) {
						c := newCounting(url)
						table := "slow-" + kind // answers by its name
						if !target.slow {
							table = c.newTable(b)
						}
						if kind != kindNew && !target.slow {
							if err := (way{write: putBatches}).all(c, table, b.N, 0); err != nil {
								b.Fatal(err)
							}
						}
						w.measure(b, c, table, kind)
					})
				}
			}
		})
	}
}

const (
	kindNew, kindAgain, kindCorrected = "new", "again", "corrected"

	// writersBusy is how many batches are on their way at a time, writersSingly how many single calls.
	writersBusy, writersSingly = 16, 64
	batchLength                = 25
)

type way struct {
	name  string
	write func(c *counting, table string, items []map[string]types.AttributeValue) error
}

func (w way) measure(b *testing.B, c *counting, table, kind string) {
	b.Helper()
	c.calls.Store(0)
	c.units.Store(0)
	version := 1
	if kind == kindCorrected {
		version = 2
	}
	before := processorTime(b)
	b.ResetTimer()
	if err := w.all(c, table, b.N, version); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "readings/s")
	b.ReportMetric(float64(c.calls.Load())/n, "calls/reading")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/n, "cpu-µs/reading")
	if units := c.units.Load(); units > 0 {
		b.ReportMetric(float64(units)/100/n, "units/reading")
	}
}

// all writes n readings of one version.
func (w way) all(c *counting, table string, n, version int) error {
	batches := make(chan []map[string]types.AttributeValue)
	var writers sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range writersBusy {
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
		batch := make([]map[string]types.AttributeValue, 0, batchLength)
		for i := first; i < min(first+batchLength, n); i++ {
			batch = append(batch, benchItem(i, version))
		}
		batches <- batch
	}
	close(batches)
	writers.Wait()
	return failed
}

func benchText(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func benchItem(i, version int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		contract.AttrEquipmentID:  benchText(fmt.Sprintf("EQ-%05d", i%1000)),
		contract.AttrTimestamp:    benchText(fmt.Sprintf("2026-03-01T08:30:00.%09dZ", i)),
		contract.AttrValue:        &types.AttributeValueMemberN{Value: fmt.Sprintf("%d.25", i%100+version/2)},
		contract.AttrRegion:       benchText("eu-west-1"),
		contract.AttrRegisterTime: benchText(fmt.Sprintf("2026-03-01T08:30:0%d.123456789Z", version)),
		contract.AttrID:           benchText("1b671a64-40d5-491e-99b0-da01ff1f3341"),
	}
}

func putBatches(c *counting, table string, items []map[string]types.AttributeValue) error {
	requests := make([]types.WriteRequest, len(items))
	for i, item := range items {
		requests[i].PutRequest = &types.PutRequest{Item: item}
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

func putSingly(c *counting, table string, items []map[string]types.AttributeValue) error {
	var calls sync.WaitGroup
	var failed atomic.Pointer[error]
	slots := make(chan struct{}, writersSingly/writersBusy)
	for _, item := range items {
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

func runStatements(c *counting, table string, items []map[string]types.AttributeValue) error {
	const set = `"value" = ? SET "registerTime" = ? SET "region" = ? REMOVE "expiresAt" REMOVE "deleted"`
	insert := `INSERT INTO "` + table + `" VALUE {'equipmentId': ?, 'timestamp': ?, 'value': ?, 'registerTime': ?, 'region': ?, 'id': ?}`
	update := `UPDATE "` + table + `" SET ` + set + ` WHERE "equipmentId" = ? AND "timestamp" = ? AND ("registerTime" < ? OR "registerTime" IS MISSING)`
	statements := make([]types.BatchStatementRequest, len(items))
	for i, item := range items {
		statements[i] = types.BatchStatementRequest{
			Statement: &insert, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			Parameters: []types.AttributeValue{
				item[contract.AttrEquipmentID], item[contract.AttrTimestamp], item[contract.AttrValue],
				item[contract.AttrRegisterTime], item[contract.AttrRegion], item[contract.AttrID],
			},
		}
	}
	for len(statements) > 0 {
		out, err := c.BatchExecuteStatement(context.Background(), &dynamodb.BatchExecuteStatementInput{
			Statements: statements, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return err
		}
		c.told(out.ConsumedCapacity)
		var again []types.BatchStatementRequest
		for i, answer := range out.Responses {
			switch {
			case answer.Error == nil:
			case answer.Error.Code == types.BatchStatementErrorCodeEnumDuplicateItem:
				p := statements[i].Parameters
				again = append(again, types.BatchStatementRequest{
					Statement: &update, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
					Parameters: []types.AttributeValue{p[2], p[3], p[4], p[0], p[1], p[3]},
				})
			default:
				return fmt.Errorf("%s: %s", answer.Error.Code, aws.ToString(answer.Error.Message))
			}
		}
		statements = again
	}
	return nil
}

// counting is a client that counts its calls and the write units that they are said to take.
type counting struct {
	*dynamodb.Client
	calls atomic.Int64
	units atomic.Int64 // in hundredths
}

func newCounting(url string) *counting {
	return &counting{Client: dynamo.NewClient(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})}
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

// processorTime is what this process has had of the processors so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func startLocalTable(b *testing.B) string {
	b.Helper()
	server, err := dynamolocal.Start(b.Context(), dynamolocal.Options{HeapMegabytes: 1024})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	return server.Endpoint
}

// slowTableKey makes a process of this program the slow table.
const slowTableKey = "BENCH_SLOW_TABLE"

// startSlowTable starts a table that answers after 4 ms, as DynamoDB does, and stores nothing. It is a process of its own, so that
// what it costs is not counted.
func startSlowTable(b *testing.B) string {
	b.Helper()
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), program, "-test.run", "^TestServe_TheSlowTable$")
	cmd.Env = append(os.Environ(), slowTableKey+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// TestServe_TheSlowTable is that process.
func TestServe_TheSlowTable(t *testing.T) {
	if os.Getenv(slowTableKey) == "" {
		t.Skip("a process of BenchmarkWrites")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		time.Sleep(4 * time.Millisecond)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchExecuteStatement") {
			_, _ = io.WriteString(w, "{}")
			return
		}
		one := `{"TableName":"slow"}`
		if bytes.Contains(body, []byte("INSERT")) && !bytes.Contains(body, []byte("slow-"+kindNew)) {
			one = `{"TableName":"slow","Error":{"Code":"DuplicateItem","Message":"Duplicate primary key exists in table"}}`
		}
		answers := strings.Repeat(","+one, bytes.Count(body, []byte(`"Statement"`)))
		_, _ = io.WriteString(w, `{"Responses":[`+answers[1:]+`]}`)
	}))
	fmt.Println(server.URL)
	<-t.Context().Done() // until it is killed
}
