package httpapi_test

import (
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

func TestOpenAPI_IsValidWithAndWithoutATokenEndpoint(t *testing.T) {
	for name, o := range map[string]httpapi.Options{
		"bare":    {},
		"machine": {TokenURL: "https://auth.example.com/oauth2/token", PublicURL: "https://api.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, o)
			got := f.do(call{method: "GET", path: "/openapi.json"})
			document, err := libopenapi.NewDocument([]byte(got.body))
			if err != nil {
				t.Fatal(err)
			}
			spec, errs := validator.NewValidator(document)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if ok, faults := spec.ValidateDocument(); !ok {
				for _, fault := range faults {
					t.Errorf("%s: %s %+v", fault.Message, fault.Reason, fault.SchemaValidationErrors)
				}
			}
			if strings.Contains(got.body, "auth.example.com") != (o.TokenURL != "") || strings.Contains(got.body, "oauth2") != (o.TokenURL != "") {
				t.Error("the description and the deployment differ about the token endpoint")
			}
			if o.PublicURL != "" && !strings.Contains(got.body, `"url": "https://api.example.com"`) {
				t.Error("the description does not name the service's address")
			}
		})
	}
}

func TestOpenAPI_DescribesEveryRouteAndNoOther(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	var described struct{ Paths map[string]map[string]any }
	f.do(call{method: "GET", path: "/openapi.json"}).decode(t, &described)
	want := map[string]bool{}
	for path, methods := range described.Paths {
		for method := range methods {
			want[strings.ToUpper(method)+" "+path] = true
		}
	}
	served := map[string]bool{}
	for _, pattern := range f.api.Patterns() {
		served[pattern] = true
		if !want[pattern] {
			t.Errorf("%s is served but not described", pattern)
		}
	}
	for pattern := range want {
		if !served[pattern] {
			t.Errorf("%s is described but not served", pattern)
		}
	}
}

// What a caller cannot find out by trying, or only by harm, stands in the description and on its page.
func TestDocuments_SayWhatMustBeKnownBeforehand(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for path, plain := range map[string]func(string) string{
		"/openapi.json": func(text string) string { return text },
		"/docs":         func(text string) string { return html.UnescapeString(tags.ReplaceAllString(text, "`")) },
	} {
		text := plain(f.do(call{method: "GET", path: path}).body)
		for _, sentence := range []string{
			"Whoever may read reads everything, and whoever may write writes any equipment: for several tenants, deploy the service for each.",
			"a spreadsheet may take a cell that begins with `=`, `+`, `-` or `@` for a formula and run it",
		} {
			if !strings.Contains(text, sentence) {
				t.Errorf("%s does not say %q", path, sentence)
			}
		}
	}
}

var tags = regexp.MustCompile(`</?code>`)

// Parameters that a call does not know are refused on every call of the API, also on those that know none. Pages, assets and
// health ignore them.
func TestOpenAPI_UnknownParametersAreRefusedOnEveryCall(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	ignored, none := 0, 0
	for _, pattern := range f.api.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{id}", "0d6f9c1e-5a1b-4a0e-9d53-5b7c3c1f6a20", "/assets/{name}", "/assets/pages.css",
			"/console/{name}", "/console/console.css").Replace(path)
		token := tokenPerson
		if method == http.MethodDelete || strings.HasPrefix(path, "/sensor-data/deletions/") {
			token = tokenAdmin
		}
		got := f.do(call{method: method, path: path + "?nonsense=1", token: token})
		switch path {
		case "/", "/healthz", "/readyz", "/docs", "/console", "/openapi.json", "/assets/pages.css", "/console/console.css":
			if ignored++; got.status != http.StatusOK {
				t.Errorf("%s: status %d", pattern, got.status)
			}
			continue
		}
		p := f.problem(got)
		at := slices.IndexFunc(p.Errors, func(e fault.FieldError) bool { return e.Field == "nonsense" })
		if got.status != http.StatusBadRequest || at < 0 {
			t.Errorf("%s: status %d: %s", pattern, got.status, got.body)
			continue
		}
		reason := p.Errors[at].Reason
		if reason == "is not a known parameter; this call takes none" {
			none++
		} else if known, ok := strings.CutPrefix(reason, "is not a known parameter; known are "); !ok || known == "" {
			t.Errorf("%s: the reason is %q", pattern, reason)
		}
	}
	if ignored != 8 || none < 8 {
		t.Errorf("%d calls ignored the parameter, %d said that they take none", ignored, none)
	}
}

