package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// brazilian is the format of a Brazilian spreadsheet, as JSON and as package csvfile has it.
const brazilian = `{"delimiter":";","decimal":",","columns":{"equipmentId":"Equipamento","timestamp":"Data/Hora","value":"Valor"},` +
	`"otherColumns":"ignore","timestamps":"local","dates":"dmy","timezone":"America/Sao_Paulo","skipLines":2}`

var brazilianFormat = csvfile.Format{
	Delimiter: ";", Decimal: ",", Columns: csvfile.ColumnNames{EquipmentID: "Equipamento", Timestamp: "Data/Hora", Value: "Valor"},
	OtherColumns: "ignore", Timestamps: "local", Dates: "dmy", Timezone: "America/Sao_Paulo", SkipLines: 2,
}

func TestFormat_ReachesTheUploadByBothWaysIn(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":12,"format":` + brazilian + `}`})
	if got.status != http.StatusCreated || f.uploads.asked.Format != brazilianFormat {
		t.Errorf("status %d %s, asked %+v", got.status, got.body, f.uploads.asked)
	}
	text, media := form(t, [4]string{"format", "", "application/json", brazilian}, [4]string{"file", "a.csv", "text/csv", "x"})
	got = f.do(call{method: "POST", path: "/sensor-data/upload-csv", token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
	if got.status != http.StatusCreated || f.uploads.formats["a.csv"] != brazilianFormat {
		t.Errorf("status %d %s, stored %+v", got.status, got.body, f.uploads.formats)
	}
}

func TestFormat_TakesAWholeNumberHoweverItIsWritten(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, text := range []string{"20", "20.0", "2e1"} {
		got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":12,"format":{"skipLines":` + text + `}}`})
		if got.status != http.StatusCreated || f.uploads.asked.Format.SkipLines != 20 {
			t.Errorf("%s: status %d, asked %+v", text, got.status, f.uploads.asked.Format)
		}
	}
}

// Every fault names its field, in whichever way the format comes.
func TestFormat_FaultsNameTheirFields(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, test := range []struct{ format, fields string }{
		{`{"delimiter":"|"}`, "format.delimiter"},
		{`{"delimiter":""}`, "format.delimiter"},
		{`{"decimal":"'"}`, "format.decimal"},
		{`{"columns":"value"}`, "format.columns"},
		{`{"columns":{"value":"a","timestamp":"a"}}`, "format.columns.value"},
		{`{"columns":{"value":"timestamp"}}`, "format.columns.value"},
		{`{"columns":{"value":"` + strings.Repeat("x", contract.CSVColumnCharsMax+1) + `"}}`, "format.columns.value"},
		{`{"columns":{"value":"a\u0000b"}}`, "format.columns.value"},
		{`{"columns":{"unit":"a"}}`, "format.columns.unit"},
		{`{"columns":{"value":1}}`, "format.columns.value"},
		{`{"equipmentId":"a b"}`, "format.equipmentId"},
		{`{"equipmentId":"E","columns":{"equipmentId":"id"}}`, "format.equipmentId"},
		{`{"otherColumns":"drop"}`, "format.otherColumns"},
		{`{"timestamps":"excel"}`, "format.timestamps"},
		{`{"timestamps":"local"}`, "format.timezone"},
		{`{"timestamps":"local","timezone":"Sao Paulo"}`, "format.timezone"},
		{`{"timestamps":"local","timezone":"Local"}`, "format.timezone"},
		{`{"timezone":"America/Sao_Paulo"}`, "format.timezone"},
		{`{"dates":"dmy"}`, "format.dates"},
		{`{"timestamps":"local","timezone":"UTC","dates":"ymd"}`, "format.dates"},
		{`{"skipLines":-1}`, "format.skipLines"},
		{`{"skipLines":101}`, "format.skipLines"},
		{`{"skipLines":1.5}`, "format.skipLines"},
		{`{"skipLines":99999999999999999999}`, "format.skipLines"},
		{`{"skipLines":"1"}`, "format.skipLines"},
		{`{"quote":"'"}`, "format.quote"},
		{`{"delimiter":";","delimiter":";"}`, "format.delimiter"},
		{`{"delimiter":"|","skipLines":-1}`, "format.delimiter,format.skipLines"},
	} {
		got := f.do(call{method: "POST", path: "/sensor-data/uploads", token: tokenWriter, body: `{"fileName":"a.csv","size":1,"format":` + test.format + `}`})
		if got.status != http.StatusBadRequest || f.problem(got).fields() != test.fields {
			t.Errorf("upload of %.60s: status %d, fields %q, want %q", test.format, got.status, f.problem(got).fields(), test.fields)
		}
		for _, path := range []string{"/sensor-data/upload-csv", "/sensor-data/uploads/preview"} {
			text, media := form(t, [4]string{"format", "", "", test.format}, [4]string{"file", "bad.csv", "text/csv", "x"})
			got = f.do(call{method: "POST", path: path, token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
			if got.status != http.StatusBadRequest || f.problem(got).fields() != test.fields {
				t.Errorf("%s of %.60s: status %d, fields %q, want %q", path, test.format, got.status, f.problem(got).fields(), test.fields)
			}
		}
	}
	if _, stored := f.uploads.stored["bad.csv"]; stored {
		t.Error("a file of a wrong format was stored")
	}
}

func TestFormat_StandsOnceAndBeforeTheFile(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	format, file := [4]string{"format", "", "", `{"delimiter":";"}`}, [4]string{"file", "late.csv", "text/csv", "x"}
	for name, test := range map[string]struct {
		parts   [][4]string
		message string
	}{
		"rejects a format behind the file": {[][4]string{file, format}, "format must stand before the file in the form."},
		"rejects two formats":              {[][4]string{format, format, file}, "format must not occur twice."},
		"rejects an empty format":          {[][4]string{{"format", "", "", " "}, file}, "format must be a JSON object, or left out."},
		"rejects what is no object":        {[][4]string{{"format", "", "", "[]"}, file}, "format must be a JSON object."},
		"rejects what is no JSON":          {[][4]string{{"format", "", "", "{"}, file}, "format must be valid JSON, and ends too early."},
		"rejects an endless format":        {[][4]string{{"format", "", "", "{" + strings.Repeat(" ", contract.CSVFormatBytesMax)}, file}, "format must be at most 4 KiB long."},
		"rejects a format without file":    {[][4]string{format}, "CSV File is required"},
	} {
		for _, path := range []string{"/sensor-data/upload-csv", "/sensor-data/uploads/preview"} {
			text, media := form(t, test.parts...)
			got := f.do(call{method: "POST", path: path, token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
			if got.status != http.StatusBadRequest || f.problem(got).Message != test.message {
				t.Errorf("%s, %s: status %d, %s", name, path, got.status, got.body)
			}
		}
	}
	if _, stored := f.uploads.stored["late.csv"]; stored {
		t.Error("a refused file was stored")
	}
}

func TestPostPreview_TellsWhatWouldBecomeOfTheRowsAndStoresNothing(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	preview := func(path string, parts ...[4]string) reply {
		text, media := form(t, parts...)
		return f.do(call{method: "POST", path: path, token: tokenWriter, body: text, headers: map[string]string{"Content-Type": media}})
	}
	const path = "/sensor-data/uploads/preview"
	format := strings.Replace(brazilian, `,"skipLines":2`, "", 1)
	file := [4]string{"file", "nov.csv", "text/csv", "Equipamento;Data/Hora;Valor\r\nE1;28/02/2026 14:30;12,50\r\n;;\r\nE1;28/02/2026 14:31;1.250,5\r\n"}
	bad := `{"line":4,"errors":[{"field":"value","reason":"must be a number with a decimal comma, such as 21,5 or -3, without any mark between groups of digits; write it as 1250,5"}]}`
	for query, value := range map[string]string{"": "12.5", "?numbers=string": `"12.5"`} {
		got := preview(path+query, [4]string{"format", "", "", format}, file)
		want := `{"rows":[{"line":2,"reading":{"equipmentId":"E1","timestamp":"2026-02-28T17:30:00Z","value":` + value + `}},` + bad + `]}` + "\n"
		if got.status != http.StatusOK || got.body != want {
			t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
		}
	}
	got := preview(path, [4]string{"file", "nov.csv", "text/csv", "equipmentId;timestamp;value\nE1;2026-02-28T14:30:00Z;1\n"})
	if got.status != http.StatusOK || !strings.Contains(got.body, `"suggestedFormat":{"delimiter":";"},"suggestion":"it looks like a file with semicolons between its fields: send it`) || !strings.Contains(got.body, `{"rows":[{"line":1,"errors":[{"field":"file","reason":"the header`) {
		t.Errorf("status %d, body %s", got.status, got.body)
	}
	got = preview(path, [4]string{"file", "nov.csv", "text/csv", "equipmentId,timestamp,value\nE1,2026-02-28 14:30,1\n"})
	if want := `"suggestedFormat":{"timestamps":"local"},"missing":["timezone"],"suggestion":"it looks like a file with times without an offset: send it with the format {`; got.status != http.StatusOK || !strings.Contains(got.body, want) {
		t.Errorf("status %d, body %s, want %s", got.status, got.body, want)
	}
	if got := preview(path, [4]string{"file", "nov.csv", "text/csv", "equipmentId,timestamp,value\n"}); got.body != `{"rows":[]}`+"\n" {
		t.Errorf("a header alone: %s", got.body)
	}
	row := "E1,2026-02-28T14:30:00Z,1\n"
	for bytes, status := range map[int]int{contract.CSVPreviewBytes: 200, contract.CSVPreviewBytes + 1: 413, 1 << 20: 413} {
		content := ("equipmentId,timestamp,value\n" + strings.Repeat(row, bytes/len(row)+1))[:bytes]
		if got := preview(path, [4]string{"file", "nov.csv", "text/csv", content}); got.status != status {
			t.Errorf("%d bytes: status %d, %.300s", bytes, got.status, got.body)
		}
	}
	if len(f.uploads.stored) > 0 || len(f.table.values()) > 0 {
		t.Errorf("stored %v, %v", f.uploads.stored, f.table.values())
	}
}
