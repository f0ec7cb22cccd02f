//go:build linux || darwin

package localsystem_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
)

// state is a state folder, perhaps with the file of a system and with its lock.
func state(t *testing.T, content string, runs bool) (checkout string) {
	t.Helper()
	checkout = t.TempDir()
	dir := filepath.Join(checkout, localsystem.StateFolder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if content != "" {
		if err := os.WriteFile(filepath.Join(dir, localsystem.StateFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Create(filepath.Join(dir, localsystem.LockFile)) // it stays when the process ends
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if runs {
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
	}
	return checkout
}

func TestFind_TellsWhatRuns(t *testing.T) {
	const written = `{"apiUrl":"http://127.0.0.1:1","clientId":"c","regions":[{"name":"eu-west-1"}]}`
	for _, test := range []struct {
		name, content string
		runs          bool
		is            error
		says          string
	}{
		{"one that runs", written, true, nil, ""},
		{"one that starts", "", true, localsystem.ErrStarting, "still starting here"},
		{"none", "", false, localsystem.ErrNone, "nothing runs here; start it with make run"},
		{"one that was killed", written, false, localsystem.ErrNone, "stack.json no longer runs"},
		{"rejects what is no JSON", "{", true, nil, "unexpected end of JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkout := state(t, test.content, test.runs)
			info, err := localsystem.Find(filepath.Join(checkout, localsystem.StateFolder))
			if test.says == "" {
				if err != nil || info.APIURL != "http://127.0.0.1:1" || info.ClientID != "c" || len(info.Regions) != 1 {
					t.Errorf("%+v, %v", info, err)
				}
				return
			}
			if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestNearest_LooksInTheFoldersAbove(t *testing.T) {
	checkout := state(t, `{"apiUrl":"http://127.0.0.1:1"}`, true)
	below := filepath.Join(checkout, "a", "b")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if info, err := localsystem.Nearest(below); err != nil || info.APIURL == "" {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := localsystem.Nearest(state(t, "", true)); !errors.Is(err, localsystem.ErrNone) {
		t.Errorf("without a file: %v", err)
	}
}
