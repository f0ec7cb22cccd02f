package csvfile_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const wholeFile = 1 << 20 // a range that holds any file of these tests

// process runs one message without faults.
func (w *world) process(t *testing.T, body string, rangeBytes int64) error {
	t.Helper()
	return w.processor(rangeBytes, nil, w.now).Process(t.Context(), body)
}

// settle processes the queue until it is empty, in the order that pick gives.
func (w *world) settle(t *testing.T, rangeBytes int64, pick func(n int) int) {
	t.Helper()
	for len(w.queue) > 0 {
		i := pick(len(w.queue))
		body := w.queue[i]
		w.queue = slices.Delete(w.queue, i, i+1)
		if err := w.process(t, body, rangeBytes); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
}

func first(int) int { return 0 }

func TestProcessor_EndsAFileThatIsNoneWithAReasonAndStoresNothing(t *testing.T) {
	const rows = "\nE1,2026-03-01T08:30:00Z,1\n"
	for name, c := range map[string]struct{ file, reason string }{
		"empty":        {"", "the file is empty"},
		"gzip":         {"\x1f\x8b\x08\x00\x00", "compressed with gzip"},
		"UTF-16":       {"\xff\xfee\x00q\x00", "UTF-16"},
		"wrong header": {"equipment,timestamp,value" + rows, `equipmentId is missing, "equipment" is unknown`},
		"Latin-1":      {"equipmentId,timestamp,value\nM\xfcller,2026-03-01T08:30:00Z,1\n", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1, []byte(c.file))
			w.settle(t, wholeFile, first)
			if w.upload.Status != csvfile.Failed || !strings.Contains(w.upload.Reason, c.reason) {
				t.Errorf("%s: %s", w.upload.Status, w.upload.Reason)
			}
			if len(w.readings) != 0 || len(w.objects) != 1 {
				t.Errorf("stored %v, %v", w.readings, w.keysOf(""))
			}
		})
	}
}

func TestProcessor_CompletesAFileOfAHeaderAlone(t *testing.T) {
	for _, file := range []string{"equipmentId,timestamp,value", "\ufeffequipmentId,timestamp,value\r\n\r\n\n"} {
		w := newWorld(1, []byte(file))
		w.settle(t, wholeFile, first)
		if w.upload.Status != csvfile.Completed || w.upload.RowsAccepted+w.upload.RowsRejected != 0 || len(w.objects) != 1 {
			t.Errorf("%q: %+v, %v", file, w.upload, w.keysOf(""))
		}
	}
}

func TestProcessor_EndsAFileOfAnotherLengthThanAnnounced(t *testing.T) {
	w := newWorld(1, []byte("equipmentId,timestamp,value\n"))
	w.upload.Bytes = 12
	w.settle(t, wholeFile, first)
	if w.upload.Reason != "the file has 28 bytes, the upload address was made for 12" {
		t.Error(w.upload.Reason)
	}
	w = newWorld(1, []byte("equipmentId,timestamp,value\n"))
	w.upload.Bytes = 0 // a small file, of which nobody knew the length
	w.settle(t, wholeFile, first)
	if w.upload.Status != csvfile.Completed {
		t.Error(w.upload.Reason)
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
		change func(w *world)
		reason string
	}{
		"replaced": {func(w *world) { w.objects[csvfile.UploadKey(uploadID)] = fileOf(9) }, "replaced"},
		"removed":  {func(w *world) { delete(w.objects, csvfile.UploadKey(uploadID)) }, "removed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1, fileOf(10))
			body := w.queue[0]
			w.queue = nil
			if err := w.process(t, body, 100); err != nil {
				t.Fatal(err)
			}
			c.change(w)
			w.settle(t, 100, first)
			if w.upload.Status != csvfile.Failed || !strings.Contains(w.upload.Reason, c.reason) {
				t.Errorf("%s: %s", w.upload.Status, w.upload.Reason)
			}
		})
	}
}

func TestProcessor_RefusesARangeSizeThatThePlanWasNotMadeFor(t *testing.T) {
	w := newWorld(1, fileOf(10))
	body := w.queue[0]
	w.queue = nil
	if err := w.process(t, body, 100); err != nil {
		t.Fatal(err)
	}
	w.settle(t, 50, first)
	if w.upload.Status != csvfile.Failed || len(w.readings) != 0 {
		t.Errorf("%s with %d readings", w.upload.Status, len(w.readings))
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
			w := newWorld(1, fileOf(3))
			err := w.process(t, c.body, wholeFile)
			if (err != nil) != c.never || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
			if w.upload.Status == csvfile.Failed {
				t.Error(w.upload.Reason)
			}
		})
	}
}

