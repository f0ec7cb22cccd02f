package browser_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// The parts of the view of uploads.
const (
	fileField    = `main input[type="file"]`
	dropPlace    = "main .drop"
	uploadPlace  = "main .upload"
	uploadButton = "main .upload .actions button"
	previewNote  = "main .preview .note"
	suggestion   = "main .suggestion"
	uploadTable  = "main section table"
)

// file writes a file for a test and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// choose takes a file by the button.
func (p *page) chooseFile(path string) {
	p.t.Helper()
	p.await("there is a field for files", `!!document.querySelector(%s)`, fileField)
	p.must(chromedp.Do(p.ctx, chromedp.SetUploadFiles(chromedp.CSS(fileField), []string{path})))
}

// drop drags a file from the desktop over an element and lets it go.
func (p *page) drop(selector, path string) {
	p.t.Helper()
	p.see(selector)
	at := eval[struct{ X, Y float64 }](p, `(() => {
		const r = document.querySelector(%s).getBoundingClientRect();
		return { X: r.x + r.width / 2, Y: r.y + r.height / 2 };
	})()`, selector)
	for _, kind := range []input.DispatchDragEventType{
		input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop,
	} {
		p.must(chromedp.Do(p.ctx, call(input.DispatchDragEvent, input.DispatchDragEventParams{
			Type: kind, X: at.X, Y: at.Y, Data: &input.DragData{Items: []*input.DragDataItem{}, Files: []string{path}, DragOperationsMask: 1},
		})))
	}
}

// rowsOf makes a file of readings a second apart, of some equipments in turn.
func rowsOf(rows, equipments int, prefix string) []byte {
	var b bytes.Buffer
	b.WriteString("equipmentId,timestamp,value\n")
	at := time.Now().UTC().Truncate(time.Hour).Add(-48 * time.Hour)
	for i := range rows {
		fmt.Fprintf(&b, "%s-%02d,%s,%d.%d\n", prefix, i%equipments, at.Add(time.Duration(i/equipments)*time.Second).Format(time.RFC3339), 20+i%7, i%10)
	}
	return b.Bytes()
}

// watchBar notes every value that the bar takes, and what is said beside it.
const watchBar = `(() => {
	window.barValues = [];
	window.barWords = new Set();
	new MutationObserver(() => {
		const bar = document.querySelector("main progress");
		if (!bar) return;
		window.barValues.push(bar.value);
		window.barWords.add(bar.nextElementSibling.textContent.split(":")[0]);
	}).observe(document.querySelector("main"), { subtree: true, childList: true, attributes: true, characterData: true });
	return true;
})()`

func TestUpload_TakesADroppedFileOf50000Rows(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content := rowsOf(50_000, 5, "EQ-DROP")
	p.drop(dropPlace, file(t, "dropped.csv", content))
	p.says(previewNote, "rows can be stored")
	p.says("main .preview table", "EQ-DROP-00")
	if eval[bool](p, `document.querySelector(".preview details").open`) {
		t.Error("all fields of the format are shown for a file of the usual form")
	}
	p.shot("preview")
	p.accessible("preview")
	eval[bool](p, watchBar)
	p.slow(1 << 20)
	p.click(uploadButton)
	p.await("the bar has moved by sending", `document.querySelector("main progress")?.value > 0.1`)
	p.shot("sending")
	p.accessible("sending")
	p.await("the rows are being read", `document.querySelector("main progress")?.value > 0.5`)
	p.shot("reading")
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 50,000.")`, uploadPlace)
	p.shot("result")
	moves := eval[[]float64](p, `window.barValues`)
	sending, reading := map[float64]bool{}, map[float64]bool{}
	for i, value := range moves {
		if i > 0 && value < moves[i-1] {
			t.Errorf("the bar went back from %v to %v", moves[i-1], value)
		}
		if value <= 0.5 {
			sending[value] = true
		} else {
			reading[value] = true
		}
	}
	if len(sending) < 3 || len(reading) < 2 {
		t.Errorf("the bar took %d values while the file was sent and %d while it was read: %v", len(sending), len(reading), moves)
	}
	if words := eval[[]string](p, `[...window.barWords]`); len(words) < 2 {
		t.Errorf("beside the bar stood %q alone", words)
	}
	p.says(uploadTable, "dropped.csv")
	// What was said of this file ends with the next one.
	p.chooseFile(file(t, "next.csv", rowsOf(3, 1, "EQ-NEXT")))
	p.says(uploadPlace, "next.csv")
	if text := p.text(uploadPlace); strings.Contains(text, "50,000") {
		t.Errorf("it still says %q", text)
	}
}

