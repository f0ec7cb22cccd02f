package child

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// outputDelay bounds how long the output of a process that has ended is waited for: a grandchild may hold it open.
const outputDelay = time.Second

// Program says what Start runs.
type Program struct {
	// Path is the program's file, or its name in PATH.
	Path string
	Args []string
	// Env is all of its environment, as KEY=value. Default: that of this process.
	Env []string
	// Dir is its working folder. Default: that of this process.
	Dir string
	// Output receives what it prints. Default: discarded.
	Output io.Writer
}

// Process is a running child. It is safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait; read it once exited is closed
}

// Start starts a program with the attributes of a child.
func Start(p Program) (*Process, error) {
	cmd := exec.Command(p.Path, p.Args...) //nolint:gosec,noctx // callers run their own programs, which outlive every context
	cmd.Env, cmd.Dir = p.Env, p.Dir
	cmd.Stdout, cmd.Stderr = p.Output, p.Output
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = outputDelay
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	started := &Process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		started.err = cmd.Wait()
		close(started.exited)
	}()
	return started, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed once the process has ended and everything that it printed was taken.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Status waits for the end and tells how it came, such as "exit status 1" or "signal: killed".
func (p *Process) Status() string {
	<-p.exited
	return p.cmd.ProcessState.String()
}

// ErrKilled means that a process did not end in time and was killed.
var ErrKilled = errors.New("did not end in time and was killed")

// Stop asks the process to end with SIGTERM, kills it after the grace, and returns once it has ended. The error is ErrKilled
// or tells how it ended when that was not with status 0.
func (p *Process) Stop(grace time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it has ended already otherwise
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
		return p.err
	case <-timer.C:
		p.Kill()
		return ErrKilled
	}
}

// Kill ends the process, and what it started, with SIGKILL and returns once it has ended. One that has ended is left alone:
// its id may be another's by now.
func (p *Process) Kill() {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // it has just ended otherwise
		<-p.exited
	}
}
