package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// keepFiles keeps what the page hands out as files, for fileText.
const keepFiles = `(() => {
	const make = URL.createObjectURL;
	URL.createObjectURL = (file) => { window.file = file; return make(file); };
	return true;
})()`

// file waits for the file that the page hands out, and returns its lines.
func (p *page) file() []string {
	p.t.Helper()
	p.await("a file is handed out", `!!window.file`)
	return strings.Split(strings.TrimSuffix(eval[string](p, `window.file.text()`), "\n"), "\n")
}

// rows are those that stand in the document: how many, and the place of the first and the last among all.
type rows struct{ There, First, Last, All int }

func (p *page) rows() rows {
	p.t.Helper()
	return eval[rows](p, `(() => {
		const all = [...document.querySelectorAll(".result .rows tbody tr:not(.space)")].map((e) => Number(e.getAttribute("aria-rowindex")));
		return { There: all.length, First: all[0], Last: all.at(-1), All: Number(document.querySelector(".result .rows table").getAttribute("aria-rowcount")) };
	})()`)
}

func TestItems_OfWhichOnlyThoseInSightStandInTheDocument(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1m")
	p.answered()
	first := p.rows()
	if first.There > 100 || first.First != 2 || first.All < 14_000 {
		t.Fatalf("at the beginning there are %+v", first)
	}
	eval[bool](p, `(() => { const e = document.querySelector(".result .rows"); e.scrollTop = e.scrollHeight; return true; })()`)
	p.await("the last row is in sight", `document.querySelector('.result .rows tr[aria-rowindex="10001"]') !== null`)
	if last := p.rows(); last.There > 100 || last.Last != 10_001 {
		t.Errorf("at the end there are %+v", last)
	}
	p.says(".result .pager", fmt.Sprintf("Rows 1 to 10,000 of %d,%03d", (first.All-1)/1000, (first.All-1)%1000))
	p.click(".result .pager button:last-of-type")
	p.await("the next page begins", `document.querySelector('.result .rows tr[aria-rowindex="10002"]') !== null`)
	p.says(".result .pager", "Rows 10,001 to")
	eval[bool](p, keepFiles)
	p.click(".result section:last-of-type .head button")
	if got := p.file(); len(got) != first.All || !strings.HasPrefix(got[0], "equipmentId,") {
		t.Errorf("the file has %d lines, the first one %q, and there are %d rows", len(got), got[0], first.All-1)
	}
}

func TestItems_AreSorted(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1w")
	p.answered()
	cell := func(column int) string {
		return fmt.Sprintf(".result .rows tbody tr:not(.space) > :nth-child(%d)", column)
	}
	head := func(column int) string { return fmt.Sprintf(".result .rows thead th:nth-child(%d) button", column) }
	p.click(head(5)) // the maximum, upwards
	p.click(head(5)) // and downwards
	if got, want := p.text(cell(5)), p.text(".figures > div:nth-child(3) dd"); got != want {
		t.Errorf("the first row's maximum is %s, and the greatest %s", got, want)
	}
	if got := eval[string](p, `document.querySelector(%s).closest("th").getAttribute("aria-sort")`, head(5)); got != "descending" {
		t.Errorf("the column says that it is sorted %q", got)
	}
	if got := p.place().Get("sort"); got != "max-down" {
		t.Errorf("the address says %q", got)
	}
	p.click(head(4))
	if got, want := p.text(cell(4)), p.text(".figures > div:nth-child(2) dd"); got != want {
		t.Errorf("the first row's minimum is %s, and the least %s", got, want)
	}
	p.visit("/console?again#/overview?window=1w&sort=equipment-down")
	p.answered()
	if got := p.text(cell(2)); !strings.HasPrefix(got, "K") && !strings.HasPrefix(got, "L") && !strings.HasPrefix(got, "G") && got != "EQ-12050" {
		t.Errorf("sorted by equipment, the first one is %s", got)
	}
}

func TestEquipment_IsFoundAndHasAPage(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	var readings []sample
	for i := range 250 {
		readings = append(readings, sample{now.Add(time.Duration(-i) * time.Minute), fmt.Sprintf("%d.25", 20+i%20)})
	}
	readings[0].at = now.Add(123456789 * time.Nanosecond).Add(-time.Second)
	store(t, "PAGE-1", len(readings), readings...)
	p := open(t, look{zone: "UTC"})
	p.signIn("#/equipment")
	p.see(`main input[type="search"]`)
	p.accessible("equipment")
	p.shot("list")
	const turn = "main .pager button"
	p.await("a page has come", `document.querySelectorAll("main tbody tr").length === 50`)
	p.gone(turn + ":first-child")
	first := p.text("main tbody tr")
	p.click(turn + ":last-child")
	p.await("the next page has come", `document.querySelector("main tbody tr").innerText.trim() !== %s`, first)
	p.click(turn + ":first-child")
	p.says("main tbody tr", first)
	p.gone(turn + ":first-child")
	p.fill(`main input[type="search"]`, "PAGE-")
	p.await("one is left", `document.querySelectorAll("main tbody tr").length === 1`)
	p.says("main tbody tr", "20.25")
	p.click("main tbody a")
	p.says("h1", "PAGE-1")
	p.answered()
	if focused := eval[string](p, `document.activeElement.tagName`); focused != "H1" {
		t.Errorf("the focus is on %s", focused)
	}
	p.says(".last", "20.25")
	p.says(".last", ".123456789")
	const last = `section[aria-labelledby="readings-title"]`
	const cells = `[...document.querySelectorAll('` + last + ` tbody tr:not(.space)')].map((e) => e.children[1].textContent)`
	p.await("readings are listed", cells+`.length > 0`)
	if got := eval[[]string](p, cells); got[0] != "20.25" || got[1] != "21.25" {
		t.Errorf("the newest readings are %q", got[:2])
	}
	p.says(last, "200 rows")
	p.click(last + " .actions button")
	p.says(last, "250 rows")
	p.gone(last + " .actions button")
	p.accessible("equipment's page")
	p.fits("equipment's page")
	p.shot("page")
	eval[bool](p, keepFiles)
	p.click(last + " .head button:last-of-type")
	if got := p.file(); len(got) != 251 || !strings.Contains(got[1], "PAGE-1") {
		t.Errorf("the file has %d lines", len(got))
	}
}

