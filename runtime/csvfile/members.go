package csvfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// errBehind means that bytes stand behind the end of gzip data that are no further member of it.
var errBehind = errors.New("something stands behind the end of the gzip data")

// members unpacks gzip data, whose members one after the other make one text, as RFC 1952 has it. It is a gzip.Reader that tells a
// further member from other bytes behind the end: to a gzip.Reader, a few of these are data that breaks off.
type members struct {
	input *bufio.Reader
	zip   *gzip.Reader // nil before the first byte
}

// rewind begins anew, at what the input now gives.
func (m *members) rewind() error {
	zip := m.zip
	if zip == nil {
		zip = new(gzip.Reader)
	}
	if err := zip.Reset(m.input); err != nil {
		return err
	}
	zip.Multistream(false)
	m.zip = zip
	return nil
}

// Read implements io.Reader. It may give nothing between two members.
func (m *members) Read(p []byte) (int, error) {
	if m.zip == nil {
		if err := m.rewind(); err != nil {
			return 0, err
		}
	}
	n, err := m.zip.Read(p)
	if errors.Is(err, io.EOF) {
		err = m.next()
	}
	return n, err
}

// next begins the next member. The error is io.EOF where the data ends.
func (m *members) next() error {
	start, err := m.input.Peek(len(gzipMagic))
	switch {
	case len(start) == 0:
		return err
	case !bytes.HasPrefix(gzipMagic, start):
		return errBehind
	case len(start) < len(gzipMagic):
		return io.ErrUnexpectedEOF
	}
	return m.rewind()
}

// unpackBeginning unpacks the first headBytes of a text from the first bytes of a gzip file, or from all where that is whole. It tells
// whether that is the whole text, or the reason why the file cannot be taken.
func unpackBeginning(start []byte, wholeFile bool) (head []byte, whole bool, refusal string) {
	if !bytes.HasPrefix(start, gzipMagic) {
		return nil, false, reasonNotPacked
	}
	head = make([]byte, 0, headBytes+1) // one more tells that more follows
	from := members{input: bufio.NewReader(bytes.NewReader(start))}
	var err error
	for err == nil && len(head) <= headBytes {
		var n int
		n, err = from.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
	}
	switch {
	case len(head) > headBytes:
		return head[:headBytes], false, ""
	case errors.Is(err, io.EOF):
		return head, wholeFile, "" // or else another member may follow
	case errors.Is(err, io.ErrUnexpectedEOF) && !wholeFile:
		return head, false, ""
	default:
		return nil, false, damaged(err, int64(len(head)), bytes.Count(head, []byte("\n")))
	}
}

const reasonNotPacked = "the file is named " + contract.CSVPackedSuffix + " but is not compressed with gzip; compress it, or name it " +
	contract.CSVKeySuffix

var reasonUnpacksTooLarge = fmt.Sprintf("the file unpacks to more than %d GiB; split it and upload the parts", contract.CSVUnpackedBytesMax>>30)

// damaged says how far a gzip file could be read.
func damaged(err error, unpacked int64, lines int) string {
	problem, remedy := "the gzip data is damaged", "upload it whole"
	switch {
	case errors.Is(err, errBehind):
		problem, remedy = errBehind.Error()+", which was read", "upload it as gzip wrote it"
	case errors.Is(err, io.ErrUnexpectedEOF):
		problem = "the gzip data breaks off"
	}
	return fmt.Sprintf("%s after %d lines (%d bytes unpacked); nothing of the file was stored; %s", problem, lines, unpacked, remedy)
}
