package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	lockName = "lock"
	// temporaryName begins the names of temporary folders.
	temporaryName = "sensorflow-"
)

// Dir is a folder of files. Close it in the end.
type Dir struct {
	path      string
	lock      *os.File // held until Close
	temporary bool
}

// Open makes the folder with mode 0700 if it is missing, closes it to others if it is there, and takes it for this process.
// Without a path it makes a temporary folder, which Close removes, and removes those of processes that were killed.
func Open(path string) (*Dir, error) {
	if path == "" {
		sweep()
		return makeTemporary()
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	const private = 0o700
	if err := os.MkdirAll(path, private); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.Chmod(path, private); err != nil {
		return nil, fmt.Errorf("close the data folder to others: %w", err)
	}
	lock, err := Lock(filepath.Join(path, lockName), syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another stack is using the data folder %s; stop it or choose another DATA_DIR", path)
	}
	if err != nil {
		return nil, fmt.Errorf("take the data folder: %w", err)
	}
	return &Dir{path: path, lock: lock}, nil
}

// makeTemporary makes a temporary folder and locks it, so that sweep leaves it alone.
func makeTemporary() (*Dir, error) {
	const tries = 3
	var lock *os.File
	for range tries {
		path, err := os.MkdirTemp("", temporaryName)
		if err == nil {
			lock, err = Lock(filepath.Join(path, lockName), syscall.LOCK_NB)
		}
		if err == nil {
			// Another process may have taken the folder for one of the dead before it was locked.
			if _, err = os.Stat(lock.Name()); err == nil {
				return &Dir{path: path, lock: lock, temporary: true}, nil
			}
			_ = lock.Close() // the folder is gone
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
	}
	return nil, errors.New("make a temporary folder: somebody removes each one")
}

// sweep removes the temporary folders whose processes have ended without doing so. What cannot be removed stays.
func sweep() {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), temporaryName+"*", lockName))
	if err != nil {
		return
	}
	for _, path := range locks {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // another user's, or gone
		}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = file.Close() // nothing was written
	}
}

// File is the path of a file in the folder.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Kept is the path of a file that only a restart needs: empty in a temporary folder, which sees none.
func (d *Dir) Kept(name string) string {
	if d.temporary {
		return ""
	}
	return d.File(name)
}

// Close gives the folder back, or removes it if it is a temporary one.
func (d *Dir) Close() error {
	if d.temporary {
		if err := errors.Join(os.RemoveAll(d.path), d.lock.Close()); err != nil {
			return fmt.Errorf("remove the temporary folder: %w", err)
		}
		return nil
	}
	if err := d.lock.Close(); err != nil {
		return fmt.Errorf("give the data folder back: %w", err)
	}
	return nil
}

// Lock takes a lock on a file, which it makes if it is missing. Closing the file gives the lock back, and so does the end of
// this process, however it ends. how is 0 to wait for another process, or syscall.LOCK_NB to get syscall.EWOULDBLOCK at once.
func Lock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return file, nil
}

// WriteFile writes a file with mode 0600, whole or not at all: a process that is killed leaves no half of it. The folder must
// exist.
func WriteFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
