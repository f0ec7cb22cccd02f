package csvfile_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// benchRows is how many rows the file of the benchmarks has: some 2 MiB, as much as is fetched at a time.
const benchRows = 50_000

// benchFile is a file of readings of a thousand equipments, some 42 bytes a row.
func benchFile() []byte {
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	for i := range benchRows {
		at := epoch.Add(time.Duration(i/1000-benchRows) * time.Second)
		fmt.Fprintf(&b, "EQ-%05d,%s,%d.%02d\n", i%1000, at.Format(time.RFC3339), i%200-50, i%97+1)
	}
	return b.Bytes()
}

// BenchmarkParse reads and judges the rows of a file, beside what a program without rules of its own does: encoding/csv, which
// reuses its record, with strconv and time.Parse. The two take turns, and the fastest turns of each are compared, so that the
// figures hold on a machine that others use.
func BenchmarkParse(b *testing.B) {
	file := benchFile()
	fetch := func(dst []byte, offset int64) error { copy(dst, file[offset:]); return nil }
	buf := make([]byte, len(file)+8<<10)
	ours, theirs := time.Hour, time.Hour
	for b.Loop() {
		began := time.Now()
		if accepted, _, err := csvfile.JudgeRows(fetch, int64(len(file)), reading.Limits{Now: epoch}, buf); err != nil || accepted != benchRows {
			b.Fatal(accepted, err)
		}
		between := time.Now()
		if rows, err := parseByEncodingCSV(file); err != nil || rows != benchRows {
			b.Fatal(rows, err)
		}
		ours, theirs = min(ours, between.Sub(began)), min(theirs, time.Since(between))
	}
	b.ReportMetric(0, "ns/op") // of both together
	b.ReportMetric(float64(ours.Nanoseconds())/benchRows, "ns/row")
	b.ReportMetric(float64(len(file))/1e6/ours.Seconds(), "MB/s")
	b.ReportMetric(float64(theirs.Nanoseconds())/benchRows, "encoding-csv-ns/row")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "csv_vs_encoding_csv")
}

func parseByEncodingCSV(file []byte) (rows int, err error) {
	r := csv.NewReader(bytes.NewReader(file))
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return 0, err
	}
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return 0, err
		}
		if _, err := time.Parse(time.RFC3339, fields[1]); err != nil {
			return 0, err
		}
		if _, err := strconv.ParseFloat(fields[2], 64); err != nil {
			return 0, err
		}
		rows++
	}
}

// BenchmarkProcess works a file off that exists only where it is read, into a store that takes everything at once: what is measured is
// what a row costs beside the calls to the table.
func BenchmarkProcess(b *testing.B) {
	file := madeFile{rows: 64 << 20 / int64(len(madeRow))}
	b.ReportAllocs()
	for b.Loop() {
		f := newFixture(nil)
		f.upload.Bytes = file.size()
		v := view{f, func() error { return nil }}
		p := csvfile.NewProcessor(v, madeBucket{v, file}, v, &discard{every: 1 << 40}, csvfile.ProcessorOptions{
			Now: func() time.Time { return epoch },
		})
		for len(f.queue) > 0 {
			body := f.queue[0]
			f.queue = f.queue[1:]
			if err := p.Process(b.Context(), body); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(file.rows), "ns/row")
}
