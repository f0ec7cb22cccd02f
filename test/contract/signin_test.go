package contract_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// signIn signs the stack's person in and returns the cookie.
func signIn(t *testing.T) *http.Cookie {
	t.Helper()
	got := anonymous(t).good(probe.Call{Method: "POST", Path: "/auth/login", Header: basic(local.Info.Username, local.Info.Password)}, http.StatusOK)
	if string(got.Body) != `{"message":"Login successful"}`+"\n" && string(got.Body) != `{"message":"Login successful"}` {
		t.Errorf("the answer to a sign-in is %s", got.Body)
	}
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		if cookie.Name == "Authentication" {
			return cookie
		}
	}
	t.Fatalf("no cookie in %q", got.Header)
	return nil
}

// carrying is the header that sends a cookie back.
func carrying(cookie *http.Cookie, more ...string) map[string]string {
	header := map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}
	for i := 0; i+1 < len(more); i += 2 {
		header[more[i]] = more[i+1]
	}
	return header
}

func TestSignIn_SetsACookieForAnHour(t *testing.T) {
	t.Parallel()
	c := signIn(t)
	if !c.HttpOnly || c.Path != "/" || c.MaxAge != 3600 || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
		t.Errorf("the cookie is %q", c.Raw)
	}
	if c.Secure {
		t.Error("over plain HTTP on loopback the cookie must not be Secure: no browser would send it back")
	}
}

func TestSignIn_MeTellsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	cookie := signIn(t)
	me := decode[struct {
		Username, Sub, Email string
		Groups, Scopes       []string
		ExpiresAt            time.Time
	}](t, anonymous(t).good(probe.Call{Path: "/auth/me", Header: carrying(cookie)}, http.StatusOK))
	slices.Sort(me.Scopes)
	if me.Username != local.Info.Username || me.Sub == "" || me.Email == "" || !slices.Equal(me.Groups, []string{"admin"}) ||
		!slices.Equal(me.Scopes, []string{"sensor-flow/admin", "sensor-flow/read", "sensor-flow/write"}) {
		t.Errorf("me is %+v", me)
	}
	if left := time.Until(me.ExpiresAt); left < 55*time.Minute || left > 61*time.Minute {
		t.Errorf("the token lives for %v more", left)
	}
	anonymous(t).bad(probe.Call{Path: "/auth/me"}, http.StatusUnauthorized)
	anonymous(t).bad(probe.Call{Path: "/auth/me", Header: map[string]string{"Cookie": "Authentication=nonsense"}}, http.StatusUnauthorized)
}

func TestSignIn_APersonMayReadAndWrite(t *testing.T) {
	t.Parallel()
	cookie, id := signIn(t), equipment(t)
	anonymous(t).good(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, stamp(recent()), "1")), Header: carrying(cookie)}, http.StatusCreated)
	anonymous(t).good(probe.Call{Path: "/sensor-data?equipmentId=" + id, Header: carrying(cookie)}, http.StatusOK)
}

func TestSignIn_RejectsMalformedHeaders(t *testing.T) {
	t.Parallel()
	encode := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, header := range map[string]string{
		"none": "", "another scheme": "Bearer abc", "no credentials": "Basic", "not base64": "Basic %%%", "no colon": encode("somebody"),
		"no user": encode(":secret"), "no password": encode("somebody:"), "not UTF-8": encode("some\xffbody:secret"),
		"control character": encode("some\nbody:secret"), "huge": encode("somebody:" + string(make([]byte, 5000))),
	} {
		p := anonymous(t).bad(probe.Call{Method: "POST", Path: "/auth/login", Header: map[string]string{"Authorization": header}}, http.StatusBadRequest)
		if p.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie is set", name)
		}
	}
}

