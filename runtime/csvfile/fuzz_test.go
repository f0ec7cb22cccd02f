package csvfile_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

func FuzzRecords(f *testing.F) {
	f.Add("E,2026-03-01T08:30:00Z,1")
	f.Add("\"E\",\"a \"\"b\"\"\",")
	f.Fuzz(func(t *testing.T, record string) {
		record = strings.ReplaceAll(record, "\n", "")
		got, err := csvfile.SplitFields(nil, record, csvfile.Comma[0])
		want, ok := referenceFields(record)
		if (err == nil) != ok || ok && !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, %v; want %q, %v", record, got, err, want, ok)
		}
	})
}

func FuzzRanges(f *testing.F) {
	f.Add([]byte("a\nb\r\nccc\n\n"), uint16(3), uint8(2))
	f.Fuzz(func(t *testing.T, file []byte, rangeBytes uint16, lengthMax uint8) {
		if len(file) > 4096 {
			return
		}
		longest := max(int(lengthMax), 1)
		got := readRanges(t, file, max(int64(rangeBytes), 1), longest)
		if want := referenceLines(file, longest); !slices.Equal(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	})
}

// FuzzFile takes a file all the way, in ranges of one size and of another: readings, counts and rejected rows are those of
// the reference however it is cut.
func FuzzFile(f *testing.F) {
	f.Add([]byte("2026-03-01T08:30:00Z,1,E\r\n2026-03-01T08:30:00Z,2,\"E\"\n\nx,,\n"), uint8(10), uint8(33))
	f.Fuzz(func(t *testing.T, rows []byte, rangeBytes, otherBytes uint8) {
		if len(rows) > 1024 {
			return
		}
		file := append([]byte("timestamp,value,equipmentId\n"), rows...)
		one, other := allRanges(t, file, 8+int64(rangeBytes)), allRanges(t, file, 8+int64(otherBytes))
		if !maps.Equal(one.values(), other.values()) || one.upload.Status != other.upload.Status || one.upload.Reason != other.upload.Reason {
			t.Fatalf("in ranges of %d: %+v\nof %d: %+v", 8+rangeBytes, one.upload, 8+otherBytes, other.upload)
		}
	})
}

// fuzzFormats are formats of all kinds.
var fuzzFormats = []csvfile.Format{
	{}, brazilian, {Delimiter: "\t", EquipmentID: "E", Timestamps: "unix-millis", Decimal: ","}, {OtherColumns: "ignore", SkipLines: 2},
	{Delimiter: ";", Timestamps: "local", Dates: "mdy", Timezone: "Australia/Lord_Howe", OtherColumns: "ignore"},
	{Timestamps: "unix-seconds", Columns: csvfile.ColumnNames{Value: "v"}, SkipLines: 100},
}

// FuzzDialect takes a file of a format in ranges of one size and of another, down to a byte: readings, counts and rejected rows are the
// same, as those of the file read whole.
func FuzzDialect(f *testing.F) {
	f.Add([]byte("Equipamento;Data/Hora;Valor\r\nE1;25/02/2026 14:30;1,5\r\n;;\r\nE1;25/02/2026 14:30;\"2\"\r\nx\r\n"), uint8(1), uint8(10))
	f.Add([]byte("timestamp\tvalue\n1772353800123\t1,5\n\t\n1772353800123,5\t2,5"), uint8(2), uint8(3))
	f.Add([]byte("a line\n\"another\nequipmentId,unit,timestamp,value,,\nE1,m,2026-03-01T08:30:00Z,1,\nE1,m,2026-03-01T08:30:00Z,1,,,x\n"), uint8(3), uint8(0))
	f.Add([]byte("equipmentId;timestamp;value\nE1;10/4/2026 2:15;1\nE1;3/1/2026 2:15;1\n"), uint8(4), uint8(90))
	f.Fuzz(func(t *testing.T, file []byte, format, rangeBytes uint8) {
		if len(file) > 1024 {
			return
		}
		taken := func(rangeBytes int64) *fixture {
			f := newFixture(file)
			f.upload.Format = fuzzFormats[int(format)%len(fuzzFormats)]
			f.settle(t, rangeBytes, first)
			return f
		}
		whole, cut := taken(wholeFile), taken(1+int64(rangeBytes))
		w, c := whole.upload, cut.upload
		if w.Status != c.Status || w.Reason != c.Reason || w.RowsAccepted != c.RowsAccepted || w.RowsRejected != c.RowsRejected {
			t.Fatalf("%q whole: %+v\nin ranges of %d: %+v", file, w, 1+int64(rangeBytes), c)
		}
		if !maps.Equal(whole.values(), cut.values()) || !slices.Equal(whole.rejects(t), cut.rejects(t)) {
			t.Fatalf("%q whole: %v %q\nin ranges of %d: %v %q", file, whole.values(), whole.rejects(t), 1+int64(rangeBytes), cut.values(), cut.rejects(t))
		}
	})
}

// FuzzPreview holds that a preview ends, shows nothing that an answer cannot hold, and suggests only what takes more rows.
func FuzzPreview(f *testing.F) {
	f.Add([]byte("sep=;\nEquipamento;Data/Hora;Valor\r\nE1;25/02/2026 14:30;1,5\r\n"), uint8(0), true)
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"), uint8(1), false)
	f.Add([]byte("E1,2026-03-01T08:30:00Z,1.5\rE1,2026-03-01T08:30:00Z,1.5"), uint8(3), true)
	f.Add([]byte("timestamp,value\n1772353800123,21.5\n"), uint8(5), true)
	f.Fuzz(func(t *testing.T, head []byte, format uint8, whole bool) {
		good := func(format csvfile.Format) (n int, suggested *csvfile.Format) {
			p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: head, Whole: whole}, format, reading.Limits{Now: epoch})
			if err != nil {
				t.Fatalf("%q as %s: %v", head, format.Text(), err)
			}
			for _, row := range p.Rows {
				for _, fault := range row.Faults {
					if reason := fault.Reason; !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) || len(reason) > 8<<10 {
						t.Errorf("%q is refused with %q", head, reason)
					}
				}
				if len(row.Faults) == 0 {
					n++
				}
			}
			return n, p.Suggested
		}
		given := fuzzFormats[int(format)%len(fuzzFormats)]
		before, suggested := good(given)
		if suggested == nil {
			return
		}
		better := *suggested
		if better.Timestamps == csvfile.TimestampsLocal && better.Timezone == "" {
			better.Timezone = "UTC"
		}
		after := 0
		for _, equipmentID := range []string{better.EquipmentID, "E"} {
			if better.EquipmentID = equipmentID; len(better.Faults()) == 0 {
				n, _ := good(better)
				after = max(after, n)
			}
		}
		if after <= before {
			t.Errorf("%q: %s takes %d rows, %s %d", head, better.Text(), after, given.Text(), before)
		}
	})
}

