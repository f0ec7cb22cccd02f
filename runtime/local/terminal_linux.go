package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// takeTerminal makes this process the terminal's foreground job, apart from the make that started it, and returns what gives
// the terminal back. Ctrl-C then reaches this process alone: make would die of it even though its recipe ends with status 0.
// Without a terminal nothing changes. Either way this process is asked to end when make does.
func takeTerminal() (release func()) {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0) // otherwise the stack goes on running when make is killed
	terminal := int(os.Stdin.Fd())
	before, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	if err != nil || before != unix.Getpgrp() || before == os.Getpid() {
		return func() {}
	}
	// Taking the terminal back is done from the background, where SIGTTOU would stop us; and nobody would wake a foreground
	// job that its shell does not know.
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTSTP)
	if unix.Setpgid(0, 0) != nil || unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, os.Getpid()) != nil {
		return func() {}
	}
	return func() { _ = unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, before) }
}

// endWithMake returns a context that also ends when the make that started this process was interrupted alone, as by
// `kill -INT`: make then waits for this process, which got no signal. While it waits so, it blocks SIGINT, and that can be seen.
func endWithMake(parent context.Context) (context.Context, context.CancelFunc) {
	const pause, sure = 250 * time.Millisecond, 4 // make also blocks signals for moments of its own
	ctx, cancel := context.WithCancel(parent)
	status := "/proc/" + strconv.Itoa(os.Getppid()) + "/status"
	go func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for seen := 0; seen < sure; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if seen++; !blocksInterrupt(status) {
				seen = 0
			}
		}
		cancel()
	}()
	return ctx, cancel
}

// blocksInterrupt reads a process's status file.
func blocksInterrupt(status string) bool {
	content, err := os.ReadFile(status)
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(content), "SigBlk:")
	line, _, _ := strings.Cut(rest, "\n")
	blocked, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && blocked&(1<<(uint(syscall.SIGINT)-1)) != 0
}
