package browser_test

import "testing"

// signIn opens the console as its user does.
func (p *page) signIn() {
	p.t.Helper()
	p.faults.expect("/auth/me") // which says with 401 that nobody is signed in
	p.visit("/console")
	p.fill("#username", local.Info.Username)
	p.fill("#password", local.Info.Password)
	p.click("#sign-in-form button[type=submit]")
	p.see("#signed-in")
}

func TestSignIn_ShowsTheConsole(t *testing.T) {
	p := open(t, look{})
	p.signIn()
	p.says("#who-name", local.Info.Username)
	p.shot("console")
}

func TestDocuments_AreAccessible(t *testing.T) {
	p := open(t, look{})
	for _, l := range []look{{}, {dark: true}, {width: 360, height: 740}} {
		p.look(l)
		p.visit("/docs")
		p.accessible("documentation")
		p.fits("documentation")
	}
}
