package datadir_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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

// TestOpen_RemovesWhatTheDeadHaveLeft has a process make a temporary folder and die without closing it.
func TestOpen_RemovesWhatTheDeadHaveLeft(t *testing.T) {
	if os.Getenv("DIES") != "" {
		d, err := datadir.Open("")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("made", d.File(""))
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	t.Setenv("TMPDIR", t.TempDir())
	other := filepath.Join(os.TempDir(), "sensorflow-notes")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	alive, err := datadir.Open("")
	if err != nil {
		t.Fatal(err)
	}
	dies := exec.Command(os.Args[0], "-test.run=TestOpen_RemovesWhatTheDeadHaveLeft")
	dies.Env = append(os.Environ(), "DIES=1")
	out, _ := dies.CombinedOutput()
	_, path, made := strings.Cut(strings.TrimSpace(string(out)), "made ")
	if _, err := os.Stat(path); !made || err != nil {
		t.Fatalf("the one that dies: %s, %v", out, err)
	}
	d, err := datadir.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what it had made: %v", err)
	}
	for _, kept := range []string{other, alive.File(""), d.File("")} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("what others use: %v", err)
		}
	}
	if err := errors.Join(d.Close(), alive.Close()); err != nil {
		t.Error(err)
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
