package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// The parts of the frame and of the sign-in.
const (
	usernameField = `input[name="username"]`
	passwordField = `input[name="password"]`
	signInButton  = `form button[type="submit"]`
	signInNote    = `form .note`
	frame         = "header.top"
	signOutButton = ".person button"
	dialog        = "dialog"
)

// signIn opens the console at a place, such as "#/uploads", as its user does.
func (p *page) signIn(place string) {
	p.t.Helper()
	p.visit("/console" + place)
	p.fill(usernameField, local.Info.Username)
	p.fill(passwordField, local.Info.Password)
	p.click(signInButton)
	p.see(frame)
}

// endSession signs the page's session out behind its back, so that the service refuses it from now on.
func (p *page) endSession() {
	p.t.Helper()
	cookies, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	p.must(err)
	var cookie string
	for _, c := range cookies.Cookies {
		cookie += c.Name + "=" + c.Value + "; "
	}
	if !strings.Contains(cookie, "Authentication=") {
		p.t.Fatalf("there is no session to end: %q", cookie)
	}
	client := &probe.Client{Base: local.Info.APIURL}
	answer, err := client.Do(p.t.Context(), probe.Call{
		Method: http.MethodPost, Path: "/auth/logout", Header: map[string]string{"Cookie": cookie, "Origin": local.Info.APIURL},
	})
	p.must(err)
	if answer.Status != http.StatusOK {
		p.t.Fatalf("sign out: %d %s", answer.Status, answer.Body)
	}
	p.faults.expect("status of 401") // the next call finds it
}

func TestSignIn_ShowsTheConsole(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.visit("/console")
	p.see(usernameField)
	p.accessible("sign-in")
	p.fits("sign-in")
	p.shot("sign-in")
	p.signIn("")
	p.says(frame, local.Info.Username)
}

func TestSignIn_TellsWhatIsMissingAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.faults.expect("status of 401")
	p.visit("/console")
	p.fill(usernameField, "nobody-"+strings.ToLower(t.Name()))
	p.click(signInButton)
	p.says(signInNote, "Enter the user name and the password.")
	p.focused(passwordField)
	p.fill(passwordField, "wrong")
	p.key("\r")
	p.says(signInNote, "The user name or the password is wrong.")
}

func TestSignIn_TellsForHowLongItIsRefused(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.faults.expect("status of 401")
	p.faults.expect("status of 429")
	p.visit("/console")
	p.fill(usernameField, "somebody-who-tries-often")
	for range 8 {
		p.fill(passwordField, "wrong")
		p.click(signInButton)
		p.await("there is an answer", `/errad|tentativas/.test(document.querySelector(%s).innerText)`, signInNote)
		if strings.Contains(p.text(signInNote), "tentativas") {
			break
		}
		eval[bool](p, `(document.querySelector(%s).textContent = "", true)`, signInNote)
	}
	p.await("it says for how many seconds", `/Tente de novo em \d+ segundos/.test(document.querySelector(%s).innerText)`, signInNote)
	p.shot("refused")
	p.accessible("refused sign-in")
	// What is said of the wait ends with it.
	p.says(signInNote, "Você já pode tentar de novo.")
}

func TestSession_EndsWithoutALossWhileAReadingIsTyped(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	const at = "2026-03-01T09:30:00.123456789+01:00"
	p.fill(`input[name="equipmentId"]`, "EQ-TYPED")
	p.fill(`input[name="timestamp"]`, at)
	p.fill(`input[name="value"]`, "21.50")
	p.endSession()
	p.click(`main form button[type="submit"]`)
	p.see(dialog)
	p.says(dialog, "Your session has ended")
	p.says(dialog, "Sign in again")
	p.focused(dialog + " " + passwordField)
	p.shot("ended")
	p.accessible("ended session")
	p.holds(`input[name="timestamp"]`, at)
	p.fill(dialog+" "+passwordField, local.Info.Password)
	p.key("\r")
	p.gone(dialog)
	// What was asked for goes on, once, with what was typed.
	p.says("main form .note", "Stored")
	p.holds(`input[name="timestamp"]`, at)
	p.holds(`input[name="equipmentId"]`, "EQ-TYPED")
	p.holds(`input[name="value"]`, "21.50")
	var stored struct {
		Items []struct{ Timestamp, Value string }
	}
	p.ask("/sensor-data?numbers=string&equipmentId=EQ-TYPED", &stored)
	if len(stored.Items) != 1 || stored.Items[0].Timestamp != "2026-03-01T08:30:00.123456789Z" || stored.Items[0].Value != "21.5" {
		t.Errorf("stored %+v", stored.Items)
	}
}

func TestSession_CanBeLeftEndedAndTakenUpLater(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-LATER")
	p.fill(`input[name="value"]`, "7")
	at := p.value(`input[name="timestamp"]`)
	p.endSession()
	p.click(`main form button[type="submit"]`)
	p.see(dialog)
	p.key("\u001b") // Escape
	p.gone(dialog)
	p.says("main form .note", "not signed in any more")
	p.holds(`input[name="timestamp"]`, at)
	p.click(`main form button[type="submit"]`)
	p.fill(dialog+" "+passwordField, local.Info.Password)
	p.key("\r")
	p.says("main form .note", "Stored")
}

