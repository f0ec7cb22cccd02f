package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestOrigin_APageOfAnotherOriginMayNotActForThePerson(t *testing.T) {
	t.Parallel()
	cookie := signIn(t)
	own := local.Info.APIURL
	for name, c := range map[string]struct {
		header  []string
		refused bool
	}{
		"own origin":               {[]string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, false},
		"a program, no origin":     {nil, false},
		"own referer":              {[]string{"Referer", own + "/console"}, false},
		"another origin":           {[]string{"Origin", "https://evil.example"}, true},
		"another port":             {[]string{"Origin", "http://127.0.0.1:1"}, true},
		"own origin as a prefix":   {[]string{"Origin", own + ".evil.example"}, true},
		"no origin to be told":     {[]string{"Origin", "null"}, true},
		"cross-site, no origin":    {[]string{"Sec-Fetch-Site", "cross-site"}, true},
		"same-site, no origin":     {[]string{"Sec-Fetch-Site", "same-site"}, true},
		"another origin's referer": {[]string{"Referer", "https://evil.example/page"}, true},
		"foreign origin and none":  {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "none"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			id := equipment(t)
			call := probe.Call{Path: "/sensor-data", Body: []byte(oneReading(id, stamp(recent()), "1")), Header: carrying(cookie, c.header...)}
			if !c.refused {
				anonymous(t).good(call, http.StatusCreated)
				return
			}
			anonymous(t).bad(call, http.StatusForbidden)
			if got := machine(t).stored(id); len(got) > 0 {
				t.Errorf("refused, yet stored: %q", got)
			}
			anonymous(t).bad(probe.Call{Method: "POST", Path: "/auth/logout", Header: carrying(cookie, c.header...)}, http.StatusForbidden)
			// Reading changes nothing, and without the CORS headers no page of another origin can see the answer.
			got := anonymous(t).good(probe.Call{Path: "/auth/me", Header: carrying(cookie, c.header...)}, http.StatusOK)
			if got.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("another origin may read: %q", got.Header)
			}
			// A token in the header is never added by a browser.
			delete(call.Header, "Cookie")
			machine(t).good(call, http.StatusCreated)
		})
	}
}

// ALLOWED_ORIGINS is for pages of other origins, which need the cookie and the answers.
func TestOrigin_ConfiguredOnesMayCallWithCredentials(t *testing.T) {
	t.Parallel()
	const page, other = "https://console.example.com", "https://evil.example"
	s, err := stack.Start(t.Context(), stack.Options{AllowedOrigins: []string{page}, Observe: called.Observe})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }() // how a stack ends is for its own tests
	c := &caller{Client: &probe.Client{Base: s.Info.APIURL, HTTP: transport}, t: t}
	signedIn := c.good(probe.Call{
		Method: "POST", Path: "/auth/login", Header: map[string]string{"Authorization": basic(s.Info.Username, s.Info.Password)["Authorization"], "Origin": page},
	}, http.StatusOK)
	cookies := (&http.Response{Header: signedIn.Header}).Cookies()
	if len(cookies) != 1 || cookies[0].SameSite != http.SameSiteNoneMode || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Fatalf("the cookie is %q", signedIn.Header.Values("Set-Cookie"))
	}
	body := []byte(oneReading("cors", stamp(recent()), "1"))
	for origin, allowed := range map[string]bool{page: true, other: false, page + ".evil.example": false, "null": false} {
		call := probe.Call{Path: "/sensor-data", Body: body, Header: carrying(cookies[0], "Origin", origin)}
		var got probe.Answer
		if allowed {
			got = c.good(call, http.StatusCreated)
		} else {
			got = c.exchange(call, true, http.StatusForbidden)
		}
		preflight, err := c.Do(t.Context(), probe.Call{Method: "OPTIONS", Path: "/sensor-data", Header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []http.Header{got.Header, preflight.Header} {
			granted := header.Get("Access-Control-Allow-Origin") == origin && header.Get("Access-Control-Allow-Credentials") == "true"
			if granted != allowed || !allowed && header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s, allowed %v: %q", origin, allowed, header)
			}
		}
		methods, headers := preflight.Header.Get("Access-Control-Allow-Methods"), strings.ToLower(preflight.Header.Get("Access-Control-Allow-Headers"))
		if granted := strings.Contains(methods, "POST") && strings.Contains(headers, "content-type"); granted != allowed {
			t.Errorf("%s, allowed %v: a preflight is answered with %q", origin, allowed, preflight.Header)
		}
	}
}
