package child

import "syscall"

// attributes keep a child in a process group of its own, so that a Ctrl-C at the terminal does not reach it before its
// clients have drained, and have the system kill it when its parent dies, however that happens.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
