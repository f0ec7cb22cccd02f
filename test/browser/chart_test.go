package browser_test

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// The parts of an answer.
const (
	question   = ".question"
	picture    = ".chart"
	firstValue = ".figures > div:nth-child(1) dd" // the average
	fourth     = ".figures > div:nth-child(4) dd" // the count
	zoneList   = `.who select:nth-of-type(1)`
	speechList = `.who select:nth-of-type(2)`
)

// window is the button of a window: 1 for 24 hours to 4 for 30 days, and 5 for dates of one's own.
func window(n int) string { return fmt.Sprintf(".segments button:nth-of-type(%d)", n) }

// answered waits until nothing is loading and an answer stands there.
func (p *page) answered() {
	p.t.Helper()
	p.await("an answer has come", `(() => {
		const e = document.querySelector(".result");
		return !!e && !e.hasAttribute("aria-busy") && e.querySelector(".question").textContent !== "" && !e.querySelector(".note.bad");
	})()`)
}

// sample is a reading to send.
type sample struct {
	at    time.Time
	value string
}

// store sends readings of an equipment and waits until the aggregates hold as many as it then has.
func store(t *testing.T, equipment string, total int, readings ...sample) {
	t.Helper()
	var body bytes.Buffer
	for i, r := range readings {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"equipmentId":%q,"timestamp":%q,"value":%s}`, equipment, r.at.Format(time.RFC3339Nano), r.value)
	}
	answer, err := local.client.Do(t.Context(), probe.Call{Path: "/sensor-data/batch", Body: []byte("[" + body.String() + "]")})
	if err != nil || answer.Status != http.StatusCreated {
		t.Fatalf("store readings: %v %d %s", err, answer.Status, answer.Body)
	}
	if err := await.Until(t.Context(), func() error {
		var got struct{ TotalCount int }
		if err := ask(t, "/sensor-data/aggregated?interval=1m&limit=1&equipmentId="+equipment, &got); err != nil {
			return err
		}
		if got.TotalCount != total {
			return fmt.Errorf("the aggregates hold %d readings of %s", got.TotalCount, equipment)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, path string, into any) error {
	t.Helper()
	answer, err := local.client.Do(t.Context(), probe.Call{Path: path})
	if err != nil {
		return err
	}
	return answer.Decode(into)
}

// drawn is what the picture holds.
type drawn struct {
	Left, Right, Width      float64
	Line, Alone, Band, Bars string
	Times                   []string
}

func (p *page) drawn() drawn {
	p.t.Helper()
	return eval[drawn](p, `(() => {
		const of = (s) => document.querySelector(".picture " + s)?.getAttribute("d") ?? "";
		const axis = document.querySelector(".picture .axis");
		return { Left: +axis.getAttribute("x1"), Right: +axis.getAttribute("x2"), Width: document.querySelector(".chart").clientWidth,
			Line: of(".line:not(.alone)"), Alone: of(".alone"), Band: of(".band"), Bars: of(".bars"),
			Times: [...document.querySelectorAll(".picture text[class]")].map((e) => e.textContent) };
	})()`)
}

// at is where the window from one time to another has a moment.
func (d drawn) at(moment, from, to time.Time) float64 {
	return d.Left + (d.Right-d.Left)*float64(moment.Sub(from))/float64(to.Sub(from))
}

// starts are the x of the points where a path begins anew.
func starts(path string) []float64 {
	var all []float64
	for part := range strings.SplitSeq(path, "M") {
		if x, _, found := strings.Cut(part, " "); found {
			if n, err := strconv.ParseFloat(x, 64); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1.5 }

// The picture spans the window and not what is in it, and leaves out what is missing.
func TestChart_SpansTheWindowWithItsGaps(t *testing.T) {
	hour := await.Hour(t, pageWithin/5)
	var readings []sample
	for _, ago := range []int{30, 29, 28, 20, 10, 9} { // two runs, and an hour by itself
		for i := range 3 {
			readings = append(readings, sample{hour.Add(time.Duration(-ago)*time.Hour + time.Duration(i)*time.Minute), fmt.Sprintf("%d.%d", ago, i+1)})
		}
	}
	store(t, "GAPS-1", len(readings), readings...)
	p := open(t, look{})
	p.signIn("#/overview?window=1w&equipment=GAPS-1")
	p.answered()
	from, to := hour.Add(-7*24*time.Hour), hour.Add(time.Hour)
	d := p.drawn()
	if d.Left > 80 || d.Width-d.Right > 40 {
		t.Errorf("the axis goes from %.0f to %.0f of %.0f pixels", d.Left, d.Right, d.Width)
	}
	middle := func(ago int) float64 { return d.at(hour.Add(time.Duration(-ago)*time.Hour+30*time.Minute), from, to) }
	if got := starts(d.Line); len(got) != 3 || !near(got[0], middle(30)) || !near(got[1], middle(20)) || !near(got[2], middle(10)) {
		t.Errorf("the line begins at %.1f, and not at %.1f, %.1f and %.1f", got, middle(30), middle(20), middle(10))
	}
	if got := starts(d.Alone); len(got) != 1 || !near(got[0], middle(20)) {
		t.Errorf("an hour by itself is not drawn as a point: %s", d.Alone)
	}
	if got := starts(d.Bars); len(got) != 6 || !near(got[0], d.at(hour.Add(-30*time.Hour), from, to)) {
		t.Errorf("the bars begin at %.1f", got)
	}
	if len(starts(d.Band)) != 3 {
		t.Errorf("the band is %s", d.Band)
	}
	if len(d.Times) < 7 {
		t.Errorf("the times on the axis are %q", d.Times)
	}
	p.shot("gaps")
}

// What is said about a step is exact: a float would make 10.2 of 10.1, 10.2 and 10.3 to 10.199999999999998.
func TestChart_IsReadByKeyboardPointerAndTouch(t *testing.T) {
	hour := await.Hour(t, pageWithin/5)
	at := func(ago int) time.Time { return hour.Add(time.Duration(-ago) * time.Hour) }
	store(t, "KEYS-1", 4, sample{at(9), "1.5"}, sample{at(4), "10.1"}, sample{at(4).Add(time.Minute), "10.2"}, sample{at(4).Add(2 * time.Minute), "10.3"})
	p := open(t, look{zone: "UTC"})
	p.signIn("#/overview?window=1w&equipment=KEYS-1")
	p.answered()
	eval[bool](p, `(document.querySelector(".chart").focus(), true)`)
	p.key(kb.ArrowLeft)
	const told = "average 10.2, minimum 10.1, maximum 10.3, 3 readings"
	p.says(".unseen", told)
	p.says(".readout", at(4).Format("3:04"))
	p.key(kb.ArrowLeft)
	p.says(".unseen", "average 1.5, minimum 1.5, maximum 1.5, 1 reading")
	p.key(kb.Escape)
	p.says(".readout", "Point at the chart")
	eval[bool](p, `(document.querySelector(".chart").blur(), true)`)

	d := p.drawn()
	x := d.at(at(4).Add(30*time.Minute), hour.Add(-7*24*time.Hour), hour.Add(time.Hour))
	left, top := p.corner(picture)
	p.mouse(input.DispatchMouseEventTypeMouseMoved, left+x, top+60)
	p.says(".readout", told)
	p.mouse(input.DispatchMouseEventTypeMouseMoved, left+x, top-200)
	p.says(".readout", "Point at the chart")
	p.look(look{zone: "UTC", touch: true})
	p.must(chromedp.Do(p.ctx, call(input.DispatchTouchEvent, input.DispatchTouchEventParams{
		Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: left + x, Y: top + 60}},
	})))
	p.says(".readout", told)
	p.must(chromedp.Do(p.ctx, call(input.DispatchTouchEvent, input.DispatchTouchEventParams{
		Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{},
	})))
	p.says(".readout", told) // it stays for who takes the finger away
}

// corner is the upper left corner of an element that is scrolled into sight.
func (p *page) corner(selector string) (left, top float64) {
	p.t.Helper()
	at := eval[[]float64](p, `(() => {
		const e = document.querySelector(%s);
		e.scrollIntoView({ block: "center", behavior: "instant" });
		const r = e.getBoundingClientRect();
		return [r.left, r.top];
	})()`, selector)
	return at[0], at[1]
}

func (p *page) mouse(kind input.DispatchMouseEventType, x, y float64) {
	p.t.Helper()
	event := input.DispatchMouseEventParams{Type: kind, X: x, Y: y}
	if kind != input.DispatchMouseEventTypeMouseMoved {
		event.Button, event.ClickCount = input.MouseButtonLeft, 1
	}
	if kind == input.DispatchMouseEventTypeMousePressed {
		event.Buttons = 1
	}
	p.must(chromedp.Do(p.ctx, call(input.DispatchMouseEvent, event)))
}

// place is what the address says behind its "#".
func (p *page) place() url.Values {
	p.t.Helper()
	_, query, _ := strings.Cut(eval[string](p, `location.hash`), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		p.t.Fatal(err)
	}
	return values
}

func TestChart_ZoomsByDraggingAndBackByOneClick(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1w&equipment=EQ-12001")
	p.answered()
	hour := time.Now().UTC().Truncate(time.Hour)
	d := p.drawn()
	left, top := p.corner(picture)
	begin, end := hour.Add(-100*time.Hour), hour.Add(-60*time.Hour)
	x := func(moment time.Time) float64 {
		return left + d.at(moment, hour.Add(-7*24*time.Hour), hour.Add(time.Hour))
	}
	p.mouse(input.DispatchMouseEventTypeMouseMoved, x(begin), top+60)
	p.mouse(input.DispatchMouseEventTypeMousePressed, x(begin), top+60)
	p.mouse(input.DispatchMouseEventTypeMouseMoved, x(end), top+70)
	p.see(".picture .chosen")
	p.mouse(input.DispatchMouseEventTypeMouseReleased, x(end), top+70)
	p.await("the address holds the window", `location.hash.includes("from=")`)
	p.answered()
	within := func(name string, want time.Time) {
		t.Helper()
		got, err := time.Parse(time.RFC3339, strings.Replace(p.place().Get(name), "Z", ":00Z", 1))
		if err != nil || got.Sub(want).Abs() > 75*time.Minute || got.Minute() != 0 {
			t.Errorf("%s is %s, and not about %s: %v", name, got, want, err)
		}
	}
	within("from", begin)
	within("to", end)
	p.says(question, "steps of 15 minutes")
	zoomed := p.text(question)
	p.must(chromedp.Do(p.ctx, chromedp.Reload()))
	p.answered()
	if got := p.text(question); got != zoomed {
		t.Errorf("after a reload the question is %q, and was %q", got, zoomed)
	}
	p.click(".tools button:first-child") // the way back outlives the reload
	p.says(question, "Last 7 days")
}

func TestChart_ZoomsByKeyboardAndButtons(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=48h&equipment=EQ-12001")
	p.answered()
	eval[bool](p, `(document.querySelector(".chart").focus(), true)`)
	p.key("+")
	p.await("it is zoomed", `location.hash.includes("from=")`)
	p.answered()
	p.click(".tools button:first-child") // back
	p.says(question, "Last 48 hours")
	if focused := eval[string](p, `document.activeElement.className`); focused != "chart" {
		t.Errorf("after the way back the focus is on %q", focused)
	}
	p.gone(".tools button:first-child")
	p.click(".tools button:nth-child(3)") // out
	p.await("it is zoomed out", `location.hash.includes("from=")`)
	p.answered()
	eval[bool](p, `(history.back(), true)`)
	p.says(question, "Last 48 hours")
}

// The console calculates the average of what it shows; the service knows the same.
func TestOverview_SaysWhatTheServiceSays(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1m")
	p.answered()
	p.says(question, "All equipment · Last 30 days · America/Sao_Paulo · steps of an hour")
	p.countsAs("/sensor-data/aggregated?interval=1m&limit=1&numbers=string")
	p.says(".came", "As of")
	p.shot("month")
}

// holdCalls lets no call go out until release() is called.
const holdCalls = `(() => {
	const held = new Promise((done) => { window.release = done; }), fetch = window.fetch;
	window.fetch = async (...all) => { await held; return fetch(...all); };
	return true;
})()`

func TestOverview_KeepsAnAnswerWithItsQuestionUntilTheNextHasCome(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=24h")
	p.answered()
	count := p.text(fourth)
	eval[bool](p, holdCalls)
	p.click(window(4))
	p.says(".result .note", "Loading All equipment · Last 30 days")
	if got := p.text(question); !strings.Contains(got, "Last 24 hours") || p.text(fourth) != count {
		t.Errorf("while the next one is loading, the old answer says %q and counts %s", got, p.text(fourth))
	}
	if pressed := eval[string](p, `document.querySelector(%s).getAttribute("aria-pressed")`, window(4)); pressed != "true" {
		t.Errorf("the window that was chosen is not marked")
	}
	eval[bool](p, `(release(), true)`)
	p.says(question, "Last 30 days")
	p.answered()
	if got := p.text(".result .note"); got != "" {
		t.Errorf("the message stays: %q", got)
	}
}

func TestOverview_StandsInTheAddress(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?from=2026-01-01T03:00Z&to=2026-01-02T03:00Z&equipment=EQ-12001&equipment=EQ-12002&zone=Asia/Tokyo")
	p.answered()
	p.says(question, "EQ-12001, EQ-12002 · Jan 1, 2026, 12:00 PM to Jan 2, 2026, 12:00 PM · Asia/Tokyo")
	if got := p.value(".dates input"); got != "2026-01-01T12:00" {
		t.Errorf("the dates begin at %s", got)
	}
	p.choose(zoneList, "UTC")
	p.says(question, "Jan 1, 2026, 3:00 AM to Jan 2, 2026, 3:00 AM · UTC")
	eval[bool](p, `(() => { document.querySelector(".dates input").value = "2026-01-01T06:00"; return true; })()`)
	p.click(".dates button")
	p.says(question, "Jan 1, 2026, 6:00 AM")
	p.click(".legend button")
	p.await("the address says which line is out", `location.hash.includes("without=EQ-12001")`)
	got := p.place()
	if got.Get("from") != "2026-01-01T06:00Z" || got.Get("zone") != "UTC" || len(got["equipment"]) != 2 {
		t.Errorf("the address is %v", got)
	}
	// Whoever has no zone in the address gets the own one written there.
	p.visit("/console/?again#/overview?window=48h")
	p.answered()
	if zone := p.place().Get("zone"); zone != "America/Sao_Paulo" {
		t.Errorf("the zone in the address is %q", zone)
	}
}

func TestOverview_RefusesDatesThatAreNoWindow(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=24h")
	p.answered()
	p.click(window(5))
	for value, sentence := range map[string]string{
		"": "Enter both", "2200-01-01T00:00": "The end must be after the beginning.", "2001-01-01T00:00": "400 days",
	} {
		eval[bool](p, `(() => { document.querySelector(".dates input").value = %s; return true; })()`, value)
		p.click(".dates button")
		p.says(".dates .note", sentence)
	}
	p.accessible("dates that are no window")
}

func TestOverview_ComparesEquipmentsThatWereSearchedFor(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1w")
	p.answered()
	p.fill(".choice input", "EQ-1204")
	p.await("equipments are offered", `document.querySelectorAll("datalist option").length === 10`)
	p.key("1") // EQ-12041 is offered too, and may be the beginning of another name
	p.await("one is offered", `document.querySelectorAll("datalist option").length === 1`)
	if got := p.text(question); !strings.HasPrefix(got, "All equipment") {
		t.Errorf("what is still being typed is taken: %q", got)
	}
	// A choice from the list comes so.
	eval[bool](p, `document.querySelector(".choice input").dispatchEvent(new Event("input"))`)
	p.says(question, "EQ-12041 ·")
	p.fill(".choice input", "EQ-12042\r")
	p.says(question, "EQ-12041, EQ-12042 ·")
	p.answered()
	if lines := eval[int](p, `document.querySelectorAll(".picture .line:not(.alone)").length`); lines != 2 {
		t.Errorf("there are %d lines", lines)
	}
	p.click(".legend button")
	p.await("one line is left", `document.querySelectorAll(".picture .line:not(.alone)").length === 1`)
	p.click(".chips button")
	p.says(question, "EQ-12042 ·")
	if focused := eval[string](p, `document.activeElement.getAttribute("aria-label")`); focused != "Leave EQ-12042 out" {
		t.Errorf("the focus is on %q", focused)
	}
	p.fill(".choice input", "not a name\r")
	p.says(".choice .note", "1 to 128 letters")
}

// A fleet of more than a hundred is shown by its totals.
func TestOverview_ShowsALargeFleetByItsTotals(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1w&equipment=EQ-12001")
	p.answered()
	eval[bool](p, `(() => {
		const fetch = window.fetch;
		window.asked = 0;
		window.fetch = async (address, ...rest) => {
			const answer = await fetch(address, ...rest);
			if (String(address).startsWith("/sensor-data/aggregated")) window.asked++;
			if (!String(address).startsWith("/equipment?limit=100")) return answer;
			return Response.json({ ...await answer.json(), nextCursor: "more" });
		};
		return true;
	})()`)
	p.click(".chips button")
	p.says(question, "All equipment · Last 7 days")
	p.answered()
	p.says(question, "steps of 3 hours")
	p.says(".result", "too much to list each equipment")
	p.says(".result .key", "There is no band from minimum to maximum for so many equipments")
	p.says("#items-title", "All equipment together, in steps of")
	p.countsAs("/sensor-data/aggregated?interval=1w&limit=1&numbers=string")
	if d := p.drawn(); d.Band != "" || strings.Count(d.Line, "L") < 40 {
		t.Errorf("the line is %s, the band %s", d.Line, d.Band)
	}
	if asked := eval[int](p, `window.asked`); asked > 130 {
		t.Errorf("%d calls were made", asked)
	}
	p.shot("fleet")
}

func TestOverview_RefreshesByItselfAndSaysWhen(t *testing.T) {
	now := time.Now().UTC()
	store(t, "LIVE-1", 1, sample{now.Add(-time.Minute), "1"})
	p := open(t, look{})
	p.signIn("#/overview?window=24h&equipment=LIVE-1")
	p.answered()
	if got := p.text(fourth); got != "1" {
		t.Fatalf("there are %s readings", got)
	}
	came := p.text(".came")
	store(t, "LIVE-1", 2, sample{now, "2"})
	p.await("the answer is refreshed", `document.querySelector(%s).textContent === "2"`, fourth)
	if got := p.text(".came"); got == came {
		t.Errorf("it still says %q", got)
	}
	p.says(firstValue, "1.5")
	// Whoever does not want to wait chooses the window again.
	eval[bool](p, `(document.querySelector(".live input").click(), true)`)
	store(t, "LIVE-1", 3, sample{now.Add(-time.Second), "6"})
	p.await("the window that was chosen again shows it", `(() => {
		if (document.querySelector(%s).textContent === "3") return true;
		if (!document.querySelector(".result").hasAttribute("aria-busy")) document.querySelector(%s).click(); // an answer may be two seconds old
		return false;
	})()`, firstValue, window(1))
}

// The longest window takes several answers of the service for ten equipments, and is shown by its totals for all. The clocks of its
// zone change twice.
func TestOverview_SpansFourHundredDays(t *testing.T) {
	hour := time.Now().UTC().Truncate(time.Hour)
	from, to := hour.Add(-390*24*time.Hour), hour.Add(10*24*time.Hour)
	span := fmt.Sprintf("from=%s&to=%s&zone=Europe/Berlin", from.Format("2006-01-02T15:04Z"), to.Format("2006-01-02T15:04Z"))
	ids := ""
	for i := range 10 {
		ids += fmt.Sprintf("&equipmentId=EQ-%05d", 12001+i)
	}
	p := open(t, look{})
	p.signIn("#/overview?" + span + strings.ReplaceAll(ids, "equipmentId", "equipment"))
	p.answered()
	p.says(question, "steps of a day")
	p.countsAs("/sensor-data/aggregated?interval=1m&limit=1&numbers=string" + ids)
	if d := p.drawn(); len(starts(d.Bars)) < 30 || len(starts(d.Bars)) > 32 {
		t.Errorf("a month has %d days", len(starts(d.Bars)))
	}
	p.visit("/console?again#/overview?" + span)
	p.answered()
	p.says(question, "steps of 4 days")
	p.countsAs("/sensor-data/aggregated?interval=1m&limit=1&numbers=string")
	p.readable("400 days")
	p.shot("long")
}

// countsAs holds that the console shows the count and the average that the service answers.
func (p *page) countsAs(path string) {
	p.t.Helper()
	var want struct {
		Average    string
		TotalCount int
	}
	if err := ask(p.t, path, &want); err != nil {
		p.t.Fatal(err)
	}
	shown := p.text(firstValue)
	whole := eval[string](p, `document.querySelector(%s).querySelector("[title]")?.title ?? document.querySelector(%s).innerText.trim()`, firstValue, firstValue)
	if got := strings.ReplaceAll(whole, ",", ""); got != want.Average {
		p.t.Errorf("the average is %s, and the service's %s", got, want.Average)
	}
	if before, behind, _ := strings.Cut(shown, "."); len(behind) > max(2, 6-len(strings.TrimLeft(before, "−0"))) {
		p.t.Errorf("the average is shown as %s, of which nobody needs all digits", shown)
	}
	if got := strings.ReplaceAll(p.text(fourth), ",", ""); got != strconv.Itoa(want.TotalCount) {
		p.t.Errorf("there are %s readings, and the service counts %d", got, want.TotalCount)
	}
}

// Dates that are being typed stay until they are shown or another window is.
func TestOverview_KeepsDatesThatAreBeingTyped(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/overview?window=24h&language=en")
	p.answered()
	p.click(window(5))
	p.choose(".dates input", "2026-01-01T06:00")
	p.choose(speechList, "pt")
	p.says("main h1", "Visão geral")
	p.holds(".dates input", "2026-01-01T06:00")
	p.fill(".choice input", "EQ-12042\r")
	p.says(question, "EQ-12042 ·")
	p.holds(".dates input", "2026-01-01T06:00")
	p.choose(zoneList, "UTC")
	p.says(".dates .hint", "UTC")
	p.holds(".dates input", "2026-01-01T09:00") // the same moment
	p.click(window(2))
	p.await("another window is shown", `location.hash.includes("window=48h")`)
	if got := p.value(".dates input"); strings.HasPrefix(got, "2026-01-01") {
		t.Errorf("the dates stay at %s", got)
	}
}

// Whoever has the answer refreshed gets one also where the first try has failed.
func TestOverview_TriesAgainWhereTheFirstTryFailed(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	eval[bool](p, `(() => {
		const own = window.fetch;
		window.fetch = async (address, ...rest) => {
			if (window.works || !String(address).startsWith("/sensor-data/aggregated")) return own(address, ...rest);
			return Response.json({ message: "It broke." }, { status: 500 });
		};
		return true;
	})()`)
	p.click(`nav a[data-view="overview"]`)
	p.says(".result .note", "It broke.")
	eval[bool](p, `window.works = true`)
	p.patiently("there is an answer", `document.querySelectorAll(".figures dd").length === 4 && document.querySelector(".result .note").innerText === ""`)
}
