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

// stream sends an answer as it is made. A reader that is too slow, or has left, is cut off: what is written then is dropped, and
// net/http closes the connection.
type stream struct {
	exchange   *exchange
	connection *http.ResponseController
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
	w.WriteHeader(status)
	s := &stream{
		exchange: exchangeOf(r.Context()), connection: http.NewResponseController(w), last: time.Now().Add(answerTimeout),
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

func (s *stream) flush() {
	deadline := time.Now().Add(streamStretch)
	if deadline.After(s.last) {
		deadline = s.last
	}
	_ = s.connection.SetWriteDeadline(deadline) // a test's recorder has no connection
	_, s.err = s.exchange.Write(s.buffer.Bytes())
	s.buffer.Reset()
}

// end sends what is left.
func (s *stream) end() {
	if s.err == nil {
		s.flush()
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