func TestSignOut_EmptiesTheDocumentAndTheWayBack(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/equipment")
	p.await("equipments are listed", `document.querySelector("main").innerText.includes("EQ-12001")`)
	for _, view := range []string{"send", "uploads"} {
		p.click(`nav a[data-view="` + view + `"]`)
		p.see(`nav a[data-view="` + view + `"][aria-current="page"]`)
	}
	p.click(signOutButton)
	p.see(usernameField)
	for range 4 {
		history, err := chromedp.Call(p.ctx, pages.GetNavigationHistory, cdp.Empty{})
		p.must(err)
		if history.CurrentIndex <= 1 { // the first is the empty tab
			break
		}
		eval[bool](p, `(history.back(), true)`)
		p.await("one has gone back", `document.readyState === "complete" && document.querySelector(%s) !== null`, usernameField)
		if text := p.words(); strings.Contains(text, "EQ-") || strings.Contains(text, local.Info.Username) {
			t.Fatalf("the way back shows %q", text)
		}
	}
}

func TestSignOut_HoldsInEveryWindow(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/equipment")
	other := p.window()
	other.visit("/console#/equipment")
	for _, one := range []*page{p, other} { // a call that is under way when the session ends is refused
		one.await("the list has come", `document.querySelector("main").innerText.includes("EQ-12001")`)
	}
	p.click(signOutButton)
	p.see(usernameField)
	other.see(usernameField)
}

// Whoever types while the overview refreshes itself goes on typing: a field for a password would take the keys.
func TestSession_ThatEndsInTheBackgroundIsToldInThePage(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/overview?window=24h&equipment=EQ-12001")
	p.answered()
	p.fill(".choice input", "EQ-1204")
	p.await("equipments are offered", `document.querySelectorAll("datalist option").length === 10`)
	p.endSession()
	p.patiently("the refresh finds it", `document.querySelector(".ended")?.innerText.includes("Your session has ended") || !!document.querySelector("dialog")`)
	p.key("1")
	p.holds(".choice input", "EQ-12041")
	p.says(".result .note", "Your session has ended")
	p.accessible("a session that has ended in the background")
	p.fits("a session that has ended in the background")
	p.click(".ended button")
	p.fill(dialog+" "+passwordField, local.Info.Password+"\r")
	p.gone(dialog)
	p.gone(".ended button")
	p.await("the answer is refreshed", `document.querySelector(".result .note").innerText === ""`)
	p.holds(".choice input", "EQ-12041")
}

// The cookie is good for as long as the service says so, whatever the viewer's clock shows.
func TestSession_HoldsWhereTheClockIsAhead(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.must(chromedp.Do(p.ctx, call(pages.AddScriptToEvaluateOnNewDocument, pages.AddScriptToEvaluateOnNewDocumentParams{
		Source: `{ const now = Date.now; Date.now = () => now() + 48 * 3600 * 1000; }`,
	})))
	p.visit("/console?again#/send")
	p.see(frame)
	// Where it has ended, the next visit asks for the password, and the one after that does not even ask the service.
	p.endSession()
	p.visit("/console?ended#/send")
	p.see(usernameField)
	p.visit("/console?later#/send")
	p.see(usernameField)
	if asked := eval[int](p, `performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/auth/me")).length`); asked != 0 {
		t.Errorf("the service was asked %d times", asked)
	}
}

// A window never goes on with one person's things in another one's name, whoever signs in in the window beside it.
func TestSession_OfAnotherPersonBeginsAnewInEveryWindow(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-MINE")
	p.endSession()
	other := p.window()
	other.faults.expect("status of 401")
	other.visit("/console")
	other.see(usernameField)
	other.answerWith("/auth/me", http.StatusOK, map[string]any{
		"username": "grace", "sub": "another", "email": "grace@example.com", "groups": []string{},
		"scopes": []string{"sensor-flow/read"}, "expiresAt": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	})
	other.signIn("")
	other.says(frame, "grace@example.com")
	p.await("the first window has begun anew", `!document.querySelector('input[name="equipmentId"]') && document.querySelector("h1") !== null`)
	if text := p.words(); strings.Contains(text, "EQ-MINE") || eval[string](p, `location.hash`) == "#/send" {
		t.Errorf("it still shows %s", text)
	}
}

// Who has signed in again in another window need not do so here.
func TestSession_ThatIsRenewedInOneWindowIsRenewedInAll(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-WINDOWS")
	p.fill(`input[name="value"]`, "3")
	p.endSession()
	p.click(`main form button[type="submit"]`)
	p.see(dialog)
	other := p.window()
	other.faults.expect("status of 401")
	other.signIn("")
	p.gone(dialog)
	p.says(sendNote, "Stored: EQ-WINDOWS, 3")
}
