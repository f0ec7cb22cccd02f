package browser_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	// partBytes is the size of the parts that the service asks for; the console sends files above 100 MB in parts.
	partBytes  = 64 << 20
	largeBytes = 101 << 20
)

// largeFile makes a file of two parts that is soon read: a few rows, of which one lies in both parts, and lines of blanks.
func largeFile(prefix string) (content []byte, rows int) {
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	row := func(i int) string {
		return fmt.Sprintf("%s,%s,%d.5\n", prefix, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339), 1000+i)
	}
	content = bytes.Repeat(append(bytes.Repeat([]byte(" "), 1023), '\n'), largeBytes/1024)
	put := func(at int, text string) {
		copy(content[at:], text)
		content[at+len(text)+1023-(at+len(text))%1024] = '\n'
	}
	put(0, "equipmentId,timestamp,value\n"+row(0)+row(1))
	across := row(2)
	put(partBytes-1024, strings.Repeat(" ", 1023-len(across)/2)+"\n"+across)
	put(len(content)-2048, row(3))
	return content, 4
}

// partCalls counts what a page sends about parts: PUTs by the part's number, and calls to the service by the end of their path.
type partCalls struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *partCalls) of(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[what]
}

func (p *page) countParts() *partCalls {
	p.t.Helper()
	c := &partCalls{count: map[string]int{}}
	p.must(chromedp.Listen(p.ctx, func(event any) {
		e, ok := event.(*network.EventRequestWillBeSent)
		if !ok || e.Request.Method != http.MethodPut && e.Request.Method != http.MethodPost {
			return
		}
		address, err := url.Parse(e.Request.URL)
		if err != nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if number := address.Query().Get("partNumber"); number != "" {
			c.count[number]++
		} else {
			c.count[path.Base(address.Path)]++
		}
	}))
	return c
}

// storeOfFiles are the addresses of the store of files.
const storeOfFiles = "http://*:*/sensorflow-uploads/*"

