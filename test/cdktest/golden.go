package cdktest

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files") //nolint:gochecknoglobals // a flag of the test binary

// hashes are asset hashes (64 digits) and the ends of the ids of a function's versions (32 digits, behind eight that stay).
// They change with every line of the runtime, and a reader learns nothing from them.
var hashes = regexp.MustCompile(`(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{32}`)

// Scrub returns the template as readable JSON, without what does not concern a reader: hashes, the metadata of
// resources, which CloudFormation ignores, and the rule and parameter that check the bootstrap stack's version.
func Scrub(t testing.TB, template Template) string {
	t.Helper()
	kept := maps.Clone(template)
	delete(kept, "Rules")
	if resources, ok := kept["Resources"].(map[string]any); ok {
		without := map[string]any{}
		for id := range resources {
			body, _ := resources[id].(map[string]any)
			body = maps.Clone(body)
			delete(body, "Metadata")
			without[id] = body
		}
		kept["Resources"] = without
	}
	if parameters, ok := kept["Parameters"].(map[string]any); ok {
		parameters = maps.Clone(parameters)
		delete(parameters, "BootstrapVersion")
		if kept["Parameters"] = parameters; len(parameters) == 0 {
			delete(kept, "Parameters")
		}
	}
	return hashes.ReplaceAllString(JSON(t, kept), "$1<hash>")
}

// Golden compares the scrubbed template with testdata/<name>.golden.json; the flag -update rewrites that file.
func (t Template) Golden(tb testing.TB, name string) {
	tb.Helper()
	Golden(tb, name+".golden.json", Scrub(tb, t))
}

// Golden compares a text with a file of testdata; the flag -update rewrites the file. Read the difference before
// committing it.
func Golden(t testing.TB, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); -update rewrites it:\n%s", path, diff)
	}
}

// equal compares two templates, hashes included: a prop may well change nothing but a hash.
func equal(t testing.TB, a, b Template) bool {
	t.Helper()
	one, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	other, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(one) == string(other)
}
