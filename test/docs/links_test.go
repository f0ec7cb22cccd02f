package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInIDs = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors are the names by which GitHub links to a page's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range headings.FindAllStringSubmatch(text, -1) {
		found[strings.ReplaceAll(notInIDs.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return found
}

func checkLinks(t *testing.T, pages ...string) {
	t.Helper()
	for _, from := range pages {
		for _, link := range links.FindAllStringSubmatch(readPage(t, from), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link[1], "#")
			if file == "" {
				file = from
			}
			body, err := os.ReadFile(filepath.Join("..", "..", "constructs", filepath.FromSlash(file)))
			if info, statErr := os.Stat(filepath.Join("..", "..", "constructs", filepath.FromSlash(file))); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", from, link[1], err)
			} else if anchor != "" && !anchors(string(body))[anchor] {
				t.Errorf("%s links to %s, where there is no such heading", from, link[1])
			}
		}
	}
}
