package layout_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// directivesMax bounds the lint directives of the whole tree: each is a small debt, and where many have one reason, a rule in
// .golangci.yaml takes their place.
const directivesMax = 80

var (
	directive     = regexp.MustCompile(`//nolint(:\S+)?( // \S.*)?`)
	enabledLinter = regexp.MustCompile(`(?m)^    - (\w+)$`)
)

// TestLayout_SilencesOnlyLintersThatRun holds that each directive names linters that are enabled, and says why.
func TestLayout_SilencesOnlyLintersThatRun(t *testing.T) {
	base := root(t)
	config, err := os.ReadFile(filepath.Join(base, ".golangci.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	list, _, _ := strings.Cut(string(config), "\n  settings:")
	var enabled []string
	for _, match := range enabledLinter.FindAllStringSubmatch(list, -1) {
		enabled = append(enabled, match[1])
	}
	if !slices.Contains(enabled, "nolintlint") {
		t.Fatalf("the enabled linters are not found in .golangci.yaml: %v", enabled)
	}
	found := 0
	eachFile(t, base, func(name string, source []byte) {
		if name == "test/layout/lint_test.go" {
			return
		}
		for number, line := range strings.Split(string(source), "\n") {
			match := directive.FindStringSubmatch(line)
			if match == nil {
				continue
			}
			found++
			if match[1] == "" || match[2] == "" {
				t.Errorf("%s:%d: a directive names its linters and says why", name, number+1)
			}
			for linter := range strings.SplitSeq(strings.TrimPrefix(match[1], ":"), ",") {
				if !slices.Contains(enabled, linter) {
					t.Errorf("%s:%d silences %s, which does not run", name, number+1, linter)
				}
			}
		}
	})
	if found > directivesMax {
		t.Errorf("%d lint directives, more than %d", found, directivesMax)
	}
}
