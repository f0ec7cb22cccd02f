package localsystem

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The files of a state folder.
const (
	// StateFolder is the name of the folder that holds them, in a checkout.
	StateFolder = ".local"
	// StateFile tells how to reach the system. It is there once the system is ready.
	StateFile = "stack.json"
	// LockFile is locked by the process whose StateFile lies beside it, until that process ends, however it ends.
	LockFile = "running.lock"
)

// Info tells clients how to reach the system; its JSON is the content of StateFile (API contract, section Local stack).
type Info struct {
	APIURL       string   `json:"apiUrl"`
	ConsoleURL   string   `json:"consoleUrl"`
	DocsURL      string   `json:"docsUrl"`
	TokenURL     string   `json:"tokenUrl"`
	Username     string   `json:"username"`
	Password     string   `json:"password"`
	ClientID     string   `json:"clientId"`
	ClientSecret string   `json:"clientSecret"`
	Scopes       []string `json:"scopes"`
	// Regions are all of them, where there are several. The other addresses are the first one's.
	Regions []RegionInfo `json:"regions,omitempty"`
}

// RegionInfo tells clients how to reach one region of several.
type RegionInfo struct {
	Name       string `json:"name"`
	APIURL     string `json:"apiUrl"`
	TokenURL   string `json:"tokenUrl"`
	ConsoleURL string `json:"consoleUrl"`
}

// Why a system is not found.
var (
	// ErrNone says that no system runs here. It is also the error of one that has left its StateFile.
	ErrNone = errors.New("nothing runs here; start it with make run")
	// ErrNowhere says that neither a folder nor one above it has a StateFile. It is an ErrNone.
	ErrNowhere error = &noneError{"no system runs in this folder or one above it: there is no .local/stack.json; start it with make run"}
	// ErrStarting says that one is about to run.
	ErrStarting = errors.New("SensorFlow is still starting here; try again once it says that it is running")
)

// noneError is an ErrNone that tells more.
type noneError struct{ text string }

func (e *noneError) Error() string { return e.text }

// Is makes it an ErrNone.
func (e *noneError) Is(target error) bool { return target == ErrNone }

// Find returns how to reach the system whose state folder dir is. The error is ErrNone or ErrStarting where it cannot be reached.
func Find(dir string) (Info, error) {
	path := filepath.Join(dir, StateFile)
	runs, err := held(filepath.Join(dir, LockFile))
	if err != nil {
		return Info{}, fmt.Errorf("look what runs here: %w", err)
	}
	info, err := Read(dir)
	switch {
	case !runs && errors.Is(err, os.ErrNotExist):
		return Info{}, ErrNone
	case !runs:
		return Info{}, &noneError{
			"the local system of " + path + " no longer runs: it ended without removing that file; start it again with make run",
		}
	case errors.Is(err, os.ErrNotExist):
		return Info{}, ErrStarting
	}
	return info, err
}

// Nearest returns how to reach the system of the nearest StateFolder, in dir or a folder above it, that holds a StateFile. The error is
// that of Find, or ErrNowhere.
func Nearest(dir string) (Info, error) {
	for {
		state := filepath.Join(dir, StateFolder)
		_, err := os.Stat(filepath.Join(state, StateFile))
		switch {
		case err == nil:
			return Find(state)
		case !errors.Is(err, os.ErrNotExist):
			return Info{}, fmt.Errorf("look for %s: %w", StateFile, err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Info{}, ErrNowhere
		}
		dir = parent
	}
}

// Read reads the StateFile of a folder, whether its system still runs or not.
func Read(dir string) (Info, error) {
	var info Info
	path := filepath.Join(dir, StateFile)
	content, err := os.ReadFile(path)
	if err != nil {
		return info, fmt.Errorf("read %s: %w", StateFile, err)
	}
	if err := json.Unmarshal(content, &info); err != nil {
		return info, fmt.Errorf("read %s: %w", path, err)
	}
	return info, nil
}
