package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

const (
	mediaJSON      = "application/json"
	mediaProblem   = "application/problem+json"
	mediaNDJSON    = "application/x-ndjson"
	mediaMultipart = "multipart/form-data"
)

const (
	// stretchBytes must come within each stretch of time that is spent waiting for a body, unless less of it is left: 1 KiB/s,
	// what the slowest of networks carry. Whoever is slower than that holds a connection for nothing.
	stretch      = 10 * time.Second
	stretchBytes = 10 << 10
	// reservedFirst is set aside before a body's first byte has come, reservedStep is by how much that grows.
	reservedFirst = 4 << 10
	reservedStep  = 16 << 10
)

// byteOrderMark is what some programs put before UTF-8; it is passed over.
const byteOrderMark = "\ufeff"

// body reads a request's body within its limits and remembers how that went, since the code that reads it may report an
// error of its own. Memory for it is set aside as its bytes arrive: a client that announces much and sends little holds
// little.
type body struct {
	reader   io.Reader
	exchange *exchange
	hold     *admission.Hold

	last time.Time // when all of it must be there
	// waited and came are of the current stretch.
	waited time.Duration
	came   int
	// read is how much came in all, and reserved how much of memory is set aside for it, up to memoryMax.
	read, reserved, memoryMax int64
	err                       error
	// packed is what undoes the compression, nil where there is none.
	packed *packed
}

// Read implements io.Reader. What it reads is not compressed any more.
func (b *body) Read(p []byte) (int, error) {
	if b.packed == nil {
		return b.arrive(p)
	}
	n, err := b.packed.read(b, p[:min(len(p), reservedStep)])
	if err != nil && !errors.Is(err, io.EOF) && b.err == nil {
		b.err = err
	}
	return n, err
}

// arrive reads what the client sends.
func (b *body) arrive(p []byte) (int, error) {
	p = p[:min(len(p), reservedStep)]
	if err := b.reserve(b.read + int64(len(p))); err != nil {
		b.err = err
		return 0, err
	}
	began := time.Now()
	deadline := began.Add(stretch - b.waited)
	if deadline.After(b.last) {
		deadline = b.last
	}
	_ = b.exchange.connection.SetReadDeadline(deadline) // a test's recorder has no connection
	n, err := b.reader.Read(p)
	b.read += int64(n)
	b.came += n
	if b.waited += time.Since(began); b.came >= stretchBytes {
		b.waited, b.came = 0, 0
	}
	switch {
	case errors.Is(err, io.EOF):
		b.exchange.bodyEnded = true
		// From now on the server watches whether the client leaves. The end of the body's time would look the same.
		_ = b.exchange.connection.SetReadDeadline(time.Time{})
	case err != nil && b.err == nil:
		b.err = err
	}
	return n, err
}

// reserve sets memory aside for a body of so many bytes.
func (b *body) reserve(bytes int64) error {
	want := min(bytes, b.memoryMax)
	if want <= b.reserved {
		return nil
	}
	step := min(max(want-b.reserved, reservedStep), b.memoryMax-b.reserved)
	if err := b.hold.Grow(step); err != nil {
		return refused(err)
	}
	b.reserved += step
	return nil
}

// refused is the answer to a request for which there is no room now.
func refused(err error) *problem {
	p := &problem{kind: problemUnavailable, message: "The service is taking as many requests of this kind as it can; try again shortly.", cause: err}
	if errors.Is(err, admission.ErrShare) {
		p.message = "This caller has as many requests of this kind under way as one may have; try again shortly."
	}
	return p
}

