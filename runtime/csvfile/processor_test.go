package csvfile_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/eventbridge"
	"github.com/sensorflow/sensorflow/test/ingesttest"
)

const wholeFile = 1 << 20 // a range that holds any file of these tests

// process runs one message without faults.
func (f *fixture) process(t *testing.T, body string, rangeBytes int64) error {
	t.Helper()
	return f.processor(rangeBytes, nil).Process(t.Context(), body)
}

// settle processes the queue until it is empty, in the order that pick gives.
func (f *fixture) settle(t *testing.T, rangeBytes int64, pick func(n int) int) {
	t.Helper()
	for len(f.queue) > 0 {
		i := pick(len(f.queue))
		body := f.queue[i]
		f.queue = slices.Delete(f.queue, i, i+1)
		if err := f.process(t, body, rangeBytes); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
}

func first(int) int { return 0 }

func TestProcessor_EndsAFileThatIsNoneWithAReasonAndStoresNothing(t *testing.T) {
	const rows = "\nE1,2026-03-01T08:30:00Z,1\n"
	for name, c := range map[string]struct{ file, reason string }{
		"empty":        {"", "the file is empty"},
		"gzip":         {"\x1f\x8b\x08\x00\x00", "compressed with gzip; compress it once, and give it a name that ends in .csv.gz"},
		"UTF-16":       {"\xff\xfee\x00q\x00", "UTF-16"},
		"wrong header": {"equipment,timestamp,value" + rows, `equipmentId is missing, "equipment" is unknown`},
		"Latin-1":      {"equipmentId,timestamp,value\nM\xfcller,2026-03-01T08:30:00Z,1\n", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture([]byte(c.file))
			f.upload.Bytes = 0 // as of a form
			f.settle(t, wholeFile, first)
			if f.upload.Bytes != int64(len(c.file)) {
				t.Errorf("%d bytes are told of %d", f.upload.Bytes, len(c.file))
			}
			if f.upload.Status != csvfile.Failed || !strings.Contains(f.upload.Reason, c.reason) {
				t.Errorf("%s: %s", f.upload.Status, f.upload.Reason)
			}
			if len(f.values()) != 0 || len(f.objects) != 1 {
				t.Errorf("stored %v, %v", f.values(), f.keysOf(""))
			}
		})
	}
}

func TestProcessor_CompletesAFileOfAHeaderAlone(t *testing.T) {
	for _, file := range []string{"equipmentId,timestamp,value", "\ufeffequipmentId,timestamp,value\r\n\r\n\n"} {
		f := newFixture([]byte(file))
		f.settle(t, wholeFile, first)
		if f.upload.Status != csvfile.Completed || f.upload.RowsAccepted+f.upload.RowsRejected != 0 || len(f.objects) != 1 {
			t.Errorf("%q: %+v, %v", file, f.upload, f.keysOf(""))
		}
	}
}

func TestProcessor_EndsAFileOfAnotherLengthThanAnnounced(t *testing.T) {
	f := newFixture([]byte("equipmentId,timestamp,value\n"))
	f.upload.Bytes = 12
	f.settle(t, wholeFile, first)
	if f.upload.Reason != "the file has 28 bytes, the upload address was made for 12" {
		t.Error(f.upload.Reason)
	}
	f = newFixture([]byte("equipmentId,timestamp,value\n"))
	f.upload.Bytes = 0 // a small file, of which nobody knew the length
	f.settle(t, wholeFile, first)
	if f.upload.Status != csvfile.Completed {
		t.Error(f.upload.Reason)
	}
}

func fileOf(rows int) []byte {
	var b strings.Builder
	b.WriteString("timestamp,value,equipmentId\n")
	for i := range rows {
		fmt.Fprintf(&b, "2026-03-01T08:%02d:%02dZ,%d,E1\n", i/60%60, i%60, i)
	}
	return []byte(b.String())
}

