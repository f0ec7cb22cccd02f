package csvfile_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
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

// inUTF32 writes a text as UTF-32, its higher bytes first or last.
func inUTF32(text string, highFirst bool) string {
	var b []byte
	for _, char := range text {
		if highFirst {
			b = binary.BigEndian.AppendUint32(b, uint32(char))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(char))
		}
	}
	return string(b)
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
		"Windows-1252 in other columns": {
			file: "equipmentId,timestamp,value,Einheit \x96 \x80\nE1,2026-03-01T08:30:00Z,1.5,\xb0C\n", format: `{"otherColumns":"ignore"}`, rows: 1,
			like: `the header is not UTF-8; ` + utf8Rule + `; it looks like a file with further columns: send it with the format {"otherColumns":"ignore"}`,
			mend: func(s string) string {
				return strings.NewReplacer("\x96", "–", "\x80", "€", "\xb0", "°").Replace(s)
			},
		},
		"Windows-1252 in ids": {
			file: "equipmentId,timestamp,value\nM\xe1q 1,2026-03-01T08:30:00Z,1.5\n", rows: 1,
			like: `the file is not UTF-8; ` + utf8Rule + `; it looks like a file with texts such as "Máq 1" in its column "equipmentId", which are no ids: ` +
				`give each equipment an id of A-Z, a-z, 0-9 and . _ : - alone`,
			mend: func(s string) string { return strings.ReplaceAll(s, "M\xe1q 1", "Maq-1") },
		},
		"ids with blanks under another name": {
			file: "Sensor;Zeit;Wert;Einheit\nPumpe 1;25.02.2026 14:30;1,5;bar\nPumpe 2;25.02.2026 14:30;1,5;bar\n", rows: 2,
			format: `{"delimiter":";","decimal":",","columns":{"equipmentId":"Sensor","timestamp":"Zeit","value":"Wert"},"otherColumns":"ignore","timestamps":"local","dates":"dmy","timezone":"Europe/Berlin"}`,
			like: `other names of columns, texts such as "Pumpe 1" in its column "Sensor", which are no ids, further columns, decimal commas, times without an offset and dates as day/month/year: ` +
				`give each equipment an id of A-Z, a-z, 0-9 and . _ : - alone and ` +
				`send it with the format {"delimiter":";","decimal":",","columns":{"equipmentId":"Sensor","timestamp":"Zeit","value":"Wert"},"otherColumns":"ignore","timestamps":"local","dates":"dmy",` + localTimezone,
			mend: func(s string) string { return strings.ReplaceAll(s, "Pumpe ", "Pumpe-") },
		},
		"its own column of ids": {
			file: "tag;timestamp;value\n0017;2026-03-01T08:30:00Z;1.5\n", format: `{"delimiter":";","columns":{"equipmentId":"tag"}}`, rows: 1,
			like: `semicolons between its fields and other names of columns: send it with the format {"delimiter":";","columns":{"equipmentId":"tag"}}`,
		},
		"no column of ids among others": {
			file: "timestamp,value,unit,quality,humidity\n2026-03-01T08:30:00Z,21.5,C,192,48\n2026-03-01T08:31:00Z,21.6,C,192,48\n", rows: 2,
			format: `{"equipmentId":"E9","otherColumns":"ignore"}`,
			like: `no column for the equipment and further columns: send it with the format {"equipmentId":"…","otherColumns":"ignore"}, ` +
				`where … is the equipment that the values are of; the columns "unit", "quality" and "humidity" are then left out`,
		},
		"an index column": {
			file: ",equipmentId,timestamp,value\n0,E1,2026-03-01T08:30:00Z,1.5\n1,E1,2026-03-01T08:31:00Z,2\n", format: `{"otherColumns":"ignore"}`, rows: 2,
			like: `it looks like a file with further columns: send it with the format {"otherColumns":"ignore"}`,
		},
		"an index of times without a name": {
			file: ",value\n2026-03-01 08:30:00+00:00,1.5\n2026-03-01 08:31:00+00:00,2\n", rows: 2,
			format: `{"columns":{"timestamp":"index"},"equipmentId":"E9","timestamps":"local","timezone":"UTC"}`,
			like: `no name of its first column: give it one, such as "index"; it then looks like a file with other names of columns, no column for the equipment and ` +
				`times with an offset that are not written as RFC 3339 has them: send it with the format {"columns":{"timestamp":"index"},"equipmentId":"…","timestamps":"local","timezone":"UTC"}, ` +
				`where … is the equipment that the values are of`,
			mend: func(s string) string { return "index" + s },
		},
		"dates that are ambiguous": {
			file: "equipmentId;timestamp;value\nE1;03/04/2025 08:30;1\nE1;04/04/2025 08:30;1\n", rows: 2,
			format: `{"delimiter":";","timestamps":"local","dates":"mdy","timezone":"America/Sao_Paulo"}`,
			like:   localTimezone + `; its dates, such as "04/04/2025 08:30", are ambiguous: this format reads dates as day/month/year; with "dates":"mdy" it reads dates as month/day/year`,
		},
		"dates that a late row decides": {
			file: "equipmentId;timestamp;value\n" + strings.Repeat("E1;03/04/2025 08:30;1\n", 300) + "E1;03/14/2025 08:30;1\n", rows: 301,
			format: `{"delimiter":";","timestamps":"local","dates":"mdy","timezone":"America/Sao_Paulo"}`,
			like:   `dates as month/day/year: send it with the format {"delimiter":";","timestamps":"local","dates":"mdy",` + localTimezone,
		},
		"blanks behind its commas": {
			file: "equipmentId, timestamp, value\nE1, 2026-03-01T08:30:00Z, 1.5\n", rows: 1,
			like: `it looks like a file with blanks beside its delimiters: remove them`,
			mend: func(s string) string { return strings.ReplaceAll(s, ", ", ",") },
		},
		"bars": {
			file: "equipmentId|timestamp|value\nE1|2026-03-01T08:30:00Z|1.5\n", rows: 1,
			like: `it looks like a file with | between its fields: put another delimiter in its place, such as a comma`,
			mend: func(s string) string { return strings.ReplaceAll(s, "|", ",") },
		},
		"bars, decimal commas and short years": {
			file: "Tag|Zeit|Wert\nE1|25.02.26 14:30|1,5\n", rows: 1,
			format: `{"delimiter":";","decimal":",","columns":{"equipmentId":"Tag","timestamp":"Zeit","value":"Wert"},"timestamps":"local","dates":"dmy","timezone":"Europe/Berlin"}`,
			like: `| between its fields: put another delimiter in its place, such as a semicolon; it looks like a file with years of two digits: write them with four, such as 2026; ` +
				`it then looks like a file with semicolons between its fields, other names of columns, decimal commas, times without an offset and dates as day/month/year: ` +
				`send it with the format {"delimiter":";","decimal":",","columns":{"equipmentId":"Tag","timestamp":"Zeit","value":"Wert"},"timestamps":"local","dates":"dmy",` + localTimezone,
			mend: func(s string) string { return strings.NewReplacer("|", ";", ".26", ".2026").Replace(s) },
		},
		"two byte order marks": {
			file: "\ufeff\ufeffequipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\n", rows: 1,
			like: `the file begins with two byte order marks; write it with one or with none (in Python, with the encoding utf-8-sig at one place alone)`,
			mend: func(s string) string { return strings.TrimPrefix(s, "\ufeff") },
		},
		"UTF-32": {
			file: inUTF32("\ufeffequipmentId;timestamp;value\nE1;2026-03-01T08:30:00Z;1.5\n", false), format: `{"delimiter":";"}`, rows: 1,
			like: `the file is in UTF-32; ` + utf8Rule + `; it looks like a file with semicolons between its fields: send it with the format {"delimiter":";"}`,
			mend: func(string) string { return "equipmentId;timestamp;value\nE1;2026-03-01T08:30:00Z;1.5\n" },
		},
		"UTF-32, the other end first": {
			file: inUTF32("\ufeffequipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\n", true), rows: 1,
			like: `the file is in UTF-32; ` + utf8Rule,
			mend: func(string) string { return "equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1.5\n" },
		},
		"AM and PM": {
			file: "device,date,reading\nD-1,2/25/2026 12:30 AM,1.5\nD-1,2/25/2026 2:31:05 PM,2\n", rows: 2,
			format: `{"columns":{"equipmentId":"device","timestamp":"date","value":"reading"},"timestamps":"local","dates":"mdy","timezone":"America/New_York"}`,
			like: `it looks like a file with AM and PM in its times: write them with 24 hours, such as 14:30; it then looks like a file with other names of columns, times without an offset and dates as month/day/year: ` +
				`send it with the format {"columns":{"equipmentId":"device","timestamp":"date","value":"reading"},"timestamps":"local","dates":"mdy",` + localTimezone,
			mend: func(s string) string {
				return strings.NewReplacer("12:30 AM", "0:30", "2:31:05 PM", "14:31:05").Replace(s)
			},
		},
		"date and time in two columns": {
			file: "Plant 3\n\n\"Date\",\"Time\",\"TagName\",\"Value\"\n\"25/02/2026\",\"14:30:00\",\"FIC-101.PV\",\"1.5\"\n", rows: 1,
			format: `{"columns":{"equipmentId":"TagName","timestamp":"Date Time","value":"Value"},"timestamps":"local","dates":"dmy","timezone":"Europe/Lisbon","skipLines":2}`,
			like: `it looks like a file with date and time in two columns: put them into one, with a blank between them; it then looks like a file with 2 lines before its header, other names of columns, ` +
				`times without an offset and dates as day/month/year: send it with the format {"columns":{"equipmentId":"TagName","timestamp":"Date Time","value":"Value"},"timestamps":"local","dates":"dmy","timezone":"…","skipLines":2}, ` +
				`where … is the name of your time zone, such as America/Sao_Paulo`,
			mend: func(s string) string {
				return strings.NewReplacer(`Date","Time`, "Date Time", `2026","14`, "2026 14").Replace(s)
			},
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
		"timestamp,note\n2026-03-01T08:30:00Z,fine\n", "equipmentId|timestamp|value\nE1|yesterday|x\n",
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

// A row that fails says what takes it, in a preview as among the rejects.
func TestPreviewFile_SaysWhatTakesARow(t *testing.T) {
	const zone = "where … is the name of your time zone, such as America/Sao_Paulo"
	for _, c := range []struct{ given, at, value, hint string }{
		{`{}`, "2026-03-01 08:30", "1", `; it is one of times without an offset, which the format {"timestamps":"local","timezone":"…"} takes, ` + zone},
		{`{}`, "2026-03-01 08:30Z", "1", `; it is one of times with an offset that are not written as RFC 3339 has them, which the format {"timestamps":"local","timezone":"…"} takes, ` + zone},
		{`{}`, "25/02/2026 08:30", "1", `; it is one of times without an offset and dates as day/month/year, which the format {"timestamps":"local","dates":"dmy","timezone":"…"} takes, ` + zone},
		{`{}`, "02/25/2026 08:30", "1", `month/day/year, which the format {"timestamps":"local","dates":"mdy","timezone":"…"} takes, ` + zone},
		{`{}`, "02/01/2026 08:30", "1", `dates as day/month/year or dates as month/day/year, which the format {"timestamps":"local","dates":"dmy","timezone":"…"} takes, or with "dates":"mdy", ` + zone},
		{`{}`, "1772353800", "1", `; it is one of times in seconds since 1970, which the format {"timestamps":"unix-seconds"} takes`},
		{`{}`, "02/25/2026 08:30 PM", "1", `; write it with 24 hours, such as 14:30, without AM or PM`},
		{`{}`, "25.02.26 08:30", "1", `; write its year with four digits`},
		{`{}`, " 2026-03-01T08:30:00Z", "1", `; remove the blanks around it`},
		{`{}`, "2026-03-01T08:30:00Z", "1 ", `; remove the blanks around it`},
		{`{}`, "2026-03-01T08:30:00Z", `"1,5"`, `; it has a decimal comma, as values of a file have with the format {"decimal":","}`},
		{`{"decimal":","}`, "2026-03-01T08:30:00Z", `1.5`, `; it has a decimal point, as values of a file have without "decimal":"," in its format`},
		{`{"timestamps":"unix-millis"}`, "2026-03-01T08:30:00Z", "1", `; it is a timestamp of RFC 3339, which a format without "timestamps" takes`},
		{`{"timestamps":"local","dates":"mdy","timezone":"Europe/Berlin"}`, "25/02/2026 08:30", "1", `which the format {"timestamps":"local","dates":"dmy","timezone":"Europe/Berlin"} takes`},
		{`{}`, "2026-03-01", "1", `2026-03-01T09:30:00.5+01:00; it is a date without a time of day`},
		{`{}`, "25/02/2026", "1", `2026-03-01T09:30:00.5+01:00; it is a date without a time of day`},
		{`{"timestamps":"local","dates":"mdy","timezone":"Europe/Berlin"}`, "02/25/2026", "1", `; it is a date without a time of day`},
		{`{}`, "2026-03-01T08:30:00+00", "1", `; write its offset with hours and minutes, +00:00`},
		{`{"timestamps":"local","timezone":"Europe/Berlin"}`, "2026-03-01 08:30-0330", "1", `; write its offset with hours and minutes, -03:30`},
		{`{}`, "", "1", `; it is empty`},
		{`{}`, "2026-03-01T08:30:00Z", "", `; it is empty`},
		{`{}`, "2026-03-01T08:30:00Z", "-Inf", `; NaN and infinities are not taken`},
		{`{"decimal":","}`, "2026-03-01T08:30:00Z", "NaN", `; NaN and infinities are not taken`},
		{`{}`, "2026-03-01T08:30:00Z", `1.234.567`, `; write it as 1234567`},
		{`{}`, "2026-03-01T08:30:00Z", `"1,234,567.5"`, `; write it as 1234567.5`},
		{`{"decimal":","}`, "2026-03-01T08:30:00Z", `1.234.567`, `; write it as 1234567`},
		{`{"timestamps":"unix-seconds"}`, "1772353800000", "1", `must lie between the years 0001 and 9999 in UTC; it is one of times in milliseconds since 1970, which the format {"timestamps":"unix-millis"} takes`},
		{`{"timestamps":"unix-seconds"}`, "1772353800000000", "1", `; it looks like a time in microseconds since 1970, which no format takes: write it in milliseconds`},
		{`{}`, "1772353800000000000", "1", `; it looks like a time in nanoseconds since 1970, which no format takes: write it in milliseconds`},
		{`{"timestamps":"unix-seconds"}`, "1.7723538E+09", "1", `; write it without an exponent, which may have cost it digits`},
		// What is of the given form has another reason.
		{`{"timestamps":"local","dates":"mdy","timezone":"Europe/Berlin"}`, "10/25/2026 02:30", "1", `so write it with its offset, +02:00 or +01:00`},
		{`{"timestamps":"local","dates":"mdy","timezone":"America/New_York"}`, "11/2/2025 01:30", "1", `so write it with its offset, -04:00 or -05:00`},
		{`{}`, "2036-03-09T08:30:00Z", "1", "in the future"},
		{`{}`, "yesterday", "1", "such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00.5+01:00"},
	} {
		given, err := csvfile.ParseFormat(c.given)
		if err != nil {
			t.Fatal(err)
		}
		file := "equipmentId,timestamp,value\nE1," + c.at + "," + c.value + "\n"
		p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: []byte(file), Whole: true}, given, reading.Limits{Now: epoch})
		if err != nil || len(p.Rows) != 1 || len(p.Rows[0].Faults) != 1 || !strings.HasSuffix(p.Rows[0].Faults[0].Reason, c.hint) {
			t.Errorf("%s, %s as %s: %+v, %v; want %s", c.at, c.value, c.given, p.Rows, err, c.hint)
			continue
		}
		f := newFixture([]byte(file))
		f.upload.Format = given
		f.settle(t, wholeFile, first)
		rejects, reason := string(f.objects[csvfile.RejectsKey(uploadID)]), strings.ReplaceAll(p.Rows[0].Faults[0].Reason, `"`, `""`)
		if !strings.Contains(rejects, reason) {
			t.Errorf("the rejects are %s, want %s", rejects, reason)
		}
	}
}

