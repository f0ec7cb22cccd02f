package csvfile_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// inUTF16 writes a text as Windows does in "Unicode".
func inUTF16(text string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return b.String()
}

const localTimezone = `"timezone":"…"}, where … is the name of your time zone, such as America/Sao_Paulo`

// A file that fails says what it looks like and which format takes it; sent again with that format, and mended as the reason says
// where no format helps, it is taken whole.
func TestProcessor_SaysWhichFormatTakesAFile(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		like   string // what the reason ends with
		format string // of the next attempt; empty where the strict one will do
		mend   func(string) string
		rows   int64
	}{
		"semicolons": {
			file: "equipmentId;timestamp;value\nE1;2026-03-01T08:30:00Z;1.5\n", format: `{"delimiter":";"}`, rows: 1,
			like: `it looks like a file with semicolons between its fields: send it with the format {"delimiter":";"}`,
		},
		"tabs": {
			file: "equipmentId\ttimestamp\tvalue\nE1\t2026-03-01T08:30:00Z\t1.5\n", format: `{"delimiter":"\t"}`, rows: 1,
			like: `it looks like a file with tabs between its fields: send it with the format {"delimiter":"\t"}`,
		},
		"decimal commas": {
			file: "equipmentId;timestamp;value\nE1;2026-03-01T08:30:00Z;1,5\nE1;2026-03-01T08:31:00Z;2\n", format: `{"delimiter":";","decimal":","}`, rows: 2,
			like: `with semicolons between its fields and decimal commas: send it with the format {"delimiter":";","decimal":","}`,
		},
		"a Brazilian spreadsheet": {
			file: "Equipamento;Data/Hora;Valor\r\nE1;25/02/2026 14:30;1,5\r\nE1;25/02/2026 14:31;2\r\n;;\r\n", rows: 2,
			format: `{"delimiter":";","decimal":",","columns":{"equipmentId":"Equipamento","timestamp":"Data/Hora","value":"Valor"},"timestamps":"local","dates":"dmy","timezone":"America/Sao_Paulo"}`,
			like: `semicolons between its fields, other names of columns, decimal commas, times without an offset and dates as day/month/year: ` +
				`send it with the format {"delimiter":";","decimal":",","columns":{"equipmentId":"Equipamento","timestamp":"Data/Hora","value":"Valor"},"timestamps":"local","dates":"dmy",` + localTimezone,
		},
		"an American spreadsheet": {
			file: "device,date,reading,note\nD-1,2/25/2026 14:30,1.5,\nD-1,2/25/2026 14:31,2,ok\n", rows: 2,
			format: `{"columns":{"equipmentId":"device","timestamp":"date","value":"reading"},"otherColumns":"ignore","timestamps":"local","dates":"mdy","timezone":"America/New_York"}`,
			like: `other names of columns, further columns, times without an offset and dates as month/day/year: ` +
				`send it with the format {"columns":{"equipmentId":"device","timestamp":"date","value":"reading"},"otherColumns":"ignore","timestamps":"local","dates":"mdy",` + localTimezone,
		},
		"a sep= line": {
			file: "sep=;\nequipmentId;timestamp;value\nE1;2026-03-01T08:30:00Z;1.5\n", format: `{"delimiter":";","skipLines":1}`, rows: 1,
			like: `a sep= line before its header and semicolons between its fields: send it with the format {"delimiter":";","skipLines":1}`,
		},
		"a preamble": {
			file: "Report of March\nPlant 3, Hall 4\n\nequipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\nE1,2026-03-01T08:31:00Z,1.5\n",
			like: `3 lines before its header: send it with the format {"skipLines":3}`, format: `{"skipLines":3}`, rows: 2,
		},
		"other case": {
			file: "EQUIPMENTID,Timestamp,VALUE\nE1,2026-03-01T08:30:00Z,1.5\n", rows: 1,
			format: `{"columns":{"equipmentId":"EQUIPMENTID","timestamp":"Timestamp","value":"VALUE"}}`,
			like:   `other names of columns: send it with the format {"columns":{"equipmentId":"EQUIPMENTID","timestamp":"Timestamp","value":"VALUE"}}`,
		},
		"trailing commas": {
			file: "equipmentId,timestamp,value,,\nE1,2026-03-01T08:30:00Z,1.5,,\n,,,,\n", format: `{"otherColumns":"ignore"}`, rows: 1,
			like: `delimiters at the end of its rows: send it with the format {"otherColumns":"ignore"}`,
		},
		"Unix seconds": {
			file: "time,temperature,machine\n1772353800,21.5,101\n1772353860,21.6,101\n", rows: 2,
			format: `{"columns":{"equipmentId":"machine","timestamp":"time","value":"temperature"},"timestamps":"unix-seconds"}`,
			like:   `times in seconds since 1970: send it with the format {"columns":{"equipmentId":"machine","timestamp":"time","value":"temperature"},"timestamps":"unix-seconds"}`,
		},
		"no equipment": {
			file: "timestamp,value\n1772353800123,21.5\n", format: `{"equipmentId":"E9","timestamps":"unix-millis"}`, rows: 1,
			like: `no column for the equipment and times in milliseconds since 1970: send it with the format {"equipmentId":"…","timestamps":"unix-millis"}, where … is the equipment that the values are of`,
		},
		"no header": {
			file: "2026-03-01T08:30:00Z;1.5;E1\n2026-03-01T08:31:00Z;1.5;E1\n", format: `{"delimiter":";"}`, rows: 2,
			like: `no header row and semicolons between its fields: put the line "timestamp;value;equipmentId" before its first row and send it with the format {"delimiter":";"}`,
			mend: func(s string) string { return "timestamp;value;equipmentId\n" + s },
		},
		"one row without header": {
			file: "E1,2026-03-01T08:30:00Z,1.5", rows: 1,
			like: `it looks like a file with no header row: put the line "equipmentId,timestamp,value" before its first row`,
			mend: func(s string) string { return "equipmentId,timestamp,value\n" + s },
		},
		"CR line ends": {
			file: "equipmentId,timestamp,value\rE1,2026-03-01T08:30:00Z,1.5\rE1,2026-03-01T08:31:00Z,1.5\r", rows: 2,
			like: `its lines end in CR alone, as on old Macs: save it with LF or CRLF (in Excel as "CSV UTF-8" and not as "CSV (Macintosh)")`,
			mend: func(s string) string { return strings.ReplaceAll(s, "\r", "\n") },
		},
		"CR CR LF and semicolons": {
			file: "equipmentId;timestamp;value\r\r\nE1;2026-03-01T08:30:00Z;1.5\r\r\n", format: `{"delimiter":";"}`, rows: 1,
			like: `its lines end in CR CR LF, of which one CR was added by mistake: write it with CRLF (in Python, open it with newline=''); it looks like a file with semicolons between its fields: send it with the format {"delimiter":";"}`,
			mend: func(s string) string { return strings.ReplaceAll(s, "\r\r\n", "\r\n") },
		},
		"UTF-16 with tabs": {
			file: inUTF16("equipmentId\ttimestamp\tvalue\r\nE1\t2026-03-01T08:30:00Z\t1.5\r\n"), format: `{"delimiter":"\t"}`, rows: 1,
			like: `the file is in UTF-16; ` + utf8Rule + `; it looks like a file with tabs between its fields: send it with the format {"delimiter":"\t"}`,
			mend: func(string) string { return "equipmentId\ttimestamp\tvalue\r\nE1\t2026-03-01T08:30:00Z\t1.5\r\n" },
		},
		"Windows-1252": {
			file: "M\xe1quina;timestamp;value\nE1;2026-03-01T08:30:00Z;1.5\n", format: `{"delimiter":";","columns":{"equipmentId":"Máquina"}}`, rows: 1,
			like: utf8Rule + `; it looks like a file with semicolons between its fields and other names of columns: send it with the format {"delimiter":";","columns":{"equipmentId":"Máquina"}}`,
			mend: func(s string) string { return strings.ReplaceAll(s, "\xe1", "á") },
		},
		"what a format said wrong": {
			file: "equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\n", rows: 1,
			like: `it looks like a file with commas between its fields: send it with the format {}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture([]byte(c.file))
			if name == "what a format said wrong" {
				f.upload.Format.Delimiter = csvfile.Semicolon
			}
			f.settle(t, wholeFile, first)
			if f.upload.Status != csvfile.Failed || !strings.HasSuffix(f.upload.Reason, c.like) || len(f.values()) > 0 {
				t.Errorf("%s: %s\nwant an end of %s", f.upload.Status, f.upload.Reason, c.like)
			}
			if c.mend != nil {
				c.file = c.mend(c.file)
			}
			f = newFixture([]byte(c.file))
			if c.format != "" {
				var err error
				if f.upload.Format, err = csvfile.ParseFormat(c.format); err != nil || len(f.upload.Format.Faults()) > 0 {
					t.Fatal(err, f.upload.Format.Faults())
				}
			}
			f.settle(t, wholeFile, first)
			if f.upload.Status != csvfile.Completed || f.upload.RowsAccepted != c.rows {
				t.Errorf("sent again: %+v", f.upload)
			}
		})
	}
}

// What is no readings in any format is not said to look like any.
func TestProcessor_SuggestsNothingForWhatIsNoReadings(t *testing.T) {
	for _, file := range []string{
		"hello\nworld\n", "a,b,c\n", "name,age\nAda,36\nGrace,85\n", "\x00\x01\x02", "{\"equipmentId\":\"E1\"}\n", "\n\n\n",
		"equipmentId, timestamp, value\nE1, 2026-03-01T08:30:00Z, 1.5\n",
	} {
		f := newFixture([]byte(file))
		f.settle(t, wholeFile, first)
		if f.upload.Status != csvfile.Failed || strings.Contains(f.upload.Reason, "looks like") {
			t.Errorf("%q: %s %s", file, f.upload.Status, f.upload.Reason)
		}
	}
}

func TestPreviewFile_SuggestsWhatTakesMoreRows(t *testing.T) {
	for name, c := range map[string]struct {
		file, given, want string // want is empty where nothing is suggested
		good              int
	}{
		"good as it is":         {"equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1\n", "{}", "", 1},
		"a header alone":        {"equipmentId;timestamp;value\n", "{}", "", 0},
		"local times":           {"equipmentId,timestamp,value\nE1,2026-03-01 08:30,1\n", "{}", `{"timestamps":"local"}`, 0},
		"with the given zone":   {"equipmentId,timestamp,value\nE1,01/03/2026 08:30,1\n", `{"timestamps":"local","timezone":"Asia/Tokyo"}`, `{"timestamps":"local","dates":"dmy","timezone":"Asia/Tokyo"}`, 0},
		"days and months":       {"equipmentId,timestamp,value\nE1,02/03/2026 08:30,1\nE1,02/28/2026 08:30,1\nE1,02/27/2026 08:30,1\n", `{"timestamps":"local","dates":"dmy","timezone":"UTC"}`, `{"timestamps":"local","dates":"mdy","timezone":"UTC"}`, 1},
		"quoted decimal commas": {"equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,\"1,5\"\n", "{}", `{"decimal":","}`, 0},
		"mostly good":           {"equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\nE1,2026-03-01T08:31:00Z,2.5\nE1,2026-03-01T08:32:00Z,\"1,5\"\n", "{}", "", 2},
	} {
		given, err := csvfile.ParseFormat(c.given)
		if err != nil {
			t.Fatal(err)
		}
		p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: []byte(c.file), Whole: true}, given, reading.Limits{Now: epoch})
		good, suggested := 0, ""
		for _, row := range p.Rows {
			if len(row.Faults) == 0 {
				good++
			}
		}
		if p.Suggested != nil {
			suggested = p.Suggested.Text()
		}
		if err != nil || good != c.good || suggested != c.want {
			t.Errorf("%s: %d good rows, suggested %s, %v; want %d, %s", name, good, suggested, err, c.good, c.want)
		}
	}
}

// What is cut off at the end of the first 64 KiB is neither shown nor counted as wrong.
func TestPreviewFile_LeavesOutACutLine(t *testing.T) {
	head := []byte("equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1\nE1,2026-03-01T0")
	for whole, want := range map[bool]int{true: 2, false: 1} {
		if p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: head, Whole: whole}, csvfile.Format{}, reading.Limits{Now: epoch}); err != nil || len(p.Rows) != want {
			t.Errorf("whole %v: %+v, %v", whole, p, err)
		}
	}
}
