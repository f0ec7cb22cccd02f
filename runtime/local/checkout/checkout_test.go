package checkout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

func TestRoot_IsThatOfTheWholeProject(t *testing.T) {
	want, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	// The second one is in a module of its own.
	for _, from := range []string{".", filepath.Join(want, "runtime", "local", "s3local", "s3gateway")} {
		t.Chdir(from)
		if got, err := checkout.Root(); err != nil || got != want {
			t.Errorf("from %s: %s, %v, want %s", from, got, err, want)
		}
	}
	t.Chdir(t.TempDir())
	if got, err := checkout.Root(); err == nil || !strings.Contains(err.Error(), "run this inside the project") {
		t.Errorf("outside: %s, %v", got, err)
	}
}

func TestBuild_TellsWhatTheCompilerSays(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/broken\n", "runtime/broken/main.go": "package main\n\nvar x int = \"text\"\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := checkout.Build(t.Context(), root, ".", "./runtime/broken")
	if err == nil || !strings.Contains(err.Error(), "main.go:3:13: cannot use \"text\"") {
		t.Errorf("error %v", err)
	}
}
