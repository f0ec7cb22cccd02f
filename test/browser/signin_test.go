package browser_test

import "testing"

// The parts of the frame and of the sign-in.
const (
	usernameField = `input[name="username"]`
	passwordField = `input[name="password"]`
	signInButton  = `form button[type="submit"]`
	frame         = "header.top"
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

func TestSignIn_ShowsTheConsole(t *testing.T) {
	p := open(t, look{})
	p.visit("/console")
	p.see(usernameField)
	p.accessible("sign-in")
	p.fits("sign-in")
	p.shot("sign-in")
	p.signIn("")
	p.says(frame, local.Info.Username)
	p.shot("console")
	p.accessible("console")
}