// allRanges processes a file in ranges of a size and compares with the reference what comes of it.
func allRanges(t *testing.T, file []byte, rangeBytes int64) *fixture {
	t.Helper()
	f := newFixture(file)
	f.settle(t, rangeBytes, first)
	if f.upload.Status != csvfile.Failed {
		f.check(t, file)
		return f
	}
	lines, bad := 0, 0
	for _, l := range referenceLines(file, len(file))[1:] {
		if !l.empty() {
			lines++
		}
		if !utf8.ValidString(l.text) {
			bad++
		}
	}
	if 2*bad <= lines || len(f.values()) > 0 {
		t.Fatalf("%q failed: %s; %d readings", file, f.upload.Reason, len(f.values()))
	}
	return f
}

// FuzzHead holds that a beginning of a file is taken just when it is a header of ours, in UTF-8, and that what is said
// otherwise can be shown to anybody.
func FuzzHead(f *testing.F) {
	f.Add([]byte("equipmentId,timestamp,value\nE,2026-03-01T08:30:00Z,1\n"), true)
	f.Add([]byte("\ufeff\"value\",timestamp,equipmentId\r\n\xff\n\xff"), false)
	f.Fuzz(func(t *testing.T, head []byte, whole bool) {
		layout, refusal := csvfile.ReadHead(head, whole, csvfile.Format{})
		if refusal != "" {
			if !utf8.ValidString(refusal) || strings.ContainsFunc(refusal, unicode.IsControl) || len(refusal) > 8<<10 {
				t.Errorf("%q is refused with %q", head, refusal)
			}
		}
		want, ok := referenceHead(head, whole)
		if ok != (refusal == "") || layout.Columns != want {
			t.Errorf("%q: got %+v, %q; want %+v, taken %v", head, layout.Columns, refusal, want, ok)
		}
	})
}

