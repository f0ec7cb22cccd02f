package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// fail answers with the problem that err stands for, unless the client has left.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := exchangeOf(r.Context())
	e.problem = toProblem(err)
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		e.status = statusClientGone
		return
	}
	switch {
	case e.problem.kind == problemSlowBody:
		w.Header().Set("Connection", "close") // the rest of the body may never come
	case !e.bodyEnded && (r.ContentLength < 0 || r.ContentLength > restBytesSmall):
		s.failEarly(w, r, e)
		return
	}
	writeProblem(w, e.id, e.problem)
}

const (
	// restBytesSmall is how much of a body net/http itself reads and drops after a handler has answered.
	restBytesSmall = 256 << 10
	// restBytesMax and restTimeout bound what is read and dropped here: twice the largest body that any route takes.
	restBytesMax = 2 * contract.SmallUploadBytesMax
	restTimeout  = 10 * time.Second
)

// failEarly answers before the body has arrived, and then reads the rest of it. Most clients send everything before they read
// anything: if the connection were closed while they send, they would not see the answer.
func (s *Server) failEarly(w http.ResponseWriter, r *http.Request, e *exchange) {
	w.Header().Set("Connection", "close")
	connection := http.NewResponseController(w)
	full := connection.EnableFullDuplex()
	writeProblem(w, e.id, e.problem)
	if full != nil || connection.Flush() != nil || r.Header.Get("Expect") != "" {
		return // a client that waits for "100 Continue" sends nothing after a refusal
	}
	_ = connection.SetReadDeadline(time.Now().Add(min(restTimeout, s.options.BodyTimeout)))
	_, _ = io.CopyN(io.Discard, r.Body, restBytesMax)
}
