package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// kept is a token on the disk, and where it is good.
type kept struct {
	Regions   []client.Region `json:"regions"`
	Token     string          `json:"token"`
	ExpiresAt time.Time       `json:"expiresAt"`
	// Person tells that it is a person's, which can be revoked.
	Person bool `json:"person,omitempty"`
}

// folder is where this user's files are.
func (s *settings) folder() string {
	if dir := s.get("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "sensorflow")
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "" // without a home nothing is kept
	}
	return filepath.Join(dir, "sensorflow")
}

// keptFile is what login writes.
func (s *settings) keptFile() string { return filepath.Join(s.folder(), "login.json") }

// cacheFile is where the token of credentials is kept that are given anew with each run. Its name tells nothing of them, and other
// credentials have another one.
func (s *settings) cacheFile(p place) string {
	var of strings.Builder
	for _, region := range p.regions {
		fmt.Fprintf(&of, "%q %q ", region.URL, region.TokenURL)
	}
	switch who := p.credentials.(type) {
	case client.Machine:
		fmt.Fprintf(&of, "machine %q %q", who.ID, who.Secret)
	case client.Person:
		fmt.Fprintf(&of, "person %q %q", who.Username, who.Password)
	}
	hash := sha256.Sum256([]byte(of.String()))
	return filepath.Join(s.folder(), "tokens", hex.EncodeToString(hash[:16])+".json")
}

func readKept(path string) (k kept, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return k, fmt.Errorf("read the token: %w", err)
	}
	if err := json.Unmarshal(content, &k); err != nil {
		return k, fmt.Errorf("read the token in %s: %w", path, err)
	}
	if len(k.Regions) == 0 || k.Token == "" {
		return k, errors.New("read the token: there is none in " + path)
	}
	return k, nil
}

// writeKept writes a file that nobody else can read, whole or not at all.
func writeKept(path string, k kept) error {
	const private = 0o700
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, private); err != nil {
		return fmt.Errorf("make the folder of the token: %w", err)
	}
	content, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the token: %w", err)
	}
	file, err := os.CreateTemp(dir, ".token-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	_, err = file.Write(append(content, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // perhaps it is not there any more
		return fmt.Errorf("keep the token: %w", err)
	}
	return nil
}
