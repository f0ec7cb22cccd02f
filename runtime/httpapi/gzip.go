package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
)

// gzipBytes is what undoing gzip holds: its window and its tables.
const gzipBytes = 64 << 10

// packed undoes the compression of a body.
type packed struct {
	zip *gzip.Reader // nil before the first byte
	// came is how much came out, most how much may.
	came, most int64
}

// unpack has a body's compression undone. Of what comes out, there may be as many bytes as of a body that is not compressed, so that
// a small body cannot become a large one.
func (b *body) unpack(bytesMax int64) error {
	if err := b.hold.Grow(gzipBytes); err != nil {
		return refused(err)
	}
	b.packed = &packed{most: bytesMax}
	return nil
}

func (k *packed) read(b *body, p []byte) (int, error) {
	if k.zip == nil {
		zip, err := gzip.NewReader(arriving{b})
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.EOF // an empty body
		case err != nil:
			return 0, k.broken(b, err)
		}
		k.zip = zip
	}
	// What comes out is held as a body that was not compressed is.
	if err := b.reserve(k.came + int64(len(p))); err != nil {
		return 0, err
	}
	n, err := k.zip.Read(p)
	if k.came += int64(n); k.came > k.most {
		return 0, tooLarge(k.most)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, k.broken(b, err)
	}
	return n, err
}

// broken is the error of a body that cannot be unpacked: its client's, unless it did not arrive.
func (k *packed) broken(b *body, err error) error {
	if b.err != nil {
		return b.err
	}
	p := malformed("The body is not whole gzip data, which its Content-Encoding says that it is.")
	p.cause = err
	return p
}

// arriving is the body as the client sends it.
type arriving struct{ *body }

// Read implements io.Reader.
func (a arriving) Read(p []byte) (int, error) { return a.arrive(p) }
