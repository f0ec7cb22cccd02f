//go:build unix

package awsclient

import (
	"errors"
	"syscall"
)

// quiet tells whether an idle connection is as it was left: the other side has neither closed it nor sent anything.
func quiet(c syscall.RawConn) bool {
	is := false
	err := c.Control(func(fd uintptr) {
		var next [1]byte
		_, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		is = errors.Is(err, syscall.EAGAIN)
	})
	return is && err == nil
}
