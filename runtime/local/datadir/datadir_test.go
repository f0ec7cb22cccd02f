package datadir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

func TestOpen_TakesTheFolderForOneStackAndForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "open", "to", "all")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := os.Stat(path); err != nil || found.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", found, err)
	}
	if got, want := d.Kept("file"), filepath.Join(path, "file"); got != want || d.File("file") != want {
		t.Errorf("a file lies at %q, want %q", got, want)
	}
	if _, err := datadir.Open(path); err == nil || !strings.Contains(err.Error(), "another stack is using the data folder "+path) {
		t.Errorf("a second stack: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path)
	if err != nil {
		t.Fatalf("after the first stack: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen_MakesATemporaryFolderThatCloseRemoves(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d, err := datadir.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := datadir.WriteFile(d.File("file"), []byte("content")); err != nil {
		t.Error(err)
	}
	if got := d.Kept("file"); got != "" {
		t.Errorf("%q is kept in a temporary folder", got)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestWriteFile_ReplacesTheWholeFileForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("a long text of before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := datadir.WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "new" {
		t.Errorf("content %q, %v", content, err)
	}
	if found, err := os.Stat(path); err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("mode of %v, %v", found, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
	if err := datadir.WriteFile(filepath.Join(path, "file"), nil); err == nil {
		t.Error("a file was written below a file")
	}
}
