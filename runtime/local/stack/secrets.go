package stack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

const (
	accessKey   = "local"
	username    = "operator@example.com"
	browserID   = "local-browser"
	machineID   = "local-machine"
	filePrivate = 0o600
	dirPrivate  = 0o700
)

// secrets are made once for a DataDir, otherwise at each start.
type secrets struct {
	Password      string `json:"password"`
	ClientSecret  string `json:"clientSecret"`
	BrowserSecret string `json:"browserSecret"`
	S3Secret      string `json:"s3Secret"`
	// PoolURL is where the user pool was first served: tokens name it.
	PoolURL string `json:"poolUrl"`
}

func newSecrets() secrets {
	return secrets{Password: rand.Text(), ClientSecret: rand.Text(), BrowserSecret: rand.Text(), S3Secret: rand.Text()}
}

// folder is where a stack keeps its files.
type folder struct {
	path string
	temp bool
	lock *os.File // held while the stack runs; nil for a temporary folder
}

// openFolder makes the folder, for its owner alone, and takes it for this process.
func openFolder(dataDir string) (*folder, error) {
	if dataDir == "" {
		path, err := os.MkdirTemp("", "sensorflow-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		return &folder{path: path, temp: true}, nil
	}
	path, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(path, dirPrivate); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.Chmod(path, dirPrivate); err != nil {
		return nil, fmt.Errorf("close the data folder to others: %w", err)
	}
	lock, err := checkout.Lock(filepath.Join(path, "lock"), syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another stack is using the data folder %s; stop it or choose another DATA_DIR", path)
	}
	if err != nil {
		return nil, fmt.Errorf("take the data folder: %w", err)
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// kept is the path of a file that serves a restart only; none is needed in a temporary folder.
func (f *folder) kept(name string) string {
	if f.temp {
		return ""
	}
	return f.file(name)
}

func (f *folder) close() error {
	if f.temp {
		if err := os.RemoveAll(f.path); err != nil {
			return fmt.Errorf("remove the temporary folder: %w", err)
		}
		return nil
	}
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("give the data folder back: %w", err)
	}
	return nil
}

const secretsFile = "credentials.json"

func (f *folder) loadSecrets() (secrets, error) {
	content, err := os.ReadFile(f.file(secretsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return newSecrets(), nil
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the credentials: %w", err)
	}
	var kept secrets
	if err := json.Unmarshal(content, &kept); err != nil {
		return secrets{}, fmt.Errorf("read the credentials in %s: %w; delete the file to get new ones", f.file(secretsFile), err)
	}
	return kept, nil
}

func (f *folder) saveSecrets(s secrets) error {
	content, err := json.Marshal(s) //nolint:gosec // keeping them for the owner is what the file is for
	if err != nil {
		return fmt.Errorf("encode the credentials: %w", err)
	}
	return WriteFile(f.file(secretsFile), content)
}

// WriteFile writes a file for its owner alone (mode 0600), whole or not at all.
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
