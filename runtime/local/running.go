package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// occupy takes a state folder for this process, and removes what a process that was killed has left there.
func occupy(ctx context.Context, dir string) (release func(), err error) {
	const private = 0o700
	if err := os.MkdirAll(dir, private); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	const tries, pause = 5, 100 * time.Millisecond // who looks for it has the lock for a moment
	for try := 1; ; try++ {
		lock, err := datadir.Lock(filepath.Join(dir, localsystem.LockFile), syscall.LOCK_NB)
		if err == nil {
			for _, name := range []string{localsystem.StateFile, environFile, controlFile} {
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
		if info, err := localsystem.Read(dir); err == nil {
			return nil, fmt.Errorf("SensorFlow runs here already, at %s; stop that one first (Ctrl-C where it runs)", info.APIURL)
		}
		return nil, errors.New("SensorFlow is being started or stopped here already; wait for that, or stop it (Ctrl-C where it runs)")
	}
}