func referenceHead(head []byte, whole bool) (csvfile.Columns, bool) {
	text, ended := bytes.TrimPrefix(head, []byte("\ufeff")), bytes.Contains(head, []byte("\n"))
	lines := referenceLines(text, len(text))
	if len(lines) == 0 || !ended && !whole || len(lines[0].text) > contract.CSVRecordBytesMax {
		return csvfile.Columns{}, false
	}
	fields, ok := referenceFields(lines[0].text)
	names := []string{"equipmentId", "timestamp", "value"}
	if sorted := slices.Sorted(slices.Values(fields)); !ok || !slices.Equal(sorted, names) {
		return csvfile.Columns{}, false
	}
	lines = lines[1:]
	if len(lines) > 0 && !whole && !bytes.HasSuffix(text, []byte("\n")) {
		lines = lines[:len(lines)-1] // it may be cut inside a character
	}
	good := 0
	for _, l := range lines {
		switch {
		case l.text == "":
		case utf8.ValidString(l.text):
			good++
		default:
			good--
		}
	}
	if good < 0 {
		return csvfile.Columns{}, false
	}
	at := func(name string) int { return slices.Index(fields, name) }
	return csvfile.Columns{EquipmentID: at("equipmentId"), Timestamp: at("timestamp"), Value: at("value")}, true
}

func FuzzMessage(f *testing.F) {
	f.Add(s3Event("uploads/"+uploadID+".csv"), false)
	f.Add(s3Event("uploads%2F"+uploadID+".cs%76"), true)
	f.Add(rangeBody("2"), true)
	f.Add(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, false)
	file := rowsOf(200)
	const rangeBytes = 64
	f.Fuzz(func(t *testing.T, body string, planned bool) {
		f := newFixture(file)
		f.queue = nil
		if planned {
			if err := f.processor(rangeBytes, nil).Process(t.Context(), s3Event("uploads/"+uploadID+".csv")); err != nil {
				t.Fatal(err)
			}
		}
		before, queued := f.upload, len(f.queue)
		err := f.processor(rangeBytes, nil).Process(t.Context(), body)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
		if f.upload == before && len(f.queue) == queued {
			return
		}
		if !strings.Contains(unescaped(body), uploadID) || f.upload.RangesDone > before.RangesDone+1 || f.upload.Status == csvfile.Failed {
			t.Errorf("%q does %+v", body, f.upload)
		}
	})
}

var escapes = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}`)

// unescaped takes out of a text the escapes of JSON and of keys, those of ASCII at least.
func unescaped(body string) string {
	for range 2 { // a key is encoded before it becomes JSON
		body = escapes.ReplaceAllStringFunc(body, func(escape string) string {
			n, _ := strconv.ParseUint(strings.TrimLeft(escape, `\u%`), 16, 16)
			return string(rune(n))
		})
	}
	return body
}

// FuzzPacked takes any bytes for a file that is named as compressed. They end in one of the final states; what gzip unpacks comes to
// what the text itself comes to, and of all else nothing is stored.
func FuzzPacked(f *testing.F) {
	whole := pack(fileOf(4))
	f.Add(whole, int64(60))
	f.Add(whole[:len(whole)-3], int64(wholeFile))
	f.Add(append(bytes.Clone(whole), whole...), int64(7))
	f.Add(fileOf(2), int64(wholeFile))
	f.Add([]byte("\x1f\x8b\x08\x00"), int64(1))
	f.Fuzz(func(t *testing.T, object []byte, rangeBytes int64) {
		if rangeBytes < 1 || len(object) > 64<<10 {
			t.Skip()
		}
		var text []byte
		zip, err := gzip.NewReader(bytes.NewReader(object))
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(zip, 256<<10))
		}
		if len(text) >= 256<<10 || int64(len(text))/rangeBytes > 200 {
			t.Skip() // a text of many rows or ranges shows nothing more
		}
		packed := packedFixture(object)
		packed.settle(t, rangeBytes, first)
		if err != nil || len(object) == 0 {
			if packed.upload.Status != csvfile.Failed || len(packed.values()) > 0 {
				t.Errorf("%s with %d readings of no whole gzip data", packed.upload.Status, len(packed.values()))
			}
			return
		}
		plain := newFixture(text)
		plain.settle(t, rangeBytes, first)
		if packed.upload.Status != plain.upload.Status || packed.upload.RowsAccepted != plain.upload.RowsAccepted ||
			packed.upload.RowsRejected != plain.upload.RowsRejected || !maps.Equal(packed.values(), plain.values()) {
			t.Errorf("packed %+v, plain %+v", packed.upload, plain.upload)
		}
	})
}
