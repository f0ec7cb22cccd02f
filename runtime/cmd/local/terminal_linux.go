package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// takeTerminal makes this process the terminal's foreground job, apart from the make that started it, and returns what gives
// the terminal back. Ctrl-C then reaches this process alone: make would die of it even though its recipe ends with status 0.
// Without a terminal nothing changes. Either way this process is asked to end when make does.
func takeTerminal() (release func()) {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0) // without it, killing make leaves the stack running
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
