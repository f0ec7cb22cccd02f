package gobuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// tags are the build tags. Without lambda.norpc a function contains the code of an older runtime. Without
// validator_novalidatefn the linker keeps every exported method of every type, since a rule of the validator, which
// nobody uses here, calls methods by name (14.6 MB instead of 10.6 for the aggregator). HTTP/2 is left out: neither the
// AWS endpoints that are called nor the load balancer use it.
const tags = "lambda.norpc,validator_novalidatefn,nethttpomithttp2"

// flags are those of every build. Together with the sources and the Go version they determine the bytes. No path, no
// time, no commit and no build id is in them.
func flags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=" + tags, "-ldflags=-s -w -buildid="}
}

// carried are the settings of Go that say where modules come from and where files are kept. They are taken from the
// caller. Every other setting could change the bytes and is dropped.
func carried() []string {
	return []string{
		"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY",
		"GOSUMDB", "GOVCS",
	}
}

// toolchain runs the Go command.
type toolchain struct {
	path    string
	environ []string          // the caller's
	setting map[string]string // what `go env` says to the caller
}

func newToolchain(ctx context.Context, environ []string) (*toolchain, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the Go toolchain is not on the PATH; install it, or hand over a prebuilt artifact")
	}
	g := &toolchain{path: path, environ: environ}
	out, err := g.run(ctx, environ, append([]string{"env", "-json", "GOTOOLCHAIN", "GOVERSION"}, carried()...)...)
	if err != nil {
		return nil, fmt.Errorf("ask the Go toolchain for its settings: %w", err)
	}
	if err := json.Unmarshal(out, &g.setting); err != nil {
		return nil, fmt.Errorf("ask the Go toolchain for its settings: %w", err)
	}
	return g, nil
}

// run returns what the command prints. What it writes to its standard error becomes the error.
func (g *toolchain) run(ctx context.Context, environ []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.path, args...) //nolint:gosec // the Go toolchain of the caller
	cmd.Env = environ
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("go %s: %w", args[0], ctx.Err())
	case complaints.Len() > 0:
		return nil, errors.New("the Go toolchain says:\n" + strings.TrimSpace(complaints.String()))
	default:
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
}

// moduleDir returns the folder of the module's sources. They are where this file was compiled from. Where that path is
// not known, or in a vendor folder, they are where the app in the working folder has the module from.
func (g *toolchain) moduleDir(ctx context.Context) (string, error) {
	_, file, _, _ := runtime.Caller(0)
	if filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "..", "..", ".."); isModule(dir) {
			return dir, nil
		}
	}
	dir, err := g.listedDir(ctx)
	if err != nil {
		return "", fmt.Errorf("find the module %s from the working folder: %w", Module, err)
	}
	if !isModule(dir) {
		return "", fmt.Errorf("find the module %s from the working folder: it is not in %q", Module, dir)
	}
	return dir, nil
}

// listedDir asks for the module in the app's folder. It downloads the module where the app has only a vendor folder.
// The flag overrides a -mod of the caller's GOFLAGS.
func (g *toolchain) listedDir(ctx context.Context) (string, error) {
	out, err := g.run(ctx, g.environ, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", Module)
	if dir := strings.TrimSpace(string(out)); err != nil || dir != "" {
		return dir, err
	}
	out, err = g.run(ctx, g.environ, "mod", "download", "-json", Module)
	if err != nil {
		return "", err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return "", fmt.Errorf("read what was downloaded: %w", err)
	}
	return downloaded.Dir, nil
}

// isModule tells whether a folder holds the whole module. A vendor folder has only the packages that are imported.
func isModule(dir string) bool {
	return directive(dir, "module") == Module
}

// directive returns the value of a line of the go.mod in a folder, empty where there is none.
func directive(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // the module's own file
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == name {
			return strings.Trim(words[1], `"`)
		}
	}
	return ""
}

// build is one build of the module in a folder.
type build struct {
	toolchain *toolchain
	module    string
	target    target
}

// environ is the environment of the build: the caller's without the variables that the Go command reads, and then those
// that are carried.
func (b *build) environ() []string {
	kept := slices.DeleteFunc(slices.Clone(b.toolchain.environ), func(entry string) bool {
		name := strings.ToUpper(entry)
		return strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_")
	})
	for _, name := range carried() {
		if value := b.toolchain.setting[name]; value != "" {
			kept = append(kept, name+"="+value)
		}
	}
	// GOENV is off, since for an empty variable the Go command would take what `go env -w` has stored.
	return append(kept, "GOENV=off", "GOWORK=off", "GOOS=linux", "GOARCH="+b.target.architecture, "CGO_ENABLED=0",
		"GOTOOLCHAIN="+pinned(directive(b.module, "toolchain"), b.toolchain.setting["GOVERSION"],
			b.toolchain.setting["GOTOOLCHAIN"]))
}

// pinned returns the GOTOOLCHAIN of the build. The version changes the bytes, so the module's go.mod decides, unless
// the caller allows only the local toolchain.
func pinned(wanted, running, callers string) string {
	if wanted == "" || wanted == running || callers == "local" {
		return callers
	}
	return wanted
}

func (b *build) pkg() string { return "./runtime/cmd/" + b.target.command }

// identity compiles, and returns a name for what the linker would make: a hash of everything that goes into it. The
// compiler's version is in the build ids. To link again only to see that nothing changed would cost each synthesis a
// second or two per command.
func (b *build) identity(ctx context.Context) (string, error) {
	const format = `{{.ImportPath}} {{.BuildID}} {{.DefaultGODEBUG}} ` +
		`{{with .Module}}{{.Path}} {{.Version}}{{with .Replace}} {{.Path}} {{.Version}}{{end}}{{end}}`
	args := append([]string{"list", "-C", b.module, "-deps", "-export", "-f", format}, flags()...)
	packages, err := b.toolchain.run(ctx, b.environ(), append(args, b.pkg())...)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	_, _ = fmt.Fprintln(digest, b.target, flags()) // a hash takes everything
	digest.Write(packages)
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// link makes the binary.
func (b *build) link(ctx context.Context, binary string) error {
	args := append([]string{"build", "-C", b.module, "-o", binary}, flags()...)
	if _, err := b.toolchain.run(ctx, b.environ(), append(args, b.pkg())...); err != nil {
		return err
	}
	// The mode is part of the asset and must not depend on the caller's umask.
	return os.Chmod(binary, 0o755) //nolint:gosec // a program must be executable
}
