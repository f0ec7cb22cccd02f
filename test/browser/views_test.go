package browser_test

import (
	"net/http"
	"strings"
	"testing"
)

// forms are the views in which something is done or told, by their places, with a script that tells when what they show has come. Those
// of data have tests of their own.
var forms = []struct{ name, place, came string }{
	{"equipments", "#/equipment", `document.querySelector("main").innerText.includes("EQ-12001")`},
	{"send", "#/send", `!!document.querySelector('main input[name="value"]')`},
	{"uploads", "#/uploads", `document.querySelectorAll("main section tbody tr").length > 0`},
	{"deletion", "#/deletion", `!!document.querySelector('main input[name="from"]')`},
	{"machines", "#/machines", `!!document.querySelector('main [role="tab"]') && document.querySelectorAll("main .status.ready").length > 0`},
}

var looks = []struct {
	name string
	look
}{
	{"light", look{}},
	{"dark", look{dark: true, language: "pt-BR"}},
	{"forced", look{forced: true}},
	{"phone", look{width: 360, height: 740, scale: 2, touch: true, language: "pt-BR"}},
	{"zoomed", look{width: 640, height: 450, scale: 2}},
	{"4k", look{width: 3840, height: 2160, dark: true}},
}

// TestForms_AreForEverybody lets axe look at every one in every look, and holds that nothing is cut off or has to be scrolled to
// sideways.
func TestForms_AreForEverybody(t *testing.T) {
	t.Parallel()
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, l.look)
			p.signIn("#/send")
			for _, view := range forms {
				p.visit("/console" + view.place)
				p.await(view.name+" has come", view.came)
				p.await("all is written", `document.fonts.ready.then(() => true)`)
				p.accessible(view.name)
				p.fits(view.name)
				p.shot(view.name)
			}
			p.visit("/console#/uploads")
			p.chooseFile(file(t, "planta.csv", []byte(brazilian)))
			p.see(suggestion + " button")
			p.accessible("preview")
			p.fits("preview")
			p.shot("preview")
		})
	}
}

// TestForms_SpeakTheLanguageOfTheBrowser looks for words of the other language, and for keys of sentences that are missing.
func TestForms_SpeakTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	for language, words := range map[string]struct{ wants, never []string }{
		"en-GB": {[]string{"Overview", "Sign out"}, []string{"Visão", "Sair"}},
		"pt-BR": {[]string{"Visão geral", "Sair"}, []string{"Overview", "Sign out", "Loading"}},
		"fr-FR": {[]string{"Overview", "Sign out"}, nil}, // English for everybody else
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := open(t, look{language: language})
			p.signIn("#/overview")
			for _, view := range forms {
				p.visit("/console" + view.place)
				p.await(view.name+" has come", view.came)
				text := p.words()
				for _, want := range words.wants {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %q", view.name, want)
					}
				}
				for _, never := range words.never {
					if strings.Contains(text, never) {
						t.Errorf("%s says %q", view.name, never)
					}
				}
			}
		})
	}
}

// TestFocus_StaysWhereItBelongs goes through the console by the keyboard.
func TestFocus_StaysWhereItBelongs(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/send")
	p.see(`main input[name="value"]`)
	eval[bool](p, `(document.activeElement.blur(), true)`)
	p.key("\t")
	p.focused(".skip")
	p.see(".skip")
	p.key("\r")
	p.focused("main")
	p.key("\t")
	p.await("the focus is in the content", `document.querySelector("main").contains(document.activeElement) && document.activeElement !== document.querySelector("main")`)
	// Another view begins at its title.
	eval[bool](p, `(document.querySelector('nav a[data-view="machines"]').focus(), true)`)
	p.key("\r")
	p.see(`main [role="tab"]`)
	p.focused("main h1")
	// Every place that the Tab key reaches can be seen.
	for step := range 30 {
		p.key("\t")
		if hidden := eval[string](p, `(() => {
			const e = document.activeElement;
			if (e === document.body) return "";
			const style = getComputedStyle(e), r = e.getBoundingClientRect();
			return style.outlineStyle !== "none" && r.width > 0 && r.height > 0 ? "" : e.outerHTML.slice(0, 200);
		})()`); hidden != "" {
			t.Errorf("step %d: nothing shows that the focus is on %s", step, hidden)
		}
	}
}

// An address leads to a view also where its tab is not offered.
func TestViews_SayWhichRightTheyTake(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.answerWith("/auth/me", http.StatusOK, map[string]any{
		"username": local.Info.Username, "sub": "reader", "scopes": []string{"sensor-flow/read"}, "expiresAt": "2100-01-01T00:00:00Z",
	})
	p.signIn("#/deletion")
	for place, right := range map[string]string{"deletion": "sensor-flow/admin", "send": "sensor-flow/write", "uploads": "sensor-flow/write"} {
		eval[bool](p, `(location.hash = "#/" + %s, true)`, place)
		p.await(place+" says it", `document.querySelector("main h1")?.innerText !== "" && (document.querySelector("main [role=alert]")?.innerText ?? "").includes(%s)`, right)
		if eval[bool](p, `!!document.querySelector("main form")`) {
			t.Errorf("%s shows its form", place)
		}
	}
	p.accessible("a view without the right")
}
