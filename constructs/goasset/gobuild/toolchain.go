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

// tags are the build tags: without lambda.norpc a function carries the machinery of a runtime that is gone, and without
// validator_novalidatefn the linker keeps every exported method of every type, since that rule of the validator, which is
// used nowhere, calls methods by name (14.6 MB instead of 10.6 for the aggregator). HTTP/2 is spoken by none of the AWS endpoints
// that are called and not by the load balancer to its targets.
const tags = "lambda.norpc,validator_novalidatefn,nethttpomithttp2"

// flags are what every build shares; together with the sources and the Go version they make the bytes. No path, no time, no
// commit and no build id enters them.
func flags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=" + tags, "-ldflags=-s -w -buildid="}
}

// carried are the settings of Go that say where modules come from and where things are kept. They are the caller's; every
// other setting could change the bytes and is dropped.
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

// run returns what the command prints; its complaints become the error.
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

// moduleDir returns the folder of the module's sources. They are where this file was compiled from, and where that was
// trimmed away or left behind in a vendor folder, where the app in the working folder has the module from.
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

// listedDir asks for the module in the app's folder; it is downloaded where a vendor folder has made that unnecessary so far.
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

// environ is the environment of the build: the caller's without anything that the Go command reads, then what may be kept.
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
	// GOENV=off, since an empty variable would fall back to what `go env -w` has stored.
	return append(kept, "GOENV=off", "GOWORK=off", "GOOS=linux", "GOARCH="+b.target.architecture, "CGO_ENABLED=0",
		"GOTOOLCHAIN="+pinned(directive(b.module, "toolchain"), b.toolchain.setting["GOVERSION"],
			b.toolchain.setting["GOTOOLCHAIN"]))
}

// pinned returns the GOTOOLCHAIN of the build: the version enters the bytes, so the module's go.mod decides, unless the
// caller allows no other than the local one.
func pinned(wanted, running, callers string) string {
	if wanted == "" || wanted == running || callers == "local" {
		return callers
	}
	return wanted
}

func (b *build) pkg() string { return "./runtime/cmd/" + b.target.command }

// identity compiles, and names what the linker would make of it: by everything that goes into it. The compiler's version is in
// the build ids. Linking anew only to see that nothing changed would cost each synthesis a second or two per command.
func (b *build) identity(ctx context.Context) (string, error) {
	const format = `{{.ImportPath}} {{.BuildID}} {{.DefaultGODEBUG}} {{with .Module}}{{.Path}} {{.Version}}{{with .Replace}} {{.Path}} {{.Version}}{{end}}{{end}}`
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
	// Whatever the caller's umask is: the mode goes into the asset.
	return os.Chmod(binary, 0o755) //nolint:gosec // a program must be executable
}
