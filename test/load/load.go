package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/test/load/report"
	"github.com/sensorflow/sensorflow/test/load/users"
	"github.com/sensorflow/sensorflow/test/standin"
)

const (
	pauseMin, pauseMax = time.Second, 3 * time.Second
	patience           = 30 * time.Second
	startWithin        = 10 * time.Minute // the first time everything is compiled
)

// one runs the crowd of the settings against a target of its own, and writes the summary and the page.
func one(ctx context.Context, s settings, out, progress io.Writer) (*report.Report, error) {
	if err := enoughFiles(s.users); err != nil {
		return nil, err
	}
	pages, err := pagesFolder()
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(progress, "starting\n")
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	t, err := readyTarget(starting, s)
	if err != nil {
		return nil, err
	}
	defer t.stop()
	t.programs = append(t.programs, program{"client", standin.ProcessOf(os.Getpid())})
	began := time.Now()
	options := users.Options{
		Address: users.Address{URL: t.url, Token: t.token, Path: "/sensor-data"},
		Pace:    users.Pace{Users: s.users, Ramp: s.rampOf(s.users), Measured: s.measured, PauseMin: pauseMin, PauseMax: pauseMax},
		// A run has equipments of its own, so that readings of an earlier one are not taken for its own.
		Patience: patience, Prefix: fmt.Sprintf("load-%x-", began.Unix()), Seed: uint64(began.UnixNano()), Remember: s.verify,
	}
	costs := &costs{programs: t.programs}
	result, err := users.Run(ctx, options, func(p users.Progress) {
		costs.look(p.Elapsed, options.Pace)
		tell(progress, options.Pace, p)
	})
	if err != nil {
		return nil, fmt.Errorf("run %d users: %w", s.users, err)
	}
	r := &report.Report{Target: t.about, Machine: machine(), Result: result, Programs: costs.spent()}
	if s.verify {
		if r.Found, err = find(ctx, t, options.Prefix, result.Stored, progress); err != nil {
			return nil, err
		}
	}
	return r, write(r, pages, out)
}

// pagesFolder is where pages are written.
func pagesFolder() (string, error) {
	root, err := checkout.Root()
	if err != nil {
		return "", fmt.Errorf("find a place for the page: %w", err)
	}
	folder := filepath.Join(root, ".local", "load")
	return folder, writable(folder)
}

// writable makes a folder where there is none, and looks whether files can be written into it: before a run, of which the outcome would
// be lost otherwise.
func writable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // pages for everybody
		return fmt.Errorf("make the folder of the reports: %w", err)
	}
	file, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return fmt.Errorf("write into the folder of the reports: %w", err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// write writes the summary to out and the page into the folder.
func write(r *report.Report, folder string, out io.Writer) error {
	name := filepath.Join(folder, fmt.Sprintf("%s-users-%d.html", r.Result.Began.UTC().Format("20060102T150405Z"), r.Result.Pace.Users))
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	err = r.HTML(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, _ = fmt.Fprintf(out, "\npage: %s\n", filepath.Join(".local", "load", filepath.Base(name)))
	if err := r.Summary(out); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return judge(r)
}

// judge returns what is wrong with a run that came to its end.
func judge(r *report.Report) error {
	if r.Found != nil && r.Found.Lost() > 0 {
		return &verdictError{fmt.Sprintf("%d of %d readings that were answered with 201 are lost", r.Found.Lost(), r.Found.Stored)}
	}
	if sentence := r.Nothing(); sentence != "" {
		return &verdictError{sentence}
	}
	return nil
}

// tell writes a line of how it goes.
func tell(w io.Writer, pace users.Pace, p users.Progress) {
	phase := "ramp"
	switch {
	case p.Elapsed > pace.Ramp+pace.Measured+time.Second:
		phase = "last answers"
	case p.Elapsed > pace.Ramp:
		phase = "measured"
	}
	failed := fmt.Sprintf("%d failed", p.Failures)
	switch {
	case phase == "ramp":
		failed = fmt.Sprintf("%d failed in the ramp", p.RampFailures)
	case p.RampFailures > 0:
		failed += fmt.Sprintf(", and %d in the ramp", p.RampFailures)
	}
	_, _ = fmt.Fprintf(w, "%4.0f s  %-12s %6d connected  %6d/s answered  p50 %s ms  p99 %s ms  %s\n", p.Elapsed.Seconds(), phase, p.Connected,
		p.Recent.Answered, report.Latency(&p.Recent.Accepted, 50), report.Latency(&p.Recent.Accepted, 99), failed)
}

// costs are what programs spend in the measured time.
type costs struct {
	programs      []program
	began, ended  []time.Duration
	memory        []int64
	measured, end bool
}

// look notes the costs at both ends of the measured time.
func (c *costs) look(elapsed time.Duration, pace users.Pace) {
	switch {
	case !c.measured && elapsed >= pace.Ramp:
		c.measured, c.began = true, c.cpu()
	case c.measured && !c.end && elapsed >= pace.Ramp+pace.Measured:
		c.end = true
	case c.end:
		return
	}
	c.ended = c.cpu()
}

func (c *costs) cpu() []time.Duration {
	all := make([]time.Duration, len(c.programs))
	c.memory = make([]int64, len(c.programs))
	for i, p := range c.programs {
		all[i], _ = p.of.CPU() // another system than Linux does not tell
		_, c.memory[i], _ = p.of.Memory()
	}
	return all
}

// spent is the outcome; nothing where the system does not tell.
func (c *costs) spent() (list []report.Program) {
	for i, p := range c.programs {
		if len(c.began) > 0 && c.memory[i] > 0 {
			list = append(list, report.Program{Name: p.name, CPU: c.ended[i] - c.began[i], MemoryMax: c.memory[i]})
		}
	}
	return list
}

// filesBeside is how many files a process has open beside its connections.
const filesBeside = 100

// enoughFiles raises the limit of open files of this process and those that it starts, or says that it cannot be raised enough.
func enoughFiles(users int) error {
	need := uint64(users + filesBeside) //nolint:gosec // it is not negative
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Max < need {
		return fmt.Errorf("%d users need %d open files, and a process may have %d here: raise the hard limit (ulimit -Hn %d, as root), or take fewer USERS",
			users, need, limit.Max, need)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}

// machine describes this machine.
func machine() string {
	model := ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = ", " + strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d processors%s, %s, %s/%s", runtime.NumCPU(), model, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
