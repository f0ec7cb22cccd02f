package door

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInIDs = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```")
)

// anchors are the names by which GitHub links to a page's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range headings.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		found[strings.ReplaceAll(notInIDs.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return found
}

// pages are the Markdown files of the repository, by their paths in it. Folders with a dot hold what is built or brought, but for .github.
func pages(t *testing.T, repository fs.FS) (found []string) {
	t.Helper()
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if base := entry.Name(); base == "node_modules" || base == "cdk.out" || name != "." && base[0] == '.' && base != ".github" {
				return fs.SkipDir
			}
		case path.Ext(name) == ".md":
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestPages_LinkToWhatIsThere follows the links of all pages to files, folders and headings of the repository.
func TestPages_LinkToWhatIsThere(t *testing.T) {
	repository := os.DirFS(root(t))
	all := pages(t, repository)
	for _, one := range []string{"README.md", ".github/CONTRIBUTING.md", "constructs/README.md", "runtime/aggregate/DESIGN.md"} {
		if !slices.Contains(all, one) {
			t.Errorf("%s is not among the pages that were read: %v", one, all)
		}
	}
	followed := 0
	for _, page := range all {
		text, err := fs.ReadFile(repository, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range links.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			followed++
			if why := broken(repository, page, match[1]); why != "" {
				t.Errorf("%s links to %s: %s", page, match[1], why)
			}
		}
	}
	if followed < 60 {
		t.Errorf("only %d links were followed", followed)
	}
}

// broken says what is wrong with a link of a page, if anything.
func broken(repository fs.FS, page, link string) string {
	file, anchor, _ := strings.Cut(link, "#")
	target := path.Join(path.Dir(page), file)
	if file == "" {
		target = page
	}
	info, err := fs.Stat(repository, target)
	switch {
	case err != nil:
		return err.Error()
	case anchor == "" || info.IsDir():
		return ""
	}
	text, err := fs.ReadFile(repository, target)
	switch {
	case err != nil:
		return err.Error()
	case !anchors(string(text))[anchor]:
		return "there is no such heading"
	}
	return ""
}
