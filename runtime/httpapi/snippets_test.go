package httpapi_test

import (
	"context"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/httpapi"
)

// What the page says about decimals is what Python, JavaScript and Go print. Languages that are not on this machine are left out.
func TestDocs_DecimalsAreAsTheyAreSaidToBe(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	page := f.do(call{method: "GET", path: "/docs"}).body
	for _, c := range []struct {
		id, file, mark string
		command        []string
	}{
		{"decimals-python", "snippet.py", "# ", []string{"python3"}},
		{"decimals-javascript", "snippet.js", "// ", []string{"node"}},
		{"decimals-go", "snippet.go", "// ", []string{"go", "run"}},
	} {
		t.Run(c.id, func(t *testing.T) {
			found := regexp.MustCompile(`(?s)<h3 id="` + c.id + `">[^\n]*\n<pre><code>(.*?)</code></pre>`).FindStringSubmatch(page)
			if found == nil {
				t.Fatal("the page has no such snippet")
			}
			text := html.UnescapeString(found[1])
			var want []string
			for line := range strings.Lines(text) {
				if _, said, ok := strings.Cut(line, c.mark); ok && strings.Contains(strings.ToLower(line), "print") || strings.Contains(line, "console.log") {
					want = append(want, strings.TrimSpace(said))
				}
			}
			if len(want) < 2 {
				t.Fatalf("the snippet says of %d lines what they print", len(want))
			}
			if _, err := exec.LookPath(c.command[0]); err != nil {
				t.Skipf("left out: %v", err)
			}
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, c.command[0], append(c.command[1:], file)...)
			got, err := command.CombinedOutput()
			if err != nil || strings.TrimSpace(string(got)) != strings.Join(want, "\n") {
				t.Errorf("it prints\n%s(%v), want\n%s", got, err, strings.Join(want, "\n"))
			}
		})
	}
}

// A browser is shown where to go; everybody else gets the greeting, load balancers among them.
func TestRoot_LeadsBrowsersOn(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	for accept, page := range map[string]bool{
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true, "text/html": true, "*/*": false, "text/plain": false, "text/plain, text/html": false,
	} {
		got := f.do(call{method: "GET", path: "/", headers: map[string]string{"Accept": accept}})
		if isPage := strings.HasPrefix(got.header.Get("Content-Type"), "text/html"); got.status != 200 || isPage != page || !page && got.body != "ok" {
			t.Errorf("Accept: %s: status %d, %s, %.20q", accept, got.status, got.header.Get("Content-Type"), got.body)
			continue
		} else if !isPage {
			continue
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; style-src 'self'") || inline.MatchString(got.body) {
			t.Errorf("the page breaks its policy %s", policy)
		}
		links := regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(got.body, -1)
		for _, link := range links {
			if there := f.do(call{method: "GET", path: link[1]}); there.status != 200 {
				t.Errorf("it leads to %s, which answers %d", link[1], there.status)
			}
		}
		for _, slashed := range []string{"/console/", "/docs/"} {
			if there := f.do(call{method: "GET", path: slashed}); there.status != 200 {
				t.Errorf("%s answers %d", slashed, there.status)
			}
		}
		if len(links) < 5 {
			t.Errorf("it leads to %d places", len(links))
		}
	}
}