// openBody prepares reading at most bytesMax bytes, for which at most memoryMax of a gate's memory are set aside. The caller
// gives that back by leaving the body's hold.
func (s *Server) openBody(w http.ResponseWriter, r *http.Request, memory *admission.Gate, bytesMax, memoryMax int64) (*body, error) {
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "", strings.EqualFold(encoding, "identity"):
	case strings.EqualFold(encoding, "gzip"):
		b, err := s.openPlain(w, r, memory, bytesMax, memoryMax)
		if err != nil {
			return nil, err
		}
		if err := b.unpack(bytesMax); err != nil {
			b.hold.Leave()
			return nil, err
		}
		return b, nil
	default:
		return nil, &problem{kind: problemUnsupportedMediaType, message: "The Content-Encoding must be gzip, or left out."}
	}
	return s.openPlain(w, r, memory, bytesMax, memoryMax)
}

// openPlain is openBody for a body as it arrives.
func (s *Server) openPlain(w http.ResponseWriter, r *http.Request, memory *admission.Gate, bytesMax, memoryMax int64) (*body, error) {
	if r.ContentLength > bytesMax {
		return nil, tooLarge(bytesMax)
	}
	e, first := exchangeOf(r.Context()), min(reservedFirst, memoryMax)
	hold, err := memory.Try(e.caller.identity.Subject, first)
	if err != nil {
		return nil, refused(err)
	}
	return &body{
		reader: http.MaxBytesReader(w, r.Body, bytesMax), exchange: e,
		hold: hold, reserved: first, memoryMax: memoryMax, last: time.Now().Add(s.options.BodyTimeout),
	}, nil
}

// mediaType returns the request's media type if it is one of accepted.
func mediaType(r *http.Request, accepted ...string) (string, map[string]string, error) {
	header := r.Header.Get("Content-Type")
	if slices.Contains(accepted, header) {
		return header, nil, nil // without parameters, as most send it
	}
	refused := &problem{
		kind: problemUnsupportedMediaType, message: "The Content-Type must be " + strings.Join(accepted, " or ") + ".",
	}
	got, params, err := mime.ParseMediaType(header)
	if err != nil {
		refused.cause = err
		return "", nil, refused
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		refused.message = "The body must be encoded in UTF-8."
		return "", nil, refused
	}
	for _, a := range accepted {
		if got == a {
			return got, params, nil
		}
	}
	return "", nil, refused
}

// readSmall reads a body that is JSON, of at most bytesMax, which are few.
func (s *Server) readSmall(w http.ResponseWriter, r *http.Request, bytesMax int64) ([]byte, error) {
	if _, _, err := mediaType(r, mediaJSON); err != nil {
		return nil, err
	}
	b, err := s.openBody(w, r, s.singles, bytesMax, bytesMax)
	if err != nil {
		return nil, err
	}
	defer b.hold.Leave()
	data, err := b.all(r.ContentLength)
	if err != nil {
		return nil, bodyError(err)
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if len(skipSpace(data)) == 0 {
		return nil, malformed("The body is empty.")
	}
	return data, nil
}

// all reads the whole body, which is announced to be so long; a negative number announces nothing.
func (b *body) all(announced int64) ([]byte, error) {
	const roomFirst = 512 // more only once that has come
	room := int64(roomFirst)
	if announced >= 0 {
		room = min(announced+1, roomFirst) // one more tells that nothing follows
	}
	for data := make([]byte, 0, room); ; {
		n, err := b.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// readObject reads a small body that is one JSON object, as decodeObject does.
func (s *Server) readObject(w http.ResponseWriter, r *http.Request, bytesMax int64, members []member, into any) ([]fault.FieldError, error) {
	data, err := s.readSmall(w, r, bytesMax)
	if err != nil {
		return nil, err
	}
	faults, err := decodeObject(data, members, into)
	if err != nil {
		return nil, malformed("The body %v.", err)
	}
	return faults, nil
}

// bodyError is the answer to a body that could not be read to its end. Only here was the client too slow when a deadline has
// passed: in the errors of a use case it was another service.
func bodyError(err error) *problem {
	var known *problem
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &size):
		return tooLarge(size.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{kind: problemSlowBody, message: "The body did not arrive in time.", cause: err}
	default:
		p := malformed("The body ended before it was whole.")
		p.cause = err
		return p
	}
}
