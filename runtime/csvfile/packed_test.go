package csvfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// pack compresses parts, each as a member of its own: what gzip makes of files that are joined.
func pack(parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		w := gzip.NewWriter(&b)
		_, _ = w.Write(part) // a buffer takes everything
		_ = w.Close()
	}
	return b.Bytes()
}

func packedFixture(object []byte) *fixture {
	f := newFixture(object)
	f.upload.FileName = "March.CSV.GZ"
	return f
}

func TestProcessor_TakesPackedFiles(t *testing.T) {
	file := append(fileOf(9), "bad\n2026-03-01T08:00:01Z,99,E1\nbad"...)
	long := append(append(fileOf(3), strings.Repeat("z", 3*contract.CSVRecordBytesMax)...), "\n2026-03-01T08:00:05Z,99,E1\n"...)
	for name, c := range map[string]struct{ text, object []byte }{
		"one member":       {file, pack(file)},
		"several members":  {file, pack(file[:40], nil, file[40:41], file[41:])},
		"a header alone":   {fileOf(0), pack(fileOf(0))},
		"a long row":       {long, pack(long)},
		"a mark and marks": {append([]byte("\ufeff"), file...), pack([]byte("\ufeff"), file)},
	} {
		for _, rangeBytes := range []int64{wholeFile, 100, 33, 7} {
			f := packedFixture(c.object)
			f.settle(t, rangeBytes, first)
			f.check(t, c.text)
			if f.begun != 1 || f.upload.Plan.Unpacked != int64(len(c.text)) || f.upload.Bytes != int64(len(c.object)) {
				t.Errorf("%s, ranges of %d: planned %d times, %+v", name, rangeBytes, f.begun, f.upload)
			}
			if keys := f.keysOf("rejects/"); len(keys) > 1 {
				t.Errorf("%s, ranges of %d: parts stay behind: %v", name, rangeBytes, keys)
			}
		}
	}
}

// TestUnpacker_FetchesFromAnyPlace goes on from where it is, a little back as ranges do, far ahead, and back to the beginning, over a
// text of many of gzip's windows.
func TestUnpacker_FetchesFromAnyPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = byte(rng.IntN(64)) // hard to compress, so that it comes in many pieces
	}
	fetch := csvfile.UnpackFrom(pack(text[:300_000], text[300_000:]))
	at := 0
	for range 3000 {
		switch rng.IntN(12) {
		case 0:
			at = rng.IntN(len(text))
		case 1:
			at = 0
		case 2, 3, 4:
			at = max(0, at-rng.IntN(contract.CSVRecordBytesMax+4))
		}
		dst := make([]byte, min(1+rng.IntN(20_000), len(text)-at))
		if err := fetch(dst, int64(at)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(dst, text[at:at+len(dst)]) {
			t.Fatalf("%d bytes from %d are others", len(dst), at)
		}
		if at += len(dst); at == len(text) {
			at = 0
		}
	}
}

// TestProcessor_SurvivesADeathAtEachStepOfAPackedFile is TestProcessor_SurvivesADeathAtEachStep for a file that one worker at a time
// goes through.
func TestProcessor_SurvivesADeathAtEachStepOfAPackedFile(t *testing.T) {
	file := append(fileOf(5), "bad\n2026-03-01T08:00:01Z,99,E1\nbad\n"...)
	for name, c := range map[string]struct {
		rangeBytes int64
		pieces     bool
	}{
		"one range": {wholeFile, false}, "several ranges": {70, false}, "one range in pieces": {wholeFile, true}, "several ranges in pieces": {70, true},
	} {
		t.Run(name, func(t *testing.T) {
			for n, died := 0, true; died; n++ {
				f := packedFixture(pack(file))
				f.pieces = c.pieces
				f.queue = append(f.queue, f.queue[0])
				died = f.dieAt(t, n, c.rangeBytes)
				f.check(t, file)
				if f.begun != 1 {
					t.Errorf("step %d: planned %d times", n, f.begun)
				}
				if n > 500 {
					t.Fatal("no end")
				}
			}
		})
	}
}

// TestProcessor_HandsAPackedFileOn has each call take a minute: what a worker does not get done goes to the next one, who does not do
// again what is committed.
func TestProcessor_HandsAPackedFileOn(t *testing.T) {
	file := fileOf(40)
	f := packedFixture(pack(file))
	turns := 0
	for ; len(f.queue) > 0; turns++ {
		if len(f.queue) > 1 || turns > 100 {
			t.Fatalf("%d messages about one file in turn %d", len(f.queue), turns)
		}
		body := f.queue[0]
		f.queue = nil
		began := f.now
		p := f.processor(70, func() error {
			f.now = f.now.Add(time.Minute)
			return nil
		})
		if err := p.Process(t.Context(), body); err != nil {
			t.Fatal(err)
		}
		if took := f.now.Sub(began); took > contract.CSVUnpackTime+30*time.Minute {
			t.Errorf("a worker went on for %v", took)
		}
	}
	f.check(t, file)
	attempts := 0
	calls, _ := f.table.Calls()
	for _, call := range calls {
		attempts += len(call)
	}
	if turns < 3 || attempts != 40 {
		t.Errorf("%d turns, %d attempts to write 40 readings", turns, attempts)
	}
}

