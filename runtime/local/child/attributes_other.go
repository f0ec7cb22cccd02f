//go:build unix && !linux

package child

import "syscall"

// attributes keep a child in a process group of its own, so that a Ctrl-C at the terminal does not reach it before its
// clients have drained. Only Linux can be told to kill a child with its parent: elsewhere the child of a parent that was
// killed with SIGKILL stays.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
