package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

const (
	mediaJSON      = "application/json"
	mediaProblem   = "application/problem+json"
	mediaNDJSON    = "application/x-ndjson"
	mediaMultipart = "multipart/form-data"
)

// errBodiesFull is the answer when the memory set aside for bodies is in use.
var errBodiesFull = &problem{kind: problemUnavailable, message: "The service is taking as many bodies as it can; try again shortly."}

// body reads a request's body within its limits. It remembers the error of reading, since the code that reads from it may
// report another one.
type body struct {
	reader     io.Reader
	connection *http.ResponseController
	exchange   *exchange
	// idle is how long the next part may take to arrive: each Read sets the deadline anew, but never beyond last. With 0 the
	// deadline stays as it is.
	idle time.Duration
	last time.Time
	err  error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.idle > 0 {
		deadline := time.Now().Add(b.idle)
		if deadline.After(b.last) {
			deadline = b.last
		}
		_ = b.connection.SetReadDeadline(deadline) // a test's recorder has no connection
	}
	n, err := b.reader.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.exchange.bodyEnded = true
		// From now on the server watches whether the client leaves. The end of the body's time would look the same.
		_ = b.connection.SetReadDeadline(time.Time{})
	case err != nil && b.err == nil:
		b.err = err
	}
	return n, err
}

// openBody prepares reading at most bytesMax bytes and sets some of memory aside for them: memoryMax, or less where the
// client says that it sends less. The caller gives it back with release.
func openBody(w http.ResponseWriter, r *http.Request, memory *semaphore.Weighted, bytesMax, memoryMax int64) (b *body, release func(), err error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, nil, &problem{kind: problemUnsupportedMediaType, message: "Bodies must not be compressed: leave Content-Encoding out."}
	}
	if r.ContentLength > bytesMax {
		return nil, nil, tooLarge(bytesMax)
	}
	held := memoryMax
	if r.ContentLength >= 0 {
		held = min(held, r.ContentLength)
	}
	if !memory.TryAcquire(held) {
		return nil, nil, errBodiesFull
	}
	return &body{
		reader: http.MaxBytesReader(w, r.Body, bytesMax), connection: http.NewResponseController(w), exchange: exchangeOf(r.Context()),
	}, func() { memory.Release(held) }, nil
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

// readObject reads a small body that is one JSON object, as decodeObject does.
func (s *Server) readObject(w http.ResponseWriter, r *http.Request, members []member, into any) ([]fault.FieldError, error) {
	if _, _, err := mediaType(r, mediaJSON); err != nil {
		return nil, err
	}
	b, release, err := openBody(w, r, s.bodies, contract.ReadingBodyBytesMax, contract.ReadingBodyBytesMax)
	if err != nil {
		return nil, err
	}
	defer release()
	data, err := io.ReadAll(b)
	if err != nil {
		return nil, bodyError(err)
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
	var size *http.MaxBytesError
	switch {
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
