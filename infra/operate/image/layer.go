package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"
)

// epoch stands wherever an image holds a time.
var epoch = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

// layerBytesMax bounds the files of one layer, which is held in memory.
const layerBytesMax = 512 << 20

// copy makes the layer of an instruction COPY.
func (b *builder) copy(i instruction) (v1.Layer, error) {
	sources, to, err := i.copied()
	if err != nil {
		return nil, err
	}
	var compressed bytes.Buffer
	zipped := gzip.NewWriter(&compressed) // its header has no time and no name
	archive := &archive{files: b.files.FS(), tar: tar.NewWriter(zipped), made: map[string]bool{}}
	for _, source := range sources {
		if err := archive.add(source, to); err != nil {
			return nil, i.fault("%v", err)
		}
	}
	if err := errors.Join(archive.tar.Close(), zipped.Close()); err != nil {
		return nil, i.fault("write the layer: %v", err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(compressed.Bytes())), nil
	})
	if err != nil {
		return nil, i.fault("finish the layer: %v", err)
	}
	return layer, nil
}

// archive is a layer that is being written.
type archive struct {
	files fs.FS
	tar   *tar.Writer
	made  map[string]bool // folders that are in it
	bytes int64
}

// add copies a file, or what is in a folder.
func (a *archive) add(source, to string) error {
	source = path.Clean(strings.TrimLeft(source, "/"))
	if !fs.ValidPath(source) {
		return fmt.Errorf("%s is not in the folder of the image", source)
	}
	info, err := fs.Lstat(a.files, source)
	if err != nil {
		return fmt.Errorf("look at %s: %w", source, err)
	}
	if !info.IsDir() {
		if strings.HasSuffix(to, "/") {
			to += path.Base(source)
		}
		return a.file(source, path.Clean(to))
	}
	// The walk goes by names, so that the order is always the same.
	err = fs.WalkDir(a.files, source, func(name string, entry fs.DirEntry, err error) error {
		below := strings.TrimPrefix(name, source)
		if source == "." {
			below = name
		}
		switch place := path.Join(to, below); {
		case err != nil:
			return err
		case entry.IsDir():
			return a.folders(place + "/")
		default:
			return a.file(name, place)
		}
	})
	if err != nil {
		return fmt.Errorf("copy the folder %s: %w", source, err)
	}
	return nil
}

// file writes one file. Of its mode only whether it can be executed gets into the image.
func (a *archive) file(name, place string) error {
	info, err := fs.Lstat(a.files, name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a folder", name)
	}
	if a.bytes += info.Size(); a.bytes > layerBytesMax {
		return fmt.Errorf("the files have more than %d MiB", layerBytesMax>>20)
	}
	if err := a.folders(place); err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(place, "/"), Size: info.Size(), Mode: mode, ModTime: epoch,
	}
	if err := a.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", place, err)
	}
	content, err := a.files.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // it was only read
	if _, err := io.Copy(a.tar, content); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

// folders writes the folders above a place that are not there yet, the uppermost first.
func (a *archive) folders(place string) error {
	var missing []string
	for at := path.Dir(place); at != "/" && !a.made[at]; at = path.Dir(at) {
		missing = append(missing, at)
	}
	for _, folder := range slices.Backward(missing) {
		a.made[folder] = true
		header := &tar.Header{
			Typeflag: tar.TypeDir, Name: strings.TrimPrefix(folder, "/") + "/", Mode: 0o755, ModTime: epoch,
		}
		if err := a.tar.WriteHeader(header); err != nil {
			return fmt.Errorf("write the folder %s: %w", folder, err)
		}
	}
	return nil
}
