package browser_test

import (
	"slices"
	"strings"
	"testing"
)

// spoken are the scripts that give all that a page says: its texts, and the attributes that are read out. Numbers in it may change meanwhile.
const spoken = `(() => {
	const found = new Set(), add = (text) => { if (text?.trim()) found.add(text.trim().replace(/\d+/g, "0")); };
	const walk = document.createTreeWalker(document.getElementById("console"), NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
	for (let node = walk.nextNode(); node; node = walk.nextNode()) {
		if (node.nodeType === Node.TEXT_NODE) { if (!node.parentElement.closest(".region, .readout")) add(node.data); }
		else for (const name of ["aria-label", "aria-roledescription", "placeholder"]) add(node.getAttribute(name));
	}
	add(document.title);
	return [...found].sort();
})()`

// TestLanguage_ChangesInPlace holds that a view says all that it says to somebody who opens it in that language. It is alone: the uploads
// of other tests would stand in its lists.
func TestLanguage_ChangesInPlace(t *testing.T) {
	views := append(slices.Clone(forms), struct{ name, place, came string }{"overview", "#/overview?window=1m",
		`!document.querySelector(".result").hasAttribute("aria-busy") && document.querySelector(".came").textContent !== ""`})
	p := open(t, look{})
	p.signIn("#/send")
	for _, view := range views {
		english := view.place + "?language=en"
		if strings.Contains(view.place, "?") {
			english = view.place + "&language=en"
		}
		p.visit("/console?" + view.name + english)
		p.await(view.name+" has come", view.came)
		before := eval[[]string](p, spoken)
		p.choose(speechList, "pt")
		p.await("the title is Portuguese", `document.documentElement.lang === "pt-BR" && document.querySelector("nav").innerText.includes("Visão geral")`)
		p.await(view.name+" is there still", view.came)
		p.visit("/console?again" + view.name + eval[string](p, `location.hash`))
		fresh := p.freshlySpoken(view.name, view.came)
		p.visit("/console?back" + view.name + english)
		p.await(view.name+" has come", view.came)
		p.choose(speechList, "pt")
		p.await(view.name+" says in place what it says when it is opened", `(() => {
			const fresh = new Set(%s), now = `+spoken+`;
			return now.length === fresh.size && now.every((one) => fresh.has(one));
		})()`, fresh)
		if strings.Join(before, "\n") == strings.Join(fresh, "\n") {
			t.Errorf("%s says the same in both languages", view.name)
		}
	}
}

// freshlySpoken is what a view says once it has come.
func (p *page) freshlySpoken(name, came string) []string {
	p.t.Helper()
	p.await(name+" has come in Portuguese", came)
	p.await("it has settled", `new Promise((done) => {
		const before = JSON.stringify(`+spoken+`);
		setTimeout(() => done(JSON.stringify(`+spoken+`) === before), 500);
	})`)
	return eval[[]string](p, spoken)
}

func TestLanguage_LosesNothingThatWasTyped(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	typed := map[string]string{"equipmentId": "EQ-DRAFT", "timestamp": "2026-03-01T09:30:00Z", "value": "12.5"}
	for name, text := range typed {
		p.fill(`input[name="`+name+`"]`, text)
	}
	p.choose(speechList, "pt")
	p.says("main h1", "Enviar leitura")
	p.says("main form", "no fuso horário")
	for name, text := range typed {
		p.holds(`input[name="`+name+`"]`, text)
	}
	p.focused(speechList)
	p.click(`nav a[data-view="uploads"]`)
	p.says("main h1", "Arquivos")
	p.chooseFile(file(t, "planta.csv", []byte(brazilian)))
	p.see(suggestion + " button")
	p.choose(`select[name="delimiter"]`, ";")
	p.choose(`select[name="decimal"]`, ",")
	p.choose(speechList, "en")
	p.says("main h1", "Uploads")
	p.says(uploadPlace, "planta.csv")
	p.says("main .preview summary", "How the file is written")
	p.says(`select[name="delimiter"]`, "semicolon")
	p.holds(`select[name="delimiter"]`, ";")
	p.holds(`select[name="decimal"]`, ",")
	p.accessible("another language")
	// What was typed into the view that is out of sight is there still.
	p.click(`nav a[data-view="send"]`)
	p.says("main h1", "Send a reading")
	for name, text := range typed {
		p.holds(`input[name="`+name+`"]`, text)
	}
}

