package contract_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

func TestDocuments_TheDescriptionIsOpenAPI31AndValid(t *testing.T) {
	t.Parallel()
	got := anonymous(t).good(probe.Call{Path: "/openapi.json"}, http.StatusOK)
	described := decode[struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}](t, got)
	if !strings.HasPrefix(described.OpenAPI, "3.1.") || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("version %q, type %q", described.OpenAPI, got.Header.Get("Content-Type"))
	}
	if ok, faults := local.spec.validator.ValidateDocument(); !ok {
		for _, fault := range faults {
			t.Errorf("%s: %s", fault.Message, fault.Reason)
		}
	}
	for _, call := range strings.Split("get /,get /healthz,get /readyz,post /auth/login,get /auth/me,post /auth/logout,post /sensor-data,post /sensor-data/batch,"+
		"get /sensor-data,post /sensor-data/uploads,post /sensor-data/upload-csv,get /sensor-data/uploads/{id},post /sensor-data/uploads/{id}/parts,post /sensor-data/uploads/{id}/complete,get /sensor-data/uploads,"+
		"get /sensor-data/aggregated,get /openapi.json,get /docs,get /console", ",") {
		method, path, _ := strings.Cut(call, " ")
		if described.Paths[path][method] == nil {
			t.Errorf("%s is not described", call)
		}
	}
	if !strings.Contains(string(got.Body), local.Info.TokenURL) {
		t.Error("the description does not name the token endpoint")
	}
}

var (
	inlineScript = regexp.MustCompile(`(?is)<script(?:\s[^>]*)?>\s*[^<\s]|\son[a-z]+\s*=|javascript:`)
	inlineStyle  = regexp.MustCompile(`(?is)<style|\sstyle\s*=`)
	reference    = regexp.MustCompile(`(?i)\s(src|href|action|srcset|poster|data)="([^"]*)"`)
	cssReference = regexp.MustCompile(`(?i)url\(|@import`)
	fetched      = regexp.MustCompile("[\"'`](https?:)?//[^\"'`]+")
)

func TestDocuments_PagesWorkUnderTheirOwnPolicyAndOffline(t *testing.T) {
	t.Parallel()
	for _, address := range []string{local.Info.DocsURL, local.Info.ConsoleURL} {
		page, err := url.Parse(address)
		if err != nil || address != local.Info.APIURL+page.Path {
			t.Fatalf("%s is not below %s", address, local.Info.APIURL)
		}
		got := anonymous(t).good(probe.Call{Path: page.Path}, http.StatusOK)
		policy, text := got.Header.Get("Content-Security-Policy"), string(got.Body)
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || len(text) < 1000 {
			t.Errorf("%s: type %q, %d bytes", page.Path, got.Header.Get("Content-Type"), len(text))
		}
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe-") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %q", page.Path, policy)
		}
		for what, inline := range map[string]*regexp.Regexp{"script": inlineScript, "style": inlineStyle} {
			if found := inline.FindString(text); found != "" {
				t.Errorf("%s: the inline %s %q is what its policy forbids", page.Path, what, found)
			}
		}
		loadsFromItsOrigin(t, page, text, policy)
	}
}

// loadsFromItsOrigin follows what a page loads: all of it must come from the page's origin, exist, and be allowed.
func loadsFromItsOrigin(t *testing.T, page *url.URL, text, policy string) {
	t.Helper()
	for _, found := range reference.FindAllStringSubmatch(text, -1) {
		target, err := page.Parse(found[2])
		if err != nil {
			t.Errorf("%s names %q: %v", page.Path, found[2], err)
			continue
		}
		if target.Host != page.Host || target.Scheme != page.Scheme {
			t.Errorf("%s names %s, of another origin", page.Path, target)
			continue
		}
		if target.Path == page.Path {
			if id := target.Fragment; id != "" && !strings.Contains(text, `id="`+id+`"`) {
				t.Errorf("%s points to #%s, which is not there", page.Path, id)
			}
			continue
		}
		got := anonymous(t).good(probe.Call{Path: target.Path}, http.StatusOK)
		switch media := got.Header.Get("Content-Type"); {
		case strings.HasPrefix(media, "text/css"):
			if !strings.Contains(policy, "style-src 'self'") || cssReference.Match(got.Body) {
				t.Errorf("%s: the style of %s is not allowed or loads more", page.Path, target.Path)
			}
		case strings.HasPrefix(media, "text/javascript"):
			if !strings.Contains(policy, "script-src 'self'") {
				t.Errorf("%s: the script of %s is not allowed", page.Path, target.Path)
			}
			for _, found := range fetched.FindAllString(string(got.Body), -1) {
				if !strings.Contains(found, "http://www.w3.org/") { // the name of a namespace, which nobody fetches
					t.Errorf("%s names %s", target.Path, found)
				}
			}
			if found := regexp.MustCompile(`\beval\(|new Function|\.style\.|setAttribute\(['"]style`).Find(got.Body); found != nil {
				t.Errorf("%s uses %s", target.Path, found)
			}
		}
	}
}

func TestDocuments_AnswersAreNotPages(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/healthz", "/nothing", "/sensor-data/aggregated?interval=24h&equipmentId=x", "/openapi.json"} {
		got, err := machine(t).Do(t.Context(), probe.Call{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: headers %q", path, got.Header)
		}
	}
}
