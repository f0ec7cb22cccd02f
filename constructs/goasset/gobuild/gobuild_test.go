package gobuild_test

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

func digest(t *testing.T, dir string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, gobuild.FunctionBinary))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// listing names every file below a folder with its size and time.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		files = append(files, path+" "+info.Mode().String()+" "+info.ModTime().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFunction_HasTheSameBytesFromEverywhere(t *testing.T) {
	files := sources(t)
	dir, err := gobuild.Function("aggregator", gobuild.ARM64)
	if err != nil {
		t.Fatal(err)
	}
	want := digest(t, dir)
	hostile := []string{
		"GOFLAGS=-mod=vendor -tags=netgo -ldflags=-X=main.x=y", "GOOS=windows", "GOARCH=386", "GOARM64=v9.0",
		"CGO_ENABLED=1", "CC=none",
		"GOEXPERIMENT=nogreenteagc", "GODEBUG=http2client=0", "GOWORK=/nowhere/go.work", "GO111MODULE=off",
	}
	for _, c := range []struct {
		name string
		make func() *place
		env  []string
	}{
		{"a replace directory", func() *place { return replaced(t, files) }, nil},
		{"a replace directory, with the path trimmed", func() *place { return replaced(t, files, "-trimpath") }, nil},
		{"a replace directory, with every setting of Go changed", func() *place { return replaced(t, files) }, hostile},
		{"a vendor folder, which has no commands", func() *place { return vendored(t, files) },
			[]string{"GOFLAGS=-mod=vendor"}},
		{"the module cache", func() *place { return cached(t, files) }, nil},
		{"the module cache, with the path trimmed", func() *place { return cached(t, files, "-trimpath") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := c.make()
			before := listing(t, p.module)
			p.env = append(p.env, c.env...)
			got := p.run(t, p.binary, "function", "aggregator", gobuild.ARM64)
			if digest(t, got) != want {
				t.Errorf("the bytes differ from those of the checkout")
			}
			if got == dir {
				t.Error("it was not built anew: the test shows nothing")
			}
			if !slices.Equal(listing(t, p.module), before) {
				t.Error("the build has written into the module")
			}
		})
	}
}

func TestFunction_IsLinuxForTheArchitectureAskedFor(t *testing.T) {
	for architecture, want := range map[string]elf.Machine{
		gobuild.ARM64: elf.EM_AARCH64, gobuild.AMD64: elf.EM_X86_64,
	} {
		dir, err := gobuild.Function("aggregator", architecture)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, gobuild.FunctionBinary)
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != want || f.Section(".interp") != nil {
			t.Errorf("%s: the machine is %v, dynamic: %v", architecture, f.Machine, f.Section(".interp") != nil)
		}
		_ = f.Close()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o755 {
			t.Errorf("the mode is %v, and it enters the asset", info.Mode())
		}
		again, err := gobuild.Function("aggregator", architecture)
		if err != nil || again != dir {
			t.Errorf("asked again it said %q, %v", again, err)
		}
	}
}

func TestFunction_IsBuiltByProcessesAtOnce(t *testing.T) {
	p := newPlace(t, checkout(t), "replace "+gobuild.Module+" => "+checkout(t)+"\n", environ(t))
	var all []*exec.Cmd
	var out [3]strings.Builder
	for i := range out {
		cmd := exec.Command(p.binary, "image", "aggregator", gobuild.ARM64)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, &out[i], &out[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil || out[i].String() != out[0].String() {
			t.Errorf("process %d: %v: %s", i, err, &out[i])
		}
	}
	cache := filepath.Dir(out[0].String())
	for _, file := range listing(t, cache) {
		if strings.Contains(file, "unfinished") || strings.Contains(file, "probe") {
			t.Errorf("%s was left behind", file)
		}
	}
}

func TestFunction_SaysWhatIsWrong(t *testing.T) {
	broken := sources(t)
	broken["runtime/cmd/aggregator/broken.go"] = []byte("package main\n\nvar x int = \"text\"\n")
	p := replaced(t, broken)
	for _, c := range []struct {
		name, command, architecture string
		env                         []string
		want                        []string
	}{
		{"does not compile", "aggregator", "arm64", nil, []string{
			"build runtime/cmd/aggregator for linux/arm64: the Go toolchain says:",
			"runtime/cmd/aggregator/broken.go:3:13: cannot use \"text\""}},
		{"unknown command", "aggregator2", "arm64", nil,
			[]string{"there is no such command; the module has aggregates, aggregator, api, "}},
		{"a path", "../cmd/api", "arm64", nil, []string{"there is no such command"}},
		{"unknown architecture", "aggregator", "mips", nil,
			[]string{`the architecture must be arm64 or amd64, got "mips"`}},
		{"no Go", "aggregator", "arm64", []string{"PATH=/nowhere"},
			[]string{"the Go toolchain is not on the PATH; install it, or hand over a prebuilt artifact"}},
	} {
		t.Run("rejects: "+c.name, func(t *testing.T) {
			cmd := exec.Command(p.binary, "function", c.command, c.architecture)
			cmd.Dir, cmd.Env = p.dir, append(slices.Clone(p.env), c.env...)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("it was built: %s", out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("it said %s\nwant %s", out, want)
				}
			}
		})
	}
}

func TestFunction_SaysWhenTheModuleCannotBeFound(t *testing.T) {
	p := replaced(t, sources(t), "-trimpath")
	p.dir = t.TempDir()
	cmd := exec.Command(p.binary, "function", "aggregator", gobuild.ARM64)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	want := "find the module " + gobuild.Module + " from the working folder: "
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("it said %v, %s", err, out)
	}
}