func TestLanguage_DisturbsNoTransfer(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/uploads")
	content := rowsOf(3_000, 5, "EQ-SPEAK")
	p.chooseFile(file(t, "running.csv", content))
	p.says(previewNote, "rows can be stored")
	p.slow(16 << 10)
	p.click(uploadButton)
	p.await("the bar moves", `document.querySelector("main progress")?.value > 0.02`)
	eval[bool](p, `(window.kept = document.querySelector("main progress"), true)`)
	p.choose(speechList, "pt")
	p.says(uploadPlace, "Enviando: ")
	p.says(uploadPlace+" .actions", "Cancelar")
	before := eval[float64](p, `window.kept.value`)
	p.await("the same bar goes on", `window.kept === document.querySelector("main progress") && window.kept.value > %s && window.kept.value < 0.5`, before)
	p.shot("sending")
	p.slow(0)
	p.patiently("it ends", `document.querySelector(%s).innerText.includes("Todas as linhas foram gravadas: 3.000.")`, uploadPlace)
}

// TestFaults_OfTheConsoleItself are told in its language alone.
func TestFaults_OfTheConsoleItselfHaveNoDetail(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-LEFT")
	p.fill(`input[name="value"]`, "1")
	p.endSession()
	p.key("\r")
	p.click(dialog + " button.plain")
	p.says(sendNote, "Você não está mais conectado.")
	if eval[bool](p, `[...document.querySelectorAll(".detail")].some((one) => one.textContent !== "")`) {
		t.Errorf("it says %q", p.text(sendNote))
	}
}

// TestFaults_AreToldInTheLanguageOfTheConsole: what the service itself says is the detail.
func TestFaults_AreToldInTheLanguageOfTheConsole(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.faults.expect("status of 400")
	p.signIn("#/send")
	p.fill(`input[name="equipmentId"]`, "EQ-FAULT")
	p.fill(`input[name="value"]`, "1")
	p.fill(`input[name="timestamp"]`, "yesterday")
	p.key("\r")
	p.says(sendNote, "O horário deve ser um horário da RFC 3339")
	p.says(sendNote+` [lang="en"]`, "timestamp must be")
	p.accessible("a fault in another language")
	p.shot("fault")
	p.choose(speechList, "en")
	p.await("the service's sentence alone is left", `(() => {
		const text = document.querySelector(%s).innerText;
		return !text.includes("horário") && text.split("timestamp must be").length === 2;
	})()`, sendNote)
}

// wrongRows are rows of each kind that the service refuses.
const wrongRows = "EQ-PT,2026-03-01T00:00:00Z,1\n" +
	"EQ PT,2026-03-01T00:00:00Z,1\n" +
	"EQ-PT,2026-02-31T00:00:00Z,1\n" +
	"EQ-PT,01/03/2026 14:30,1\n" +
	"EQ-PT,2026-03-01T00:00:60Z,1\n" +
	"EQ-PT,2999-03-01T00:00:00Z,1\n" +
	"EQ-PT,2026-03-01T00:00:00Z,\"1,5\"\n" +
	"EQ-PT,2026-03-01T00:00:00Z,1e30\n" +
	"EQ-PT, 2026-03-01T00:00:00Z,1\n" +
	"EQ-PT,1772353800,1\n" +
	"EQ-PT,2026-03-01 02:30 PM,1\n" +
	"EQ-PT,2026-03-01T00:00:00Z,1,2\n" +
	"EQ-PT,2026-03-01T00:00:00Z,\"1\n" +
	"EQ-PT,2026-03-01T00:00:00Z,1\"\n" +
	"EQ-PT,2026-03-01,NaN\n" +
	"EQ-PT,2026-03-01T00:00:00+03,\"1.234.567,5\"\n" +
	"EQ\xff,yesterday,one\n"

