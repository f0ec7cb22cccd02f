package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is a folder of files. Close it in the end.
type Dir struct {
	path string
	lock *os.File // held until Close; nil for a temporary folder
}

// Open makes the folder with mode 0700 if it is missing, closes it to others if it is there, and takes it for this process.
// Without a path it makes a temporary folder, which Close removes.
func Open(path string) (*Dir, error) {
	if path == "" {
		temporary, err := os.MkdirTemp("", "sensorflow-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		return &Dir{path: temporary}, nil
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
	lock, err := Lock(filepath.Join(path, "lock"), syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another stack is using the data folder %s; stop it or choose another DATA_DIR", path)
	}
	if err != nil {
		return nil, fmt.Errorf("take the data folder: %w", err)
	}
	return &Dir{path: path, lock: lock}, nil
}

// File is the path of a file in the folder.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Kept is the path of a file that only a restart needs: empty in a temporary folder, which sees none.
func (d *Dir) Kept(name string) string {
	if d.lock == nil {
		return ""
	}
	return d.File(name)
}

// Close gives the folder back, or removes it if it is a temporary one.
func (d *Dir) Close() error {
	if d.lock == nil {
		if err := os.RemoveAll(d.path); err != nil {
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
