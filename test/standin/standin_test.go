package standin_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/runtime/s3store"
	"github.com/sensorflow/sensorflow/runtime/sqsqueue"
	"github.com/sensorflow/sensorflow/test/standin"
)

func start(t *testing.T, o standin.Options) *standin.Backend {
	t.Helper()
	b, err := standin.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill)
	return b
}

func counts(t *testing.T, b *standin.Backend) standin.Counts {
	t.Helper()
	c, err := b.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readings(b *standin.Backend) *dynamo.Readings {
	return dynamo.NewReadings(dynamo.NewClient(b.Config()), standin.TableName(contract.ReadingsTable()), standin.Region, 0)
}

var morning = time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)

// write is that of the i-th reading.
func write(t *testing.T, i, version int, value string) reading.Write {
	t.Helper()
	v, err := reading.ParseValue(value)
	if err != nil {
		t.Fatal(err)
	}
	return reading.Write{
		Reading: reading.Reading{EquipmentID: "EQ-1", Timestamp: morning.Add(time.Duration(i) * time.Second), Value: v},
		Version: reading.VersionAt(morning.Add(time.Duration(version) * time.Hour)),
	}
}

// The service itself is started and asked, so that a call that it makes and the stand-in does not know shows.
func TestStartAPI_StoresAReading(t *testing.T) {
	b := start(t, standin.Options{Remember: true})
	var log bytes.Buffer
	api, err := standin.StartAPI(t.Context(), b, standin.APIOptions{Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	t.Cleanup(api.Kill)
	at := reading.FormatTimestamp(morning)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+"/sensor-data",
		strings.NewReader(fmt.Sprintf(`{"equipmentId":"EQ-1","timestamp":%q,"value":1.5}`, at)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+api.Token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("status %d: %s", response.StatusCode, text)
	}
	if got, err := b.Reading(t.Context(), "EQ-1", at); err != nil || got.Value != "1.5" || got.Version == "" {
		t.Errorf("remembered %+v, %v", got, err)
	}
	if _, err := api.CPU(); err != nil {
		t.Error(err)
	}
	if err := api.Stop(10 * time.Second); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestBackend_AnswersAfterItsLatency(t *testing.T) {
	b := start(t, standin.Options{Latency: 50 * time.Millisecond})
	table := readings(b)
	began := time.Now()
	if o := table.Try(t.Context(), []ingest.Attempt{{Write: write(t, 0, 0, "1")}}); o[0].Result != ingest.Made {
		t.Errorf("outcome %+v", o)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestBackend_JudgesByVersionWhatItRemembers(t *testing.T) {
	b := start(t, standin.Options{Latency: -1, Remember: true})
	table := readings(b)
	for _, step := range []struct {
		name    string
		version int
		value   string
		over    bool
		want    ingest.Result
		found   bool
	}{
		{"an update of nothing", 1, "1", true, ingest.Refused, false},
		{"a new reading", 2, "2", false, ingest.Made, false},
		{"the same again", 3, "3", false, ingest.Refused, false},
		{"an older one", 1, "1", true, ingest.Refused, true},
		{"one as old", 2, "5", true, ingest.Refused, true},
		{"a newer one", 3, "3", true, ingest.Made, false},
	} {
		got := table.Try(t.Context(), []ingest.Attempt{{Write: write(t, 0, step.version, step.value), Over: step.over}})[0]
		if got.Result != step.want || (got.Found != nil) != step.found {
			t.Errorf("%s: %+v", step.name, got)
		}
	}
	found, err := table.Look(t.Context(), []reading.Key{write(t, 0, 0, "0").Key(), write(t, 1, 0, "0").Key()})
	if err != nil || !found[0].Exists || found[0].Value.String() != "3" || found[1].Exists {
		t.Errorf("found %+v, %v", found, err)
	}
	if c := counts(t, b); c.Accepted != 2 || c.Refused != 4 || c.Remembered != 1 || c.Calls["BatchExecuteStatement"] != 6 {
		t.Errorf("counts %+v", c)
	}
}

func attempts(t *testing.T, first, n int) (as []ingest.Attempt) {
	t.Helper()
	for i := range n {
		as = append(as, ingest.Attempt{Write: write(t, first+i, 0, "1")})
	}
	return as
}

func made(outcomes []ingest.Outcome) (n int) {
	for _, o := range outcomes {
		if o.Result == ingest.Made {
			n++
		}
	}
	return n
}

func TestBackend_ThrottlesWhatIsAboveItsCapacity(t *testing.T) {
	b := start(t, standin.Options{Latency: -1, WritesPerSecond: 100})
	table := readings(b)
	asked, taken, best := 0, 0, 0
	for range 5 { // on a busy machine the test itself may stand still, and what it does not ask for then is lost
		began, before := time.Now(), taken
		for time.Since(began) < time.Second {
			outcomes := table.Try(t.Context(), attempts(t, asked, 25))
			asked, taken = asked+25, taken+made(outcomes)
			for _, o := range outcomes {
				if o.Result != ingest.Made && o.Result != ingest.Busy {
					t.Fatalf("outcome %+v", o)
				}
			}
		}
		most := int(time.Since(began).Seconds()*100) + 11 // and what it had saved
		if taken-before > most {
			t.Errorf("%d of %d were taken, at most %d may be", taken-before, asked, most)
		}
		if best = max(best, taken-before); best >= 90 {
			break
		}
	}
	if best < 90 {
		t.Errorf("at most %d were taken in a second", best)
	}
	if c := counts(t, b); c.Accepted != int64(taken) || c.Throttled != int64(asked-taken) {
		t.Errorf("counts %+v, %d of %d taken", c, taken, asked)
	}
	if err := b.Set(t.Context(), standin.Options{Latency: -1}); err != nil {
		t.Fatal(err)
	}
	if n := made(table.Try(t.Context(), attempts(t, asked, 25))); n != 25 {
		t.Errorf("without a limit %d of 25 were taken", n)
	}
}

func TestBackend_FailsTheShareThatItIsToldTo(t *testing.T) {
	b := start(t, standin.Options{Latency: -1, FailWrites: 0.2, Remember: true})
	table := readings(b)
	const calls = 200
	taken := 0
	for i := range calls {
		taken += made(table.Try(t.Context(), attempts(t, i*25, 25)))
	}
	if share := 1 - float64(taken)/calls/25; share < 0.15 || share > 0.25 { // more than six standard deviations
		t.Errorf("%.3f of the writes failed", share)
	}
	if c := counts(t, b); c.Remembered != int64(taken) {
		t.Errorf("%d are remembered, %d were taken", c.Remembered, taken)
	}
	if err := b.Set(t.Context(), standin.Options{Latency: -1, FailCalls: 0.5}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range calls {
		if o := table.Try(t.Context(), attempts(t, i, 1))[0]; o.Result == ingest.Unknown && fault.KindOf(o.Err) == fault.Unavailable {
			failed++
		}
	}
	if failed < calls/4 || failed > calls*3/4 {
		t.Errorf("%d of %d calls failed", failed, calls)
	}
}

func TestBackend_HasTheGeneratedFile(t *testing.T) {
	b := start(t, standin.Options{Latency: -1, FileBytes: 100_000})
	bucket := s3store.New(s3store.NewClient(b.Config()), standin.Bucket)
	object, err := bucket.Stat(t.Context(), "uploads/a.csv")
	if err != nil {
		t.Fatal(err)
	}
	file := standin.FileOfBytes(100_000)
	if object.Size != file.Size() {
		t.Errorf("size %d, want %d", object.Size, file.Size())
	}
	whole, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range [][2]int64{{0, object.Size - 1}, {5, 70}, {40_001, 50_123}, {object.Size - 3, object.Size - 1}} {
		got, err := readRange(t.Context(), bucket, object.ETag, span)
		if err != nil || !bytes.Equal(got, whole[span[0]:span[1]+1]) {
			t.Errorf("bytes %v: %d bytes, %v", span, len(got), err)
		}
	}
	if err := bucket.Put(t.Context(), "rejects/a.csv", strings.NewReader("line\n")); err != nil {
		t.Error(err)
	}
	if err := bucket.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func readRange(ctx context.Context, bucket *s3store.Bucket, etag string, span [2]int64) ([]byte, error) {
	body, err := bucket.Open(ctx, "uploads/a.csv", etag, span[0], span[1])
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}

func TestFile_HasDifferentValidReadings(t *testing.T) {
	file := standin.NewFile(1234)
	rows, err := csv.NewReader(io.NewSectionReader(file, 0, file.Size())).ReadAll()
	if err != nil || len(rows) != 1235 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	seen := map[reading.Key]bool{}
	for _, row := range rows[1:] {
		one, faults := reading.Parse(row[0], row[1], row[2], reading.Limits{Now: time.Now()})
		if len(faults) > 0 {
			t.Fatalf("%v: %v", row, faults)
		}
		seen[one.Key()] = true
	}
	if len(seen) != 1234 {
		t.Errorf("%d different readings", len(seen))
	}
}

// The other tables keep what they are told: an upload goes through all that the CSV processor does with it.
func TestBackend_KeepsUploads(t *testing.T) {
	b := start(t, standin.Options{Latency: -1})
	table := dynamo.NewUploads(dynamo.NewClient(b.Config()), standin.TableName(contract.UploadsTable()))
	u := csvfile.Upload{ID: "u", FileName: "a.csv", Status: csvfile.AwaitingUpload, CreatedAt: morning, UpdatedAt: morning}
	if err := table.CreateUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := table.CreateUpload(t.Context(), u); fault.KindOf(err) != fault.Conflict {
		t.Errorf("created twice: %v", err)
	}
	begun, err := table.BeginUpload(t.Context(), "u", csvfile.Plan{
		ETag: "e", Bytes: 10, Ranges: 1, Layout: csvfile.Layout{Columns: csvfile.Columns{Timestamp: 1, Value: 2}, Fields: 3}, At: morning,
	})
	if err != nil || begun.Status != csvfile.Processing {
		t.Fatalf("begun %+v, %v", begun, err)
	}
	commit := func() error {
		return table.CommitRange(t.Context(), csvfile.RangeID{UploadID: "u"}, csvfile.RangeResult{},
			csvfile.RangeResult{Bytes: 10, RowsAccepted: 3}, morning)
	}
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	if err := commit(); fault.KindOf(err) != fault.Conflict {
		t.Errorf("committed twice: %v", err)
	}
	if err := table.FinishUpload(t.Context(), "u", csvfile.Completed, morning); err != nil {
		t.Fatal(err)
	}
	if u, err := table.ReadUpload(t.Context(), "u"); err != nil || u.Status != csvfile.Completed || u.RowsAccepted != 3 || u.RangesDone != 1 {
		t.Errorf("read %+v, %v", u, err)
	}
	if c := counts(t, b); c.Rows[standin.TableName(contract.UploadsTable())] != 5 {
		t.Errorf("counts %+v", c)
	}
}

func TestBackend_QueuesMessages(t *testing.T) {
	b := start(t, standin.Options{Latency: -1})
	sender := sqsqueue.NewSender(sqs.NewFromConfig(b.Config()), b.QueueURL())
	if err := sender.Send(t.Context(), []string{"first", "second"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second", ""} {
		if got, err := b.Receive(t.Context()); err != nil || got != want {
			t.Errorf("received %q, %v, want %q", got, err, want)
		}
	}
}

// The generated aggregates are asked for as the API does it, and add up.
func TestBackend_HasAMonthOfAggregates(t *testing.T) {
	const equipments = 100
	b := start(t, standin.Options{Latency: -1, AggregateEquipments: equipments})
	rows := dynamo.NewAggregates(dynamo.NewClient(b.Config()), standin.TableName(contract.ReadingsTable()),
		standin.TableName(contract.AggregatesTable()), contract.IndexShardsDefault)
	windows := aggregate.NewWindows(rows, time.Now, 0, aggregate.WindowsOptions{})
	month, err := aggregate.ParseInterval("1m")
	if err != nil {
		t.Fatal(err)
	}
	q := aggregate.Query{Interval: month, Limit: contract.AggregatesPageMax}
	var last aggregate.Item
	items, samples := 0, int64(0)
	for {
		page, err := windows.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Items {
			if one.IntervalStart.Before(last.IntervalStart) || one.IntervalStart.Equal(last.IntervalStart) && one.EquipmentID <= last.EquipmentID {
				t.Fatalf("%+v comes after %+v", one, last)
			}
			last, samples = one, samples+one.SampleCount
		}
		items += len(page.Items)
		if q.After = page.Next; q.After == (aggregate.Place{}) {
			if page.TotalCount/10 != samples/10 { // the buckets share what cannot be divided by eight
				t.Errorf("%d in all, the items have %d", page.TotalCount, samples)
			}
			break
		}
	}
	if items != 721*equipments {
		t.Errorf("%d items", items)
	}
}
