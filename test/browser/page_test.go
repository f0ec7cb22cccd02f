package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// stepWithin bounds what a test waits for in a page; pageWithin bounds all that a test does in one.
const stepWithin, pageWithin = 45 * time.Second, 10 * time.Minute

// look is how a page is looked at. Its zero value is a laptop in light colours with English.
type look struct {
	width, height int64
	// scale is how many dots of the screen make one of the page: 2 with half the width is a zoom of 200 %.
	scale    float64
	dark     bool
	forced   bool
	language string
	// zone is where the viewer is.
	zone  string
	touch bool
}

func (l look) withDefaults() look {
	if l.width == 0 {
		l.width, l.height = 1280, 900
	}
	if l.scale == 0 {
		l.scale = 1
	}
	if l.language == "" {
		l.language = "en-US"
	}
	if l.zone == "" {
		l.zone = "America/Sao_Paulo"
	}
	return l
}

// page is a tab of the browser with cookies of its own.
type page struct {
	t      *testing.T
	ctx    context.Context
	faults *faults
}

// open opens a tab. When the test ends, whatever the browser complained of in it fails the test.
func open(t *testing.T, l look) *page {
	t.Helper()
	return openIn(t, l, chromedp.WithNewBrowserContext())
}

func openIn(t *testing.T, l look, in chromedp.ContextOption) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(local.browser, in)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context, so that no deadline may stand on it
		t.Fatal(err)
	}
	bounded, stop := context.WithTimeout(ctx, pageWithin)
	t.Cleanup(stop)
	p := &page{t: t, ctx: bounded, faults: newFaults(t)}
	p.must(p.faults.watch(bounded))
	p.look(l)
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
		}
	})
	return p
}

// window opens another tab with the same cookies.
func (p *page) window() *page {
	p.t.Helper()
	return openIn(p.t, look{}, chromedp.WithExistingBrowserContext(chromedp.FromContext(p.ctx).BrowserContextID))
}

// look changes how the page is looked at.
func (p *page) look(l look) {
	p.t.Helper()
	l = l.withDefaults()
	scheme, forced := "light", "none"
	if l.dark {
		scheme = "dark"
	}
	if l.forced {
		forced = "active"
	}
	agent, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`navigator.userAgent`))
	p.must(err)
	p.must(chromedp.Do(p.ctx,
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: l.scale,
		}),
		call(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}), // several tabs are open at once
		call(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: l.touch}),
		call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: l.zone}),
		call(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: l.language}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "forced-colors", Value: forced},
		}}),
	))
}

// call is the step that sends a command of the protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (p *page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// visit loads an address of the API.
func (p *page) visit(path string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.Navigate(local.Info.APIURL+path)))
}

// eval runs a script in the page, waits for the promise that it may give, and decodes what it gives into a value. The content
// security policy does not hold for it.
func eval[T any](p *page, script string, arguments ...any) T {
	p.t.Helper()
	value, err := tryEval[T](p, script, arguments...)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, script)
	}
	return value
}

func tryEval[T any](p *page, script string, arguments ...any) (T, error) {
	if len(arguments) > 0 {
		texts := make([]any, len(arguments))
		for i, a := range arguments {
			encoded, err := json.Marshal(a)
			if err != nil {
				var none T
				return none, err
			}
			texts[i] = string(encoded)
		}
		script = fmt.Sprintf(script, texts...)
	}
	return chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// await waits until a script gives true. What says what is waited for.
func (p *page) await(what, script string, arguments ...any) {
	p.t.Helper()
	p.awaitWithin(stepWithin, what, script, arguments...)
}

// patiently is await for what takes the service long.
func (p *page) patiently(what, script string, arguments ...any) {
	p.t.Helper()
	p.awaitWithin(pageWithin, what, script, arguments...)
}

func (p *page) awaitWithin(within time.Duration, what, script string, arguments ...any) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	if err := await.Until(ctx, func() error {
		holds, err := tryEval[bool](p, script, arguments...)
		if err == nil && !holds {
			err = errors.New("waited until " + what)
		}
		return err
	}); err != nil {
		p.t.Fatalf("%v\n%s\nthe page says: %s", err, script, p.words())
	}
}