func TestUpload_SendsALargeFileInPartsAndALostPartAgain(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect("net::ERR_INTERNET_DISCONNECTED")
	p.signIn("#/uploads")
	content, rows := largeFile("EQ-LARGE")
	p.chooseFile(file(t, "large.csv", content))
	p.says(previewNote, "2 of the first 2 rows can be stored")
	calls := p.countParts()
	eval[bool](p, watchBar)
	p.cut(storeOfFiles)
	p.click(uploadButton)
	p.says(uploadPlace, "The connection was lost: a part is sent again.")
	p.shot("again")
	p.accessible("a part that is sent again")
	p.slow(16 << 20)
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes(%s)`, uploadPlace, fmt.Sprintf("All rows are stored: %d.", rows))
	// Each attempt but the first goes to an address of its own: the old one may have run out meanwhile.
	one, two, signed := calls.of("1"), calls.of("2"), calls.of("parts")
	if one < 2 || two < 2 || signed != one+two-2 || calls.of("complete") != 1 {
		t.Errorf("part 1 was sent %d times, part 2 %d times, %d addresses were asked for, and the parts were joined %d times",
			one, two, signed, calls.of("complete"))
	}
	moves := eval[[]float64](p, `window.barValues`)
	sending := map[float64]bool{}
	for _, value := range moves {
		if value > 0 && value < 0.5 {
			sending[value] = true
		}
		if value > 1 {
			t.Errorf("the bar stood at %v", value)
		}
	}
	if len(sending) < 5 {
		t.Errorf("the bar took %d values while the file was sent: %v", len(sending), moves)
	}
	var stored struct{ Items []struct{ Value string } }
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-LARGE", &stored)
	var values []string
	for _, one := range stored.Items {
		values = append(values, one.Value)
	}
	if got := strings.Join(values, " "); got != "1003.5 1002.5 1001.5 1000.5" {
		t.Errorf("stored are %s", got)
	}
}

func TestUpload_OfPartsCanBeCancelled(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content, _ := largeFile("EQ-NEVER")
	p.chooseFile(file(t, "never.csv", content))
	p.says(previewNote, "rows can be stored")
	calls := p.countParts()
	p.slow(4 << 20)
	p.click(uploadButton)
	p.patiently("the bar moves", `document.querySelector("main progress")?.value > 0.01`)
	p.click("main .upload .actions button")
	p.says("main .note", "The upload of never.csv was cancelled. Nothing of it is stored.")
	p.await("the list still waits for it", `[...document.querySelectorAll("section tbody tr")].some((row) =>
		row.innerText.includes("never.csv") && row.innerText.includes("waiting for the file"))`)
	if one, two, joined := calls.of("1"), calls.of("2"), calls.of("complete"); one != 1 || two != 1 || joined != 0 {
		t.Errorf("part 1 was sent %d times, part 2 %d times, and they were joined %d times", one, two, joined)
	}
}

// A session that ends while a file is on its way stops nothing for good, and asks nobody for a password who is typing something else.
func TestUpload_OfPartsWaitsWhileNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content, rows := largeFile("EQ-WAITS")
	p.chooseFile(file(t, "waits.csv", content))
	p.says(previewNote, "rows can be stored")
	calls := p.countParts()
	p.slow(16 << 20)
	p.click(uploadButton)
	p.patiently("the bar moves", `document.querySelector("main progress")?.value > 0.01`)
	p.click(`nav a[data-view="send"]`)
	p.says("main h1", "Send a reading")
	p.fill(`input[name="equipmentId"]`, "EQ-WHI")
	p.endSession()
	p.patiently("the page says that the session has ended", `!!document.querySelector(".ended button") || !!document.querySelector("dialog")`)
	p.key("LE")
	p.holds(`input[name="equipmentId"]`, "EQ-WHILE")
	p.click(`nav a[data-view="uploads"]`)
	p.says(uploadPlace, "Your session has ended. Sign in again, and the file goes on from here: 106 MB of 106 MB")
	p.says(uploadPlace+" .actions", "Cancel")
	p.accessible("a transfer that waits")
	p.shot("waits")
	p.click(".ended button")
	p.fill(dialog+" "+passwordField, local.Info.Password+"\r")
	p.gone(dialog)
	p.gone(".ended button")
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes(%s)`, uploadPlace, fmt.Sprintf("All rows are stored: %d.", rows))
	// Nothing was sent twice.
	if one, two := calls.of("1"), calls.of("2"); one != 1 || two != 1 {
		t.Errorf("part 1 was sent %d times, and part 2 %d times", one, two)
	}
	p.click(`nav a[data-view="send"]`)
	p.holds(`input[name="equipmentId"]`, "EQ-WHILE")
}

// Who cancels a transfer that waits for the session is asked for nothing.
func TestUpload_OfPartsCanBeCancelledWhileNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect(lost)
	p.signIn("#/uploads")
	content, _ := largeFile("EQ-GIVENUP")
	p.chooseFile(file(t, "givenup.csv", content))
	p.says(previewNote, "rows can be stored")
	p.cut(storeOfFiles)
	p.click(uploadButton)
	p.says(uploadPlace, "The connection was lost: a part is sent again.")
	p.endSession()
	p.says(uploadPlace, "Your session has ended. Sign in again")
	p.click("main .upload .actions button")
	p.says("main .note", "The upload of givenup.csv was cancelled. Nothing of it is stored.")
	if eval[bool](p, `!!document.querySelector("dialog")`) {
		t.Error("it asks for the password")
	}
}

// All parts are there, and the call that joins them reaches nobody: that is told, and it is made again.
func TestUpload_OfPartsSaysThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect(lost)
	p.signIn("#/uploads")
	content, rows := largeFile("EQ-UNHEARD")
	p.chooseFile(file(t, "unheard.csv", content))
	p.says(previewNote, "rows can be stored")
	p.cut("http://*:*/sensor-data/uploads/*/complete")
	p.click(uploadButton)
	p.patiently("it says that nobody answers", `document.querySelector(%s).innerText.includes("The service does not answer at the moment.")`, uploadPlace)
	p.slow(0)
	p.patiently("all is stored", `document.querySelector(%s).innerText.includes(%s)`, uploadPlace, fmt.Sprintf("All rows are stored: %d.", rows))
}
