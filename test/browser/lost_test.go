package browser_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	// readingsPart is the part of an equipment's page that lists its readings.
	readingsPart = `section[aria-labelledby="readings-title"]`
	// lost is what the browser says of a call that was cut.
	lost = "net::ERR_INTERNET_DISCONNECTED"
)

// Readings never stand under another equipment's name, also when one has left while they were loaded.
func TestReadings_AreThoseOfTheEquipmentAbove(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	store(t, "OWN-A", 2, sample{now.Add(-time.Minute), "111.5"}, sample{now.Add(-2 * time.Minute), "111.25"})
	store(t, "OWN-B", 1, sample{now.Add(-time.Minute), "222.5"})
	p := open(t, look{})
	p.signIn("#/equipment?id=OWN-A")
	p.says(readingsPart, "111.5")
	p.click(".trail a")
	p.fill(`main input[type="search"]`, "OWN-B")
	p.await("one is left", `document.querySelectorAll("main tbody tr").length === 1`)
	calls := p.hold(`*/sensor-data\?*equipmentId=OWN-B*`, fetch.RequestStageRequest)
	p.click("main tbody a")
	p.says("h1", "OWN-B")
	calls.one() // it is given up with the view
	p.holdsNoneOf("OWN-A", "111.5")
	p.click(`nav a[data-view="send"]`)
	p.see(`input[name="value"]`)
	eval[bool](p, `(history.back(), true)`)
	p.says("h1", "OWN-B")
	p.says(readingsPart, "Loading readings")
	p.holdsNoneOf("OWN-A", "111.5")
	calls.release(calls.one())
	p.says(readingsPart, "222.5")
	p.await("nothing is loading", `!document.querySelector(%s).innerText.includes("Loading")`, readingsPart)
	p.holdsNoneOf("OWN-A", "111.5")
}

// holdsNoneOf checks that the view, with its figures, items and readings, holds none of some words.
func (p *page) holdsNoneOf(words ...string) {
	p.t.Helper()
	for _, one := range words {
		if text := p.text("main"); strings.Contains(text, one) {
			p.t.Errorf("%s stands in %s", one, text)
		}
	}
}

// The buttons that turn pages of a search are those of the search that is shown.
func TestEquipment_TurnsNoPagesOfAnotherSearch(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/equipment")
	const after = "main .pager button:last-child"
	p.see(after)
	calls := p.hold("*/equipment\\?*prefix=EQ-1200*", fetch.RequestStageRequest)
	p.fill(`main input[type="search"]`, "EQ-1200")
	waiting := calls.one()
	p.gone(after)
	calls.release(waiting)
	p.await("those come", `document.querySelectorAll("main tbody tr").length === 9`)
	p.gone(after)
}

// A file that has arrived is followed again by itself after the connection was lost, and is never said to be lost.
func TestUpload_IsFollowedThroughALostConnection(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect(lost)
	p.signIn("#/uploads")
	p.chooseFile(file(t, "followed.csv", rowsOf(300, 1, "EQ-FOLLOWED")))
	p.says(previewNote, "rows can be stored")
	p.cut("http://*:*/sensor-data/uploads/*")
	p.click(uploadButton)
	p.says(uploadPlace, "The service does not answer at the moment.")
	p.shot("unanswered")
	p.accessible("an upload of which nothing is heard")
	// The list, which is reached, tells the end before the view does.
	p.patiently("the list says that it is stored", `[...document.querySelectorAll("section tbody tr")].some((row) =>
		row.innerText.includes("followed.csv") && row.innerText.includes("stored"))`)
	p.says(uploadPlace, "The file has arrived.")
	if note := p.text("main .note"); note != "" {
		t.Errorf("it says %q of a file that has arrived", note)
	}
	p.slow(0)
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 300.")`, uploadPlace)
}

// Who cancels after the file has arrived is told so, and what becomes of it.
func TestUpload_SaysWhetherACancelledFileHasArrived(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "late.csv", rowsOf(30, 1, "EQ-LATE")))
	p.says(previewNote, "rows can be stored")
	calls := p.hold("*/sensorflow-uploads/*", fetch.RequestStageResponse)
	p.click(uploadButton)
	calls.one() // the store has it, and its answer does not come
	p.click("main .upload .actions button")
	p.says("main .note", "late.csv had arrived before it was cancelled")
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 30.")`, uploadPlace)
}