func TestProcessor_EndsAFileThatIsReplacedOrRemovedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fixture)
		reason string
	}{
		"replaced": {func(f *fixture) { f.objects[csvfile.UploadKey(uploadID)] = fileOf(9) }, "replaced"},
		"removed":  {func(f *fixture) { delete(f.objects, csvfile.UploadKey(uploadID)) }, "removed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(fileOf(10))
			body := f.queue[0]
			f.queue = nil
			if err := f.process(t, body, 100); err != nil {
				t.Fatal(err)
			}
			c.change(f)
			f.settle(t, 100, first)
			if f.upload.Status != csvfile.Failed || !strings.Contains(f.upload.Reason, c.reason) {
				t.Errorf("%s: %s", f.upload.Status, f.upload.Reason)
			}
		})
	}
}

func TestProcessor_RefusesARangeSizeThatThePlanWasNotMadeFor(t *testing.T) {
	f := newFixture(fileOf(10))
	body := f.queue[0]
	f.queue = nil
	if err := f.process(t, body, 100); err != nil {
		t.Fatal(err)
	}
	f.settle(t, 50, first)
	if f.upload.Status != csvfile.Failed || len(f.values()) != 0 {
		t.Errorf("%s with %d readings", f.upload.Status, len(f.values()))
	}
}

// rangeBody is a message of our own.
func rangeBody(number string) string {
	return fmt.Sprintf(`{"kind":"sensorflow.csv-range.v1","uploadId":%q,"range":%s}`, uploadID, number)
}

// eventOf is an S3 event of several records.
func eventOf(records ...string) string { return `{"Records":[` + strings.Join(records, ",") + `]}` }