const brazilian = "Relatório da planta 7\nEquipamento;Data/Hora;Valor;Operador\n" +
	"EQ-BR-1;05/03/2026 14:30:00;1.234,50;Ana\nEQ-BR-1;05/03/2026 14:31:00;-0,25;Ana\n"

func TestUpload_ReadsABrazilianSpreadsheetAfterOneClick(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.signIn("#/uploads")
	content := strings.ReplaceAll(brazilian, "1.234,50", "1234,50")
	p.chooseFile(file(t, "planta.csv", []byte(content)))
	p.says(suggestion, "parece estar escrito assim")
	p.shot("suggestion")
	p.accessible("suggestion")
	p.click(suggestion + " button")
	p.says(previewNote, "2 das primeiras 2 linhas")
	p.says("main .preview table", "5 de mar. de 2026, 14:30")
	p.says("main .preview table", "1.234,5")
	p.holds(`select[name="delimiter"]`, ";")
	p.holds(`select[name="decimal"]`, ",")
	p.holds(`select[name="dates"]`, "dmy")
	p.holds(`input[name="timezone"]`, "America/Sao_Paulo")
	p.holds(`select[name="column-value"]`, "Valor")
	p.shot("taken")
	p.click(uploadButton)
	p.patiently("it is stored", `document.querySelector(%s).innerText.includes("Todas as linhas foram gravadas: 2")`, uploadPlace)
	var stored struct {
		Items []struct{ Timestamp, Value string }
	}
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-BR-1", &stored)
	if len(stored.Items) != 2 || stored.Items[1].Timestamp != "2026-03-05T17:30:00Z" || stored.Items[1].Value != "1234.5" {
		t.Errorf("stored %+v", stored.Items)
	}
}

func TestUpload_LetsPeopleSayHowAFileIsWritten(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "american.csv", []byte("when\tamount\n03/05/2026 02:30 PM\t7\n03/05/2026 14:31\t8.5\n")))
	p.choose(`select[name="delimiter"]`, "\t")
	p.choose(`select[name="timestamps"]`, "local")
	p.choose(`select[name="dates"]`, "mdy")
	p.choose(`select[name="column-timestamp"]`, "when")
	p.choose(`select[name="column-value"]`, "amount")
	p.choose(`select[name="column-equipmentId"]`, "\x00")
	p.says(previewNote, "Enter the equipment of all rows.")
	p.fill(`input[name="oneEquipment"]`, "EQ-US")
	p.fill(`input[name="timezone"]`, "America/New_York")
	p.key("\t")
	p.says("main .preview table", "EQ-US")
	p.says("main .preview table", "Mar 5, 2026, 4:31") // 14:31 in New York, told in São Paulo
	p.shot("fields")
}

func TestUpload_ShowsTheRefusedRows(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content := rowsOf(300, 1, "EQ-REJ")
	for i := range 150 {
		content = append(content, fmt.Sprintf("EQ-REJ-00,2026-02-31T00:00:%02dZ,\"a, %d\"\n", i%60, i)...)
	}
	p.chooseFile(file(t, "partly.csv", content))
	p.says(previewNote, "rows can be stored")
	p.click(uploadButton)
	p.patiently("it has ended", `document.querySelector(%s).innerText.includes("Stored: 300. Refused: 150.")`, uploadPlace)
	p.see("main .rejects")
	p.shot("rejects")
	p.accessible("rejects")
	if rows := eval[int](p, `document.querySelectorAll(".upload .rejects tbody tr").length`); rows != 100 {
		t.Errorf("%d refused rows are shown, want 100", rows)
	}
	// The file comes as a text, so that no spreadsheet runs what is in it: nothing else is promised.
	if link := p.text(".upload .rejects a"); strings.Contains(link, "CSV") {
		t.Errorf("the file of refused rows is offered as %q", link)
	}
	first := p.text(".upload .rejects tbody tr")
	for _, want := range []string{"302", "2026-02-31T00:00:00Z", `"a, 0"`} {
		if !strings.Contains(first, want) {
			t.Errorf("the first refused row says %q, without %s", first, want)
		}
	}
	answer, err := http.Get(eval[string](p, `document.querySelector(".upload .rejects a").href`))
	p.must(err)
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Disposition"); !strings.Contains(got, "partly-rejects.csv.txt") {
		t.Errorf("it is saved by %q", got)
	}
	var all bytes.Buffer
	if _, err := all.ReadFrom(answer.Body); err != nil || answer.StatusCode != http.StatusOK || strings.Count(all.String(), "2026-02-31T") != 150 {
		t.Errorf("the file of refused rows: %d, %v, %.300s", answer.StatusCode, err, all.String())
	}
	// The list shows them too, for later.
	p.click(`main section tbody button[aria-expanded="false"]:not([hidden])`)
	p.await("the list shows them", `document.querySelectorAll("section .rejects tbody tr").length === 100`)
}

