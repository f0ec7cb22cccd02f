package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Module is the path of the module whose commands are built.
const Module = "github.com/sensorflow/sensorflow"

// BuildTimeout bounds one build. A build of everything with empty caches takes about a minute on two cores.
const BuildTimeout = 10 * time.Minute

// FunctionBinary is the name of a function's program: what the runtime provided.al2023 starts.
const FunctionBinary = "bootstrap"

// Architectures that are built for.
const (
	ARM64 = "arm64"
	AMD64 = "amd64"
)

// target is what one build makes.
type target struct{ command, architecture string }

func (t target) String() string {
	return fmt.Sprintf("runtime/cmd/%s for linux/%s", t.command, t.architecture)
}

// built remembers the results, so that a process builds each target once, however many stacks ask for it.
//
//nolint:gochecknoglobals // the memory of the process is meant
var built = struct {
	sync.Mutex
	functions, images map[target]func() (string, error)
}{functions: map[target]func() (string, error){}, images: map[target]func() (string, error){}}

// Function returns a folder that holds the command of that name as FunctionBinary and nothing else. It is safe for
// concurrent use, also by several processes. The error is one sentence, followed by the messages of the Go compiler.
func Function(command, architecture string) (dir string, err error) {
	return once(built.functions, target{command, architecture}, buildFunction)
}

// Image returns a folder with a Dockerfile that makes an image of the command of that name: from scratch, with the CA
// certificates that Mozilla trusts, as a user without rights. It is safe for concurrent use, also by several processes.
func Image(command, architecture string) (dir string, err error) {
	return once(built.images, target{command, architecture}, buildImage)
}

func once(done map[target]func() (string, error), t target, build func(target) (string, error)) (string, error) {
	built.Lock()
	f, ok := done[t]
	if !ok {
		f = sync.OnceValues(func() (string, error) {
			dir, err := build(t)
			if err != nil {
				return "", fmt.Errorf("build %v: %w", t, err)
			}
			return dir, nil
		})
		done[t] = f
	}
	built.Unlock()
	return f()
}

// buildFunction compiles and links. Where the same program was linked before, it only asks the compiler's cache.
func buildFunction(t target) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), BuildTimeout)
	defer cancel()
	if t.architecture != ARM64 && t.architecture != AMD64 {
		return "", fmt.Errorf("the architecture must be %s or %s, got %q", ARM64, AMD64, t.architecture)
	}
	g, err := newToolchain(ctx, os.Environ())
	if err != nil {
		return "", err
	}
	module, err := g.moduleDir(ctx)
	if err != nil {
		return "", err
	}
	if err := known(module, t.command); err != nil {
		return "", err
	}
	b := &build{toolchain: g, module: module, target: t}
	identity, err := b.identity(ctx)
	if err != nil {
		return "", err
	}
	return keep(t.command+"-"+t.architecture, identity, func(dir string) error {
		return b.link(ctx, filepath.Join(dir, FunctionBinary))
	})
}

// known tells whether the module has the command. The compiler's own message would be less clear.
func known(module, command string) error {
	entries, err := os.ReadDir(filepath.Join(module, "runtime", "cmd"))
	if err != nil {
		return fmt.Errorf("list the module's commands: %w", err)
	}
	var commands []string
	for _, e := range entries {
		if e.IsDir() {
			commands = append(commands, e.Name())
		}
	}
	if !slices.Contains(commands, command) {
		return errors.New("there is no such command; the module has " + strings.Join(commands, ", "))
	}
	return nil
}
