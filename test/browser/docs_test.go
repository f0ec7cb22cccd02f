package browser_test

import "testing"

// TestDocs_AreForEverybody lets axe look at the page to read in every look, and holds that nothing of it is wider than the screen, that
// what has to be scrolled can be by the keyboard, and that no two of its groups are named alike.
func TestDocs_AreForEverybody(t *testing.T) {
	t.Parallel()
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, l.look)
			p.visit("/docs")
			p.await("the page has come", `document.readyState === "complete" && !!document.querySelector("#problems")`)
			eval[bool](p, `document.querySelectorAll("details").forEach((d) => { d.open = true; }), true`)
			p.accessible("docs")
			p.fits("docs")
			if stuck := eval[[]string](p, `[...document.querySelectorAll("main *")].filter((e) => e.scrollWidth > e.clientWidth + 1 &&
				["auto", "scroll"].includes(getComputedStyle(e).overflowX) && !(e.tabIndex === 0 && e.getAttribute("role") && e.getAttribute("aria-label")))
				.map((e) => e.outerHTML.slice(0, 200))`); len(stuck) > 0 {
				t.Errorf("the keyboard does not reach what is to be scrolled: %q", stuck)
			}
			if cut := eval[[]string](p, `[...document.querySelectorAll("main th, main td, main p, main li, main h2, main h3, main pre, main dd")].filter((e) =>
				!e.closest(".scroll") && e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML.slice(0, 200))`); len(cut) > 0 {
				t.Errorf("this is wider than its place: %q", cut)
			}
			if alike := eval[[]string](p, `[...document.querySelectorAll("main [aria-label]")].map((e) => e.getAttribute("aria-label"))
				.filter((label, i, all) => all.indexOf(label) !== i)`); len(alike) > 0 {
				t.Errorf("several groups have the names %q", alike)
			}
			eval[bool](p, `document.querySelectorAll(".call").forEach((c) => { c.hidden = true; }), true`) // more than fits into a picture
			p.shot("docs")
		})
	}
}

// TestDocs_LeadWhereTheySay follows every link within the page.
func TestDocs_LeadWhereTheySay(t *testing.T) {
	t.Parallel()
	p := open(t, look{})
	p.visit("/docs")
	p.await("the page has come", `document.readyState === "complete"`)
	if lost := eval[[]string](p, `[...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.getElementById(a.hash.slice(1))).map((a) => a.hash)`); len(lost) > 0 {
		t.Errorf("there is nothing at %q", lost)
	}
	if twice := eval[[]string](p, `[...document.querySelectorAll('nav.contents a')].map((a) => a.hash).filter((hash, i, all) => all.indexOf(hash) !== i)`); len(twice) > 0 {
		t.Errorf("several entries of the contents lead to %q", twice)
	}
}
