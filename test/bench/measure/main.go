// Command measure is `make bench`: it measures what the deployed programs cost, beside what one would write without them, and
// prints each figure as `name value unit`, one a line, and all of them as a Markdown table.
//
// What is compared is measured in turns, in one run, so that the ratios hold on other machines too; times do not. The backend is
// package standin's. A goal that is missed is shown as such and is no error: how fast a machine is, is not the program's fault.
// What does not depend on the machine (calls, units, allocations) is held by tests.
//
//	measure             runs all benchmarks
//	measure post csv    runs those
//	measure child NAME  is a process that a benchmark measures or loads
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limit bounds a run. A file of 1 GB takes nearly half of it, for as long as it may (csvFor); what is measured by then is printed.
const limit = 15 * time.Minute

// benchmark is one group of figures.
type benchmark struct {
	name, about string
	run         func(context.Context, *report) error
}

func benchmarks() []benchmark {
	return []benchmark{
		{"post", "POST /sensor-data beside a bare handler and beside one PutItem a request", post},
		{"batch", "batches and NDJSON beside the single call", batches},
		{"csv", "the CSV processor beside encoding/csv and one PutItem a row", files},
		{"flood", "the memory of a file of 10 GB", flood},
		{"small", "tokens, allocations, and starts", small},
		{"query", "a month of aggregates of 10,000 equipments", queries},
		{"aggregate", "the aggregator, and what a batch costs the table", aggregates},
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == "child" {
		return child(ctx, args[1], args[2:])
	}
	chosen, err := choose(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	publishing := os.Getenv(publishKey) != ""
	if publishing && len(args) > 0 {
		return fmt.Errorf("%s takes the figures of all benchmarks, not of %s alone", publishKey, strings.Join(args, " "))
	}
	began, r := time.Now(), newReport(os.Stdout, os.Stderr)
	taken := machine(began)
	var failures []error
	for i, b := range chosen {
		r.progress("%d of %d: %s (%s), %s since the start", i+1, len(chosen), b.name, b.about, time.Since(began).Round(time.Second))
		if err := b.run(ctx, r); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", b.name, err))
			r.progress("%s: %v", b.name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.progress("done after %s", time.Since(began).Round(time.Second))
	failures = append(failures, keep(r))
	if failed := errors.Join(failures...); failed != nil || !publishing {
		return failed
	}
	root, err := checkout.Root()
	if err != nil {
		return err
	}
	return publish(root, taken, r)
}

// keep prints the tables and leaves them in .local/bench.
func keep(r *report) error {
	root, err := checkout.Root()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".local", "bench")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("keep the figures: %w", err)
	}
	for _, one := range []struct{ name, text string }{{"table.md", r.table()}, {"summary.md", r.summary()}} {
		fmt.Printf("\n%s", one.text)
		if err := os.WriteFile(filepath.Join(dir, one.name), []byte(one.text), 0o600); err != nil {
			return fmt.Errorf("keep the figures: %w", err)
		}
	}
	return nil
}

func choose(names []string) ([]benchmark, error) {
	all := benchmarks()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []benchmark
	for _, name := range names {
		i := slices.IndexFunc(all, func(b benchmark) bool { return b.name == name })
		if i < 0 {
			var known []string
			for _, b := range all {
				known = append(known, b.name)
			}
			return nil, fmt.Errorf("there is no benchmark %q, only: %s", name, strings.Join(known, " "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