// words are what the page shows, for failures.
func (p *page) words() string {
	text, _ := tryEval[string](p, `document.body ? document.body.innerText.slice(0, 3000) : ""`)
	return text
}

// seen is the script that tells whether an element is there and can be seen.
const seen = `(() => { const e = document.querySelector(%s); return !!e && e.checkVisibility({ visibilityProperty: true }); })()`

// see waits until an element can be seen.
func (p *page) see(selector string) {
	p.t.Helper()
	p.await(selector+" can be seen", seen, selector)
}

// gone waits until an element cannot be seen.
func (p *page) gone(selector string) {
	p.t.Helper()
	p.await(selector+" is gone", "!"+seen, selector)
}

// says waits until an element's text holds some words.
func (p *page) says(selector, words string) {
	p.t.Helper()
	p.await(selector+" says "+words, `(document.querySelector(%s)?.innerText ?? "").includes(%s)`, selector, words)
}

// text is an element's text.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, `document.querySelector(%s).innerText.trim()`, selector)
}

// value is what stands in a field.
func (p *page) value(selector string) string {
	p.t.Helper()
	p.await(selector+" is there", `document.querySelector(%s) !== null`, selector)
	return eval[string](p, `document.querySelector(%s).value`, selector)
}

// holds checks what stands in a field.
func (p *page) holds(selector, want string) {
	p.t.Helper()
	if got := p.value(selector); got != want {
		p.t.Errorf("%s holds %q, want %q", selector, got, want)
	}
}

// focused waits until an element has the focus.
func (p *page) focused(selector string) {
	p.t.Helper()
	p.await(selector+" has the focus", `document.activeElement === document.querySelector(%s)`, selector)
}

// ask calls the service as a machine and decodes its answer.
func (p *page) ask(path string, into any) {
	p.t.Helper()
	answer, err := local.client.Do(p.ctx, probe.Call{Path: path})
	p.must(err)
	p.must(answer.Decode(into))
}

// click clicks with the mouse once the element can be clicked.
func (p *page) click(selector string) {
	p.t.Helper()
	p.await(selector+" can be clicked", `(() => {
		const e = document.querySelector(%s);
		return !!e && e.checkVisibility({ visibilityProperty: true }) && !e.disabled;
	})()`, selector)
	ctx, cancel := context.WithTimeout(p.ctx, stepWithin)
	defer cancel()
	p.must(chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))))
}

// fill empties a field and types a text into it, key by key.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	p.see(selector)
	p.must(chromedp.Do(p.ctx, chromedp.Func(func(context.Context, *chromedp.Target) error {
		_, err := tryEval[bool](p, `(() => { const e = document.querySelector(%s); e.focus(); e.select?.(); return true; })()`, selector)
		return err
	})))
	if text == "" {
		p.key("\b")
		return
	}
	p.key(text)
}

// key types keys into whatever has the focus.
func (p *page) key(keys string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.KeyEvent(keys)))
}

// choose selects an entry of a list as its user does.
func (p *page) choose(selector, value string) {
	p.t.Helper()
	p.see(selector)
	if !eval[bool](p, `(() => {
		const e = document.querySelector(%s);
		e.focus();
		e.value = %s;
		e.dispatchEvent(new Event("input", { bubbles: true }));
		e.dispatchEvent(new Event("change", { bubbles: true }));
		return e.value === %s;
	})()`, selector, value, value) {
		p.t.Fatalf("%s has no entry %q", selector, value)
	}
}

// shot keeps a screenshot of the whole page.
func (p *page) shot(name string) {
	p.t.Helper()
	content, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("take a screenshot: %v", err)
		return
	}
	file := strings.ReplaceAll(p.t.Name(), "/", "-") + "-" + name + ".png"
	if err := os.WriteFile(filepath.Join(local.shots, file), content, 0o600); err != nil {
		p.t.Error(err)
	}
}

// fits holds that nothing is wider than the screen, so that nobody has to scroll sideways to read a line.
func (p *page) fits(view string) {
	p.t.Helper()
	if over := eval[[]string](p, `(() => {
		const wide = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= wide) return [];
		return [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > wide + 1)
			.slice(0, 5).map((e) => e.outerHTML.slice(0, 200));
	})()`); len(over) > 0 {
		p.t.Errorf("%s is wider than the screen: %q", view, over)
	}
}
