package synth_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAssembly_IsTheSameWhereverItIsMade builds and runs infra in two copies of the sources, at different depths, and
// compares all files that come out, the programs included, byte for byte.
func TestAssembly_IsTheSameWhereverItIsMade(t *testing.T) {
	root := t.TempDir()
	var made [2]map[string][]byte
	for i, place := range []string{"a", filepath.Join("somewhere", "else", "sensorflow")} {
		dir := filepath.Join(root, place)
		for _, part := range []string{"go.mod", "go.sum", "cdk.json", "runtime", "constructs", "infra"} {
			copyTree(t, filepath.Join("..", "..", part), filepath.Join(dir, part))
		}
		run(t, dir, "go", "build", "-buildvcs=false", "-o", "synthesize", "./infra")
		run(t, dir, filepath.Join(dir, "synthesize"))
		made[i] = files(t, filepath.Join(dir, "cdk.out"))
	}
	for name, body := range made[0] {
		if other, ok := made[1][name]; !ok {
			t.Errorf("%s was not made a second time", name)
		} else if !bytes.Equal(body, other) {
			t.Errorf("%s differs", name)
		}
	}
	if len(made[0]) != len(made[1]) || len(made[0]) < 15 {
		t.Errorf("%d files were made, then %d", len(made[0]), len(made[1]))
	}
}

func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CDK_DEFAULT_ACCOUNT=111122223333", "CDK_OUTDIR="+filepath.Join(dir, "cdk.out"),
		"CDK_CONTEXT_JSON=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// copyTree copies sources; tests and their data are not needed.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o750)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, relative)), 0o750); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), body, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// files reads everything below a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[relative], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
