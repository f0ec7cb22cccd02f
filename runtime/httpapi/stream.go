package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"
)

const (
	// streamBytes is sent at a time. A slow reader holds so much of an answer as text, and the rest as what it is made from.
	streamBytes = 32 << 10
	// streamStretch is how long a reader may take to make room for that. All of an answer may take answerTimeout.
	streamStretch = 10 * time.Second
)

// streamSilence is after how long an answer that is slowly made sends what there is of it: load balancers end a connection on which
// nothing has come for a minute.
const streamSilence = 5 * time.Second

// stream sends an answer as it is made, from its first streamBytes on, compressed where its route and its reader have it so. A reader
// that is too slow, or has left, is cut off: what is written then is dropped, and net/http closes the connection.
type stream struct {
	exchange   *exchange
	connection *http.ResponseController
	status     int
	begun      bool
	zip        *zipped   // nil where it is not compressed
	sent       time.Time // when something was sent last
	last       time.Time // when all of it must be taken
	buffer     bytes.Buffer
	text       bytes.Buffer // of one value
	encoder    *json.Encoder
	err        error
}

// newStream begins an answer of type JSON.
func newStream(w http.ResponseWriter, r *http.Request, status int) *stream {
	return newStreamOf(w, r, status, mediaJSON)
}

// newStreamOf begins an answer of a type.
func newStreamOf(w http.ResponseWriter, r *http.Request, status int, media string) *stream {
	w.Header().Set("Content-Type", media)
	now := time.Now()
	s := &stream{
		exchange: exchangeOf(r.Context()), connection: http.NewResponseController(w), status: status,
		sent: now, last: now.Add(answerTimeout),
	}
	if lent := s.exchange.compressors; lent != nil {
		w.Header().Add("Vary", "Accept-Encoding")
		if takesGzip(r) {
			s.zip = &zipped{compressors: lent}
		}
	}
	s.encoder = json.NewEncoder(&s.text)
	s.encoder.SetEscapeHTML(false) // answers are never HTML, and presigned addresses are full of ampersands
	return s
}

func (s *stream) write(text []byte) {
	for len(text) > 0 && s.err == nil {
		part := text[:min(len(text), streamBytes-s.buffer.Len())]
		s.buffer.Write(part)
		if text = text[len(part):]; s.buffer.Len() == streamBytes {
			s.flush()
		}
	}
}

// value writes a value as JSON.
func (s *stream) value(v any) error {
	s.text.Reset()
	if err := s.encoder.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	s.write(bytes.TrimSuffix(s.text.Bytes(), []byte("\n")))
	return nil
}

// begin sends the headers, once it is known whether the answer is long enough to be compressed.
func (s *stream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	if s.buffer.Len() < compressedBytesMin {
		s.zip = nil
	}
	if s.zip != nil {
		s.exchange.Header().Set("Content-Encoding", codingGzip)
	}
	s.exchange.WriteHeader(s.status)
}

func (s *stream) flush() {
	s.begin()
	part := s.buffer.Bytes()
	if s.zip != nil {
		part, s.err = s.zip.part(part)
	}
	if s.err == nil {
		s.send(part)
	}
	s.buffer.Reset()
}

func (s *stream) send(part []byte) {
	now := time.Now()
	deadline := now.Add(streamStretch)
	if deadline.After(s.last) {
		deadline = s.last
	}
	_ = s.connection.SetWriteDeadline(deadline) // a test's recorder has no connection
	_, s.err = s.exchange.Write(part)
	s.sent = now
}

// refresh sends what there is of an answer that has been silent for long.
func (s *stream) refresh() {
	if s.err != nil || s.buffer.Len() == 0 || time.Since(s.sent) < streamSilence {
		return
	}
	s.flush()
	if s.err == nil {
		s.err = s.connection.Flush()
	}
}

// end sends what is left.
func (s *stream) end() {
	if s.err == nil {
		s.flush()
	}
	if s.err == nil && s.zip != nil {
		s.send(s.zip.end())
	}
	s.exchange.cut = s.err != nil
}

// answerPage streams a page: the members of head, which is a struct or nil, then the items, then the cursor of the next page,
// if there is one. The items must be there: once the answer has begun, it cannot fail any more.
func answerPage[T any](w http.ResponseWriter, r *http.Request, head any, items iter.Seq[T], next string) error {
	start := []byte("{")
	if head != nil {
		text, err := json.Marshal(head)
		if err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
		start = append(bytes.TrimSuffix(text, []byte("}")), ',')
	}
	out := newStream(w, r, http.StatusOK)
	out.write(append(start, `"items":[`...))
	first := true
	for item := range items {
		if !first {
			out.write([]byte(","))
		}
		first = false
		if err := out.value(item); err != nil {
			return err
		}
	}
	out.write([]byte("]"))
	if next != "" {
		out.write([]byte(`,"nextCursor":`))
		if err := out.value(next); err != nil {
			return err
		}
	}
	out.write([]byte("}\n"))
	out.end()
	return nil
}