func TestProcessor_DecodesTheKeysOfS3Events(t *testing.T) {
	for encoded, id := range map[string]string{
		"uploads/a+b.csv": "a b", "uploads/a%20b.csv": "a b", "uploads/a%2Bb.csv": "a+b", "uploads/S%C3%A3o=1%3D.csv": "São=1=",
	} {
		w := newWorld(1, nil)
		w.upload.ID = id
		w.objects = map[string][]byte{"uploads/" + id + ".csv": []byte("equipmentId,timestamp,value\n")}
		w.upload.Bytes = 0
		if err := w.process(t, s3Event(encoded), wholeFile); err != nil || w.upload.Status != csvfile.Completed {
			t.Errorf("%s: %v, %s", encoded, err, w.upload.Status)
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
3,"equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -; timestamp must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00","2026-03-01T08:30:00,1,E 1"
5,value must have at most 27 digits before the decimal point,"2026-03-01T08:30:01Z,1e9999,E"
6,the row must be at most 4096 bytes long,LONG
7,"the row must be UTF-8; equipmentId must be 1 to 128 characters of A-Z a-z 0-9 . _ : -; timestamp must be an RFC 3339 timestamp with an offset, such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00; value must be a JSON number such as 21.5 or -3e-7","a�b,""x""""y"","
9,a quoted field is not closed on its line,"""open"
10,"the row must have 3 fields, has 2","=cmd(),1"
`
	for _, rangeBytes := range []int64{wholeFile, 1000, 40, 7} {
		w := newWorld(1, []byte(strings.Join(rows, "\n")))
		w.settle(t, rangeBytes, func(n int) int { return n - 1 }) // ranges from the last to the first
		got := string(w.objects[csvfile.RejectsKey(uploadID)])
		if want := strings.Replace(want, "LONG", long[:4096], 1); got != want {
			t.Errorf("ranges of %d:\n%s\nwant\n%s", rangeBytes, got, want)
		}
		if keys := w.keysOf("rejects/"); len(keys) != 1 {
			t.Errorf("ranges of %d: parts stay behind: %v", rangeBytes, keys)
		}
		if w.upload.RowsAccepted != 2 || w.upload.RowsRejected != 6 || w.upload.Status != csvfile.CompletedWithRejects {
			t.Errorf("ranges of %d: %+v", rangeBytes, w.upload)
		}
	}
}

func TestProcessor_LetsTheLaterLineWinInAnyOrderOfRanges(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		file := fileOf(20)
		file = append(file, strings.SplitN(string(fileOf(20)), "\n", 2)[1]...)
		file = []byte(strings.ReplaceAll(string(file), ",E1\n", fmt.Sprintf(",E%d\n", rng.IntN(9))))
		rangeBytes := int64(len(file)/2 + rng.IntN(200))
		w := newWorld(seed, file)
		w.settle(t, rangeBytes, rng.IntN)
		w.check(t, file, rangeBytes)
	}
}

func TestProcessor_ComesBackToARangeThatSomebodyElseHolds(t *testing.T) {
	w := newWorld(1, fileOf(3))
	held := w.start(w.queue[0], wholeFile)
	for w.ranges[0] == nil { // until it has claimed
		if _, running := held.next(); !running {
			t.Fatal("it ended")
		}
	}
	held.stop()
	if err := w.process(t, w.queue[0], wholeFile); err == nil || !strings.Contains(err.Error(), csvfile.ErrBusy.Error()) {
		t.Errorf("got %v, want busy", err)
	}
	w.now = w.now.Add(15*time.Minute + 6*time.Second)
	w.settle(t, wholeFile, first)
	if w.upload.Status != csvfile.Completed || w.upload.RowsAccepted != 3 {
		t.Errorf("%+v", w.upload)
	}
}

// shuffledStore lets batches that are in flight at the same time land in any order.
type shuffledStore struct {
	mu     sync.Mutex
	rng    *rand.Rand
	stored map[reading.Key]string
	flying map[reading.Key]bool
	most   int
	t      *testing.T
}

func (s *shuffledStore) WriteBatch(_ context.Context, rs []reading.Stored) ([]reading.Stored, error) {
	s.mu.Lock()
	for _, r := range rs {
		if s.flying[r.Key()] {
			s.t.Errorf("%v is in flight twice", r.Key())
		}
		s.flying[r.Key()] = true
	}
	s.most = max(s.most, len(s.flying))
	pause, leave := s.rng.IntN(50), s.rng.IntN(3) == 0
	s.mu.Unlock()
	for range pause {
		runtime.Gosched()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []reading.Stored
	if leave {
		left, rs = rs[:len(rs)/2], rs[len(rs)/2:]
	}
	for _, r := range slices.Concat(left, rs) {
		delete(s.flying, r.Key())
	}
	for _, r := range rs {
		s.stored[r.Key()] = r.Value.String()
	}
	return left, nil
}

func TestProcessor_LetsTheLaterLineWinWithBatchesInParallel(t *testing.T) {
	var b strings.Builder
	b.WriteString("timestamp,value,equipmentId\n")
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 30_000 {
		fmt.Fprintf(&b, "2026-03-01T08:%02d:%02dZ,%d,E%d\n", rng.IntN(30), rng.IntN(60), i, rng.IntN(3))
	}
	file := []byte(b.String())
	w := newWorld(1, file)
	v := view{w, func() error { return nil }, w.now}
	store := &shuffledStore{rng: rng, stored: map[reading.Key]string{}, flying: map[reading.Key]bool{}, t: t}
	p := csvfile.NewProcessor(v, v, v, store, csvfile.ProcessorOptions{Concurrency: 8, Now: func() time.Time { return epoch }})
	if err := p.Process(t.Context(), w.queue[0]); err != nil {
		t.Fatal(err)
	}
	want := referenceOutcome(file, fileColumns, reading.Limits{Now: epoch})
	if !maps.Equal(store.stored, want.values) || w.upload.RowsAccepted != 30_000 {
		t.Errorf("%d readings, %d accepted; some have not their last value", len(store.stored), w.upload.RowsAccepted)
	}
	if store.most <= 25 {
		t.Error("nothing was written in parallel")
	}
}
