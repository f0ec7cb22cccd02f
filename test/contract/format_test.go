package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// brazilian is the format of a Brazilian spreadsheet.
const brazilian = `{"delimiter":";","decimal":",","columns":{"equipmentId":"Equipamento","timestamp":"Data/Hora","value":"Valor"},` +
	`"timestamps":"local","dates":"dmy","timezone":"America/Sao_Paulo"}`

// formatCall sends a file in a form, behind the format that it is written in.
func formatCall(t *testing.T, path, format, content string) probe.Call {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if format != "" {
		_ = w.WriteField("format", format)
	}
	part, err := w.CreateFormFile("file", "novembro.csv")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(content)) // a buffer takes everything
	_ = w.Close()
	return probe.Call{Path: path, Body: b.Bytes(), Header: map[string]string{"Content-Type": w.FormDataContentType()}}
}

type preview struct {
	Rows []struct {
		Line    int
		Reading *struct {
			EquipmentID string
			Timestamp   time.Time
			Value       json.Number
		}
		Errors []struct{ Field, Reason string }
	}
	SuggestedFormat json.RawMessage
}

// TestFormat_TakesABrazilianSpreadsheet brings one in by every way, from its preview to its aggregates.
func TestFormat_TakesABrazilianSpreadsheet(t *testing.T) {
	t.Parallel()
	c, id := machine(t), equipment(t)
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	midday := time.Now().In(zone).AddDate(0, 0, -2)
	midday = time.Date(midday.Year(), midday.Month(), midday.Day(), 12, 0, 0, 0, zone)
	var b strings.Builder
	b.WriteString("\ufeffEquipamento;Data/Hora;Valor\r\n")
	for i := range 10 {
		fmt.Fprintf(&b, "%s;%s;%d,%d\r\n", id, midday.Add(time.Duration(i)*time.Minute).Format("02/01/2006 15:04"), 70+i, i)
	}
	b.WriteString(id + ";25/11/2026;1.234,5\r\n;;\r\n ;\t;\r\n")
	file := b.String()

	const path = "/sensor-data/uploads/preview"
	blind := decode[preview](t, c.good(formatCall(t, path, "", file), http.StatusOK))
	if want := strings.Replace(brazilian, `,"timezone":"America/Sao_Paulo"`, "", 1); string(blind.SuggestedFormat) != want {
		t.Errorf("suggested %s, want %s", blind.SuggestedFormat, want)
	}
	seen := decode[preview](t, c.good(formatCall(t, path, brazilian, file), http.StatusOK))
	if len(seen.Rows) != 11 || seen.Rows[1].Reading == nil || !seen.Rows[1].Reading.Timestamp.Equal(midday.Add(time.Minute)) ||
		seen.Rows[1].Reading.Value != "71.1" || seen.Rows[1].Line != 3 || len(seen.Rows[10].Errors) != 2 {
		t.Errorf("the preview is %+v", seen)
	}
	if got := c.stored(id); len(got) > 0 {
		t.Errorf("the preview stored %q", got)
	}

	form := decode[fileAnswer](t, c.good(formatCall(t, "/sensor-data/upload-csv", brazilian, file), http.StatusCreated))
	asked := fmt.Sprintf(`{"fileName":"novembro.csv","size":%d,"format":%s}`, len(file), brazilian)
	ticket := decode[probe.Ticket](t, c.good(probe.Call{Path: "/sensor-data/uploads", Body: []byte(asked)}, http.StatusCreated))
	c.put(ticket, file, http.StatusOK)
	for _, upload := range []string{form.UploadID, ticket.UploadID} {
		if u := c.ended(upload); u.Status != "completed-with-rejects" || u.RowsAccepted != 10 || u.RowsRejected != 1 {
			t.Errorf("upload %+v", u)
		} else if lines := readCSV(t, c.rejects(u)); len(lines) != 2 || lines[1][0] != "12" || !strings.Contains(lines[1][1], "decimal comma") {
			t.Errorf("rejects %q", lines)
		}
	}
	if got := c.stored(id); len(got) != 10 || got[0] != stamp(midday.Add(9*time.Minute).UTC())+" 79.9" {
		t.Errorf("stored: %q", got)
	}
	day := url.Values{
		"from": {time.Date(midday.Year(), midday.Month(), midday.Day(), 0, 0, 0, 0, zone).Format(time.RFC3339)}, "granularity": {"1d"},
		"to":       {time.Date(midday.Year(), midday.Month(), midday.Day()+1, 0, 0, 0, 0, zone).Format(time.RFC3339)},
		"timezone": {zone.String()}, "equipmentId": {id},
	}
	await.NoError(t, time.Minute, func() error {
		page := decode[probe.Page](t, c.good(aggregated(day.Encode()), http.StatusOK))
		want := fmt.Sprintf("%s %d 10 749.5 70 79.9", id, midday.Add(-12*time.Hour).Unix())
		if len(page.Items) != 1 || itemLine(page.Items[0]) != want || page.Average != "74.95" {
			return fmt.Errorf("the aggregates are %+v, want %s", page, want)
		}
		return nil
	})
}