func TestUpload_TakesACompressedFile(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(bytes.ReplaceAll(rowsOf(20_000, 1, "EQ-ZIP"), []byte("value"), []byte("Valor")))
	p.must(errors.Join(err, zip.Close()))
	p.chooseFile(file(t, "packed.csv.gz", packed.Bytes()))
	p.click(suggestion + " button")
	p.says("main .preview table", "EQ-ZIP-00")
	p.holds(`select[name="column-value"]`, "Valor")
}

func TestUpload_CanBeCancelled(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "long.csv", rowsOf(200_000, 5, "EQ-LONG")))
	p.says(previewNote, "rows can be stored")
	p.slow(256 << 10)
	p.click(uploadButton)
	p.await("the bar moves", `document.querySelector("main progress")?.value > 0`)
	p.click("main .upload .actions button")
	p.says("main .note", "The upload of long.csv was cancelled. Nothing of it is stored.")
	// S3 drops what came of a file that was broken off; the local one keeps it, and the service refuses it for its size.
	p.await("the list says that nothing has come of the file", `[...document.querySelectorAll("section tbody tr")].some((row) =>
		row.innerText.includes("long.csv") && /waiting for the file|failed/.test(row.innerText))`)
}

func TestUpload_GoesOnAfterTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "evening.csv", rowsOf(200, 1, "EQ-EVE")))
	p.says(previewNote, "rows can be stored")
	p.endSession()
	p.click(uploadButton)
	p.fill(dialog+" "+passwordField, local.Info.Password)
	p.key("\r")
	p.gone(dialog)
	p.patiently("it is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 200.")`, uploadPlace)
}

func TestUpload_SaysWhatItDoesNotTake(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "picture.png", []byte("no csv")))
	p.says("main .note", "picture.png is no CSV file")
	p.chooseFile(file(t, "empty.csv", nil))
	p.says("main .note", "empty.csv is empty.")
	p.chooseFile(file(t, "good.csv", rowsOf(2, 1, "EQ-GOOD")))
	p.says(uploadPlace, "good.csv")
	p.await("nothing is said of the other file", `!document.querySelector("main .note").innerText.includes("empty.csv")`)
}

func TestUploads_KeepTheirPlaceAndTellEveryState(t *testing.T) {
	t.Parallel()
	states := []string{"awaiting-upload", "expired", "processing", "completed", "completed-with-rejects", "failed"}
	names := []string{"waiting for the file", "the file never came", "reading 50%", "stored", "stored, some rows refused", "failed"}
	var items []map[string]any
	for i := range 20 {
		state := states[i%len(states)]
		item := map[string]any{
			"uploadId": fmt.Sprint("u", i), "fileName": fmt.Sprintf("file-%02d.csv", i), "status": state, "bytes": 100, "bytesProcessed": 50,
			"rowsAccepted": 1000 + i, "rowsRejected": 0, "createdAt": "2026-11-20T10:00:00Z", "updatedAt": "2026-11-20T10:00:00Z",
		}
		if state == "failed" {
			item["reason"] = "the header is wrong"
		}
		items = append(items, item)
	}
	p := open(t, look{height: 500})
	p.signIn("")
	p.answerWith("/sensor-data/uploads", http.StatusOK, map[string]any{"items": items})
	p.click(`nav a[data-view="uploads"]`)
	p.says(uploadTable, "file-19.csv")
	for i, name := range names {
		if row := p.text(fmt.Sprintf("section tbody tr:nth-child(%d)", 2*i+1)); !strings.Contains(row, name) {
			t.Errorf("%s is told as %q", states[i], row)
		}
	}
	p.says(uploadTable, "the header is wrong")
	p.shot("states")
	p.accessible("states of uploads")
	// What changes is written into the rows: the place is kept, and so is the focus.
	eval[bool](p, `(window.scrollTo(0, 600), window.kept = document.querySelector("section tbody tr:nth-child(9)"), true)`)
	before := eval[float64](p, `window.scrollY`)
	asked := eval[int](p, `performance.getEntriesByType("resource").filter((e) => e.name.includes("/sensor-data/uploads")).length`)
	p.await("the list was asked for again", `performance.getEntriesByType("resource").filter((e) => e.name.includes("/sensor-data/uploads")).length > %s`, asked)
	p.await("the list has settled", `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
	if after := eval[float64](p, `window.scrollY`); after != before || before == 0 {
		t.Errorf("the page moved from %v to %v", before, after)
	}
	if !eval[bool](p, `window.kept === document.querySelector("section tbody tr:nth-child(9)")`) {
		t.Error("the rows were made anew")
	}
}