// A misspelt parameter is what the answer begins with on every call that asks for something: that another one is missing then, or wrong,
// follows from it.
func TestOpenAPI_MisspeltParametersAreNamedFirst(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	var described struct {
		Paths      map[string]map[string]struct{ Parameters []parameter }
		Components struct{ Parameters map[string]parameter }
	}
	f.do(call{method: "GET", path: "/openapi.json"}).decode(t, &described)
	asked := 0
	for path, methods := range described.Paths {
		for _, p := range methods["get"].Parameters {
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = described.Components.Parameters[name]
			}
			if p.In != "query" {
				continue
			}
			asked++
			misspelt := p.Name + p.Name[len(p.Name)-1:]
			for _, others := range []string{"", "&limit=0", "&limit=7&limit=8&cursor="} {
				got := f.problem(f.do(call{method: "GET", path: path + "?" + misspelt + "=24h" + others, token: tokenReader}))
				if got.Status != http.StatusBadRequest || len(got.Errors) == 0 || got.Errors[0].Field != misspelt || !strings.HasPrefix(got.Message, misspelt+" is not a known parameter") {
					t.Errorf("%s?%s%s: status %d: %s %v", path, misspelt, others, got.Status, got.Message, got.Errors)
				}
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d parameters were misspelt", asked)
	}
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name, In string
}

var inline = regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:|(src|href)="(https?:)?//`)

func TestPages_NeedNothingThatTheirPolicyForbids(t *testing.T) {
	f := newFixture(t, httpapi.Options{UploadOrigin: "https://bucket.example"})
	for _, path := range []string{"/docs", "/console"} {
		got := f.do(call{method: "GET", path: path})
		policy := got.header.Get("Content-Security-Policy")
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d, type %s", path, got.status, got.header.Get("Content-Type"))
		}
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %s", path, policy)
		}
		if found := inline.FindString(got.body); found != "" {
			t.Errorf("%s holds %q, which its policy forbids", path, found)
		}
		for _, asset := range regexp.MustCompile(`(?:src|href)="(/[^"#]*)"`).FindAllStringSubmatch(got.body, -1) {
			if there := f.do(call{method: "GET", path: asset[1]}); there.status != http.StatusOK {
				t.Errorf("%s names %s, which answers %d", path, asset[1], there.status)
			}
		}
		again := f.do(call{method: "GET", path: path, headers: map[string]string{"If-None-Match": got.header.Get("ETag")}})
		if again.status != http.StatusNotModified || again.body != "" {
			t.Errorf("%s with its ETag: status %d", path, again.status)
		}
	}
	if policy := f.do(call{method: "GET", path: "/console"}).header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self' https://bucket.example;") {
		t.Errorf("the console may not send files to the bucket: %s", policy)
	}
}

