// Package checkout finds the checkout that the local system runs in and builds its programs.
package checkout

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// module begins the go.mod of the checkout's root. The modules inside of it have others.
const module = "module github.com/sensorflow/sensorflow\n"

// Root returns the root of the enclosing checkout, from the current folder upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(content, []byte(module)) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the module's root: neither this folder nor one above it has sensorflow's go.mod; run this inside the project")
		}
		dir = parent
	}
}
