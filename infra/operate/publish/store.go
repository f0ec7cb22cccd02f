package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// keptFor is how long a built image is kept: longer than any deployment takes. Building it again takes a second.
const keptFor = 7 * 24 * time.Hour

// errNoImage says that no image has a tag.
var errNoImage = errors.New("there is no such image here")

// store keeps images by digest, each as an OCI layout in a folder of its own, and tags that name them. Several processes may use one
// folder: what is written gets its name once it is whole.
type store struct{ dir string }

// tagged is the content of a tag's file.
type tagged struct {
	Tag    string  `json:"tag"`
	Digest v1.Hash `json:"digest"`
}

func (s store) images() string { return filepath.Join(s.dir, "images") }
func (s store) tags() string   { return filepath.Join(s.dir, "tags") }

// save keeps an image under a tag.
func (s store) save(tag string, image v1.Image, now time.Time) error {
	s.forget(now.Add(-keptFor))
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("compute the digest: %w", err)
	}
	if err := os.MkdirAll(s.images(), 0o700); err != nil {
		return fmt.Errorf("keep the image: %w", err)
	}
	work, err := os.MkdirTemp(s.images(), "new-*")
	if err != nil {
		return fmt.Errorf("keep the image: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // it is gone where all went well
	written, err := layout.Write(work, empty.Index)
	if err == nil {
		err = written.AppendImage(image)
	}
	if err != nil {
		return fmt.Errorf("keep the image: %w", err)
	}
	place := filepath.Join(s.images(), digest.Hex)
	if err := os.Rename(work, place); err != nil {
		if _, there := os.Stat(place); there != nil {
			return fmt.Errorf("keep the image: %w", err)
		}
	}
	return s.setTag(tagged{tag, digest})
}

// forget removes what was kept before a moment. What cannot be removed stays, and costs only its space.
func (s store) forget(before time.Time) {
	for _, folder := range []string{s.tags(), s.images()} {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
				_ = os.RemoveAll(filepath.Join(folder, e.Name()))
			}
		}
	}
}

// setTag lets a tag name an image that is kept.
func (s store) setTag(t tagged) error {
	content, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("keep the tag: %w", err)
	}
	return writeWhole(filepath.Join(s.tags(), fileName(t.Tag)), content)
}

// find returns what a tag names; errNoImage where nothing has the tag.
func (s store) find(tag string) (tagged, error) {
	var t tagged
	content, err := os.ReadFile(filepath.Join(s.tags(), fileName(tag)))
	if errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("%s: %w", tag, errNoImage)
	}
	if err != nil {
		return t, fmt.Errorf("read the tag: %w", err)
	}
	if err := json.Unmarshal(content, &t); err != nil {
		return t, fmt.Errorf("read the tag %s: %w", tag, err)
	}
	if _, err := os.Stat(filepath.Join(s.images(), t.Digest.Hex)); errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("%s: %w", tag, errNoImage) // it was forgotten
	}
	return t, nil
}

// image reads a kept image.
func (s store) image(digest v1.Hash) (v1.Image, error) {
	kept, err := layout.FromPath(filepath.Join(s.images(), digest.Hex))
	if err != nil {
		return nil, fmt.Errorf("read the image: %w", err)
	}
	image, err := kept.Image(digest)
	if err != nil {
		return nil, fmt.Errorf("read the image: %w", err)
	}
	return image, nil
}

// all lists the tags in their order.
func (s store) all() ([]string, error) {
	entries, err := os.ReadDir(s.tags())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the tags: %w", err)
	}
	var tags []string
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(s.tags(), e.Name()))
		if err != nil {
			return nil, fmt.Errorf("list the tags: %w", err)
		}
		var t tagged
		if json.Unmarshal(content, &t) == nil && t.Tag != "" { // what is still being written has no tag yet
			tags = append(tags, t.Tag)
		}
	}
	slices.Sort(tags)
	return tags, nil
}

// fileName is a file name for any text.
func fileName(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:])
}

// writeWhole writes a file that only this user can read. Who reads it meanwhile finds what was there before.
func writeWhole(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	work, err := os.CreateTemp(filepath.Dir(file), "new-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	defer func() { _ = os.Remove(work.Name()) }() // it is gone where all went well
	_, err = work.Write(content)
	if err = errors.Join(err, work.Close()); err == nil {
		err = os.Rename(work.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	return nil
}
