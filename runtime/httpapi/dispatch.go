package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := s.Now()
	e := &exchange{
		Context: r.Context(), ResponseWriter: w, client: requestBegins(r), connection: *http.NewResponseController(w), id: requestID(r), route: "unmatched",
	}
	r = r.WithContext(e)
	s.setHeaders(e, r)
	s.setDeadlines(e, r)
	defer func() {
		abort := s.recovered(r, e, recover())
		s.logAccess(r, e, s.Now().Sub(began))
		if abort {
			panic(http.ErrAbortHandler)
		}
	}()
	if r.Method == http.MethodOptions && r.RequestURI == "*" { // a question about the server itself (RFC 9110, section 9.3.7)
		s.preflight(e, r, s.methods)
		return
	}
	r = s.documents.withoutSlash(r)
	// The mux would answer other paths on its own, with a redirection or with plain text.
	if !strings.HasPrefix(r.URL.Path, "/") || path.Clean(r.URL.Path) != r.URL.Path {
		s.fail(e, r, &problem{kind: problemNotFound, message: "There is nothing at this address; paths here have no empty parts and no slash at the end."})
		return
	}
	s.mux.ServeHTTP(e, r)
}

// recovered answers for a handler that panicked, and tells whether the connection is to be cut: once an answer has begun, that
// is the one way to say that it is not whole.
func (s *Server) recovered(r *http.Request, e *exchange, panicked any) (abort bool) {
	if panicked == nil {
		return false
	}
	if err, _ := panicked.(error); errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	s.Logger.ErrorContext(r.Context(), "handler panicked", "request_id", e.id, "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
	if e.status != 0 {
		return true
	}
	s.fail(e, r, internal(nil))
	return false
}

// dispatch runs the route of the request's method.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, of methods) {
	e := exchangeOf(r.Context())
	route, ok := of[r.Method]
	if !ok {
		if e.route = r.Pattern; r.Method == http.MethodOptions {
			s.preflight(w, r, of)
			return
		}
		s.fail(w, r, &problem{
			kind: problemMethodNotAllowed, message: fmt.Sprintf("This address takes %s.", of.allow()), allow: of.allow(),
		})
		return
	}
	e.route, e.quiet = route.path, route.quiet
	if route.compressed {
		e.compressors = s.compressors
	}
	if err := s.run(w, r, route); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) run(w http.ResponseWriter, r *http.Request, route route) error {
	if err := s.checkOrigin(r); err != nil {
		return err
	}
	if route.access != public {
		id, token, err := s.authenticate(r)
		if err != nil {
			return err
		}
		if scope := route.access.scope(); scope != "" && !id.Has(scope) {
			return &problem{
				kind: problemForbidden, message: "The token lacks the scope " + scope + ".",
				challenge: fmt.Sprintf(`Bearer realm="%s", error="insufficient_scope", scope="%s"`, contract.ResourceServer, scope),
			}
		}
		exchangeOf(r.Context()).caller = caller{id, token}
	}
	if route.query == takesNone {
		if err := noQuery(r); err != nil {
			return err
		}
	}
	return route.handle(w, r)
}

// setDeadlines bounds how long the body may take to arrive, also where no handler reads it, and how long the client may take to
// read "100 Continue"; the time for the answer begins with it. It does nothing to a test's recorder, which has
// no connection.
func (s *Server) setDeadlines(e *exchange, r *http.Request) {
	now := time.Now()
	if r.ContentLength != 0 {
		_ = e.connection.SetReadDeadline(now.Add(s.options.BodyTimeout))
	}
	_ = e.connection.SetWriteDeadline(now.Add(s.options.BodyTimeout + answerTimeout))
}
