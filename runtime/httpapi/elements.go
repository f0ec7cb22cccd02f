package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

const (
	// elementBytesMax bounds one element of a batch; a longer one is passed over and cannot be read.
	elementBytesMax = contract.ReadingBodyBytesMax
	// batchBufferBytes is what is read at a time, and batchBytes what reading a batch holds beside its readings and their text.
	batchBufferBytes = 16 << 10
	batchBytes       = batchBufferBytes + elementBytesMax
)

var errElementMissing = errors.New("is missing: a comma stands where it should")

var errElementTooLong = fmt.Errorf("must be at most %s long", byteCount(elementBytesMax))

// element is one of a batch: a plain reading, the text of anything else, or why there is nothing that can be read.
type element struct {
	plain
	text       string
	unreadable error
}

// read makes a reading of an element, or tells what is wrong with it: with its fields, or with all of it, which has no name.
func (e *element) read(into *reading.Reading, limits reading.Limits) (faults []fault.FieldError) {
	unreadable := e.unreadable
	switch {
	case e.equipmentID != "":
		return into.Parse(e.equipmentID, e.timestamp, e.value, limits)
	case unreadable == nil:
		*into, faults, unreadable = parseReading(e.text, limits)
	}
	if unreadable != nil {
		return []fault.FieldError{{Field: "", Reason: unreadable.Error()}}
	}
	return faults
}

// taker takes an element of a batch. Its error ends the batch.
type taker func(element) error

// elements cuts a batch into its elements. It has a block of the batch at a time, whose memory they share; one that is not all in one
// block is put together apart.
type elements struct {
	in   *bufio.Reader
	take taker
	// text is what is left of the block.
	text string
	// part is the beginning of an element that goes on in the next block; long tells that it was longer than what is kept of it.
	part []byte
	long bool
	// held is the memory of the elements so far, in bytes.
	held int
}

// fill reads the next block, once nothing is left of the one before.
func (e *elements) fill() error {
	if _, err := e.in.Peek(1); err != nil {
		return err
	}
	block, _ := e.in.Peek(e.in.Buffered()) // what is buffered is there
	e.text = string(block)
	e.held += len(block)
	_, _ = e.in.Discard(len(block))
	return nil
}

// keep sets aside what is there of an element. It keeps one byte more than may be, which is the carriage return at the end of a line.
func (e *elements) keep(part string) {
	if len(e.part)+len(part) > elementBytesMax+1 {
		e.long = true
		return
	}
	e.part = append(e.part, part...)
}

// whole returns an element that ends with the part, or that it is too long.
func (e *elements) whole(end string) (text string, long bool) {
	if len(e.part) == 0 && !e.long {
		return end, false
	}
	e.keep(end)
	if long = e.long; !long {
		text = string(e.part)
		e.held += len(text)
	}
	e.part, e.long = e.part[:0], false
	return text, long
}

// elementOf is a text as an element, unless it is too long.
func elementOf(text string, long bool) element {
	if long || len(text) > elementBytesMax {
		return element{unreadable: errElementTooLong}
	}
	return element{text: text}
}

// lines takes the lines of an NDJSON body one by one; empty lines do not count.
func (e *elements) lines() error {
	e.passMark()
	for last := false; !last; {
		line, err := e.line()
		if last = errors.Is(err, io.EOF); err != nil && !last {
			return bodyError(err)
		}
		if line.text != "" || line.unreadable != nil {
			if err := e.take(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// line cuts off the next line. After the last one the error is io.EOF.
func (e *elements) line() (line element, err error) {
	end := strings.IndexByte(e.text, '\n')
	for ; end < 0 && err == nil; end = strings.IndexByte(e.text, '\n') {
		e.keep(e.text)
		e.text = ""
		err = e.fill()
	}
	var (
		text string
		long bool
	)
	if err == nil {
		text, long = e.whole(e.text[:end])
		e.text = e.text[end+1:]
	} else {
		text, long = e.whole("")
	}
	line = elementOf(strings.TrimSuffix(text, "\r"), long)
	line.text = strings.TrimSpace(line.text)
	return line, err
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
	if c, err = e.after(); err == nil && c == ']' {
		return e.end()
	}
	for ; err == nil; c, err = e.after() {
		if err = e.one(c); err != nil {
			break
		}
		if c, err = e.next(); err != nil {
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

// one takes the element that begins with c, which is next, or tells that it is missing.
func (e *elements) one(c byte) error {
	one := element{unreadable: errElementMissing}
	if c != ',' && c != ']' {
		var err error
		if one, err = e.value(); err != nil {
			return err
		}
	}
	if err := e.take(one); err != nil {
		return &ended{err}
	}
	return nil
}

// ended is the error of a taker, which ends the batch whatever comes.
type ended struct{ error }

// Unwrap returns the taker's error.
func (e *ended) Unwrap() error { return e.error }

// next passes over spaces and returns the character that is next.
func (e *elements) next() (byte, error) {
	for {
		for i := range len(e.text) {
			if c := e.text[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				e.text = e.text[i:]
				return c, nil
			}
		}
		if err := e.fill(); err != nil {
			return 0, err
		}
	}
}

// after passes over the character that is next, and returns the one that is next then.
func (e *elements) after() (byte, error) {
	e.text = e.text[1:]
	return e.next()
}

// end holds that nothing but space follows the bracket that is next.
func (e *elements) end() error {
	switch _, err := e.after(); {
	case err == nil:
		return malformed("The body %v.", errTrailing)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return bodyError(err)
	}
}

// value cuts off the value that is next: a plain reading in one pass, and anything else as far as its end can be told without
// understanding it.
func (e *elements) value() (element, error) {
	if p, length, ok := cutPlain(e.text); ok && length <= elementBytesMax {
		e.text = e.text[length:]
		return element{plain: p}, nil
	}
	for scan := (valueScan{}); ; {
		length, ended := scan.over(e.text)
		part := e.text[:length]
		e.text = e.text[length:]
		if ended {
			return elementOf(e.whole(part)), nil
		}
		e.keep(part)
		if err := e.fill(); err != nil {
			return element{}, err
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
func (v *valueScan) over(part string) (length int, ended bool) {
	for i := range len(part) {
		c := part[i]
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