// noEnglish holds that a part of a page has no word of English but in titles.
func (p *page) noEnglish(selector string) {
	p.t.Helper()
	if english := eval[[]string](p, `[...document.querySelectorAll(%s)].map((one) => one.innerText)
		.filter((text) => /\b(must|the|is|are|with|which|and|or|it|has|takes|where)\b/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, "")))`, selector); len(english) > 0 {
		p.t.Errorf("%s says %q", selector, english)
	}
}

// readWhole holds that texts within something that can be scrolled are read without scrolling sideways.
func (p *page) readWhole(frame, texts string) {
	p.t.Helper()
	if cut := eval[[]string](p, `(() => {
		const right = document.querySelector(%s).getBoundingClientRect().right;
		return [...document.querySelectorAll(%s)].filter((one) => one.getBoundingClientRect().right > right + 1).map((one) => one.innerText);
	})()`, frame, texts); len(cut) > 0 {
		p.t.Errorf("%s are cut: %q", texts, cut)
	}
}

// TestLanguage_TellsWhatTheServiceSaysOfFiles: what the service refuses, and why, is told in the console's language in previews, in refused
// rows and of files that fail, with the service's own sentence at hand.
func TestLanguage_TellsWhatTheServiceSaysOfFiles(t *testing.T) {
	t.Parallel()
	p := open(t, look{language: "pt-BR"})
	p.signIn("#/uploads")
	p.chooseFile(file(t, "errada.csv", []byte("equipmentId,timestamp,value\n"+wrongRows)))
	p.says(previewNote, "1 das primeiras 17 linhas")
	const reasons = "main .preview tr.wrong p"
	if count := eval[int](p, `document.querySelectorAll(%s).length`, reasons); count < 16 {
		t.Errorf("%d reasons are told", count)
	}
	p.noEnglish(reasons)
	p.says("main .preview table", "o horário deve ser um dia do calendário; esse dia não existe nesse mês")
	if title := eval[string](p, `document.querySelector(%s).title`, reasons); !strings.Contains(title, "must be 1 to 128 characters") {
		t.Errorf("the service's own sentence is %q", title)
	}
	p.shot("preview")
	p.accessible("a preview in another language")
	p.look(look{width: 360, height: 740, language: "pt-BR"})
	p.readWhole("main .preview .scroll", reasons)
	p.look(look{language: "pt-BR"})
	p.click(uploadButton)
	p.patiently("it has ended", `document.querySelector(%s).innerText.includes("Recusadas: 16.")`, uploadPlace)
	p.noEnglish("main .rejects td:nth-child(2)")
	p.says("main .rejects table", "a linha deve ter 3 campos, tem 4")
	p.shot("rejects")
	p.choose(speechList, "en")
	p.says("main .rejects table", "the row must have 3 fields, has 4")
	p.choose(speechList, "pt")
	p.says("main .rejects table", "a linha deve ter 3 campos, tem 4")

	// A file that cannot be taken at all.
	p.chooseFile(file(t, "planta.csv", []byte(strings.ReplaceAll(brazilian, "EQ-BR", "EQ-FAIL"))))
	p.see(suggestion + " button")
	p.noEnglish(reasons)
	p.click(uploadButton)
	p.patiently("it has failed", `document.querySelector(%s).innerText.includes("Nada foi gravado: ")`, uploadPlace)
	p.await("the service's own sentence stands below", `document.querySelector(%s).innerText.includes("is wrong")`, uploadPlace+" .detail")
	p.await("the list tells it", `[...document.querySelectorAll("section tbody tr")].some((row) => row.innerText.includes("planta.csv") && row.innerText.includes("está errado"))`)
	p.noEnglish(`section tbody tr:first-child p.hint`)
	p.look(look{width: 360, height: 740, language: "pt-BR"})
	p.readWhole("main section .scroll", "main section p.hint:not([hidden])")
	p.shot("failed-file")
}
