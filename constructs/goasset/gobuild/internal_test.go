package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPinned_LetsTheModuleDecideUnlessOnlyTheLocalGoIsAllowed(t *testing.T) {
	for _, c := range []struct{ name, wanted, running, callers, want string }{
		{"no toolchain line", "", "go1.27.0", "auto", "auto"},
		{"the same version", "go1.26.8", "go1.26.8", "auto", "auto"},
		{"another version", "go1.26.8", "go1.27.0", "auto", "go1.26.8"},
		{"another version, and the caller pinned a third", "go1.26.8", "go1.27.0", "go1.27.0", "go1.26.8"},
		{"another version, local only", "go1.26.8", "go1.27.0", "local", "local"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pinned(c.wanted, c.running, c.callers); got != c.want {
				t.Errorf("GOTOOLCHAIN is %s, want %s", got, c.want)
			}
		})
	}
}

func TestEnviron_HandsOnNothingThatChangesTheBytes(t *testing.T) {
	b := &build{target: target{"api", ARM64}, toolchain: &toolchain{
		environ: []string{
			"HOME=/home/x", "GOFLAGS=-race", "goos=plan9", "GOARM64=v9.0", "CGO_CFLAGS=-O3",
			"GOPROXY=https://environment", "HTTPS_PROXY=p",
		},
		setting: map[string]string{
			"GOPROXY": "https://stored", "GOPRIVATE": "", "GOTOOLCHAIN": "auto", "GOVERSION": "go1.26.8",
			"GOFLAGS": "-race",
		},
	}}
	want := []string{
		"HOME=/home/x", "HTTPS_PROXY=p", "GOPROXY=https://stored", "GOENV=off", "GOWORK=off", "GOOS=linux",
		"GOARCH=arm64", "CGO_ENABLED=0", "GOTOOLCHAIN=auto",
	}
	if got := b.environ(); !slices.Equal(got, want) {
		t.Errorf("the environment is %q", got)
	}
}

func TestDirective_ReadsGoMod(t *testing.T) {
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "go.mod"),
		[]byte("module \"example.com/x\"\n\ngo 1.26.0\n\ntoolchain go1.26.8 // pinned\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	m, tc, none := directive(dir, "module"), directive(dir, "toolchain"), directive(t.TempDir(), "module")
	if m != "example.com/x" || tc != "go1.26.8" || none != "" {
		t.Errorf("read %q, %q, %q", m, tc, none)
	}
}

func TestKeep_FillsOnceAndForgetsWhatIsUnused(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	fills := 0
	fill := func(dir string) error {
		fills++
		return os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600)
	}
	one, other := strings.Repeat("1", 64), strings.Repeat("2", 64)
	dir, err := keep("name", one, fill)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := keep("name", one, fill); err != nil || again != dir || fills != 1 {
		t.Fatalf("the second time: %q, %v after %d fills", again, err, fills)
	}
	refused := errors.New("no")
	if _, err := keep("name", other, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Fatalf("the error was %v", err)
	}
	old := time.Now().Add(-unusedMax - time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	second, err := keep("name", other, fill)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(second) {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestCacheDir_IsTheProcesssOwnWhereTheUsersCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := cacheDir()
	if err != nil || filepath.Dir(dir) != os.Getenv("TMPDIR") {
		t.Errorf("the folder is %q, %v", dir, err)
	}
}