func TestProcessor_EndsAPackedFileThatCannotBeTakenAndStoresNothing(t *testing.T) {
	rows := fileOf(3000)
	whole := pack(rows)
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 0x55
	wrongSum := bytes.Clone(whole)
	wrongSum[len(wrongSum)-8] ^= 1
	const behind = "something stands behind the end of the gzip data, which was read after 3001 lines"
	for name, c := range map[string]struct {
		object  []byte
		reasons []string
	}{
		"plain":               {rows, []string{"is named .csv.gz but is not compressed with gzip; compress it, or name it .csv"}},
		"empty":               {nil, []string{"the file is empty"}},
		"one byte":            {[]byte{0x1f}, []string{"is named .csv.gz but is not compressed with gzip"}},
		"packed emptiness":    {pack(nil), []string{"the file is empty"}},
		"cut in the header":   {whole[:5], []string{"the gzip data breaks off after 0 lines (0 bytes unpacked)", "nothing of the file was stored"}},
		"cut":                 {whole[:len(whole)/2], []string{"the gzip data breaks off after ", "nothing of the file was stored"}},
		"cut before its sum":  {whole[:len(whole)-8], []string{"the gzip data breaks off after 3001 lines"}},
		"damaged":             {damaged, []string{"the gzip data is damaged after "}},
		"wrong sum":           {wrongSum, []string{"the gzip data is damaged after 3001 lines"}},
		"followed by rubbish": {append(bytes.Clone(whole), "rubbish that is no member"...), []string{behind}},
		"followed by little":  {append(bytes.Clone(whole), '\n'), []string{behind}},
		"followed by zeros":   {append(bytes.Clone(whole), 0, 0, 0), []string{behind}},
		"two and rubbish":     {append(pack(rows, rows), "x"...), []string{"behind the end of the gzip data, which was read after 6002 lines"}},
		"cut in a second":     {append(bytes.Clone(whole), whole[:3]...), []string{"the gzip data breaks off after 3001 lines"}},
		"cut after one byte":  {append(bytes.Clone(whole), whole[0]), []string{"the gzip data breaks off after 3001 lines"}},
		"packed twice":        {pack(whole), []string{"the file is compressed with gzip; compress it once"}},
		"wrong header":        {pack([]byte("a,b\n1,2\n")), []string{"equipmentId is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := packedFixture(c.object)
			f.settle(t, 1000, first)
			if f.upload.Status != csvfile.Failed {
				t.Errorf("%s: %s", f.upload.Status, f.upload.Reason)
			}
			for _, reason := range c.reasons {
				if !strings.Contains(f.upload.Reason, reason) {
					t.Errorf("the reason is %q, want %q", f.upload.Reason, reason)
				}
			}
			if len(f.values()) != 0 || len(f.objects) != 1 || f.upload.RowsAccepted+f.upload.RowsRejected != 0 || f.upload.Bytes != int64(len(c.object)) {
				t.Errorf("stored %v, %v: %+v", f.values(), f.keysOf(""), f.upload)
			}
		})
	}
}

// packedBucket holds a packed made file, which is compressed once, and keeps rejects in the fixture.
type packedBucket struct {
	view
	object []byte
	read   *int64 // bytes of it
}

func (b packedBucket) Stat(ctx context.Context, key string) (csvfile.Object, error) {
	if key != csvfile.UploadKey(uploadID) {
		return b.view.Stat(ctx, key)
	}
	return csvfile.Object{Size: int64(len(b.object)), ETag: "packed"}, nil
}

func (b packedBucket) Open(ctx context.Context, key, etag string, first, last int64) (io.ReadCloser, error) {
	if key != csvfile.UploadKey(uploadID) {
		return b.view.Open(ctx, key, etag, first, last)
	}
	*b.read += last + 1 - first
	return io.NopCloser(bytes.NewReader(b.object[first : last+1])), nil
}

func TestProcessor_HoldsConstantMemoryOfAPackedFile(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes some seconds")
	}
	file := madeFile{rows: 112 << 20 / int64(len(madeRow))}
	var object bytes.Buffer
	w, _ := gzip.NewWriterLevel(&object, gzip.BestSpeed)
	if _, err := io.Copy(w, &madeReader{file, 0, file.size()}); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	f := packedFixture(nil)
	f.upload.Bytes = int64(object.Len())
	v := view{f, func() error { return nil }}
	read := int64(0)
	store := &discard{every: 2000}
	p := csvfile.NewProcessor(v, packedBucket{v, object.Bytes(), &read}, v, store, csvfile.ProcessorOptions{Now: func() time.Time { return epoch }})
	began := time.Now()
	growth := drain(t, f, p, store)
	took := time.Since(began)
	if read != 2*int64(object.Len()) { // before it is planned, and by the one worker
		t.Errorf("%d bytes were read of a file of %d", read, object.Len())
	}
	rejected := (file.rows + madeBad - 1) / madeBad
	if u := f.upload; u.Status != csvfile.CompletedWithRejects || u.RowsAccepted != file.rows-rejected || u.RowsRejected != rejected {
		t.Errorf("%+v", u)
	}
	t.Logf("%d MiB of %d MiB of text in %v: %.0f rows/s; the heap grew by %s at most", object.Len()>>20, file.size()>>20, took.Round(time.Millisecond),
		float64(file.rows)/took.Seconds(), mib(growth))
}