func TestProcessor_TellsMessagesThatCanNeverSucceed(t *testing.T) {
	const record = `{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"uploads/` + uploadID + `.csv"}}}`
	for name, c := range map[string]struct {
		body  string
		never bool
	}{
		"accepts the test event":         {`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, false},
		"accepts several records":        {eventOf(record, record), false},
		"accepts an encoded key":         {s3Event("uploads%2F" + uploadID + "%2Ecsv"), false},
		"rejects text":                   {`hello`, true},
		"rejects other JSON":             {`{"a":1}`, true},
		"rejects another kind":           {`{"kind":"sensorflow.csv-range.v9","uploadId":"` + uploadID + `","range":0}`, true},
		"rejects a kind without range":   {`{"kind":"sensorflow.csv-range.v1","uploadId":"` + uploadID + `"}`, true},
		"rejects a range too high":       {rangeBody("7"), true},
		"rejects a negative range":       {rangeBody("-1"), true},
		"rejects an unknown upload":      {s3Event("uploads/0b5f9c3e-0000-4000-8000-000000000002.csv"), true},
		"rejects a foreign key":          {s3Event("rejects/" + uploadID + ".csv"), true},
		"rejects a folder":               {s3Event("uploads/a/" + uploadID + ".csv"), true},
		"rejects a key of odd encoding":  {s3Event("uploads/%zz.csv"), true},
		"rejects a removal":              {strings.Replace(s3Event("uploads/"+uploadID+".csv"), "ObjectCreated:Put", "ObjectRemoved:Delete", 1), true},
		"rejects one bad of two records": {eventOf(strings.ReplaceAll(record, uploadID, "x/y"), record), true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(fileOf(3))
			err := f.process(t, c.body, wholeFile)
			if (err != nil) != c.never || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
			if f.upload.Status == csvfile.Failed {
				t.Error(f.upload.Reason)
			}
		})
	}
}

func TestProcessor_DecodesTheKeysOfS3Events(t *testing.T) {
	for encoded, id := range map[string]string{
		"uploads/a+b.csv": "a b", "uploads/a%20b.csv": "a b", "uploads/a%2Bb.csv": "a+b", "uploads/S%C3%A3o=1%3D.csv": "São=1=",
	} {
		f := newFixture(nil)
		f.upload.ID = id
		f.objects = map[string][]byte{"uploads/" + id + ".csv": []byte("equipmentId,timestamp,value\n")}
		f.upload.Bytes = 0
		if err := f.process(t, s3Event(encoded), wholeFile); err != nil || f.upload.Status != csvfile.Completed {
			t.Errorf("%s: %v, %s", encoded, err, f.upload.Status)
		}
	}
}

// TestProcessor_TakesTheKeysOfEventBridgeAsTheyAre is about the messages of a bucket that exists.
func TestProcessor_TakesTheKeysOfEventBridgeAsTheyAre(t *testing.T) {
	for _, id := range []string{"a+b", "50%", "a%20b", "São=1=", uploadID} {
		f := newFixture(nil)
		f.upload.ID, f.upload.Bytes = id, 0
		key := "uploads/" + id + ".csv"
		f.objects = map[string][]byte{key: []byte("equipmentId,timestamp,value\n")}
		body, err := eventbridge.Transform(contract.BucketEventPaths(), contract.BucketEventTemplate,
			eventbridge.Created("111122223333", "eu-west-1", "ours", key))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.process(t, body, wholeFile); err != nil || f.upload.Status != csvfile.Completed {
			t.Errorf("%s: %v, %s", key, err, f.upload.Status)
		}
	}
}

func TestProcessor_NumbersTheRejectsOfAllRangesFromTheTop(t *testing.T) {
	long := strings.Repeat("y", 5000)
	rows := []string{
		"timestamp,value,equipmentId",       // 1
		"2026-03-01T08:30:00Z,1,E1",         // 2
		"2026-03-01T08:30:00,1,E 1",         // 3: two reasons
		"", "2026-03-01T08:30:01Z,1e9999,E", // 5
		long,                          // 6
		"a\xffb,\"x\"\"y\",",          // 7
		"2026-03-01T08:30:00Z,2,E1\r", // 8
		"\"open",                      // 9
		"=cmd(),1",                    // 10
	}
	const want = `line,reason,row
3,"equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -; timestamp must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00; it is one of times without an offset, which the format {""timestamps"":""local"",""timezone"":""…""} takes, where … is the name of your time zone, such as America/Sao_Paulo","2026-03-01T08:30:00,1,E 1"
5,value must have at most 27 digits before the decimal point,"2026-03-01T08:30:01Z,1e9999,E"
6,the row must be at most 4096 bytes long,LONG
7,"the row must be UTF-8; equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -; timestamp must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00; value must be a JSON number such as 21.5 or -3e-7","a�b,""x""""y"","
9,a quoted field is not closed on its line,"""open"
10,"the row must have 3 fields, has 2","=cmd(),1"
`
	for _, rangeBytes := range []int64{wholeFile, 1000, 40, 7} {
		f := newFixture([]byte(strings.Join(rows, "\n")))
		f.settle(t, rangeBytes, func(n int) int { return n - 1 }) // ranges from the last to the first
		got := string(f.objects[csvfile.RejectsKey(uploadID)])
		if want := strings.Replace(want, "LONG", long[:4096], 1); got != want {
			t.Errorf("ranges of %d:\n%s\nwant\n%s", rangeBytes, got, want)
		}
		if keys := f.keysOf("rejects/"); len(keys) != 1 {
			t.Errorf("ranges of %d: parts stay behind: %v", rangeBytes, keys)
		}
		if f.upload.RowsAccepted != 2 || f.upload.RowsRejected != 6 || f.upload.Status != csvfile.CompletedWithRejects {
			t.Errorf("ranges of %d: %+v", rangeBytes, f.upload)
		}
	}
}

// Two lines name each reading, half a file apart, in ranges that are worked on in any order.
func TestProcessor_LetsTheLaterLineWinInAnyOrderOfRanges(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		file := fileOf(20)
		file = append(file, strings.SplitN(strings.ReplaceAll(string(fileOf(20)), ",E1", "5,E1"), "\n", 2)[1]...)
		f := newFixture(file)
		f.settle(t, int64(20+rng.IntN(len(file))), rng.IntN)
		f.check(t, file)
	}
}

// A call that comes after the file was planned stays, whichever of its readings the file has written by then.
func TestProcessor_LeavesWhatACallWroteAfterThePlan(t *testing.T) {
	file := fileOf(9)
	want := referenceOutcome(file, fileColumns, reading.Limits{Now: epoch}).values
	f := newFixture(file)
	f.queue = append(f.queue, f.queue[0])
	if err := f.process(t, f.queue[0], 60); err != nil { // plans it
		t.Fatal(err)
	}
	for i, at := range []time.Time{epoch.Add(-time.Hour), epoch.Add(1)} { // an older reading and a newer one
		one, faults := reading.Parse("E1", fmt.Sprintf("2026-03-01T08:00:%02dZ", 2+i), "77", reading.Limits{Now: epoch})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		f.table.Put(reading.Write{Reading: one, Version: reading.VersionAt(at)})
		if i > 0 {
			want[one.Key()] = "77"
		}
	}
	f.settle(t, 60, first)
	if got := f.values(); !maps.Equal(got, want) {
		t.Errorf("stored is %v, want %v", got, want)
	}
}

// A message may come to two workers at once. Both write the same, and what they come to is counted once.
func TestProcessor_CountsARangeOnceThatTwoWorkOn(t *testing.T) {
	file := append(fileOf(30), "bad\n"...)
	for steps := range 40 {
		f := newFixture(file)
		slow := f.start(f.queue[0], wholeFile)
		running := true
		for range steps {
			if _, running = slow.next(); !running {
				break
			}
		}
		f.settle(t, wholeFile, first)
		for running {
			_, running = slow.next()
		}
		if slow.err != nil {
			t.Errorf("after %d steps: %v", steps, slow.err)
		}
		f.check(t, file)
	}
}

func TestProcessor_ReadsTheFileOnce(t *testing.T) {
	file := append(fileOf(3000), "bad\n"...)
	for _, rangeBytes := range []int64{wholeFile, int64(len(file)/3 + 1)} {
		f := newFixture(file)
		f.settle(t, rangeBytes, first)
		f.check(t, file)
		// The beginning is looked at before; a range reads the byte before it, and a row's length beyond its end.
		if most := len(file) + 64<<10 + 3*(4<<10+3); f.bytesRead > most {
			t.Errorf("ranges of %d: %d bytes were read of a file of %d", rangeBytes, f.bytesRead, len(file))
		}
	}
}

func TestProcessor_CommitsNoRangeThatItCouldNotStore(t *testing.T) {
	for name, file := range map[string][]byte{"good rows": fileOf(3), "with rejects": append(fileOf(3), "bad\n"...)} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(file)
			f.table.Answer = func(_ context.Context, _ int, attempts []ingest.Attempt) []ingesttest.Fate {
				return slices.Repeat([]ingesttest.Fate{ingesttest.Busy}, len(attempts))
			}
			if err := f.process(t, f.queue[0], wholeFile); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("got %v", err)
			}
			if f.upload.RangesDone != 0 || f.upload.Status.Ended() {
				t.Errorf("%+v", f.upload)
			}
			f.table.Answer = nil
			f.settle(t, wholeFile, first)
			f.check(t, file)
		})
	}
}

// shuffled lets batches that are in flight at the same time land in any order, and refuses some of their readings for the moment.
func shuffled(table *ingesttest.Table, rng *rand.Rand) {
	var mu sync.Mutex
	table.Answer = func(_ context.Context, _ int, attempts []ingest.Attempt) []ingesttest.Fate {
		mu.Lock()
		pause, fates := rng.IntN(50), make([]ingesttest.Fate, len(attempts))
		for i := range fates {
			fates[i] = []ingesttest.Fate{ingesttest.Busy, ingesttest.Silent, ingesttest.Held, ingesttest.Judged}[min(rng.IntN(15), 3)]
		}
		mu.Unlock()
		for range pause {
			runtime.Gosched()
		}
		return fates
	}
}

func TestProcessor_LetsTheLaterLineWinWithBatchesInParallel(t *testing.T) {
	var b strings.Builder
	b.WriteString("timestamp,value,equipmentId\n")
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 30_000 {
		fmt.Fprintf(&b, "2026-03-01T08:%02d:%02dZ,%d,E%d\n", rng.IntN(30), rng.IntN(60), i, rng.IntN(3))
	}
	file := []byte(b.String())
	f := newFixture(file)
	v := view{f, func() error { return nil }}
	shuffled(&f.table, rng)
	p := csvfile.NewProcessor(v, v, v, &f.table, csvfile.ProcessorOptions{
		Concurrency: 8, Now: func() time.Time { return epoch }, Pacer: pacing.Pacer{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
	})
	if err := p.Process(t.Context(), f.queue[0]); err != nil {
		t.Fatal(err)
	}
	f.table.Land() // whenever that is
	want := referenceOutcome(file, fileColumns, reading.Limits{Now: epoch})
	if !maps.Equal(f.values(), want.values) || f.upload.RowsAccepted != 30_000 {
		t.Errorf("%d readings, %d accepted; some have not their last value", len(f.values()), f.upload.RowsAccepted)
	}
	if f.table.InFlightMax() < 2 {
		t.Error("nothing was written in parallel")
	}
	if err := f.table.Broken(); err != nil {
		t.Error(err)
	}
}

// A file whose messages come back after its readings may have expired, out of the dead letters for example, is not taken up
// again: it would bring them back, and they would be counted twice.
func TestProcessor_FailsAFileThatMadeNoProgressWhileReadingsExpire(t *testing.T) {
	const file = "equipmentId,timestamp,value\nE1,2026-03-10T08:30:00Z,1\nE2,2026-03-10T08:30:00Z,2\nE3,2026-03-10T08:30:00Z,3\n"
	const month = 30 * 24 * time.Hour
	for name, c := range map[string]struct {
		retention, idle time.Duration
		ranges          int64
		want            csvfile.Status
	}{
		"a moment before":    {month, contract.UploadIdleMax - 1, 40, csvfile.Completed},
		"a day":              {month, contract.UploadIdleMax, 40, csvfile.Failed},
		"a day, one range":   {month, contract.UploadIdleMax, wholeFile, csvfile.Failed},
		"nothing expires":    {0, 10 * month, 40, csvfile.Completed},
		"nothing, one range": {0, 10 * month, wholeFile, csvfile.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture([]byte(file))
			f.retention = c.retention
			event := f.queue[0]
			died := errors.New("the worker dies")
			calls := 0
			_ = f.processor(c.ranges, func() error { // once the plan is written
				if f.begun == 0 {
					return nil
				}
				if calls++; calls > 1 {
					return died
				}
				return nil
			}).Process(t.Context(), event)
			if f.upload.Status != csvfile.Processing {
				t.Fatalf("the upload is %s", f.upload.Status)
			}
			f.now = f.now.Add(c.idle)
			f.settle(t, c.ranges, first)
			if f.upload.Status != c.want || c.want == csvfile.Failed && (len(f.values()) > 0 || !strings.Contains(f.upload.Reason, "24 h")) {
				t.Errorf("the upload is %s (%s), stored is %v", f.upload.Status, f.upload.Reason, f.values())
			}
			f.queue = []string{event}
			if f.settle(t, c.ranges, first); f.upload.Status != c.want {
				t.Errorf("after the event came again the upload is %s", f.upload.Status)
			}
		})
	}
}

func TestProcessor_TakesEventsOfItsOwnBucketOnly(t *testing.T) {
	for bucket, want := range map[string]csvfile.Status{"": csvfile.Completed, "ours": csvfile.Completed, "theirs": csvfile.AwaitingUpload} {
		f := newFixture([]byte("equipmentId,timestamp,value\nE1,2026-03-10T08:30:00Z,1\n"))
		f.bucket = bucket
		err := f.process(t, f.queue[0], wholeFile)
		if f.upload.Status != want || (err == nil) != (want == csvfile.Completed) || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: the upload is %s, %v", bucket, f.upload.Status, err)
		}
	}
}
