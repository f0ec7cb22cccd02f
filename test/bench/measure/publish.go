package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// publishKey makes a run of all benchmarks rewrite the pages that show their figures.
const publishKey = "PUBLISH"

// The marks in README.md between which the summary stands.
const (
	markBegin = "<!-- measured: make bench -->\n"
	markEnd   = "<!-- end -->\n"
)

// machine says when and on what the figures were taken. The load is that before the run: where it is high, others had the processors too.
func machine(now time.Time) string {
	load := "unknown"
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	return fmt.Sprintf("Measured on %s on %d cores (%s/%s, %s); the load average was %s before. Client, service and stand-in shared the cores.",
		now.UTC().Format("2 January 2006"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}

// resultsPage has all figures.
const resultsPage = "test/bench/RESULTS.md"

// howToRead stands before the tables.
const howToRead = "Where contenders take turns, figures are medians of the rounds (failures are counted over all), and a ratio is the median " +
	"of the rounds' ratios: it is not the quotient of the figures beside it."

func results(taken string, r *report) string {
	return strings.TrimRight("# What `make bench` measured\n\n"+taken+"\n\n"+howToRead+"\n\n"+r.table(), "\n") + "\n"
}

// publish writes RESULTS.md and the summary in README.md of a checkout.
func publish(checkout, taken string, r *report) error {
	root, err := os.OpenRoot(checkout)
	if err != nil {
		return fmt.Errorf("publish the figures: %w", err)
	}
	defer func() { _ = root.Close() }()
	readme, err := root.ReadFile("README.md")
	if err != nil {
		return fmt.Errorf("publish the figures: %w", err)
	}
	text, err := between(string(readme), taken+"\n\n"+r.summary())
	if err != nil {
		return err
	}
	for _, one := range []struct{ name, text string }{{"README.md", text}, {resultsPage, results(taken, r)}} {
		if err := root.WriteFile(one.name, []byte(one.text), 0o600); err != nil {
			return fmt.Errorf("publish the figures: %w", err)
		}
	}
	return nil
}

// between puts a text between the marks of a page.
func between(page, text string) (string, error) {
	before, rest, begins := strings.Cut(page, markBegin)
	_, after, ends := strings.Cut(rest, markEnd)
	if !begins || !ends {
		return "", fmt.Errorf("publish the figures: README.md has no %q with %q behind it", strings.TrimSpace(markBegin), strings.TrimSpace(markEnd))
	}
	return before + markBegin + "\n" + text + "\n" + markEnd + after, nil
}
