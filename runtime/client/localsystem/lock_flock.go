//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package localsystem

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// held tells whether a living process has locked a file.
func held(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the lock: %w", err)
	}
	defer func() { _ = file.Close() }() // with it goes the lock that is taken here for a moment
	switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
	case err == nil:
		return false, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return true, nil
	default:
		return false, fmt.Errorf("try the lock %s: %w", path, err)
	}
}
