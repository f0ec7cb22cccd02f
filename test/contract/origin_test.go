package contract_test

import (
	"net/http"
	"testing"

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