// The parts of a large file become one by a call of their own: whoever cancels while it is answered is too late.
func TestUpload_SaysWhetherCancelledPartsHaveArrived(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content, rows := largeFile("EQ-JOINED")
	p.chooseFile(file(t, "joined.csv", content))
	p.says(previewNote, "rows can be stored")
	calls := p.hold("*/sensor-data/uploads/*/complete", fetch.RequestStageResponse)
	p.click(uploadButton)
	calls.one()
	p.click("main .upload .actions button")
	p.says("main .note", "joined.csv had arrived before it was cancelled")
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes(%s)`, uploadPlace, fmt.Sprintf("All rows are stored: %d.", rows))
}

// A file too large for the way through the service is followed where the store has it and its answer was lost.
func TestUpload_IsFollowedWhereTheAnswerOfTheStoreWasLost(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect("net::ERR_CONNECTION_RESET")
	p.signIn("#/uploads")
	content := append(rowsOf(30, 1, "EQ-UNHEARD"), bytes.Repeat(append(bytes.Repeat([]byte(" "), 1023), '\n'), 33<<10)...)
	p.chooseFile(file(t, "unheard.csv", content))
	p.says(previewNote, "rows can be stored")
	calls := p.hold("*/sensorflow-uploads/*", fetch.RequestStageResponse)
	p.click(uploadButton)
	_, err := chromedp.Call(p.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: calls.one(), ErrorReason: network.ErrorReasonConnectionReset})
	p.must(err)
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 30.")`, uploadPlace)
	if note := p.text("main .note"); note != "" {
		t.Errorf("it says %q of a file that has arrived", note)
	}
}

// What goes through the service itself has no upload that could be looked at: it is said that nothing is known.
func TestUpload_SaysThatACancelledFileMayHaveArrived(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect(lost)
	p.signIn("#/uploads")
	p.chooseFile(file(t, "through.csv", rowsOf(30, 1, "EQ-THROUGH")))
	p.says(previewNote, "rows can be stored")
	p.cut(storeOfFiles)
	calls := p.hold("*/sensor-data/upload-csv*", fetch.RequestStageResponse)
	p.click(uploadButton)
	calls.one()
	p.click("main .upload .actions button")
	p.says("main .note", "The upload of through.csv was cancelled, but the file may have arrived already.")
}

// A file that was prepared stays as it was described when the session ends, also for those who sign in later.
func TestUpload_StaysPreparedWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "prepared.csv", []byte("equipmentId;when;value\nEQ-PREP;2026-03-05 14:30:00;7,5\n")))
	p.choose(`select[name="delimiter"]`, ";")
	p.choose(`select[name="decimal"]`, ",")
	p.choose(`select[name="timestamps"]`, "local")
	p.choose(`select[name="column-timestamp"]`, "when")
	p.fill(`input[name="timezone"]`, "America/New_York")
	p.key("\t")
	p.says(previewNote, "1 of 1 row can be stored")
	p.endSession()
	for attempt := range 2 {
		p.click(uploadButton)
		p.see(dialog)
		p.key("\u001b") // Escape
		p.gone(dialog)
		p.says("main .note", "not signed in any more")
		p.says(uploadPlace, "prepared.csv")
		for selector, want := range map[string]string{
			`select[name="delimiter"]`: ";", `select[name="decimal"]`: ",", `select[name="column-timestamp"]`: "when",
			`input[name="timezone"]`: "America/New_York",
		} {
			if got := p.value(selector); got != want {
				t.Errorf("after attempt %d %s holds %q, want %q", attempt+1, selector, got, want)
			}
		}
	}
	p.click(uploadButton)
	p.fill(dialog+" "+passwordField, local.Info.Password)
	p.key("\r")
	p.gone(dialog)
	p.patiently("it is stored", `document.querySelector(%s).innerText.includes("All rows are stored: 1.")`, uploadPlace)
	var stored struct {
		Items []struct{ Timestamp, Value string }
	}
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-PREP", &stored)
	if len(stored.Items) != 1 || stored.Items[0].Timestamp != "2026-03-05T19:30:00Z" || stored.Items[0].Value != "7.5" {
		t.Errorf("stored %+v", stored.Items)
	}
}
