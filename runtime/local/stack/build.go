package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Commands are the programs that a stack runs.
func Commands() []string { return []string{"api", "aggregator", "csvprocessor", "s3local"} }

// build brings the programs up to date in Root/.local/bin and returns that folder. Stacks that start at the same time, as
// those of several test packages do, build one after the other; from the second one on nothing is left to do.
func build(ctx context.Context, root string) (string, error) {
	bin := filepath.Join(root, ".local", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // programs are no secret
		return "", fmt.Errorf("build: %w", err)
	}
	lock, err := lockFile(filepath.Join(bin, ".lock"), 0)
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	// The Makefile builds with the same flags: others would have each of the two link everything anew.
	args := []string{"build", "-buildvcs=false", "-o", bin + string(filepath.Separator)}
	args = append(args, "./runtime/cmd/...", "./runtime/local/s3local")
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are our own
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build: %w\n%s", err, output), lock.Close())
	}
	if err := lock.Close(); err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	return bin, nil
}
