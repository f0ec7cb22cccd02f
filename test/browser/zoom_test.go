package browser_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

const (
	zoomBackButton = ".result .tools button:nth-of-type(1)"
	zoomInButton   = ".result .tools button:nth-of-type(2)"
)

// zoomIn zooms and returns the beginning of the window that shows then.
func (p *page) zoomIn() string {
	p.t.Helper()
	before := eval[string](p, `location.hash`)
	p.click(zoomInButton)
	p.await("the address has another window", `location.hash !== %s`, before)
	p.answered()
	return p.place().Get("from")
}

// The way back from a zoom goes along with the browser's own way back, and outlives a reload.
func TestZoom_LeadsBackFromWhereOneIs(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/overview?window=1w&equipment=EQ-12001")
	p.answered()
	first := p.zoomIn()
	if second := p.zoomIn(); second == first {
		t.Fatalf("both zooms begin at %s", first)
	}
	eval[bool](p, `(history.back(), true)`)
	p.await("the first zoom shows", `location.hash.includes("from=" + %s)`, first)
	p.click(zoomBackButton)
	p.await("the week shows", `location.hash.includes("window=1w")`)
	p.gone(zoomBackButton)
	p.answered()
	p.zoomIn()
	p.visit("/console?again" + eval[string](p, `location.hash`))
	p.answered()
	p.gone(zoomBackButton) // it is another visit
	eval[bool](p, `(history.back(), true)`)
	p.await("the zoom shows again", `!location.search`)
	p.answered()
	p.see(zoomBackButton)
	p.click(zoomBackButton)
	p.await("the week shows", `location.hash.includes("window=1w")`)
}

func TestZoom_DoesNotLeadIntoTheFuture(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.signIn("#/overview?window=1m&equipment=EQ-12001")
	p.answered()
	eval[bool](p, `(document.querySelector(".chart").focus(), true)`)
	p.key(kb.End)
	p.key("+")
	p.await("the address has dates", `location.hash.includes("to=")`)
	to, err := time.Parse("2006-01-02T15:04Z", p.place().Get("to"))
	p.must(err)
	if over := time.Until(to); over > time.Hour {
		t.Errorf("the window ends %s from now", over)
	}
}