// In every look axe finds nothing, nobody scrolls sideways, and the axes can be read.
func TestViews_InEveryLook(t *testing.T) {
	for name, l := range map[string]look{
		"phone": {width: 360, height: 740, touch: true}, "dark": {dark: true}, "forced": {forced: true, dark: true},
		"zoomed": {width: 640, height: 450, scale: 2}, "wide": {width: 3840, height: 2160, language: "pt-BR"}, "portuguese": {language: "pt-BR", dark: true, width: 768, height: 1024},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, l)
			p.signIn("#/overview?window=1m")
			p.answered()
			p.readable("overview of all")
			p.shot("overview")
			p.visit("/console?again#/overview?window=48h&equipment=EQ-12001&equipment=EQ-12002&equipment=EQ-12003&equipment=EQ-12011")
			p.answered()
			p.readable("overview of some")
			p.shot("some")
			p.visit("/console?yet-again#/equipment?id=EQ-12001&window=1w")
			p.answered()
			p.readable("equipment's page")
		})
	}
}

// readable holds what holds for every view in every look.
func (p *page) readable(view string) {
	p.t.Helper()
	p.accessible(view)
	p.fits(view)
	over := eval[[]string](p, `(() => {
		const all = [...document.querySelectorAll(".picture text")].map((e) => [e.textContent, e.getBoundingClientRect()]);
		const frame = document.querySelector(".chart").getBoundingClientRect(), bad = [];
		for (const [text, a] of all) {
			if (a.height < 11 || a.left < frame.left - 1 || a.right > frame.right + 1) bad.push(text + " is small or cut");
			for (const [other, b] of all) {
				if (a !== b && a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2) bad.push(text + " lies on " + other);
			}
		}
		return bad;
	})()`)
	if len(over) > 0 {
		p.t.Errorf("%s: the axes cannot be read: %q", view, over)
	}
	if marks := eval[int](p, `document.querySelectorAll(".picture text[class]").length`); marks < 2 {
		p.t.Errorf("%s: there are %d times on the axis", view, marks)
	}
}

func TestLanguages_WriteNumbersAndTimesTheirOwnWay(t *testing.T) {
	p := open(t, look{})
	p.signIn("#/overview?window=1m")
	p.answered()
	english := p.text(fourth)
	p.choose(speechList, "pt")
	p.says(question, "Todos os equipamentos · Últimos 30 dias")
	p.answered()
	if got := p.text(fourth); got != strings.ReplaceAll(english, ",", ".") || !strings.Contains(p.text(firstValue), ",") {
		t.Errorf("%s readings are written %s, and the average %s", english, got, p.text(firstValue))
	}
	if focused := eval[bool](p, `document.activeElement === document.querySelector(%s)`, speechList); !focused {
		t.Error("the list of languages has lost the focus")
	}
	if got := p.place().Get("language"); got != "pt" || eval[string](p, `document.documentElement.lang`) != "pt-BR" {
		t.Errorf("the address says %q", got)
	}
}

// The first view comes within 100 kB, and a month of fifty equipments is drawn while one waits.
func TestFirstView_IsSmall(t *testing.T) {
	p := open(t, look{})
	p.signIn("")
	p.answered()
	const loaded = `performance.getEntries().filter((e) => e.entryType === "navigation" ||
		e.entryType === "resource" && /\/(console|assets)\//.test(e.name))`
	bytes := eval[int](p, loaded+`.reduce((sum, e) => sum + e.transferSize, 0)`)
	files := eval[int](p, loaded+`.length`)
	t.Logf("the first view takes %d files and %d bytes", files, bytes)
	if bytes > 100_000 || files < 10 {
		t.Errorf("the first view takes %d files and %d bytes", files, bytes)
	}
	took := eval[float64](p, `new Promise((done) => {
		const question = document.querySelector(".question"), began = performance.now();
		new MutationObserver(() => {
			if (question.textContent.includes("30 days")) requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
		}).observe(question, { childList: true });
		document.querySelector(%s).click();
	})`, window(4))
	t.Logf("a month of fifty equipments stands there after %.0f ms", took)
	if took > 15_000 {
		t.Errorf("a month takes %.0f ms", took)
	}
}
