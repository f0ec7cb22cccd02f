package layout_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inModules runs the script by which `make test` and `make check` reach every module, and returns where it ran a command, and
// with which packages.
func inModules(t *testing.T, packages string) (ran []string, err error) {
	t.Helper()
	cmd := exec.Command("sh", filepath.Join(root(t), ".make", "modules.sh"), packages, "sh", "-c", `echo "$PWD $*"`, "sh")
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		path, patterns, _ := strings.Cut(strings.TrimSpace(line), " ")
		relative, failed := filepath.Rel(root(t), path)
		if failed != nil {
			t.Fatal(failed)
		}
		ran = append(ran, relative+" "+patterns)
	}
	return ran, err
}

func TestModules_AreAllChecked(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "go.mod", "*/go.mod")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout: nothing tells the project's files from others")
	}
	var want []string
	for name := range strings.Lines(string(out)) {
		// test/consumertest builds that one, against this module as it is published.
		if module := filepath.Dir(strings.TrimSpace(name)); module != "test/consumer" {
			want = append(want, module+" ./...")
		}
	}
	slices.Sort(want)
	if got, err := inModules(t, "./..."); err != nil || !slices.Equal(got, want) || len(got) < 2 {
		t.Errorf("checked %q, want %q; error %v", got, want, err)
	}
}

func TestModules_FindTheModuleOfAPackage(t *testing.T) {
	for _, test := range []struct {
		name, packages string
		want           []string // none where it must fail
	}{
		{"a folder", "./runtime/ingest", []string{". ./runtime/ingest"}},
		{"a tree", "./runtime/...", []string{". ./runtime/..."}},
		{"the folder of another module", "./runtime/local/s3local/s3gateway", []string{"runtime/local/s3local/s3gateway ."}},
		{"a folder of a module below infra", "./infra/operate/image", []string{"infra/operate ./image"}},
		{"two modules", "./test/layout ./runtime/local/s3local/s3gateway/...", []string{". ./test/layout", "runtime/local/s3local/s3gateway ./..."}},
		{"rejects a module that is tested otherwise", "./test/consumer", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := inModules(t, test.packages)
			if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
				t.Errorf("got %q, want %q; error %v", got, test.want, err)
			}
		})
	}
}

// TestModule_RequiresLittleOfItsUsers counts what the module asks of teams that import its constructs, besides what it imports
// itself. What only a tool needs belongs into a module of the tool's own, as the gateway of the local S3 has one.
func TestModule_RequiresLittleOfItsUsers(t *testing.T) {
	const indirectMax = 45
	content, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if indirect := strings.Count(string(content), "// indirect"); indirect == 0 || indirect > indirectMax {
		t.Errorf("go.mod has %d indirect requirements, want 1 to %d", indirect, indirectMax)
	}
}