func TestDocs_ShowEveryCallFieldAndProblem(t *testing.T) {
	f := newFixture(t, httpapi.Options{TokenURL: "https://auth.example.com/oauth2/token"})
	page := f.do(call{method: "GET", path: "/docs"}).body
	var described struct {
		Paths      map[string]map[string]struct{ Summary string }
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	f.do(call{method: "GET", path: "/openapi.json"}).decode(t, &described)
	for path, methods := range described.Paths {
		for _, operation := range methods {
			if !strings.Contains(page, "<code>"+path+"</code>") || !strings.Contains(page, "<strong>"+operation.Summary+"</strong>") {
				t.Errorf("%s is not on the page", path)
			}
		}
	}
	for name, schema := range described.Components.Schemas {
		for property := range schema.Properties {
			if name != "Problem" && name != "Unready" && !strings.Contains(page, property+"</code>") {
				t.Errorf("%s.%s is not on the page", name, property)
			}
		}
	}
	for _, problem := range []string{"invalid", "unauthenticated", "slow-body", "unavailable"} {
		if !strings.Contains(page, `id="problem-`+problem+`"`) {
			t.Errorf("the problem %s is not on the page", problem)
		}
	}
	if !strings.Contains(page, "https://auth.example.com/oauth2/token") {
		t.Error("the page does not name the token endpoint")
	}
}

// A file holds all there is. What is said of pages does not hold of it.
func TestDocs_DoNotCallAFileAPage(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	page := f.do(call{method: "GET", path: "/docs"}).body
	files := regexp.MustCompile(`<code>200 text/csv</code></summary><p>([^<]*)`).FindAllStringSubmatch(page, -1)
	for _, said := range files {
		if !strings.HasPrefix(said[1], "All ") {
			t.Errorf("of a file it is said: %s", said[1])
		}
	}
	if len(files) != 3 {
		t.Errorf("%d calls answer files", len(files))
	}
}

func TestRegion_IsToldWithEveryAnswer(t *testing.T) {
	f := newFixture(t, httpapi.Options{Region: "eu-central-1"})
	for _, path := range []string{"/console", "/healthz", "/auth/me", "/nowhere"} {
		if got := f.do(call{method: "GET", path: path}).header.Get("X-Region"); got != "eu-central-1" {
			t.Errorf("%s is answered by %q", path, got)
		}
	}
	alone := newFixture(t, httpapi.Options{})
	if got := alone.do(call{method: "GET", path: "/healthz"}).header; got.Values("X-Region") != nil {
		t.Errorf("a service that knows no region tells %q", got)
	}
}

// A page stands at its address with a slash behind it too; what has no such page stays unknown.
func TestPages_StandBehindASlashToo(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for _, path := range []string{"/console", "/docs"} {
		plain, slashed := f.do(call{method: "GET", path: path}), f.do(call{method: "GET", path: path + "/?from=bookmark"})
		if slashed.status != http.StatusOK || slashed.body != plain.body || slashed.header.Get("Content-Security-Policy") != plain.header.Get("Content-Security-Policy") {
			t.Errorf("%s/: status %d, another page than %s", path, slashed.status, path)
		}
	}
	for _, path := range []string{"/console//", "/console/nothing.js", "/console/index.html", "/console/console.css/", "/sensor-data/", "//"} {
		if got := f.do(call{method: "GET", path: path}); got.status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
}

func TestDocument_IsSentCompressedToWhomItSuits(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	// Without the header, the test's own client would ask for gzip, and undo it.
	plain := f.do(call{method: "GET", path: "/console/main.js", headers: map[string]string{"Accept-Encoding": "identity"}})
	for accept, packs := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "*": true, "deflate, *;q=0.1": true, "gzip;q=1.0, *;q=0": true,
		"identity": false, "br": false, "gzip;q=0": false, "gzip; q=0.000, *": false, "*;q=0": false,
	} {
		got := f.do(call{method: "GET", path: "/console/main.js", headers: map[string]string{"Accept-Encoding": accept}})
		body := got.body
		if (got.header.Get("Content-Encoding") == "gzip") != packs || !slices.Contains(got.header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%q: headers %v", accept, got.header)
		}
		if packs {
			zip, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatalf("%q: %v", accept, err)
			}
			unpacked, err := io.ReadAll(zip)
			if err != nil || len(body) > len(unpacked)/2 {
				t.Errorf("%q: %d bytes, of %d: %v", accept, len(body), len(unpacked), err)
			}
			body = string(unpacked)
		}
		if body != plain.body {
			t.Errorf("%q: another file", accept)
		}
		if (got.header.Get("ETag") != plain.header.Get("ETag")) != packs {
			t.Errorf("%q: the tag %s stands for other bytes too", accept, got.header.Get("ETag"))
		}
	}
	small := f.do(call{method: "GET", path: "/assets/icon.svg", headers: map[string]string{"Accept-Encoding": "gzip"}})
	if small.header.Get("Content-Encoding") != "" {
		t.Error("a picture of 250 bytes is compressed")
	}
}

func TestDocument_IsNotSentAgainToWhomHasIt(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	get := func(accept, has string) reply {
		return f.do(call{method: "GET", path: "/console/main.js", headers: map[string]string{"Accept-Encoding": accept, "If-None-Match": has}})
	}
	plain, packed := get("identity", "").header.Get("ETag"), get("gzip", "").header.Get("ETag")
	for _, one := range []struct {
		accept, has string
		status      int
	}{
		{"identity", plain, 304}, {"gzip", packed, 304}, {"gzip", `"other", W/` + packed, 304}, {"gzip", "*", 304},
		{"identity", packed, 200}, {"gzip", plain, 200}, {"identity", strings.Trim(plain, `"`), 200}, {"identity", `"other"`, 200},
	} {
		if got := get(one.accept, one.has); got.status != one.status || (got.status == 304) != (got.body == "") {
			t.Errorf("with %s, accepting %q: status %d, %d bytes", one.has, one.accept, got.status, len(got.body))
		}
	}
}
