package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

// goBench runs benchmarks that stand beside the code and returns their figures by unit. Where there are several benchmarks, a figure's
// name begins with the part of its benchmark's name behind the first slash, and a slash.
func goBench(ctx context.Context, r *report, pkg, pattern, times string) (map[string]float64, error) {
	root, err := checkout.Root()
	if err != nil {
		return nil, err
	}
	r.progress("go test -run - -bench '%s' -benchtime %s -benchmem %s", pattern, times, pkg)
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "-", "-bench", pattern, "-benchtime", times, "-benchmem", pkg) //nolint:gosec // our own arguments
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go test -bench '%s' %s: %w\n%s", pattern, pkg, err, out)
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(bytes.TrimSpace(out))) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		_, part, _ := strings.Cut(fields[0], "/")
		if i := strings.LastIndexByte(part, '-'); i >= 0 { // how many processors there are
			part = part[:i] + "/"
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", line, err)
			}
			figures[part+fields[i+1]] = value
		}
	}
	if len(figures) == 0 {
		return nil, fmt.Errorf("go test -bench '%s' %s measured nothing:\n%s", pattern, pkg, out)
	}
	return figures, nil
}
