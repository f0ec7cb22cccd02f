package standin

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
)

// Process is a running program and what it costs. The figures come from /proc, which Linux alone has.
type Process struct {
	child *child.Process
	pid   int // where it is no child
}

// ProcessOf is a process that somebody else started, of which the costs alone can be asked for.
func ProcessOf(pid int) Process { return Process{pid: pid} }

// StartProcess starts a program that never outlives this one.
func StartProcess(p child.Program) (Process, error) {
	started, err := child.Start(p)
	if err != nil {
		return Process{}, err
	}
	return Process{child: started}, nil
}

// WaitServing returns once the address answers with a status below 500.
func (p Process) WaitServing(ctx context.Context, url string) error {
	return p.child.WaitServing(ctx, url)
}

// PID is the process id.
func (p Process) PID() int {
	if p.child == nil {
		return p.pid
	}
	return p.child.PID()
}

// Exited is closed once the process has ended.
func (p Process) Exited() <-chan struct{} { return p.child.Exited() }

// Kill ends the process at once.
func (p Process) Kill() { p.child.Kill() }

// Stop asks the process to end and kills it after the grace.
func (p Process) Stop(grace time.Duration) error { return p.child.Stop(grace) }

// ticksPerSecond is the unit of times in /proc/<pid>/stat, on every architecture that Linux has (USER_HZ).
const ticksPerSecond = 100

// CPU is what the process has had of the processors so far, in steps of 10 ms.
func (p Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of a process: %w", err)
	}
	// Behind the name, in brackets, the 12th and 13th field are the times in user and in system mode.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the CPU time of a process: %q", stat)
	}
	var spent time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of a process: %w", err)
		}
		spent += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return spent, nil
}

// Memory is what the process holds in memory now, and what it held at most, in bytes.
func (p Process) Memory() (now, most int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kilobytes << 10
		case "VmHWM":
			most = kilobytes << 10
		}
	}
	return now, most, nil
}

// ResetPeak makes the most that Memory tells begin anew. Where the system does not let it, the error says so.
func (p Process) ResetPeak() error {
	const resetPeak = "5" // see proc_pid_clear_refs(5)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte(resetPeak), 0); err != nil {
		return fmt.Errorf("reset the peak memory of a process: %w", err)
	}
	return nil
}
