package csvfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// isPacked looks only at the end of the name, in upper or lower case: it says whether a file is compressed with gzip.
func isPacked(name string) bool { return hasSuffixFold(name, contract.CSVPackedSuffix) }

func hasSuffixFold(name, suffix string) bool {
	at := len(name) - len(suffix)
	return at >= 0 && strings.EqualFold(name[at:], suffix)
}

// unpacker gives the text of a gzip file from any place on. Gzip cannot be entered in the middle: what lies before the place is
// unpacked and dropped, and a place that lies far back makes it begin anew. So it is meant for one range after the other.
type unpacker struct {
	object  *packedObject
	members members
	at      int64 // how much of the text was unpacked
	// tail is the last of that text: a range reads a little beyond its end, and the next one begins with the byte before it.
	tail []byte
	drop []byte
}

// unpacker begins to unpack a file that may be as large as the object.
func (f files) unpacker(ctx context.Context, key string, object Object) *unpacker {
	source := &packedObject{fetch: f.fetcher(ctx, key, object.ETag), size: object.Size}
	return &unpacker{object: source, members: members{input: bufio.NewReaderSize(source, blockBytes)}}
}

// rewind begins anew, after something was read.
func (u *unpacker) rewind() error {
	u.object.offset, u.object.err = 0, nil
	u.members.input.Reset(u.object)
	u.at, u.tail = 0, u.tail[:0]
	return u.members.rewind()
}

// read unpacks some of what follows, as io.Reader does.
func (u *unpacker) read(p []byte) (int, error) {
	n, err := u.members.Read(p)
	u.at += int64(n)
	u.keep(p[:n])
	return n, err
}

// tailBytes is at least what a range reads beyond its end, and the byte before the next one.
const tailBytes = contract.CSVRecordBytesMax + 64

// keep remembers the end of what was unpacked.
func (u *unpacker) keep(text []byte) {
	if more := len(u.tail) + len(text) - tailBytes; more > 0 {
		u.tail = append(u.tail[:0], u.tail[min(more, len(u.tail)):]...)
	}
	u.tail = append(u.tail, text[max(0, len(text)-tailBytes):]...)
}

// fetch is a fetcher of the text.
func (u *unpacker) fetch(dst []byte, offset int64) error {
	if offset < u.at-int64(len(u.tail)) {
		if err := u.rewind(); err != nil {
			return fmt.Errorf("unpack the file anew: %w", err)
		}
	}
	if u.drop == nil && offset > u.at {
		u.drop = make([]byte, headBytes)
	}
	for offset > u.at {
		if err := u.fill(u.drop[:min(int64(len(u.drop)), offset-u.at)]); err != nil {
			return err
		}
	}
	n := copy(dst, u.tail[int64(len(u.tail))-(u.at-offset):])
	return u.fill(dst[n:])
}

func (u *unpacker) fill(dst []byte) error {
	for len(dst) > 0 {
		n, err := u.read(dst)
		if dst = dst[n:]; err != nil && len(dst) > 0 {
			return fmt.Errorf("unpack the file at %d: %w", u.at, err)
		}
	}
	return nil
}

// packedObject is an object as a reader, which takes whole blocks off the wire.
type packedObject struct {
	fetch        fetcher
	size, offset int64
	err          error // of the bucket
}

// Read implements io.Reader.
func (o *packedObject) Read(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	p = p[:min(int64(len(p)), o.size-o.offset)]
	if len(p) == 0 {
		return 0, io.EOF
	}
	if o.err = o.fetch(p, o.offset); o.err != nil {
		return 0, o.err
	}
	o.offset += int64(len(p))
	return len(p), nil
}

// survey is what goes before the plan of a packed file: its text is unpacked once to the end, so that nothing is stored of a file that
// is damaged, cut or too large. It returns the length of the text and its beginning, or the reason why the file cannot be taken, in
// one sentence for the client.
func (u *unpacker) survey() (size int64, head []byte, refusal string, err error) {
	start, _ := u.members.input.Peek(len(gzipMagic)) // fewer bytes are not equal, whatever the error
	switch {
	case u.object.err != nil:
		return 0, nil, "", u.object.err
	case !bytes.Equal(start, gzipMagic):
		return 0, nil, reasonNotPacked, nil
	}
	buf, lines := make([]byte, headBytes), 0
	for {
		n, err := u.read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		head = append(head, buf[:min(n, headBytes-len(head))]...)
		switch {
		case u.object.err != nil:
			return 0, nil, "", u.object.err
		case u.at > contract.CSVUnpackedBytesMax:
			return 0, nil, reasonUnpacksTooLarge, nil
		case errors.Is(err, io.EOF):
			return u.at, head, "", nil
		case err != nil:
			return 0, nil, damaged(err, u.at, lines), nil
		}
	}
}
