package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// elementBytesMax bounds one element of a batch; a longer one is passed over and cannot be read.
	elementBytesMax = contract.ReadingBodyBytesMax
	// batchBufferBytes is what is read at a time, and batchBytes what reading a batch holds beside its readings.
	batchBufferBytes = 16 << 10
	batchBytes       = batchBufferBytes + elementBytesMax
)

var errElementMissing = errors.New("is missing: a comma stands where it should")

var errElementTooLong = fmt.Errorf("must be at most %s long", byteCount(elementBytesMax))

// taker takes an element of a batch, or why there is none that can be read. Its error ends the batch.
type taker func(element string, unreadable error) error

// elements cuts a batch into its elements and holds no more than one of them.
type elements struct {
	in   *bufio.Reader
	take taker
	// element is the one that is being read; long tells that it was longer than what is kept of it.
	element []byte
	long    bool
}

func newElements(in io.Reader, take taker) *elements {
	return &elements{in: bufio.NewReaderSize(in, batchBufferBytes), take: take}
}

// keep appends to the element. It keeps one byte more than may be, which is the carriage return at the end of a line.
func (e *elements) keep(part []byte) {
	if len(e.element)+len(part) > elementBytesMax+1 {
		e.long = true
		return
	}
	e.element = append(e.element, part...)
}

// give passes the element on, as text, and makes room for the next.
func (e *elements) give(text string) error {
	var unreadable error
	if e.long || len(e.element) > elementBytesMax {
		unreadable = errElementTooLong
	}
	err := e.take(text, unreadable)
	e.element, e.long = e.element[:0], false
	return err
}

// lines takes the lines of an NDJSON body one by one; empty lines do not count.
func (e *elements) lines() error {
	e.passMark()
	for {
		part, err := e.in.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		e.keep(part)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return bodyError(err)
		}
		e.element = bytes.TrimSuffix(e.element, []byte("\r"))
		e.long = e.long || len(e.element) > elementBytesMax
		e.element = bytes.TrimSpace(e.element)
		if e.long || len(e.element) > 0 {
			if err := e.give(string(e.element)); err != nil {
				return err
			}
		}
		if !ended {
			return nil
		}
		e.element = e.element[:0]
	}
}

// passMark passes over a byte order mark.
func (e *elements) passMark() {
	if start, _ := e.in.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
		_, _ = e.in.Discard(len(byteOrderMark))
	}
}

// array takes the elements of a JSON array one by one. encoding/json's Decoder would hold an element of any length, several
// times over. An element that is no JSON is one that cannot be read, as a line of NDJSON would be, as long as quotes and brackets tell
// where it ends; so is one that is missing between two commas or before the end.
func (e *elements) array() error {
	e.passMark()
	c, err := e.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil // which is an empty batch
	case err != nil || c != '[':
		return notArray(err)
	}
	if c, err = e.next(); err == nil && c == ']' {
		return e.end()
	}
	for ; err == nil; c, err = e.next() {
		if c, err = e.one(c); err != nil {
			break
		}
		if c == ']' {
			return e.end()
		}
		if c != ',' {
			return notArray(nil)
		}
	}
	return notArray(err)
}

// one gives the element that begins with c, or tells that it is missing, and returns what follows it.
func (e *elements) one(c byte) (next byte, err error) {
	if c == ',' || c == ']' {
		if err := e.take("", errElementMissing); err != nil {
			return 0, &ended{err}
		}
		return c, nil
	}
	if err := e.value(c); err != nil {
		return 0, err
	}
	if err := e.give(string(e.element)); err != nil {
		return 0, &ended{err}
	}
	return e.next()
}

// ended is the error of a taker, which ends the batch whatever comes.
type ended struct{ error }

// Unwrap returns the taker's error.
func (e *ended) Unwrap() error { return e.error }

// next returns the next character that is no space.
func (e *elements) next() (byte, error) {
	for {
		c, err := e.in.ReadByte()
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
	}
}

// end holds that nothing but space follows.
func (e *elements) end() error {
	switch _, err := e.next(); {
	case err == nil:
		return malformed("The body %v.", errTrailing)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return bodyError(err)
	}
}

// value reads a value that begins with c, as far as its end can be told without understanding it.
func (e *elements) value(c byte) error {
	scan := valueScan{}
	e.keep([]byte{c})
	if scan.ends(c) {
		return nil
	}
	for {
		if e.in.Buffered() == 0 {
			if _, err := e.in.Peek(1); err != nil {
				return err
			}
		}
		part, _ := e.in.Peek(e.in.Buffered()) // what is buffered is there
		length, ended := scan.over(part)
		e.keep(part[:length])
		_, _ = e.in.Discard(length)
		if ended {
			return nil
		}
	}
}

// valueScan finds the end of a JSON value.
type valueScan struct {
	depth             int
	inString, escaped bool
	word              bool // a number or a word, which ends where something else begins
}

// ends takes the next character and tells whether the value ends with it.
func (v *valueScan) ends(c byte) bool {
	switch {
	case v.escaped:
		v.escaped = false
	case v.inString:
		v.escaped, v.inString = c == '\\', c != '"'
		return !v.inString && v.depth == 0
	case c == '"':
		v.inString = true
	case c == '{' || c == '[':
		v.depth++
	case c == '}' || c == ']':
		v.depth--
		return v.depth <= 0
	case v.depth == 0:
		v.word = true
	}
	return false
}

// over takes the characters of part up to the value's end, and tells how many they are and whether that is in it.
func (v *valueScan) over(part []byte) (length int, ended bool) {
	for i, c := range part {
		if v.word && v.depth == 0 && isDelimiter(c) {
			return i, true
		}
		if v.ends(c) {
			return i + 1, true
		}
	}
	return len(part), false
}

func isDelimiter(c byte) bool {
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

func notArray(err error) error {
	var taker *ended
	if errors.As(err, &taker) {
		return taker.error
	}
	if errors.Is(err, io.EOF) {
		return malformed("The body ends before its array does, which ends with ] behind the last reading; nothing was stored.")
	}
	p := malformed("The body must be a JSON array of readings, or one reading a line as %s.", mediaNDJSON)
	p.cause = err
	return p
}
