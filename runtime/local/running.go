package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// lockFile is locked by the process whose stack.json lies beside it, until that process ends, however it ends.
const lockFile = "running.lock"

var (
	errNothingRuns = errors.New("nothing runs here; start it with make run")
	errStarting    = errors.New("SensorFlow is still starting here; try again once it says that it is running")
)

// occupy takes a state folder for this process, and removes what a process that was killed has left there.
func occupy(ctx context.Context, dir string) (release func(), err error) {
	const private = 0o700
	if err := os.MkdirAll(dir, private); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	const tries, pause = 5, 100 * time.Millisecond // findRunning has the lock for a moment
	for try := 1; ; try++ {
		lock, err := datadir.Lock(filepath.Join(dir, lockFile), syscall.LOCK_NB)
		if err == nil {
			for _, name := range []string{stateFile, environFile, controlFile} {
				_ = os.Remove(filepath.Join(dir, name)) // usually there is none
			}
			return func() { _ = lock.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("take the state folder: %w", err)
		}
		if try < tries && pacing.Sleep(ctx, pause) == nil {
			continue
		}
		if info, err := readState(dir); err == nil {
			return nil, fmt.Errorf("SensorFlow runs here already, at %s; stop that one first (Ctrl-C where it runs)", info.APIURL)
		}
		return nil, errors.New("SensorFlow is being started or stopped here already; wait for that, or stop it (Ctrl-C where it runs)")
	}
}

// findRunning returns how to reach the system whose state folder it is.
func findRunning(dir string) (stack.Info, error) {
	lock, err := datadir.Lock(filepath.Join(dir, lockFile), syscall.LOCK_NB)
	switch {
	case err == nil:
		_ = lock.Close() // nobody else had it
		return stack.Info{}, errNothingRuns
	case errors.Is(err, os.ErrNotExist):
		return stack.Info{}, errNothingRuns
	case !errors.Is(err, syscall.EWOULDBLOCK):
		return stack.Info{}, fmt.Errorf("look what runs here: %w", err)
	}
	info, err := readState(dir)
	if errors.Is(err, os.ErrNotExist) {
		return info, errStarting
	}
	return info, err
}
