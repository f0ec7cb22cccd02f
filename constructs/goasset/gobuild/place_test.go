package gobuild_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

const version = "v0.1.0"

// app is another team's module that uses ours, as a program of its own: it prints the folder that Function or Image
// returns.
const app = `package main

import (
	"fmt"
	"os"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

func main() {
	build := gobuild.Function
	if os.Args[1] == "image" {
		build = gobuild.Image
	}
	dir, err := build(os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(dir)
}
`

// place is the app with our module somewhere.
type place struct {
	dir    string // of the app
	module string // where our module lies
	binary string
	env    []string
}

// environ is the test's own with the user's cache elsewhere, so that each place builds for itself; the compiler's cache
// stays.
func environ(t *testing.T, more ...string) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	var setting map[string]string
	if err := json.Unmarshal(out, &setting); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "GOWORK=off", "GOFLAGS=")
	for name, value := range setting {
		env = append(env, name+"="+value)
	}
	return append(env, more...)
}

// checkout is the folder of this module.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources are the files that a build needs, by their path in the module.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, below := range []string{"go.mod", "go.sum", "runtime", "constructs/goasset"} {
		err := filepath.WalkDir(filepath.Join(checkout(t), below), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && isModule(path) {
				return fs.SkipDir // a module below ours is not in its zip
			}
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
				return err
			}
			name, err := filepath.Rel(checkout(t), path)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(name)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// isModule tells whether a folder is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// newPlace makes the app and builds it; goMod are further lines of its go.mod.
func newPlace(t *testing.T, module, goMod string, env []string, buildFlags ...string) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), module: module, env: env}
	p.binary = filepath.Join(p.dir, "app")
	writeFiles(t, p.dir, map[string][]byte{
		"main.go": []byte(app),
		"go.mod": []byte("module example.com/app\n\ngo 1.26.0\n\nrequire " + gobuild.Module + " " + version + "\n" +
			goMod),
	})
	p.run(t, "go", append(append([]string{"build", "-mod=mod", "-o", p.binary}, buildFlags...), ".")...)
	return p
}

func (p *place) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.Output()
	if err != nil {
		var said []byte
		if e, ok := err.(*exec.ExitError); ok {
			said = e.Stderr
		}
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, said)
	}
	return string(out)
}

// replaced is the app with our module in a folder of its own, found by a replace line.
func replaced(t *testing.T, files map[string][]byte, buildFlags ...string) *place {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "some where", "else") // a path with a blank
	writeFiles(t, dir, files)
	return newPlace(t, dir, "replace "+gobuild.Module+" => \""+dir+"\"\n", environ(t), buildFlags...)
}

// vendored is the app with the packages that it imports in a vendor folder; the module itself lies elsewhere.
func vendored(t *testing.T, files map[string][]byte) *place {
	t.Helper()
	dir := t.TempDir() // without a blank, which Go's list of vendored modules cannot hold
	writeFiles(t, dir, files)
	p := newPlace(t, dir, "replace "+gobuild.Module+" => "+dir+"\n", environ(t))
	p.run(t, "go", "mod", "vendor")
	p.run(t, "go", "build", "-mod=vendor", "-o", p.binary, ".")
	return p
}

// cached is the app with our module in a module cache, fetched from a proxy as every published module is.
func cached(t *testing.T, files map[string][]byte, buildFlags ...string) *place {
	t.Helper()
	proxy, cache := t.TempDir(), filepath.Join(t.TempDir(), "mod")
	var body bytes.Buffer
	archive := zip.NewWriter(&body)
	for name, content := range files {
		w, err := archive.Create(gobuild.Module + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	at := gobuild.Module + "/@v/"
	writeFiles(t, proxy, map[string][]byte{
		at + "list": []byte(version + "\n"), at + version + ".info": []byte(`{"Version":"` + version + `"}`),
		at + version + ".mod": files["go.mod"], at + version + ".zip": body.Bytes(),
	})
	env := environ(t)
	own := slices.IndexFunc(env,
		func(e string) bool { return strings.HasPrefix(e, "GOMODCACHE=") && filepath.IsAbs(e[11:]) })
	env = append(env, "GOPROXY=file://"+proxy+",file://"+env[own][11:]+"/cache/download", "GOSUMDB=off",
		"GOMODCACHE="+cache)
	t.Cleanup(func() {
		cmd := exec.Command("go", "clean", "-modcache") // its folders are read-only
		cmd.Env = env
		if err := cmd.Run(); err != nil {
			t.Error(err)
		}
	})
	return newPlace(t, filepath.Join(cache, gobuild.Module+"@"+version), "", env, buildFlags...)
}
