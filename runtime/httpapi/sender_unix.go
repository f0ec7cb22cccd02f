//go:build unix

package httpapi

import (
	"errors"
	"syscall"
)

// closed tells whether the other side has closed a connection by now, without taking anything from it.
func closed(c syscall.RawConn) bool {
	over := false
	err := c.Control(func(fd uintptr) {
		var next [1]byte
		n, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == nil:
			over = n == 0
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		default:
			over = true
		}
	})
	return over || err != nil
}