// TestFormat_AFileThatFailsSaysWhichFormatTakesIt sends files of other dialects as the strict one.
func TestFormat_AFileThatFailsSaysWhichFormatTakesIt(t *testing.T) {
	t.Parallel()
	at := stamp(recent())
	for name, c := range map[string]struct{ file, format string }{
		"semicolons":      {"equipmentId;timestamp;value\nE;" + at + ";1\n", `{"delimiter":";"}`},
		"tabs":            {"equipmentId\ttimestamp\tvalue\nE\t" + at + "\t1\n", `{"delimiter":"\t"}`},
		"decimal commas":  {"equipmentId;timestamp;value\nE;" + at + ";1,5\n", `{"delimiter":";","decimal":","}`},
		"a sep= line":     {"sep=;\nequipmentId;timestamp;value\nE;" + at + ";1\n", `{"delimiter":";","skipLines":1}`},
		"a preamble":      {"March\n\nequipmentId,timestamp,value\nE," + at + ",1\n", `{"skipLines":2}`},
		"other case":      {"EquipmentID,Timestamp,Value\nE," + at + ",1\n", `{"columns":{"equipmentId":"EquipmentID","timestamp":"Timestamp","value":"Value"}}`},
		"trailing commas": {"equipmentId,timestamp,value,\nE," + at + ",1,\n", `{"otherColumns":"ignore"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, id := machine(t), equipment(t)
			file := strings.Replace(c.file, "\nE", "\n"+id, 1)
			failed := caller.upload(file)
			if failed.Status != "failed" || !strings.HasSuffix(failed.Reason, "send it with the format "+c.format) {
				t.Errorf("upload %+v", failed)
			}
			got := decode[fileAnswer](t, caller.good(formatCall(t, "/sensor-data/upload-csv", c.format, file), http.StatusCreated))
			if u := caller.ended(got.UploadID); u.Status != "completed" || u.RowsAccepted != 1 || len(caller.stored(id)) != 1 {
				t.Errorf("with the format: %+v", u)
			}
		})
	}
}

func TestFormat_FaultsNameTheirFields(t *testing.T) {
	t.Parallel()
	c := machine(t)
	for format, field := range map[string]string{
		`{"delimiter":"|"}`: "format.delimiter", `{"timestamps":"local"}`: "format.timezone", `{"skipLines":101}`: "format.skipLines",
		`{"columns":{"unit":"x"}}`: "format.columns.unit", `{"header":false}`: "format.header",
	} {
		for _, call := range []probe.Call{
			{Path: "/sensor-data/uploads", Body: []byte(`{"fileName":"a.csv","size":1,"format":` + format + `}`)},
			formatCall(t, "/sensor-data/upload-csv", format, "x"), formatCall(t, "/sensor-data/uploads/preview", format, "x"),
		} {
			if p := c.bad(call, http.StatusBadRequest); len(p.Errors) != 1 || p.Errors[0].Field != field {
				t.Errorf("%s %s: %+v", call.Path, format, p)
			}
		}
	}
}

var spreadsheetCommands = regexp.MustCompile(`(?s)<h2 id="spreadsheet">.*?<pre><code>(.*?)</code></pre>`)

// TestDocuments_TheCommandsOfASpreadsheetDoWhatThePageSays types what the page shows.
func TestDocuments_TheCommandsOfASpreadsheetDoWhatThePageSays(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing, which the page's commands use", tool)
		}
	}
	page := string(anonymous(t).good(probe.Call{Path: "/docs"}, http.StatusOK).Body)
	found := spreadsheetCommands.FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the page has no commands of a spreadsheet")
	}
	id := equipment(t)
	commands := strings.ReplaceAll(html.UnescapeString(found[1]), "PRENSA-1", id)
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	shell.Dir = t.TempDir()
	shell.Env = append(shell.Environ(), "API="+local.Info.APIURL, "AUTH=Authorization: Bearer "+machine(t).Token) // as the first session leaves them
	var errs bytes.Buffer
	shell.Stderr = &errs
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &errs)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, want := range []string{`"suggestedFormat":{"delimiter":";","decimal":","`, `{"rows":[{"line":2,"reading":{"equipmentId":"` + id + `"`, `"status":"completed"`} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("the commands did not print %s:\n%s", want, out)
		}
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, `{"average":79.26,"totalCount":2,`) || !strings.Contains(last, `"totalValue":158.52,"sampleCount":2,"minValue":78.42,"maxValue":80.1}`) {
		t.Errorf("the aggregates are %s", last)
	}
}
