package checkout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
)

// Build brings programs up to date in .local/bin of the checkout at root and returns that folder. module is the folder of
// their module below root, and packages are their folders below that one, as the Go command takes them: ./runtime/cmd/api.
//
// Those that build at the same time, as several test packages do, build one after the other: from the second one on nothing
// is left to do. The Makefile builds with the same flags; with other ones each would link everything anew.
func Build(ctx context.Context, root, module string, packages ...string) (bin string, err error) {
	bin = filepath.Join(root, ".local", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // programs are no secret
		return "", fmt.Errorf("build: %w", err)
	}
	lock, err := datadir.Lock(filepath.Join(bin, ".lock"), 0)
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	args := append([]string{"build", "-buildvcs=false", "-o", bin + string(filepath.Separator)}, packages...)
	if err := lookAtSources(root); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are our own
	cmd.Dir = filepath.Join(root, module)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %v: %w\n%s", packages, err, output)
	}
	return bin, nil
}

// lookAtSources lists the folders that programs are built from. The Go command remembers what a test listed, and runs the test
// again once a file there has changed; of what its child processes read it knows nothing.
func lookAtSources(root string) error {
	err := filepath.WalkDir(filepath.Join(root, "runtime"), func(_ string, _ fs.DirEntry, err error) error { return err })
	if err != nil {
		return fmt.Errorf("list the sources: %w", err)
	}
	return nil
}