// An export of aggregates is no file of readings. What it looks like names its totals, and not the times beside them, as values.
func TestPreviewFile_TakesNoTimeForAValue(t *testing.T) {
	const file = "equipmentId,intervalStart,totalValue,sampleCount,minValue,maxValue,intervalStartTime\n" +
		"E1,1772352000,7.5,2,3,4.5,2026-03-01T08:00:00Z\nE1,1772355600,7.5,1,3,4.5,2026-03-01T09:00:00Z\n"
	p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: []byte(file), Whole: true}, csvfile.Format{}, reading.Limits{Now: epoch})
	const want = `{"columns":{"timestamp":"intervalStartTime","value":"totalValue"},"otherColumns":"ignore"}`
	if err != nil || p.Suggested == nil || p.Suggested.Text() != want {
		t.Errorf("%+v, %v; want %s", p, err, want)
	}
}

// A count in the wrong unit is an instant, too, which the retention refuses.
func TestPreviewFile_SaysThatACountIsOfAnotherUnit(t *testing.T) {
	limits := reading.Limits{Now: epoch, Retention: 90 * 24 * time.Hour}
	for at, want := range map[string]string{
		"1772353800":   `must not be older than the retention of 2160h0m0s; it is one of times in seconds since 1970, which the format {"timestamps":"unix-seconds"} takes`,
		"604800000000": `must not be older than the retention of 2160h0m0s`,
	} {
		file := "equipmentId,timestamp,value\nE1," + at + ",1\n"
		p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: []byte(file), Whole: true}, csvfile.Format{Timestamps: csvfile.TimestampsMillis}, limits)
		if err != nil || len(p.Rows) != 1 || len(p.Rows[0].Faults) != 1 || p.Rows[0].Faults[0].Reason != want {
			t.Errorf("%s: %+v, %v; want %s", at, p.Rows, err, want)
		}
	}
}

