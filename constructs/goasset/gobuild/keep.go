package gobuild

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// unusedMax is how long an unused folder is kept. The CDK copies an asset while it synthesizes, and each edit of the
// runtime leaves a folder of ten megabytes behind.
const unusedMax = 7 * 24 * time.Hour

// keep returns the folder of a name and an identity below the user's cache, which fill has filled now or before. A
// folder appears complete, by a rename, and never changes. Processes that build the same program get the same folder.
func keep(name, identity string, fill func(dir string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name+"-"+identity[:32])
	now := time.Now()
	if os.Chtimes(dir, now, now) == nil {
		return dir, nil
	}
	unfinished, err := os.MkdirTemp(cache, "unfinished-")
	if err != nil {
		return "", fmt.Errorf("make a folder to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(unfinished) }() // nothing is left there once it was renamed
	if err := fill(unfinished); err != nil {
		return "", err
	}
	err = os.Rename(unfinished, dir)
	if _, finished := os.Stat(dir); err != nil && finished != nil {
		return "", fmt.Errorf("keep what was built: %w", err)
	}
	// An error here means that another process was faster, with the same bytes.
	prune(cache, now.Add(-unusedMax))
	return dir, nil
}

// cacheDir is below the user's cache, or a folder of this process where there is none that can be written to. A folder
// shared with other users would let them put programs there.
func cacheDir() (string, error) {
	if user, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(user, "sensorflow-goasset")
		if probe, err := writable(dir); err == nil {
			return dir, os.Remove(probe)
		}
	}
	dir, err := os.MkdirTemp("", "sensorflow-goasset-")
	if err != nil {
		return "", fmt.Errorf("make a folder to keep builds in: %w", err)
	}
	return dir, nil
}

func writable(dir string) (probe string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close())
}

// prune removes the folders that nobody has used since a moment. It tries again later with those that it cannot remove.
func prune(cache string, since time.Time) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(since) {
			_ = os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}