// It runs before the parallel tests, since it measures time, and signs in between, so that its failures do not add up.
func TestSignIn_AnUnknownUserIsAnsweredLikeAWrongPassword(t *testing.T) {
	try := func(username string) (problem, time.Duration) {
		began := time.Now()
		// A password may hold colons and letters of any script: a wrong one of those is 401, and not 400.
		p := anonymous(t).bad(probe.Call{Method: "POST", Path: "/auth/login", Header: basic(username, "wrong:pass:word ü")}, http.StatusUnauthorized)
		return p, time.Since(began)
	}
	// Of several attempts the fastest is the one that the machine's other work delayed least.
	tookWrong, tookUnknown := time.Hour, time.Hour
	for range 3 {
		wrong, took := try(local.Info.Username)
		tookWrong = min(tookWrong, took)
		unknown, took := try("nobody-" + equipment(t))
		tookUnknown = min(tookUnknown, took)
		if wrong.Message != unknown.Message || wrong.Type != unknown.Type || wrong.Detail != unknown.Detail ||
			wrong.header.Get("WWW-Authenticate") != unknown.header.Get("WWW-Authenticate") {
			t.Errorf("%+v and %+v tell users from others", wrong, unknown)
		}
		signIn(t)
	}
	if difference := (tookWrong - tookUnknown).Abs(); difference > 200*time.Millisecond {
		t.Errorf("a wrong password takes %v, an unknown user %v", tookWrong, tookUnknown)
	}
}

func TestSignIn_RepeatedFailuresMustWait(t *testing.T) {
	t.Parallel()
	header := basic("guessed-"+equipment(t), "wrong")
	for range 12 {
		got, err := anonymous(t).Do(t.Context(), probe.Call{Method: "POST", Path: "/auth/login", Header: header})
		if err != nil {
			t.Fatal(err)
		}
		anonymous(t).check(nil, true, got)
		switch got.Status {
		case http.StatusTooManyRequests:
			return
		case http.StatusUnauthorized:
		default:
			t.Fatalf("status %d: %s", got.Status, got.Body)
		}
	}
	t.Error("twelve wrong passwords in a row were all looked at")
}

func TestSignOut_RefusesTheTokenFromThenOn(t *testing.T) {
	t.Parallel()
	cookie := signIn(t)
	c := anonymous(t)
	c.good(probe.Call{Path: "/auth/me", Header: carrying(cookie)}, http.StatusOK)
	got := c.good(probe.Call{Method: "POST", Path: "/auth/logout", Header: carrying(cookie)}, http.StatusOK)
	if message := decode[struct{ Message string }](t, got).Message; message != "Logout successful" {
		t.Errorf("message %q", message)
	}
	cleared := (&http.Response{Header: got.Header}).Cookies()
	if len(cleared) != 1 || cleared[0].Name != "Authentication" || cleared[0].Value != "" || cleared[0].MaxAge >= 0 || cleared[0].Path != "/" {
		t.Errorf("the cookie is not cleared by %q", got.Header.Values("Set-Cookie"))
	}
	refused := func(header map[string]string) bool {
		got, err := c.Do(t.Context(), probe.Call{Path: "/auth/me", Header: header})
		if err != nil {
			t.Fatal(err)
		}
		c.check(nil, true, got)
		return got.Status == http.StatusUnauthorized
	}
	for _, header := range []map[string]string{carrying(cookie), {"Authorization": "Bearer " + cookie.Value}} {
		await.True(t, time.Minute, "the token no longer works", func() bool { return refused(header) })
	}
	c.bad(probe.Call{Path: "/sensor-data", Body: []byte(oneReading(equipment(t), stamp(recent()), "1")), Header: carrying(cookie)}, http.StatusUnauthorized)
	// Another sign-in of the same person goes on working.
	c.good(probe.Call{Path: "/auth/me", Header: carrying(signIn(t))}, http.StatusOK)
}

func TestSignOut_NeedsAToken(t *testing.T) {
	t.Parallel()
	anonymous(t).bad(probe.Call{Method: "POST", Path: "/auth/logout"}, http.StatusUnauthorized)
}