// What only the client knows is named, and said in a sentence.
func TestPreviewFile_SaysWhatTheSuggestionLacks(t *testing.T) {
	for name, c := range map[string]struct{ file, given, missing, suggestion string }{
		"a zone":                           {"equipmentId,timestamp,value\nE1,2026-03-01 08:30,1\n", "{}", "timezone", localTimezone},
		"the given zone":                   {"equipmentId,timestamp,value\nE1,25/02/2026 08:30,1\n", `{"timestamps":"local","timezone":"UTC"}`, "", `{"timestamps":"local","dates":"dmy","timezone":"UTC"}`},
		"an equipment":                     {"timestamp,value\n2026-03-01T08:30:00Z,1\n", "{}", "equipmentId", "where … is the equipment that the values are of"},
		"both":                             {"timestamp,value\n2026-03-01 08:30,1\n", "{}", "timezone equipmentId", "where … is the name of your time zone, such as America/Sao_Paulo and the equipment that the values are of"},
		"nothing":                          {"equipmentId,timestamp,value\nE1,2026-03-01T08:30:00Z,1\n", "{}", "", ""},
		"the zone of times with an offset": {"equipmentId,timestamp,value\nE1,2026-03-01 08:30+01:00,1\n", "{}", "", `{"timestamps":"local","timezone":"UTC"}`},
		"the order of dates":               {"equipmentId,timestamp,value\nE1,03/04/2025 08:30,1\n", "{}", "timezone", `ambiguous: this format reads dates as day/month/year; with "dates":"mdy" it reads dates as month/day/year`},
		"no order that is given":           {"equipmentId;timestamp;value\nE1;03/04/2025 08:30;1\n", `{"timestamps":"local","dates":"mdy","timezone":"UTC"}`, "", `{"delimiter":";","timestamps":"local","dates":"mdy","timezone":"UTC"}`},
		"a mend of the file":               {"equipmentId,timestamp,value\nE1, 2026-03-01T08:30:00Z, 1\n", "{}", "", "it looks like a file with blanks beside its delimiters: remove them"},
	} {
		given, err := csvfile.ParseFormat(c.given)
		if err != nil {
			t.Fatal(err)
		}
		p, err := csvfile.PreviewFile(csvfile.Beginning{FileName: "a.csv", Bytes: []byte(c.file), Whole: true}, given, reading.Limits{Now: epoch})
		if err != nil || strings.Join(p.Missing, " ") != c.missing || !strings.HasSuffix(p.Suggestion, c.suggestion) || (p.Suggestion == "") != (c.suggestion == "") {
			t.Errorf("%s: %q, %q, %v", name, p.Missing, p.Suggestion, err)
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
