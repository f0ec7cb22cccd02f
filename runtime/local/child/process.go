package child

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// outputDelay bounds how long the output of a process that has ended is waited for: a grandchild may hold it open.
const outputDelay = time.Second

// Process is a running child. It is safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait; read it once exited is closed
}

// Start starts cmd with Attributes. Its other fields are the caller's to set.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = Attributes()
	cmd.WaitDelay = outputDelay
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed once the process has ended and everything that it printed was taken.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err tells how the process ended, nil for status 0. It waits for the end.
func (p *Process) Err() error {
	<-p.exited
	return p.err
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

// Kill ends the process with SIGKILL and returns once it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it has ended already otherwise
	<-p.exited
}
