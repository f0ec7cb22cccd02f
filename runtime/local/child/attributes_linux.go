package child

import "syscall"

// Attributes keep a child in a process group of its own, so that a Ctrl-C at the terminal does not reach it before its
// clients have drained, and have the system kill it when its parent dies, however that happens.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
