package csvfile_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
)

// readRanges cuts a file into ranges and returns the records of all, in order.
func readRanges(t interface{ Fatal(args ...any) }, file []byte, rangeBytes int64, lengthMax int) []line {
	size := int64(len(file))
	fetch := func(dst []byte, offset int64) error {
		if offset < 0 || offset+int64(len(dst)) > size || len(dst) == 0 {
			return fmt.Errorf("%d bytes from %d of %d", len(dst), offset, size)
		}
		copy(dst, file[offset:])
		return nil
	}
	var lines []line
	var buf []byte
	for first := int64(0); first < size; first += rangeBytes {
		s := csvfile.NewRecords(fetch, first, min(first+rangeBytes, size), size, lengthMax, buf)
		for {
			record, long, err := s.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line{record, long})
		}
	}
	return lines
}

func TestRecords_AreTheSameHoweverAFileIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", ",", "\n", "\r", "\r\n", "\"", "xyz", "\xff", "0123456789"})
		pieces := rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces")
		file := []byte(strings.Join(pieces, ""))
		rangeBytes := rapid.Int64Range(1, int64(len(file))+2).Draw(t, "range")
		lengthMax := rapid.IntRange(1, 12).Draw(t, "longest")
		got, want := readRanges(t, file, rangeBytes, lengthMax), referenceLines(file, lengthMax)
		if !slices.Equal(got, want) {
			t.Fatalf("file %q in ranges of %d:\n got %+v\nwant %+v", file, rangeBytes, got, want)
		}
	})
}

func TestSplitFields_UnquotesOnlyWhatRFC4180Quotes(t *testing.T) {
	for record, want := range map[string][]string{
		`a,b,c`: {"a", "b", "c"}, `,,`: {"", "", ""}, `"a,b",c`: {"a,b", "c"}, `"a ""b""",`: {`a "b"`, ""}, `""`: {""},
		`a"b,c`: nil, `"a"b,c`: nil, `"a,b`: nil, `a,"`: nil,
	} {
		got, err := csvfile.SplitFields(nil, record, csvfile.Comma[0])
		if (err == nil) != (want != nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", record, got, err, want)
		}
	}
}

// rowsOf makes a file of about so many bytes with rows of 36 bytes.
func rowsOf(bytes int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	out := append(make([]byte, 0, bytes+64), "equipmentId,timestamp,value\n"...)
	for len(out) < bytes {
		at = at.Add(time.Second)
		out = append(out, fmt.Sprintf("EQ-%05d,%s,%d.%d\n", rng.IntN(50000), at.Format(time.RFC3339), 10+rng.IntN(90), rng.IntN(10))...)
	}
	return out
}

const utf8Rule = "save it as UTF-8: in Excel as \"CSV UTF-8\", in a text editor with the encoding UTF-8"

func TestReadHead_NamesWhatIsWrong(t *testing.T) {
	const rule = "; expected the columns equipmentId, timestamp and value, each once, in any order"
	for name, c := range map[string]struct {
		head    string
		refusal string
	}{
		"accepts any order":        {"value,equipmentId,timestamp\n1,E,2026-03-01T00:00:00Z\n", ""},
		"accepts a BOM and CRLF":   {"\ufeffequipmentId,timestamp,value\r\n", ""},
		"accepts quotes":           {`"equipmentId","timestamp","value"`, ""},
		"accepts few bad lines":    {"equipmentId,timestamp,value\n\xff\nE,t,1\n", ""},
		"rejects nothing":          {"", "the file is empty"},
		"rejects gzip":             {"\x1f\x8b\x08\x00", "the file is compressed with gzip; compress it once, and give it a name that ends in .csv.gz"},
		"rejects a workbook":       {"PK\x03\x04", "the file is a ZIP archive or a workbook; upload it as CSV"},
		"rejects UTF-16":           {"\xff\xfee\x00q\x00", "the file is in UTF-16; " + utf8Rule},
		"rejects UTF-16 unmarked":  {"e\x00q\x00u\x00", "the header holds NUL bytes, as UTF-16 and UTF-32 have them; " + utf8Rule},
		"rejects Latin-1 header":   {"equipmentId,timestamp,val\xfce\n", "the header is not UTF-8; " + utf8Rule},
		"rejects Latin-1 lines":    {"equipmentId,timestamp,value\nM\xfcller,t,1\nE,t,1\nM\xfcller,t,2\n", "the file is not UTF-8; " + utf8Rule},
		"rejects a missing column": {"equipmentId,timestamp\n", `the header "equipmentId,timestamp" is wrong: value is missing` + rule},
		"rejects a column twice":   {"equipmentId,timestamp,value,value\n", `the header "equipmentId,timestamp,value,value" is wrong: value occurs twice` + rule},
		"rejects an unknown one":   {"equipmentId,timestamp,value,unit\n", `the header "equipmentId,timestamp,value,unit" is wrong: "unit" is unknown` + rule},
		"rejects another spelling": {"equipmentID,timestamp,value\n", `the header "equipmentID,timestamp,value" is wrong: equipmentId is missing, "equipmentID" is unknown` + rule},
		"rejects spaces":           {"equipmentId, timestamp,value\n", `the header "equipmentId, timestamp,value" is wrong: timestamp is missing, " timestamp" is unknown` + rule},
		"rejects a blank header":   {"\nequipmentId,timestamp,value\n", `the header "" is wrong: equipmentId is missing, timestamp is missing, value is missing, "" is unknown` + rule},
		"rejects bad quotes":       {"\"equipmentId,timestamp,value\n", `the header "\"equipmentId,timestamp,value" is wrong: a quoted field is not closed on its line` + rule},
		"rejects endless headers":  {strings.Repeat("a,", 3000), "the header is longer than 4096 bytes" + rule},
	} {
		t.Run(name, func(t *testing.T) {
			_, refusal := csvfile.ReadHead([]byte(c.head), true, csvfile.Format{})
			if refusal != c.refusal {
				t.Errorf("got  %s\nwant %s", refusal, c.refusal)
			}
		})
	}
	layout, _ := csvfile.ReadHead([]byte("value,equipmentId,timestamp"), true, csvfile.Format{})
	if layout != (csvfile.Layout{Columns: csvfile.Columns{EquipmentID: 1, Timestamp: 2, Value: 0}, Fields: 3}) {
		t.Errorf("layout %+v", layout)
	}
	if _, refusal := csvfile.ReadHead(bytes.Repeat([]byte("equipmentId,timestamp,value\n\xc3"), 1)[:29], false, csvfile.Format{}); refusal != "" {
		t.Errorf("a character cut by the end of the sample: %s", refusal)
	}
}
