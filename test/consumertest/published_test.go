package consumertest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const modulePath = "github.com/sensorflow/sensorflow"

// mark is text that the published commands carry and those of the checkout do not, so that a program tells which of
// them it was built from.
const mark = "sensorflow: built from the module cache"

// commands are those that get the mark.
func commands() []string {
	return []string{"aggregator", "api", "auditor", "csvprocessor", "repairer", "smoketest"}
}

// published is this module, as it lies in the checkout, on a proxy.
type published struct {
	version string
	proxy   string // a folder, as GOPROXY's file:// takes it
	cache   string // the module cache, shared with the user's other modules
}

// publish puts the module on a proxy of its own. The third-party modules and the compiled packages come from the caches
// that exist: in another cache the CDK would be unpacked and compiled once more, which takes a minute. At the end, what
// this version left in the cache is removed.
func publish(t *testing.T, cache string) *published {
	t.Helper()
	root := checkout(t)
	lockCheckout(t, root)
	sources := moduleFiles(t, root)
	p := &published{version: versionOf(t, root, sources), proxy: t.TempDir(), cache: cache}
	at := filepath.Join(p.proxy, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	// Create refuses what the Go command would refuse, and leaves out modules inside of this one.
	if err := zip.Create(&archive, module.Version{Path: modulePath, Version: p.version}, sources); err != nil {
		t.Fatalf("the module cannot be published: %v", err)
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"list": []byte(p.version + "\n"), p.version + ".mod": goMod, p.version + ".zip": archive.Bytes(),
		p.version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-11-25T00:00:00Z"}`, p.version),
	} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.remove(t) // of a run that was killed
	t.Cleanup(func() { p.remove(t) })
	return p
}

// dir is where the Go command unpacks the module.
func (p *published) dir() string {
	return filepath.Join(p.cache, filepath.FromSlash(modulePath)+"@"+p.version)
}

func (p *published) remove(t *testing.T) {
	t.Helper()
	// A module's folders are read-only.
	_ = filepath.WalkDir(p.dir(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	})
	downloads := filepath.Join(p.cache, "cache", "download", filepath.FromSlash(modulePath))
	leftovers, err := filepath.Glob(filepath.Join(downloads, "@v", p.version+".*"))
	if err != nil {
		t.Error(err)
	}
	// The list of versions is what the Go command remembers of the proxy's answer. Without a version it is of no use.
	if versions, err := filepath.Glob(filepath.Join(downloads, "@v", "*.info")); err == nil && len(versions) <= 1 {
		leftovers = append(leftovers, downloads)
	}
	for _, path := range append(leftovers, p.dir()) {
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	}
}

// checkout is the folder of this module.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// lockCheckout lets a second run in the same checkout wait, since both would work in one folder of the cache.
func lockCheckout(t *testing.T, root string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, ".local"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(root, ".local", "consumertest.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // which unlocks
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// moduleFiles are the files of the module. Those whose names begin with a dot, and what the CDK writes, are of the
// checkout alone.
func moduleFiles(t *testing.T, root string) []zip.File {
	t.Helper()
	var files []zip.File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || path == root:
			return err
		case strings.HasPrefix(d.Name(), ".") || d.Name() == "cdk.out" || d.Name() == "node_modules":
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		name, err := filepath.Rel(root, path)
		files = append(files, source{name: filepath.ToSlash(name), file: path})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The condition never holds; the linker keeps the text since it cannot know that.
	text := "package main\n\nimport \"os\"\n\nfunc init() {\n\tif len(os.Args) > 1000 {\n\t\tprintln(\"" + mark +
		"\")\n\t}\n}\n"
	marked := filepath.Join(t.TempDir(), "mark.go")
	if err := os.WriteFile(marked, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands() {
		files = append(files, source{name: "runtime/cmd/" + command + "/mark.go", file: marked})
	}
	return files
}

// versionOf is a version made of the content and the checkout. So a second run compiles nothing, and another checkout
// has another version.
func versionOf(t *testing.T, root string, files []zip.File) string {
	t.Helper()
	digest := sha256.New()
	_, _ = fmt.Fprintln(digest, root)
	for _, f := range files {
		_, _ = fmt.Fprintln(digest, f.Path())
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(digest, r)
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return "v0.1.0-test." + hex.EncodeToString(digest.Sum(nil))[:12]
}

// source is a file of the module's zip, by its name there and its place.
type source struct{ name, file string }

func (s source) Path() string                 { return s.name }
func (s source) Lstat() (fs.FileInfo, error)  { return os.Lstat(s.file) }
func (s source) Open() (io.ReadCloser, error) { return os.Open(s.file) }