// TestProcessor_RefusesAFileThatUnpacksToTooMuch packs the largest text that is taken, and one byte more.
func TestProcessor_RefusesAFileThatUnpacksToTooMuch(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes some seconds")
	}
	const members = 64
	line := []byte(strings.Repeat("x", 63) + "\n")
	text := bytes.Repeat(line, contract.CSVUnpackedBytesMax/members/len(line))
	member := pack(text)
	copy(text, madeHeader)
	most := append(pack(text), bytes.Repeat(member, members-1)...)
	for more, object := range [][]byte{most, append(most, pack([]byte("\n"))...)} {
		f := packedFixture(object)
		body := f.queue[0]
		f.queue = nil
		p := f.processor(contract.CSVRangeBytes, func() error {
			if f.begun > 0 {
				return errors.New("it is planned, which is enough")
			}
			return nil
		})
		began := time.Now()
		err := p.Process(t.Context(), body)
		t.Logf("%s unpack to 1 GiB and %d bytes: %v, error %v", mib(int64(len(object))), more, time.Since(began).Round(time.Millisecond), err)
		refused := f.upload.Status == csvfile.Failed && f.upload.Reason == "the file unpacks to more than 1 GiB; split it and upload the parts"
		if refused != (more > 0) || refused && (len(f.values()) > 0 || f.upload.RowsAccepted > 0) {
			t.Errorf("%d bytes more than 1 GiB: %+v", more, f.upload)
		}
		if more == 0 && (f.upload.Status != csvfile.Processing || f.upload.Plan.Unpacked != contract.CSVUnpackedBytesMax) {
			t.Errorf("the largest text: %+v", f.upload)
		}
	}
}

func TestPreviewFile_UnpacksTheBeginning(t *testing.T) {
	rows := fileOf(9000)
	whole := pack(rows)
	small := pack(fileOf(1))
	damaged := bytes.Clone(small)
	damaged[len(damaged)-8] ^= 1
	for name, c := range map[string]struct {
		as     string
		start  []byte
		whole  bool
		rows   int
		reason string
	}{
		"whole":                  {"a.csv.gz", small, true, 1, ""},
		"the beginning":          {"A.CSV.GZ", whole[:9000], false, contract.CSVPreviewRows, ""},
		"more than a head":       {"a.csv.gz", whole, true, contract.CSVPreviewRows, ""},
		"one member of several":  {"a.csv.gz", small, false, 1, ""},
		"whole and cut":          {"a.csv.gz", small[:len(small)-9], true, 1, "the gzip data breaks off after "},
		"damaged":                {"a.csv.gz", damaged, true, 1, "the gzip data is damaged after 2 lines"},
		"plain":                  {"a.csv.gz", fileOf(1), true, 1, "is named .csv.gz but is not compressed"},
		"empty":                  {"a.csv.gz", nil, true, 1, "the file is empty"},
		"packed and named plain": {"a.csv", small, true, 1, "give it a name that ends in .csv.gz"},
	} {
		got, err := csvfile.PreviewFile(csvfile.Beginning{FileName: c.as, Bytes: c.start, Whole: c.whole}, csvfile.Format{}, reading.Limits{Now: epoch})
		if err != nil {
			t.Fatal(err)
		}
		var reason string
		if len(got.Rows) > 0 && len(got.Rows[0].Faults) > 0 {
			reason = got.Rows[0].Faults[0].Reason
		}
		if len(got.Rows) != c.rows || !strings.Contains(reason, c.reason) || (reason == "") != (c.reason == "") {
			t.Errorf("%s: %d rows, want %d; reason %q, want %q", name, len(got.Rows), c.rows, reason, c.reason)
		}
	}
}

// A beginning that is cut anywhere, also between members and inside their heads and sums, is no broken file.
func TestPreviewFile_UnpacksABeginningCutAnywhere(t *testing.T) {
	object := pack(fileOf(30), []byte("2026-03-01T09:30:00Z,1,E1\n"), []byte("2026-03-01T09:31:00Z,2,E1\n"))
	for cut := len(pack(fileOf(30))) / 2; cut <= len(object); cut++ {
		got, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv.gz", Bytes: object[:cut]}, csvfile.Format{}, reading.Limits{Now: epoch})
		if err != nil || len(got.Rows) == 0 || got.Rows[0].Faults != nil {
			t.Fatalf("cut at %d of %d: %+v, %v", cut, len(object), got, err)
		}
	}
}
